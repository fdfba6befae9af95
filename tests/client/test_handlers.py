import pyarrow as pa
import pytest

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import NotFoundError, ServerFaultError, StateError, UsageError


@pytest.fixture
def drive(client, server, point, points):
    """The complete sequence `drive` with rows in `/imu` and none in `/empty`; the log begins after."""
    with client.sequence_create("drive", {"driver": "a"}) as sequence:
        imu = sequence.topic_create("/imu", {"unit": "m"}, ontology=point)
        for start in range(0, 30, 10):
            imu.write(points(10, start=start))
        sequence.topic_create("/empty", ontology=point)
    server.log.clear()


def test_sequence_is_described(client, drive):
    """A sequence's handler has its metadata, sessions and topics."""
    handler = client.sequence_handler("drive")

    assert ("drive", {"driver": "a"}, True) == (
        handler.name,
        handler.user_metadata,
        handler.complete,
    )
    assert ["/empty", "/imu"] == list(handler.topics)
    assert 30 == handler.topics["/imu"].rows
    assert (0, 29) == handler.time_range_ns
    assert ("drive:uuid-1", True, ("/imu", "/empty")) == (
        handler.sessions[0].locator,
        handler.sessions[0].locked,
        handler.sessions[0].topics,
    )


def test_topic_is_described(client, point, drive):
    """A topic's handler has its type, columns as uploaded, metadata and size."""
    handler = client.topic_handler("drive", "imu")

    assert ("/imu", "drive", "point") == (handler.name, handler.sequence, handler.ontology_tag)
    assert SerializationFormat.Default is handler.serialization_format
    assert {"unit": "m"} == handler.user_metadata
    assert handler.schema.equals(point.schema, check_metadata=True)
    assert (30, 3, True) == (handler.info.rows, handler.info.chunks, handler.info.locked)


def test_a_handler_is_printed_in_one_line(client, drive):
    """What a notebook shows is which one it is, its state and size; not all its metadata."""
    expected = "<SequenceHandler drive: complete, 2 topics, 30 rows>"

    assert expected == repr(client.sequence_handler("drive"))
    assert "<TopicHandler drive/imu: point, 30 rows>" == repr(client.topic_handler("drive", "imu"))


@pytest.mark.parametrize("locked", [True, False])
def test_sequence_is_complete_once_all_sessions_are_finalized(client, server, drive, locked):
    """One open session makes a sequence incomplete, and so does having none."""
    server.sequences["drive"].sessions["late"] = locked

    assert locked == client.sequence_handler("drive").complete


def test_sequence_without_sessions_is_incomplete(client, server, drive):
    """A sequence that nobody uploaded to is not complete."""
    server.sequences["drive"].sessions.clear()

    assert not client.sequence_handler("drive").complete


def test_missing_is_an_error(client, drive):
    """What does not exist is an error with the server's sentence, never None."""
    with pytest.raises(NotFoundError, match=r"^walk not found\.$"):
        client.sequence_handler("walk")
    with pytest.raises(NotFoundError, match=r"^drive/gps not found\.$"):
        client.topic_handler("drive", "/gps")


def test_rows_are_streamed_without_server_metadata(client, server, point, drive):
    """Rows come as uploaded, in batches; nothing is fetched before the first is asked for."""
    reader = client.topic_handler("drive", "/imu").read()
    before = server.words

    first = reader.read_next_batch()
    table = reader.read_all()

    assert (["info"], ["info", "get"]) == (before, server.words)
    assert first.schema.equals(point.schema, check_metadata=True)
    assert list(range(10)) == first["timestamp_ns"].to_pylist()
    assert list(range(10, 30)) == table["timestamp_ns"].to_pylist()


def test_window_is_asked_for(client, server, drive):
    """A window is sent with a question of its own; the server applies it."""
    client.topic_handler("drive", "/imu").read(start_ns=5, end_ns=9).read_all()

    window = {"resource_locator": "drive/imu", "timestamp_ns_start": 5, "timestamp_ns_end": 9}
    assert [("info", window), ("get", window)] == server.log[1:]


@pytest.mark.parametrize("end_ns", [5, 4])
def test_empty_window_is_refused(client, drive, end_ns):
    """A window that can hold nothing is the caller's mistake."""
    with pytest.raises(UsageError, match="start_ns < end_ns"):
        client.topic_handler("drive", "/imu").read(start_ns=5, end_ns=end_ns)


def test_topic_without_rows_reads_as_an_empty_table(client, point, drive):
    """An empty topic has its columns and no rows."""
    table = client.topic_handler("drive", "/empty").read().read_all()

    assert (0, point.schema) == (table.num_rows, table.schema)


def test_failure_while_reading_is_ours(client, server, drive, refused):
    """What goes wrong in the middle of a stream is raised as an error of our tree."""
    server.refusals["get drive/imu"] = refused(ServerFaultError("disk."))
    reader = client.topic_handler("drive", "/imu").read()

    with pytest.raises(ServerFaultError, match=r"^disk\.$"):
        reader.read_all()


def test_dropped_reader_releases_its_connection(client, drive):
    """A reader that is dropped in the middle carries no load any more."""
    reader = client.topic_handler("drive", "/imu").read()
    reader.read_next_batch()
    during = sum(connection.load[1] for connection in client._layers.connections)

    del reader

    assert (1, 0) == (during, sum(c.load[1] for c in client._layers.connections))


def test_closing_the_client_ends_reading(client, server, drive):
    """A reader whose client is closed raises that instead of waiting or ending early."""
    endless = pa.RecordBatch.from_pylist(
        [{"timestamp_ns": t, "x": 0.0} for t in range(50_000)],
        schema=server.topic("drive/imu").schema,
    )
    server.topic("drive/imu").batches = [endless] * 100
    reader = client.topic_handler("drive", "/imu").read()
    reader.read_next_batch()
    client.close()

    with pytest.raises(StateError, match="client was closed"):
        reader.read_all()


def test_reader_of_a_closed_client_refuses(client, drive):
    """Nothing can be read once the client is closed."""
    reader = client.topic_handler("drive", "/imu").read()
    client.close()

    with pytest.raises(StateError, match="closed"):
        reader.read_all()


def test_complete_sequences_are_asked_about_once(client, server, drive):
    """Handlers of complete sequences are kept."""
    handlers = [client.sequence_handler("drive") for _ in range(2)]
    topics = [client.topic_handler("drive", name) for name in ("imu", "/imu")]

    assert handlers[0] is handlers[1]
    assert topics[0] is topics[1]
    assert ["info", "info"] == server.words


def test_incomplete_sequences_are_asked_about_again(client, server, drive):
    """What may still change is never kept."""
    server.sequences["drive"].sessions["late"] = False
    for _ in range(2):
        client.sequence_handler("drive")
        client.topic_handler("drive", "/imu")

    assert ["info"] * 4 == server.words


def test_update_and_delete_forget(client, point, drive):
    """What this client changes it asks about again."""
    before = client.sequence_handler("drive")
    client.topic_handler("drive", "/imu")

    with client.sequence_update("drive") as sequence:
        sequence.topic_create("/late", ontology=point)
    after = client.sequence_handler("drive")
    client.sequence_delete("drive")

    assert (2, 3) == (len(before.topics), len(after.topics))
    with pytest.raises(NotFoundError):
        client.sequence_handler("drive")
    with pytest.raises(NotFoundError):
        client.topic_handler("drive", "/imu")
