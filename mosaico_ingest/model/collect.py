"""
Turns what a source finds chunk by chunk into batches of a useful size per channel.

A chunk holds a few messages of many channels; a batch wants many messages of one. Small payloads are
copied out of the chunk and wait for more of their kind, large ones leave at once as a view. Each
batch carries the cursor from which exactly the messages after it follow.

Must not know: files, threads. Next: `ontology`.
"""

from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.model.batch import LOG_TIME, PAYLOAD, PUBLISH_TIME, Cursor, RawBatch
from mosaico_ingest.model.payloads import Payloads

__all__ = ["Collector"]

_VIEW_MEAN_BYTES = (
    4096  # from this mean payload size on, a large enough part of a chunk is not copied
)
_VIEW_BYTES = 256 * 1024
_MAX_VIEW_BUFFER = 1 << 31
_VIEW_SHARE = 8  # a view keeps its whole chunk alive: at most so many times its own size
_PENDING_BYTES = 32 * 1024 * 1024

Ints = npt.NDArray[np.int64]


@attrs.define(eq=False)
class _Pending:
    """Messages of one channel that wait: columns in order, their bytes, and the mark of the oldest."""

    times: list[Ints]
    publish: list[Ints]
    payloads: list[pa.Array]
    nbytes: int
    mark: int


class Collector:
    """
    Gathers messages per channel and gives batches of about *target_bytes*.

    Args:
        target_bytes: Size from which a batch leaves.
        cursor: Where the reading starts; its `skip` is honoured here, its `position` by the source.
        pending_bytes: All that may wait over all channels; beyond it everything leaves.

    Thread: one.
    """

    def __init__(
        self,
        target_bytes: int,
        *,
        cursor: Cursor | None = None,
        pending_bytes: int = _PENDING_BYTES,
    ) -> None:
        self._target_bytes = target_bytes
        self._pending_bytes = pending_bytes
        self._skip = dict(cursor.skip) if cursor else {}
        self._waiting: dict[int, _Pending] = {}
        self._waiting_bytes = 0
        self._seq: dict[int, int] = {}
        # Messages per channel, counted from the first mark: handed in, and given out.
        self._read: dict[int, int] = {}
        self._given: dict[int, int] = {}
        # Places that something waits at, and the present one: position, and messages read before it.
        self._marks: dict[int, tuple[int, dict[int, int]]] = {}
        self._mark = -1

    def begin(self, position: int) -> None:
        """Note that what is added from now on starts at *position* of the recording."""
        self._mark += 1
        needed = {waiting.mark for waiting in self._waiting.values()}
        self._marks = {mark: self._marks[mark] for mark in needed if mark in self._marks}
        self._marks[self._mark] = position, dict(self._read)

    def add(
        self, channel_id: int, payloads: Payloads, log_ns: Ints, publish_ns: Ints | None = None
    ) -> Iterator[RawBatch]:
        """
        Take the messages of one channel in one chunk; give the batches that are full.

        Args:
            payloads: n messages, in stored order.
            log_ns, publish_ns: (n,) int64, their times.
        """
        seen = min(self._skip.get(channel_id, 0), len(payloads))
        self._read[channel_id] = self._read.get(channel_id, 0) + len(payloads)
        if seen:
            self._skip[channel_id] -= seen
            self._given[channel_id] = self._given.get(channel_id, 0) + seen
            rows = np.arange(seen, len(payloads))
            payloads, log_ns = payloads.take(rows), log_ns[seen:]
            publish_ns = None if publish_ns is None else publish_ns[seen:]
        for a, b in self._slices(payloads):
            part = Payloads(payloads.buffer, payloads.starts[a:b], payloads.lengths[a:b])
            publish = None if publish_ns is None else publish_ns[a:b]
            yield from self._add(channel_id, part, log_ns[a:b], publish)

    def flush(self) -> Iterator[RawBatch]:
        """Give all that still waits."""
        for channel_id in list(self._waiting):
            yield self._give(channel_id)

    def _slices(self, payloads: Payloads) -> Iterator[tuple[int, int]]:
        """Cut *payloads* where about `target_bytes` are reached; a large message goes alone."""
        n = len(payloads)
        ends = np.cumsum(payloads.lengths)
        a = 0
        while a < n:
            done = int(ends[a - 1]) if a else 0
            b = max(a + 1, int(np.searchsorted(ends, done + self._target_bytes, side="right")))
            yield a, b
            a = b

    def _add(
        self, channel_id: int, part: Payloads, log_ns: Ints, publish_ns: Ints | None
    ) -> Iterator[RawBatch]:
        """Take at most `target_bytes` of one channel."""
        nbytes = int(part.lengths.sum())
        as_view = (
            nbytes >= _VIEW_BYTES
            and nbytes >= len(part) * _VIEW_MEAN_BYTES
            and len(part.buffer) < min(_MAX_VIEW_BUFFER, _VIEW_SHARE * nbytes)
        )
        if channel_id in self._waiting and (
            as_view or self._waiting[channel_id].nbytes + nbytes > self._target_bytes
        ):
            yield self._give(channel_id)
        column = part.to_view() if as_view else part.to_binary()
        waiting = self._waiting.setdefault(channel_id, _Pending([], [], [], 0, self._mark))
        waiting.times.append(log_ns)
        waiting.payloads.append(column)
        if publish_ns is not None:
            waiting.publish.append(publish_ns)
        waiting.nbytes += nbytes
        self._waiting_bytes += nbytes
        if as_view or waiting.nbytes >= self._target_bytes:
            yield self._give(channel_id)
        elif self._waiting_bytes > self._pending_bytes:
            yield from self.flush()

    def _give(self, channel_id: int) -> RawBatch:
        """Make the batch of all that waits for one channel."""
        waiting = self._waiting.pop(channel_id)
        self._waiting_bytes -= waiting.nbytes
        arrays = [pa.array(_joined(waiting.times)), _concat(waiting.payloads)]
        names = [LOG_TIME, PAYLOAD]
        if waiting.publish:
            arrays.insert(1, pa.array(_joined(waiting.publish)))
            names.insert(1, PUBLISH_TIME)
        data = pa.RecordBatch.from_arrays(arrays, names)
        seq = self._seq.get(channel_id, 0)
        self._seq[channel_id] = seq + 1
        self._given[channel_id] = self._given.get(channel_id, 0) + data.num_rows
        return RawBatch(channel_id=channel_id, seq=seq, data=data, cursor=self._cursor())

    def _cursor(self) -> Cursor | None:
        """Return the oldest place with messages that have not been given, and what to skip from there."""
        oldest = min((w.mark for w in self._waiting.values()), default=self._mark)
        if oldest not in self._marks:
            return None
        position, before = self._marks[oldest]
        counts: Mapping[int, int] = {c: n - before.get(c, 0) for c, n in self._given.items()}
        return Cursor(position, {c: n for c, n in counts.items() if n > 0})


def _joined(parts: list[Ints]) -> Ints:
    """Return one array of all *parts*."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _concat(parts: list[pa.Array]) -> pa.Array:
    """Return one column of all *parts*."""
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
