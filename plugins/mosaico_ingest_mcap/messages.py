"""
Finds the messages in a stretch of records: by the message indexes, or by a walk from record to record.

Either way the result is the positions of the message records, from which numpy takes all columns at
once. An index is believed only if its messages, together with the other records between them, cover the
stretch without a gap.

Must not know: files, chunks. Next: `chunks`.
"""

from collections.abc import Collection, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest_mcap.records import PREFIX, Op

__all__ = ["MESSAGE_BYTES", "Columns", "Found", "columns", "find", "take_integers", "walk"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_MESSAGE_HEAD_BYTES = 22  # channel u16, sequence u32, log time u64, publish time u64
MESSAGE_BYTES = PREFIX.size + _MESSAGE_HEAD_BYTES
"""Size of a message record without its payload."""

_LENGTH_AT, _CHANNEL_AT, _LOG_AT, _PUBLISH_AT = 1, 9, 15, 23

IN_CHUNK = frozenset({Op.SCHEMA, Op.CHANNEL, *range(0x10, 0x100)})
"""Records that may stand between the messages of a chunk; unknown ones are passed over."""


@attrs.frozen(eq=False)
class Found:
    """
    The records of one stretch of bytes.

    Args:
        messages: (n,) int64, positions of the message records, ascending.
        others: Positions of the other records, ascending.
        end: Where the records end: the end of the stretch, or a record that does not fit in.
    """

    messages: Ints
    others: Sequence[int]
    end: int


@attrs.frozen(kw_only=True, eq=False)
class Columns:
    """Messages of one buffer in stored order; each (n,) int64."""

    channels: Ints
    starts: Ints
    lengths: Ints
    log_ns: Ints
    publish_ns: Ints

    def by_channel(self) -> Iterator[tuple[int, "Columns"]]:
        """Split into the messages of each channel, still in stored order."""
        if not len(self.channels):
            return
        if (self.channels == self.channels[0]).all():
            yield int(self.channels[0]), self
            return
        order = np.argsort(self.channels, kind="stable")
        cuts = np.flatnonzero(np.diff(self.channels[order])) + 1
        for rows in np.split(order, cuts):
            yield int(self.channels[rows[0]]), self._take(rows)

    def _take(self, rows: Ints) -> "Columns":
        """Return some of the rows."""
        return Columns(
            channels=self.channels[rows],
            starts=self.starts[rows],
            lengths=self.lengths[rows],
            log_ns=self.log_ns[rows],
            publish_ns=self.publish_ns[rows],
        )


def walk(data: Bytes, start: int, end: int, passed: Collection[int] = IN_CHUNK) -> Found:
    """
    Go from record to record; stop at *end*, or before a record that is not whole or not in *passed*.

    Args:
        data: The bytes that positions count in.
        passed: Kinds that may be met besides messages.
    """
    unpack, record = PREFIX.unpack_from, data.data
    messages: list[int] = []
    others: list[int] = []
    last = end - PREFIX.size
    at = start
    while at <= last:
        op, length = unpack(record, at)
        after = at + 9 + length
        if after > end:
            break
        if op == 5 and length >= _MESSAGE_HEAD_BYTES:
            messages.append(at)
        elif op in passed:
            others.append(at)
        else:
            break
        at = after
    return Found(np.array(messages, np.int64), others, at)


def find(data: Bytes, offsets: Ints) -> Found:
    """
    Find the records of a whole chunk.

    Args:
        data: Its contents.
        offsets: (n,) int64, where its message indexes say that messages are, in any order; may be empty.
    """
    return _indexed(data, np.sort(offsets)) or walk(data, 0, len(data))


def columns(data: Bytes, messages: Ints) -> Columns:
    """Take the columns of the message records at the positions *messages*."""
    return Columns(
        channels=take_integers(data, messages, _CHANNEL_AT, np.uint16),
        starts=messages + MESSAGE_BYTES,
        lengths=take_integers(data, messages, _LENGTH_AT, np.int64) - _MESSAGE_HEAD_BYTES,
        log_ns=take_integers(data, messages, _LOG_AT, np.int64),
        publish_ns=take_integers(data, messages, _PUBLISH_AT, np.int64),
    )


def _indexed(data: Bytes, at: Ints) -> Found | None:
    """Return the records if messages at *at* (ascending) account for all of *data*, else None."""
    n = len(data)
    if not len(at) or at[0] < 0 or at[-1] > n - MESSAGE_BYTES or (data[at] != Op.MESSAGE).any():
        return None
    lengths = take_integers(data, at, _LENGTH_AT, np.int64)
    if lengths.min() < _MESSAGE_HEAD_BYTES or lengths.max() > n:
        return None
    gap_starts = np.concatenate(([0], at + PREFIX.size + lengths))
    gap_ends = np.append(at, n)
    gaps = gap_ends - gap_starts
    if gaps.min() < 0:
        return None
    others: list[int] = []
    for k in np.flatnonzero(gaps).tolist():
        between = walk(data, int(gap_starts[k]), int(gap_ends[k]))
        if len(between.messages) or between.end != gap_ends[k]:
            return None
        others.extend(between.others)
    return Found(at, others, n)


def take_integers(data: Bytes, records: Ints, at: int, kind: type[np.integer]) -> Ints:
    """Read a little-endian integer *at* bytes into each of *records*."""
    wanted = np.dtype(kind).newbyteorder("<")
    if len(data) < at + wanted.itemsize:
        return np.empty(0, np.int64)
    # One value per byte of the buffer, overlapping: indexing it reads unaligned values in one step.
    everywhere = np.ndarray((len(data) - at - wanted.itemsize + 1,), wanted, data.data, at, (1,))
    return everywhere[records].astype(np.int64, copy=False)
