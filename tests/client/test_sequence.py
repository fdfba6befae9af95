from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import SessionLevelErrorPolicy, SessionStatus
from mosaico_ingest.errors import (
    AlreadyExistsError,
    InvalidRequestError,
    NameRefusedError,
    NotFoundError,
    PreconditionError,
    ServerFaultError,
    StateError,
    UnauthorizedError,
    UsageError,
)

REPORT, DELETE = SessionLevelErrorPolicy.Report, SessionLevelErrorPolicy.Delete
OPENED = ["sequence_create", "session_create"]
TWO_TOPICS = [*OPENED, "topic_create", "topic_create"]
TWO_REPORTED = ["topic_notification_create", "put"] * 2


@pytest.fixture
def fail_in_block(client, point, points):
    """`fail_in_block(policy, update)`: a session of two topics whose block raises; returns the writer."""

    def upload(writer):
        with writer:
            for name in ("/b", "/a"):
                writer.topic_create(name, ontology=point).push(points(2))
            raise ZeroDivisionError("boom")

    def run(policy, *, update=False):
        make = client.sequence_update if update else client.sequence_create
        writer = make("s", on_error=policy)
        with pytest.raises(ZeroDivisionError, match="boom") as caught:
            upload(writer)
        writer.notes = getattr(caught.value, "__notes__", [])
        return writer

    return run


def test_normal_exit(client, server, point, points):
    """Sequence, session, topics; then each topic is closed in the order of creation, then the session."""
    with client.sequence_create("s", {"driver": "a"}) as sequence:
        pending = sequence.status
        for name in ("/b", "/a", "/c"):
            sequence.topic_create(name, {"unit": "m"}, ontology=point).push(points(2))

    closed = [("put", "s/b"), ("put", "s/a"), ("put", "s/c")]
    assert [*OPENED, *["topic_create"] * 3, *["put"] * 3, "session_finalize"] == server.words
    assert closed == server.log[5:8]
    assert (SessionStatus.Pending, SessionStatus.Finalized) == (pending, sequence.status)


def test_bodies(client, server, point):
    """The bodies of the actions are those of the protocol."""
    with client.sequence_create("/s", {"driver": "a"}) as sequence:
        sequence.topic_create("imu/front", {"unit": "m"}, ontology=point)

    uuid = {"session_uuid": "uuid-1"}
    topic = {
        "locator": "s/imu/front",
        "serialization_format": "default",
        "ontology_tag": "point",
        "user_metadata": {"unit": "m"},
    }
    expected = [
        ("sequence_create", {"locator": "s", "user_metadata": {"driver": "a"}}),
        ("session_create", {"locator": "s"}),
        ("topic_create", uuid | topic),
        ("put", "s/imu/front"),
        ("session_finalize", uuid),
    ]
    assert expected == server.log
    assert "s:uuid-1" == sequence.session_locator


def test_update_adds_a_session(client, server, point, points):
    """An update creates no sequence, only a session in it."""
    with client.sequence_create("s") as sequence:
        sequence.topic_create("/a", ontology=point)
    server.log.clear()

    with client.sequence_update("s") as sequence:
        sequence.topic_create("/b", ontology=point).push(points(1))

    assert ["session_create", "topic_create", "put", "session_finalize"] == server.words


def test_update_of_nothing_is_refused(client, server):
    """A sequence that does not exist cannot be updated."""
    with pytest.raises(NotFoundError, match=r"^s not found\.$"), client.sequence_update("s"):
        pass

    assert ["session_create"] == server.words


def test_taken_name_leaves_everything_alone(client, server, point):
    """Where the sequence exists, entering raises the server's error and cleans nothing up."""
    with client.sequence_create("s") as sequence:
        sequence.topic_create("/a", ontology=point)
    server.log.clear()
    writer = client.sequence_create("s", on_error=DELETE)

    with pytest.raises(AlreadyExistsError, match=r"^s already exists\.$"), writer:
        pass

    assert (["sequence_create"], SessionStatus.Null) == (server.words, writer.status)


def test_failure_in_the_block_under_report(server, fail_in_block):
    """Per open topic a notification and a close without the gathered rows; then one for the sequence."""
    writer = fail_in_block(REPORT)

    expected = [*TWO_TOPICS, *TWO_REPORTED, "sequence_notification_create", "session_finalize"]
    assert expected == server.words
    assert [("put", "s/b"), ("put", "s/a")] == [entry for entry in server.log if entry[0] == "put"]
    assert ["boom", "boom"] == [notice.msg for notice in server.notices[:2]]
    assert "boom" in server.notices[2].msg
    assert 0 == server.rows("s/a").num_rows
    assert (SessionStatus.Error, []) == (writer.status, writer.notes)


def test_failure_in_the_block_under_delete(server, fail_in_block):
    """The session is deleted, then the sequence that it created."""
    writer = fail_in_block(DELETE)

    assert [*TWO_TOPICS, *TWO_REPORTED, "session_delete", "sequence_delete"] == server.words
    assert [{"locator": "s:uuid-1"}, {"locator": "s"}] == [body for _, body in server.log[-2:]]
    assert (SessionStatus.Error, []) == (writer.status, writer.notes)


def test_failure_in_the_block_of_an_update_under_delete(client, server, fail_in_block):
    """An update deletes no more than its own session."""
    client.sequence_create("s").open()
    server.log.clear()

    fail_in_block(DELETE, update=True)

    assert [*TWO_TOPICS[1:], *TWO_REPORTED, "session_delete"] == server.words


def test_refused_deletions_are_noted(server, fail_in_block, refused):
    """If the session cannot be deleted the sequence is tried too; the block's exception says it all."""
    refusal = refused(UnauthorizedError("Unauthorized: too weak."))
    server.refusals |= {"session_delete": refusal, "sequence_delete": refusal}

    writer = fail_in_block(DELETE)

    assert ["session_delete", "sequence_delete"] == server.words[-2:]
    assert ["After that: Unauthorized: too weak."] * 2 == writer.notes


@pytest.fixture
def refuse_upload(client, server, point, refused):
    """`refuse_upload(policy)`: a session of two topics, the first refused at its close."""
    server.refusals["put s/b"] = refused(ServerFaultError("disk."))

    def run(policy):
        with client.sequence_create("s", on_error=policy) as writer:
            writer.topic_create("/b", ontology=point)
            writer.topic_create("/a", ontology=point)

    return run


@pytest.mark.parametrize(
    ("policy", "clean_up"),
    [
        (REPORT, ["sequence_notification_create", "session_finalize"]),
        (DELETE, ["session_delete"]),
    ],
)
def test_refused_upload_at_exit(server, refuse_upload, policy, clean_up):
    """A topic that fails to close fails the session by its policy; the other topics are closed."""
    with pytest.raises(ServerFaultError, match=r"^disk\."):
        refuse_upload(policy)

    assert [*TWO_TOPICS, "put broken", "put", *clean_up] == server.words


def test_refused_finalize_after_a_refused_upload_is_noted(refuse_upload):
    """Under `Report` the server's refusal to finalize goes along with the failure that led to it."""
    with pytest.raises(ServerFaultError) as caught:
        refuse_upload(REPORT)

    assert ["After that: DoPut not called for topic `s/b`."] == caught.value.__notes__


@pytest.mark.parametrize(("policy", "clean_up"), [(REPORT, []), (DELETE, ["session_delete"])])
def test_refused_finalize_at_exit(client, server, policy, clean_up):
    """A session that the server does not finalize stays as it is, or is deleted."""
    writer = client.sequence_create("s", on_error=policy)

    with pytest.raises(PreconditionError, match="is empty"), writer:
        pass

    assert [*OPENED, "session_finalize", *clean_up] == server.words
    assert SessionStatus.Error is writer.status


def test_finalize_by_hand(client, server, point, points):
    """Without a block, `open` and `finalize` do the same."""
    writer = client.sequence_create("s")
    writer.open()
    topic = writer.topic_create("/t", ontology=point)
    topic.write(points(1))
    topic.close()

    writer.finalize()

    assert [*OPENED, "topic_create", "put", "session_finalize"] == server.words
    assert SessionStatus.Finalized is writer.status


def test_fail_under_report_leaves_the_session_open(client, server, point, points):
    """Given up by hand, the session stays unlocked with a notification, its topics incomplete."""
    writer = client.sequence_create("s")
    writer.open()
    writer.topic_create("/t", ontology=point).write(points(1))

    writer.fail("cut short")
    writer.fail("twice")

    told = {"locator": "s", "notification_type": "error", "msg": "cut short"}
    expected = [*OPENED, "topic_create", "put broken", "sequence_notification_create"]
    assert expected == server.words
    assert ("sequence_notification_create", told) == server.log[-1]
    assert (SessionStatus.Error, False) == (writer.status, server.topic("s/t").locked)


def test_fail_under_delete_leaves_no_trace(client, server, point, points):
    """Given up by hand under `Delete`, session and sequence are deleted."""
    writer = client.sequence_create("s", on_error=DELETE)
    writer.open()
    writer.topic_create("/t", ontology=point).write(points(1))

    writer.fail("cut short")

    expected = [*OPENED, "topic_create", "put broken", "session_delete", "sequence_delete"]
    assert expected == server.words
    assert {} == server.sequences


def test_fail_after_a_failed_finalize(client, server):
    """A session that could not be finalized can still be given up."""
    writer = client.sequence_create("s", on_error=DELETE)
    writer.open()
    with pytest.raises(PreconditionError):
        writer.finalize()

    writer.fail("empty")

    assert ["session_finalize", "session_delete", "sequence_delete"] == server.words[2:]


def test_fail_takes_every_step(client, server, refused):
    """If one step of giving up is refused, the next is taken and the error raised."""
    server.refusals["session_delete"] = refused(UnauthorizedError("Unauthorized: too weak."))
    writer = client.sequence_create("s", on_error=DELETE)
    writer.open()

    with pytest.raises(UnauthorizedError):
        writer.fail("x")

    assert ["session_delete", "sequence_delete"] == server.words[2:]


def test_block_does_nothing_after_fail(client, server):
    """What was ended by hand inside a block is not ended again by it."""
    with client.sequence_create("s") as writer:
        writer.fail("x")

    assert [*OPENED, "sequence_notification_create"] == server.words


def test_notify(client, server, point):
    """Notifications are left on the sequence or on one topic."""
    with client.sequence_create("s") as writer:
        writer.topic_create("/t", ontology=point)
        writer.notify("all")
        writer.notify("one", topic="t")

    assert [("s", "all"), ("s/t", "one")] == [(n.name, n.msg) for n in server.notices]


def test_old_server_deletes_sessions_by_uuid(start_server):
    """A server before 0.5 gives no session locator, and is asked to delete by uuid."""
    server = start_server(generation="0.4")
    with MosaicoClient.connect(server.url) as client:
        writer = client.sequence_create("s", on_error=DELETE)
        writer.open()
        writer.fail("x")

    assert ("session_delete", {"session_uuid": "uuid-1"}) in server.log


def test_tag_is_resolved(client, server):
    """A tag stands for the ontology that the client was given."""
    with client.sequence_create("s") as writer:
        topic = writer.topic_create("/t", ontology="point")

    assert "point" == topic.ontology.tag


def test_unknown_tag_is_refused(client, server):
    """A tag that nobody knows is refused before the server hears of the topic."""
    writer = client.sequence_create("s")
    writer.open()

    with pytest.raises(UsageError, match="'imu': no plugin brings it"):
        writer.topic_create("/t", ontology="imu")

    assert OPENED == server.words


def test_tag_without_ontologies_is_refused(server):
    """A client without ontologies wants the type itself, and says so."""
    with MosaicoClient.connect(server.url) as client:
        writer = client.sequence_create("s")
        writer.open()

        with pytest.raises(UsageError, match="Pass an Ontology"):
            writer.topic_create("/t", ontology="imu")


def test_same_topic_twice_is_refused(client, point):
    """`t` and `/t` are one topic; the second is refused by the server, the first goes on."""
    with client.sequence_create("s") as writer:
        writer.topic_create("/t", ontology=point)

        with pytest.raises(AlreadyExistsError, match="s/t already exists"):
            writer.topic_create("t", ontology=point)

    assert ["/t"] == list(writer.topics)


@pytest.mark.parametrize("name", ["", "a b", "_a", "/a//b", "a:b"])
def test_bad_topic_name_is_refused(client, server, point, name):
    """A name that the platform refuses goes no further."""
    writer = client.sequence_create("s")
    writer.open()

    with pytest.raises(NameRefusedError):
        writer.topic_create(name, ontology=point)

    assert OPENED == server.words


def test_bad_sequence_name_is_refused(client):
    """A sequence name is checked when the writer is made."""
    with pytest.raises(NameRefusedError, match="Try"):
        client.sequence_create("a b")


def test_metadata_must_be_json(client, server):
    """Metadata that JSON cannot say is refused before the server hears of anything."""
    writer = client.sequence_create("s", {"x": object()})

    with pytest.raises(InvalidRequestError, match="JSON"):
        writer.open()

    assert [] == server.log


def test_topics_are_striped_over_connections(client, point, points):
    """Without a wish, a topic goes where the fewest bytes are; with one, where it says."""
    with client.sequence_create("s") as writer:
        first = writer.topic_create("/a", ontology=point)
        first.write(points(10))
        second = writer.topic_create("/b", ontology=point)
        third = writer.topic_create("/c", ontology=point)
        chosen = writer.topic_create("/d", ontology=point, connection=0)

    assert [0, 1, 1, 0] == [topic.connection for topic in (first, second, third, chosen)]


def test_topics_are_written_from_several_threads(client, server, point, points):
    """Topics that share connections are pushed to in parallel; each keeps its order."""
    names = [f"/t{number}" for number in range(6)]

    def fill(sequence, name):
        topic = sequence.topic_create(name, ontology=point)
        for start in range(0, 400_000, 40_000):
            topic.push(points(40_000, start=start))

    with client.sequence_create("s") as sequence, ThreadPoolExecutor(len(names)) as threads:
        for future in [threads.submit(fill, sequence, name) for name in names]:
            future.result()

    expected = pa.chunked_array([pa.array(range(400_000))])
    assert all(server.rows(f"s{name}")["timestamp_ns"].equals(expected) for name in names)


def test_unopened_session_refuses(client, point):
    """Topics need an open session."""
    writer = client.sequence_create("s")

    for call in (lambda: writer.topic_create("/t", ontology=point), writer.finalize):
        with pytest.raises(StateError, match="not open yet"):
            call()


def test_writer_is_used_once(client):
    """A writer stands for one session."""
    writer = client.sequence_create("s")
    writer.open()

    with pytest.raises(StateError, match="Use a new writer"):
        writer.open()
