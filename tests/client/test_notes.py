import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.notes import Note
from mosaico_ingest.enum import NotificationType
from mosaico_ingest.server.runner import serve

ERROR, WARNING, INFO = NotificationType.Error, NotificationType.Warning, NotificationType.Info
NOTES = [Note("a", kind=INFO), Note("b", topic="t"), Note("c", kind=WARNING, topic="/t"), Note("d")]


@pytest.fixture
def ours(place):
    """A client of the embedded server."""
    with serve(place) as server, MosaicoClient.connect(server.url) as client:
        yield client


def texts(notices):
    """Return kind and text of each notice."""
    return [(notice.kind, notice.text) for notice in notices]


def test_a_server_of_ours_keeps_every_kind(ours, point):
    """Errors, warnings and infos are left and listed with their kinds, those that are wanted."""
    writer = ours.sequence_create("s")
    writer.open()
    writer.topic_create("/t", ontology=point, note=Note("begun", kind=INFO))
    writer.notify_all(NOTES)
    writer.notify("e", kind=WARNING)

    assert {ERROR, WARNING, INFO} == ours.notification_kinds
    assert [("info", "a"), ("error", "d"), ("warning", "e")] == texts(
        ours.list_sequence_notifications("s")
    )
    assert [("info", "begun"), ("error", "b"), ("warning", "c")] == texts(
        ours.list_topic_notifications("s", "/t")
    )
    assert [("error", "d")] == texts(ours.list_sequence_notifications("s", [ERROR]))
    assert [("warning", "c"), ("info", "begun")] == sorted(
        texts(ours.list_topic_notifications("s", "t", {WARNING, INFO})), reverse=True
    )


def test_a_server_that_keeps_errors_only_gets_no_more(client, server, point):
    """Such a server gets a call per error, no other kind, no note with a topic, and no question by kind."""
    writer = client.sequence_create("s")
    writer.open()
    writer.topic_create("/t", ontology=point, note=Note("begun", kind=INFO))
    writer.notify_all(NOTES)
    writer.notify("e", kind=WARNING)
    listed = client.list_topic_notifications("s", "/t")

    assert {ERROR} == client.notification_kinds
    assert "note" not in server.log[2][1]
    assert [
        (
            "topic_notification_create",
            {"locator": "s/t", "notification_type": "error", "msg": "b"},
        ),
        (
            "sequence_notification_create",
            {"locator": "s", "notification_type": "error", "msg": "d"},
        ),
        ("topic_notification_list", {"locator": "s/t"}),
    ] == server.log[3:]
    assert [("error", "b")] == texts(listed)


def test_what_is_said_of_a_topic_that_is_gone_goes_to_the_sequence(ours, point):
    """A topic that somebody deleted costs no note: its own are left on the sequence, by its name."""
    writer = ours.sequence_create("s")
    writer.open()
    writer.topic_create("/kept", ontology=point)
    writer.topic_create("/gone", ontology=point).abort("over")
    writer.topics["/gone"].delete()
    writer.notify_all([Note("a", topic="gone"), Note("b", topic="kept"), Note("c", kind=INFO)])
    writer.notify("d", topic="/gone")

    assert [("error", "gone: a"), ("info", "c"), ("error", "/gone: d")] == texts(
        ours.list_sequence_notifications("s")
    )
    assert [("error", "b")] == texts(ours.list_topic_notifications("s", "kept"))
