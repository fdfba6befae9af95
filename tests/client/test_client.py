import threading

import psutil
import pyarrow as pa
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import SessionLevelErrorPolicy, SessionStatus, TopicWriterStatus
from mosaico_ingest.errors import (
    NotFoundError,
    StateError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)
from mosaico_ingest.server.runner import serve


@pytest.fixture
def embedded(place):
    """The embedded server, in a process of its own."""
    with serve(place) as server:
        yield server


@pytest.fixture
def real(embedded, point):
    """A client of the embedded server."""
    with MosaicoClient.connect(
        embedded.host, embedded.port, connections=2, ontologies={"point": point}.get
    ) as client:
        yield client


def resources():
    """Return what this process holds: threads of Python, TCP sockets, file descriptors."""
    process = psutil.Process()
    return (
        {thread.name for thread in threading.enumerate()},
        len(process.net_connections("tcp")),
        process.num_fds(),
    )


def grown(before):
    """Return what this process holds more of than *before*; threads of gRPC may end late, and be fewer."""
    after = resources()
    ours = {name for name in after[0] - before[0] if name.startswith("mi-")}
    return [*ours, *(n for n, m in zip(after[1:], before[1:], strict=True) if n > m)]


def test_connect_takes_a_url(server):
    """A URL stands for host and port."""
    with MosaicoClient.connect(server.url) as client:
        assert "0.5.0" == client.version()


def test_from_env(server):
    """The environment names the server."""
    with MosaicoClient.from_env({"MOSAICO_DAEMON_URL": server.url}) as client:
        assert "0.5.0" == client.version()


def test_refused_connection_releases_everything(start_server):
    """A connection that is not made leaves nothing behind, and says what is wrong."""
    server = start_server(api_key="good")
    MosaicoClient.connect(server.url, api_key="good").close()  # what gRPC keeps for good
    before = resources()

    with pytest.raises(UnauthorizedError, match="Check the API key"):
        MosaicoClient.connect(server.url, api_key="bad")

    assert [] == grown(before)


def test_too_few_connections_are_refused(server):
    """A negative number of connections is refused."""
    with pytest.raises(UsageError, match="at least one"):
        MosaicoClient.connect(server.url, connections=-1)


def test_close_leaves_no_thread_socket_or_descriptor(server, point, points):
    """A client that used all its layers releases them all, in the middle of uploads and readings."""

    def use():
        with MosaicoClient.connect(server.url, connections=3, encoders=2) as client:
            name = f"s{len(server.sequences)}"
            with client.sequence_create(name) as sequence:
                for number in range(3):
                    topic = sequence.topic_create(f"/t{number}", ontology=point)
                    topic.push(points(200_000))
            reader = client.topic_handler(name, "/t0").read()
            reader.read_next_batch()
            open_ = client.sequence_update(name)
            open_.open()
            open_.topic_create("/late", ontology=point).push(points(200_000))
            during.append(resources())

    during = []
    use()  # what gRPC keeps for good
    before = resources()
    use()

    assert [] == grown(before)
    assert {"mi-lane-0", "mi-encode-0"} <= during[-1][0]
    assert not {name for name in before[0] if name.startswith("mi-")}


def test_close_after_errors_leaves_nothing_either(new_place, point, points):
    """A client whose server died in the middle of uploads and readings releases everything all the same."""

    def use(place):
        with (
            serve(place) as server,
            MosaicoClient.connect(server.url, connections=2, encoders=2) as client,
        ):
            with client.sequence_create("s") as sequence:
                sequence.topic_create("/t", ontology=point).push(points(200_000))
            reader = client.topic_handler("s", "/t").read()
            reader.read_next_batch()
            late = client.sequence_update("s")
            late.open()
            topic = late.topic_create("/late", ontology=point)
            topic.push(points(200_000))
            psutil.Process(server.pid).kill()
            for call in (topic.close, client.version, lambda: late.fail("gone")):
                with pytest.raises(UnreachableError):
                    call()

    use(new_place())  # what gRPC keeps for good
    before = resources()
    use(new_place())

    assert [] == grown(before)


def test_close_breaks_open_uploads_off(server, point, points):
    """An upload that is open when the client closes is not complete, and says so."""
    client = MosaicoClient.connect(server.url)
    sequence = client.sequence_create("s")
    sequence.open()
    topic = sequence.topic_create("/t", ontology=point)
    topic.write(points(1))

    client.close()
    client.close()

    assert not server.topic("s/t").locked
    with pytest.raises(StateError, match="broken off"):
        topic.close()


def test_push_after_close_says_that_rows_are_lost(server, point, points):
    """Rows that wait when the client closes are told as not sent."""
    client = MosaicoClient.connect(server.url)
    sequence = client.sequence_create("s")
    sequence.open()
    topic = sequence.topic_create("/t", ontology=point)
    topic.push(points(1))
    client.close()

    with pytest.raises(StateError, match="client is closed"):
        topic.close()

    assert TopicWriterStatus.FinalizedWithError is topic.status


def test_closed_client_refuses(server):
    """Every call of a closed client says that it is closed."""
    client = MosaicoClient.connect(server.url)
    client.close()

    for call in (client.version, client.list_sequences, lambda: client.sequence_handler("s")):
        with pytest.raises(StateError, match="closed"):
            call()
    assert f"<MosaicoClient {server.url}: closed>" == repr(client)


def test_repr_has_the_counts(client, point):
    """The repr tells what every layer holds."""
    with client.sequence_create("s") as sequence:
        sequence.topic_create("/t", ontology=point)

        assert "<ConnectionPool 0/2 open, 1 streams, 0 bytes>" in repr(client)
        assert "<ExecutorPool mi-encode: " in repr(client)
        assert "<ByteBudget 0/" in repr(client)


def test_what_was_written_is_read(real, points):
    """Rows that were pushed to the embedded server come back equal, sorted, and cut to a window."""
    late, early = points(1000, start=1000), points(1000)
    with real.sequence_create("drive", {"driver": "a"}) as sequence:
        topic = sequence.topic_create("/imu/front", {"unit": "m"}, ontology="point")
        topic.push(late)
        topic.push(pa.Table.from_batches([early]))
        topic.push({"timestamp_ns": 5000, "x": 1, "pose": {"z": 2, "ids": [3]}})

    handler = real.topic_handler("drive", "/imu/front")
    rows = handler.read().read_all()
    window = handler.read(start_ns=500, end_ns=1500).read_all()

    assert early.to_pylist() + late.to_pylist() == rows.to_pylist()[:2000]
    assert {"z": 2.0, "ids": [3]} == rows["pose"][2000].as_py()
    assert list(range(500, 1500)) == window["timestamp_ns"].to_pylist()
    assert ("point", {"unit": "m"}, 2001) == (
        handler.ontology_tag,
        handler.user_metadata,
        handler.info.rows,
    )
    assert (0, 5000) == (handler.info.start_ns, handler.info.end_ns)
    assert ["drive"] == real.list_sequences()


def test_system_info(real, points):
    """Size and state of sequences and topics are told."""
    with real.sequence_create("drive") as sequence:
        sequence.topic_create("/t", ontology="point").push(points(100))
        during = real.sequence_system_info("drive")
    whole, topic = real.sequence_system_info("drive"), real.topic_system_info("drive", "/t")

    assert (False, True, True) == (during.is_locked, whole.is_locked, topic.is_locked)
    assert (1, whole.total_size_bytes) == (topic.chunks_number, topic.total_size_bytes)
    assert [(False,), (True,)] == [
        tuple(session.locked for session in info.sessions) for info in (during, whole)
    ]
    assert (1, 100, 0, 99) == (whole.chunks_number, whole.rows, whole.start_ns, whole.end_ns)
    assert (100, 0, 99) == (topic.rows, topic.start_ns, topic.end_ns)
    assert topic.total_size_bytes > 0
    assert 0 < whole.created_ns <= topic.created_ns


def test_notifications(real):
    """Notifications are listed where they were left, and cleared there only."""
    with real.sequence_create("drive") as sequence:
        sequence.topic_create("/t", ontology="point")
        sequence.notify("whole")
        sequence.notify("part", topic="/t")

    listed = [
        (notice.sequence, notice.topic, notice.text)
        for notice in real.list_sequence_notifications("drive")
        + real.list_topic_notifications("drive", "/t")
    ]
    real.clear_sequence_notifications("drive")
    left = (
        real.list_sequence_notifications("drive"),
        len(real.list_topic_notifications("drive", "/t")),
    )
    real.clear_topic_notifications("drive", "/t")

    assert [("drive", "", "whole"), ("drive", "/t", "part")] == listed
    assert ([], 1) == left
    assert [] == real.list_topic_notifications("drive", "/t")


def test_aborted_topic_keeps_its_session_from_being_finalized(real, points):
    """What was broken off is not complete on a real server either, and can be deleted without a trace."""
    writer = real.sequence_create("drive", on_error=SessionLevelErrorPolicy.Delete)
    writer.open()
    topic = writer.topic_create("/t", ontology="point")
    topic.write(points(1000))

    topic.abort("enough")
    locked = real.topic_handler("drive", "/t").info.locked
    writer.fail("enough")

    assert (False, SessionStatus.Error) == (locked, writer.status)
    assert [] == real.list_sequences()


def test_failed_session_stays_for_triage(real, points):
    """Under `Report` a session that was given up stays visible, unlocked, with its notification."""
    writer = real.sequence_create("drive")
    writer.open()
    writer.topic_create("/t", ontology="point").write(points(1000))

    writer.fail("enough")

    assert not real.sequence_handler("drive").complete
    assert ["enough"] == [n.text for n in real.list_sequence_notifications("drive")]


def test_killed_server_is_told(embedded, real, points):
    """A server that dies in the middle of an upload ends it with an error that names it."""
    writer = real.sequence_create("drive")
    writer.open()
    topic = writer.topic_create("/t", ontology="point")
    topic.write(points(1))

    def write_on():
        while True:
            topic.write(points(1000))

    psutil.Process(embedded.pid).kill()

    with pytest.raises(UnreachableError, match="does not answer"):
        write_on()
    topic.abort("gone")


def test_deleted_sequence_is_gone(real):
    """A deleted sequence is not found any more, not even by another delete."""
    with real.sequence_create("drive") as sequence:
        sequence.topic_create("/t", ontology="point")

    real.sequence_delete("drive")

    with pytest.raises(NotFoundError):
        real.sequence_delete("drive")
