import threading

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.address import Address
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.enum import TopicLevelErrorPolicy, TopicWriterStatus
from mosaico_ingest.errors import (
    PreconditionError,
    SchemaMismatchError,
    StateError,
    UnauthorizedError,
)
from mosaico_ingest.workers.budget import ByteBudget


@pytest.fixture
def sequence(client):
    """An open session of the sequence `s`."""
    sequence = client.sequence_create("s")
    sequence.open()
    return sequence


@pytest.fixture
def create(sequence, server, point):
    """`create(**options)`: the topic `/t`; the log begins after its creation."""

    def make(**options):
        topic = sequence.topic_create("/t", ontology=point, **options)
        server.log.clear()
        return topic

    return make


def times(server):
    """Return what the server holds of `/t`."""
    return server.rows("s/t")["timestamp_ns"].to_pylist()


def test_pushes_arrive_in_order(create, server, points):
    """Rows of many pushes, small and large, arrive in the order of the pushes."""
    topic, start = create(), 0
    for n in [1, 300_000, 5, 200_000, 2, 1, 100_000]:
        topic.push(points(n, start=start))
        start += n

    topic.close()

    assert list(range(start)) == times(server)


def test_small_pushes_are_gathered(create, server):
    """Single records do not become single messages."""
    topic = create()
    for t in range(500):
        topic.push({"timestamp_ns": t, "x": 0.5})

    topic.close()

    assert 1 == len(server.topic("s/t").batches)
    assert list(range(500)) == times(server)


def test_flush_sends_what_is_gathered(create, server, points):
    """What `flush` hands over is sent as a batch of its own."""
    topic = create()
    topic.push(points(1))
    topic.flush()
    topic.push(points(1, start=1))

    topic.close()

    assert [1, 1] == [batch.num_rows for batch in server.topic("s/t").batches]


def test_pushed_records_are_taken_as_they_are_now(create, server):
    """A record may be changed after its push, as loops do, without changing what is stored."""
    topic = create()
    record = {"timestamp_ns": 0, "x": 0.0, "pose": {"z": 0.0}}
    for t in range(3):
        record["timestamp_ns"], record["pose"]["z"] = t, float(t)
        topic.push(record)

    topic.close()

    assert [0.0, 1.0, 2.0] == [pose["z"] for pose in server.rows("s/t")["pose"].to_pylist()]


def test_misfit_is_raised_by_its_push(create, server, points):
    """Columns that do not fit are refused at once, and the topic goes on."""
    topic = create()
    topic.push(points(1))

    with pytest.raises(SchemaMismatchError):
        topic.push({"timestamp_ns": 1, "colour": 1})
    raised = topic.status
    topic.push(points(1, start=1))

    assert (TopicWriterStatus.RaisedException, TopicWriterStatus.Active) == (raised, topic.status)
    topic.close()
    assert [0, 1] == times(server)


def test_value_found_in_the_background_is_raised_later(create, server, points):
    """A value that does not fit is raised by the next push, whose rows are not taken, and only once."""
    topic = create()
    topic.push(pa.record_batch({"timestamp_ns": [1], "x": [1.0], "sequence_id": [-1]}))
    topic.flush()
    topic._outbox.drain()

    with pytest.raises(SchemaMismatchError, match="sequence_id"):
        topic.push(points(1))
    topic.push(points(1, start=7))
    topic.close()

    assert [7] == times(server)


def test_misfit_takes_no_other_rows_with_it(create, server):
    """Of records that are gathered together, only the one that does not fit is lost."""
    topic = create()
    for t in range(5):
        topic.push({"timestamp_ns": t, "x": 0.0, "sequence_id": -1 if t == 2 else t})

    with pytest.raises(SchemaMismatchError, match="sequence_id"):
        topic.close()

    assert [0, 1, 3, 4] == times(server)


def test_value_found_in_the_background_is_raised_by_close(create, server, points):
    """Nothing that failed in the background is left unsaid at the end; what fits is stored."""
    topic = create()
    topic.push(points(1))
    topic.flush()
    topic.push(pa.record_batch({"timestamp_ns": [1], "x": pa.array([None], pa.float64())}))

    with pytest.raises(SchemaMismatchError, match="'x'"):
        topic.close()

    assert TopicWriterStatus.FinalizedWithError is topic.status
    assert [0] == times(server)


def test_refused_upload_surfaces_with_its_cause(create, server, points, refused):
    """What the server has against an upload is raised by a later push, again and again, and by close."""
    server.refusals["put s/t"] = refused(PreconditionError("no."))
    topic = create()

    def push_on():
        while True:
            topic.push(points(50_000))

    for call in (push_on, push_on, topic.close):
        with pytest.raises(PreconditionError, match=r"^no\.$") as caught:
            call()
        assert caught.value.__cause__ is not None
    assert (TopicWriterStatus.FinalizedWithError, "no.") == (topic.status, topic.last_error)


class WatchedBudget(ByteBudget):
    """Tells when somebody has to wait."""

    def __init__(self, limit_bytes):
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes
        self.is_full = threading.Event()

    def take(self, nbytes):
        if self.taken + nbytes > self.limit_bytes:
            self.is_full.set()
        super().take(nbytes)


def test_bytes_in_flight_are_bounded(server, point, points):
    """While the server does not read, pushes wait instead of filling the memory; nothing is lost."""
    budget, batch = WatchedBudget(1 << 24), points(100_000)
    layers = attrs.evolve(Layers.of(Address.parse(server.url), connections=1), budget=budget)
    server.gate.clear()
    with MosaicoClient(layers) as client, client.sequence_create("s") as sequence:
        topic = sequence.topic_create("/t", ontology=point)
        pusher = threading.Thread(target=lambda: [topic.push(batch) for _ in range(20)])
        pusher.start()
        assert budget.is_full.wait(30)
        assert pusher.is_alive()
        server.gate.set()
        pusher.join()

    assert 2_000_000 == server.rows("s/t").num_rows
    assert 0 < budget.peak <= budget.limit_bytes
    assert 0 == budget.taken


def test_write_is_synchronous(create, server, points):
    """`write` takes exact batches, tells their bytes and uses no thread but the caller's."""
    topic = create()
    before = threading.enumerate()

    written = topic.write(points(3))

    assert (points(3).nbytes, before) == (written, threading.enumerate())
    topic.close()
    assert [0, 1, 2] == times(server)


def test_write_converts_nothing(create, points):
    """`write` wants the ontology's schema exactly, and says where it differs."""
    topic = create()
    batch = points(1).select(["x", "timestamp_ns"])

    with pytest.raises(SchemaMismatchError, match=r"'timestamp_ns'.*Use push\(\)") as caught:
        topic.write(batch)

    assert "timestamp_ns" == caught.value.field


def test_write_refuses_nulls_where_none_may_be(create, point):
    """A required column with a null is refused before anything is sent."""
    rows = pa.RecordBatch.from_pylist([{"timestamp_ns": 1, "x": None}], schema=point.schema)

    with pytest.raises(SchemaMismatchError, match="'x'"):
        create().write(rows)


def test_close_without_rows_completes(create, server):
    """A topic that got no rows is complete and empty."""
    topic = create()
    topic.close()
    topic.close()

    assert ([("put", "s/t")], TopicWriterStatus.Finalized) == (server.log, topic.status)


def test_abort_leaves_the_topic_incomplete(create, server, points):
    """An aborted topic is not complete on the server, whatever was sent or waits to be."""
    topic = create()
    topic.push(points(10))
    topic.flush()
    topic.push(points(10))

    topic.abort("enough")
    topic.abort("twice")

    assert TopicWriterStatus.FinalizedWithError is topic.status
    assert "enough" == topic.last_error
    assert ("put", "s/t") not in server.log
    assert not server.topic("s/t").locked


def test_deleted_topic_lets_its_session_be_finalized(sequence, create, server, points):
    """A topic that is broken off and deleted does not keep its siblings from being completed."""
    sequence.topic_create("/good", ontology=create().ontology)
    bad = sequence.topics["/t"]
    bad.write(points(1))
    server.log.clear()

    bad.abort("bad")
    bad.delete()
    sequence.finalize()

    assert ["put broken", "topic_delete", "put", "session_finalize"] == server.words
    assert ["s/good"] == list(server.sequences["s"].topics)


def test_active_topic_is_not_deleted(create, server):
    """A topic that still takes rows must be ended before it is deleted."""
    with pytest.raises(StateError, match="Abort it"):
        create().delete()

    assert [] == server.log


def test_ended_topic_takes_nothing(create, points):
    """After its end a topic refuses rows of either way."""
    topic = create()
    topic.close()

    for take in (topic.push, topic.write):
        with pytest.raises(StateError, match="has ended"):
            take(points(1))


def test_block_without_failure_leaves_the_topic_open(create, server, points):
    """Leaving the block of a topic does nothing; it may be entered again."""
    topic = create()
    for t in range(2):
        with topic:
            topic.push(points(1, start=t))

    assert ([], True) == (server.log, topic.is_active)
    topic.close()
    assert [0, 1] == times(server)


def test_policy_raise_lets_the_failure_through(create, server):
    """Under `Raise` the failure goes on, and nothing is sent by itself."""
    topic = create()

    with pytest.raises(ZeroDivisionError), topic:
        raise ZeroDivisionError("boom")

    assert ([], TopicWriterStatus.RaisedException) == (server.log, topic.status)


def test_policy_ignore_reports_and_keeps_the_rows(create, server, points):
    """Under `Ignore` a notification is left, gathered rows are kept and the topic goes on."""
    topic = create(on_error=TopicLevelErrorPolicy.Ignore)

    with topic:
        topic.push(points(1))
        raise ZeroDivisionError("boom")
    ignored = topic.status, topic.last_error
    topic.push(points(1, start=1))

    notice = {"locator": "s/t", "notification_type": "error", "msg": "boom"}
    assert [("topic_notification_create", notice)] == server.log
    assert (TopicWriterStatus.IgnoredLastError, "boom") == ignored
    assert (TopicWriterStatus.Active, "") == (topic.status, topic.last_error)
    topic.close()
    assert [0, 1] == times(server)


def test_policy_finalize_reports_and_ends_the_topic(create, server, points):
    """Under `Finalize` a notification is left, gathered rows are dropped and the topic is complete."""
    topic = create(on_error=TopicLevelErrorPolicy.Finalize)

    with topic:
        topic.push(points(1))
        topic.flush()
        topic.push(points(1, start=1))
        raise ZeroDivisionError("boom")

    assert ["topic_notification_create", "put"] == server.words
    assert (TopicWriterStatus.FinalizedWithError, False) == (topic.status, topic.is_active)
    assert [0] == times(server)
    with pytest.raises(StateError):
        topic.push(points(1))


@pytest.mark.parametrize("policy", TopicLevelErrorPolicy)
def test_interrupt_is_never_swallowed(create, policy):
    """Whatever the policy, Ctrl-C goes on."""
    topic = create(on_error=policy)

    with pytest.raises(KeyboardInterrupt), topic:
        raise KeyboardInterrupt


def test_refused_notification_is_logged(create, server, refused, caplog):
    """Where a notification cannot be left, the policy still holds and the log says so."""
    topic = create(on_error=TopicLevelErrorPolicy.Ignore)
    refusal = refused(UnauthorizedError("Unauthorized: too weak."))
    server.refusals["topic_notification_create"] = refusal

    with topic:
        raise ZeroDivisionError("boom")

    assert "too weak" in caplog.text
    assert TopicWriterStatus.IgnoredLastError is topic.status
