"""Properties of the collector: nothing is lost, doubled or reordered, and cursors restart exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mosaico_ingest.model.batch import LOG_TIME, PAYLOAD, PUBLISH_TIME, Cursor
from mosaico_ingest.model.collect import Collector
from mosaico_ingest.model.payloads import Payloads

# Chunks of (channel, payload size) per message.
SMALL = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 90)), max_size=12), max_size=8
)


def _chunk(sizes, number, first):
    """Lay out one chunk: per channel its payloads and times, all different."""
    lengths = np.array([size for _, size in sizes], np.int64)
    starts = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    buffer = np.random.default_rng(number).integers(0, 256, int(lengths.sum()) + 8, dtype=np.uint8)
    channels = np.array([channel for channel, _ in sizes])
    for channel in dict.fromkeys(channels.tolist()):
        rows = np.flatnonzero(channels == channel)
        yield channel, Payloads(buffer, starts[rows], lengths[rows]), first + rows


def _read(chunks, target, *, cursor=None, pending=1 << 30, publish=False):
    """Read *chunks* as a source does: positions are numbers of chunks."""
    collector = Collector(target, cursor=cursor, pending_bytes=pending)
    first = cursor.position if cursor else 0
    for number in range(first, len(chunks)):
        collector.begin(number)
        for channel, payloads, times in _chunk(chunks[number], number, 1000 * number):
            yield from collector.add(channel, payloads, times, times + 1 if publish else None)
    yield from collector.flush()


def _rows(batches):
    rows = {}
    for batch in batches:
        columns = [batch.data[name].to_pylist() for name in (LOG_TIME, PAYLOAD)]
        rows.setdefault(batch.channel_id, []).extend(zip(*columns, strict=True))
    return rows


def _expected(chunks):
    rows = {}
    for number, sizes in enumerate(chunks):
        for channel, payloads, times in _chunk(sizes, number, 1000 * number):
            values = payloads.to_binary().to_pylist()
            rows.setdefault(channel, []).extend(zip(times.tolist(), values, strict=True))
    return rows


@given(SMALL, st.integers(1, 300), st.sampled_from([1, 100, 1 << 30]))
def test_every_message_comes_once_in_order(chunks, target, pending):
    """Whatever the sizes, each channel's messages come once, in stored order, numbered without gaps."""
    batches = list(_read(chunks, target, pending=pending))

    assert _expected(chunks) == _rows(batches)
    for channel in {batch.channel_id for batch in batches}:
        own = [batch.seq for batch in batches if batch.channel_id == channel]
        assert list(range(len(own))) == own


@given(SMALL, st.integers(1, 300))
def test_batches_keep_to_the_target(chunks, target):
    """A batch is larger than the target only if it is a single message."""
    for batch in _read(chunks, target):
        nbytes = sum(map(len, batch.data[PAYLOAD].to_pylist()))

        assert nbytes <= target or batch.data.num_rows == 1


@settings(max_examples=60)
@given(SMALL, st.integers(1, 300), st.sampled_from([1, 100, 1 << 30]), st.data())
def test_a_cursor_restarts_after_its_batch(chunks, target, pending, data):
    """From any cursor the messages follow that had not come with it, also from one of a restart."""
    batches = list(_read(chunks, target, pending=pending))
    for _ in range(2):
        if not batches:
            return
        k = data.draw(st.integers(0, len(batches) - 1))
        again = list(_read(chunks, target, cursor=batches[k].cursor, pending=pending))

        assert _rows(batches[k + 1 :]) == _rows(again)
        batches = again


def test_large_payloads_leave_at_once_as_views():
    """A large payload is not copied: its batch refers to the chunk itself."""
    chunk = np.zeros(1 << 20, np.uint8)
    collector = Collector(1 << 22)
    collector.begin(0)
    payloads = Payloads(chunk, np.array([5]), np.array([1_000_000]))
    (batch,) = collector.add(1, payloads, np.array([7]))

    assert chunk.ctypes.data == batch.data[PAYLOAD].buffers()[2].address


def test_a_small_part_of_a_large_chunk_is_copied():
    """A batch does not keep a chunk alive that is many times its size."""
    chunk = np.zeros(1 << 24, np.uint8)
    collector = Collector(1 << 20)
    collector.begin(0)
    payloads = Payloads(chunk, np.array([5]), np.array([300_000]))
    batches = [*collector.add(1, payloads, np.array([7])), *collector.flush()]

    assert [True] == [batch.nbytes < 400_000 for batch in batches]


def test_rare_messages_do_not_pile_up_marks():
    """While one message waits, places that nothing waits at are forgotten."""
    collector = Collector(1 << 20)
    buffer = np.zeros(8, np.uint8)
    one = Payloads(buffer, np.array([0]), np.array([8]))
    for position in range(1000):
        collector.begin(position)
        if position in {3, 500}:
            list(collector.add(position, one, np.array([position])))

    assert [3, 500, 999] == [place for place, _ in collector._marks.values()]
    assert [500, 999] == [batch.cursor.position for batch in collector.flush()]


def test_all_leave_when_too_much_waits():
    """What waits over all channels is bounded."""
    collector = Collector(1000, pending_bytes=100)
    collector.begin(0)
    one = Payloads(np.zeros(60, np.uint8), np.array([0]), np.array([60]))
    first = list(collector.add(1, one, np.array([1])))
    second = list(collector.add(2, one, np.array([2])))

    assert ([], [1, 2]) == (first, [batch.channel_id for batch in second])


@pytest.mark.parametrize("publish", [False, True])
def test_publish_times_are_there_if_given(publish):
    """The column of publish times exists exactly where the source has them."""
    chunks = [[(1, 5), (1, 9)], [(1, 3)]]
    (batch,) = _read(chunks, 1000, publish=publish)
    names = [LOG_TIME, PUBLISH_TIME, PAYLOAD] if publish else [LOG_TIME, PAYLOAD]

    assert names == batch.data.schema.names
    if publish:
        assert [1, 2, 1001] == batch.data[PUBLISH_TIME].to_pylist()


def test_without_a_place_there_is_no_cursor():
    """A source that never says where it is gives batches that cannot be restarted from."""
    collector = Collector(10)
    one = Payloads(np.zeros(60, np.uint8), np.array([0]), np.array([60]))
    (batch,) = collector.add(1, one, np.array([1]))

    assert batch.cursor is None


def test_a_cursor_skips_what_was_delivered():
    """The messages that `skip` counts are passed over, and no more."""
    chunks = [[(1, 5), (2, 5), (1, 5)], [(1, 5)]]
    rows = _rows(_read(chunks, 1000, cursor=Cursor(0, {1: 2})))

    assert {1: _expected(chunks)[1][2:], 2: _expected(chunks)[2]} == rows
