import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.notes import Note
from mosaico_ingest.enum import NotificationType
from mosaico_ingest.server.runner import serve

ERROR, WARNING, INFO = NotificationType.Error, NotificationType.Warning, NotificationType.Info
NOTES = [Note("a", kind=INFO), Note("b", topic="t"), Note("c", kind=WARNING, topic="/t"), Note("d")]


@pytest.fixture
def ours(tmp_path):
    """A client of the embedded server."""
    with serve(tmp_path / "store") as server, MosaicoClient.connect(server.url) as client:
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
