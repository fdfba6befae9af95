"""
Payload columns and the bytes under them: one binary column per batch, no Python object per message.

A source finds its messages as (buffer, starts, lengths) inside a chunk; a decoder wants the same
three of a payload column. Small payloads are gathered into one contiguous column, large ones stay
where they are as a `binary_view` over the chunk, so that an image is not copied to be handed on.

Must not know: files, encodings. Next: `collect`.
"""

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Payloads", "gather", "longest", "take_rows"]

_INLINE_BYTES = 12  # a binary_view keeps values up to this size inside the view itself
_SLICE_BYTES = 256  # mean length from which one slice per row beats one index per byte

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Payloads:
    """
    Messages as byte ranges of one buffer.

    Args:
        buffer: (bytes,) uint8, the memory that holds them all.
        starts: (n,) int64, first byte of each message.
        lengths: (n,) int64, bytes of each message.
    """

    buffer: Bytes
    starts: Ints
    lengths: Ints

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.starts)

    def take(self, rows: Ints) -> "Payloads":
        """Return the messages *rows*, over the same buffer."""
        starts: Ints = self.starts[rows]
        lengths: Ints = self.lengths[rows]
        return Payloads(self.buffer, starts, lengths)

    def to_binary(self) -> pa.BinaryArray:
        """Return a contiguous `binary` column, copied out of the buffer."""
        data = gather(self.buffer, self.starts, self.lengths)
        return _binary(data, self.lengths)

    def to_view(self) -> pa.BinaryViewArray:
        """Return a `binary_view` column that shares the buffer; its first 2 GiB must hold the messages."""
        n = len(self)
        views = np.zeros((n, 4), np.uint32)
        views[:, 0] = self.lengths
        inline = np.flatnonzero(self.lengths <= _INLINE_BYTES)
        long = np.flatnonzero(self.lengths > _INLINE_BYTES)
        if len(long):
            at = self.starts[long]
            words = np.ndarray((len(self.buffer) - 3,), np.uint32, self.buffer, 0, (1,))
            views[long, 1] = words[at]
            views[long, 3] = at
        if len(inline):
            body = views[inline].view(np.uint8)
            for k in range(_INLINE_BYTES):
                has = self.lengths[inline] > k
                body[has, 4 + k] = self.buffer[self.starts[inline[has]] + k]
            views[inline] = body.view(np.uint32)
        buffers = [None, pa.py_buffer(views), pa.py_buffer(self.buffer)]
        return pa.Array.from_buffers(pa.binary_view(), n, buffers)

    @classmethod
    def from_column(cls, column: pa.Array) -> "Payloads":
        """
        Look through a `binary`, `large_binary` or `binary_view` column, sliced or not.

        A view over one buffer is looked through without a copy; one that mixes inline values or
        several buffers is gathered first.
        """
        n, first = len(column), column.offset
        if pa.types.is_binary_view(column.type):
            views = np.frombuffer(column.buffers()[1], np.uint32, 4 * n, 16 * first).reshape(n, 4)
            lengths = views[:, 0].astype(np.int64)
            one_buffer = n and lengths.min() > _INLINE_BYTES and (views[:, 2] == views[0, 2]).all()
            if one_buffer:
                data = column.buffers()[2 + int(views[0, 2])]
                return cls(np.frombuffer(data, np.uint8), views[:, 3].astype(np.int64), lengths)
            column = column.cast(pa.large_binary())
            first = column.offset
        wide = np.int64 if pa.types.is_large_binary(column.type) else np.int32
        _, offsets_buffer, data = column.buffers()
        found = np.frombuffer(offsets_buffer, wide, n + 1, first * np.dtype(wide).itemsize)
        offsets = found.astype(np.int64)
        buffer = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return cls(buffer, offsets[:-1], np.diff(offsets))


def longest(column: pa.Array) -> int:
    """Return the bytes of the longest value of a binary column, 0 if it has none."""
    if not pa.types.is_binary_view(column.type):
        return pc.max(pc.binary_length(column)).as_py() or 0
    n = len(column)
    views = np.frombuffer(column.buffers()[1], np.uint32, 4 * n, 16 * column.offset)
    return int(views[::4].max()) if n else 0


def take_rows(data: pa.RecordBatch, rows: Ints) -> pa.RecordBatch:
    """Return some rows of *data*, also where columns are `binary_view`, for which Arrow has no `take`."""
    at = pa.array(rows)
    columns = [
        _take_views(column, rows) if pa.types.is_binary_view(column.type) else column.take(at)
        for column in data.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=data.schema)


def _take_views(column: pa.Array, rows: Ints) -> pa.Array:
    """Return some values of a `binary_view` column, over the same buffers."""
    _, views, *rest = column.buffers()
    n, first = len(column), column.offset
    picked = np.frombuffer(views, np.uint32, 4 * n, 16 * first).reshape(n, 4)[rows]
    valid = None
    if column.null_count:
        valid = pa.array(column.is_valid().to_numpy(zero_copy_only=False)[rows]).buffers()[1]
    buffers = [valid, pa.py_buffer(np.ascontiguousarray(picked)), *rest]
    return pa.Array.from_buffers(column.type, len(rows), buffers)


def gather(buffer: Bytes, starts: Ints, lengths: Ints) -> Bytes:
    """
    Copy byte ranges of *buffer* into one contiguous array, in order.

    Args:
        buffer: (bytes,) uint8.
        starts: (n,) int64.
        lengths: (n,) int64.

    Returns:
        (sum(lengths),) uint8.
    """
    n = len(starts)
    total = int(lengths.sum())
    if not total:
        return np.empty(0, np.uint8)
    size = int(lengths[0])
    if n == 1:
        return buffer[starts[0] : starts[0] + size]
    if (lengths == size).all():
        item = np.dtype((np.void, size))
        steps = np.diff(starts)
        if (steps == steps[0]).all() and steps[0] > 0:
            rows = np.ndarray((n,), item, buffer, int(starts[0]), (int(steps[0]),))
            return np.ascontiguousarray(rows).view(np.uint8)
        rows = np.ndarray((len(buffer) - size + 1,), item, buffer, 0, (1,))
        return rows[starts].view(np.uint8)
    if total >= n * _SLICE_BYTES:
        memory = buffer.data
        parts = [memory[a : a + k] for a, k in zip(starts.tolist(), lengths.tolist(), strict=True)]
        return np.frombuffer(b"".join(parts), np.uint8)
    ends = np.cumsum(lengths)
    index = np.repeat(starts - (ends - lengths), lengths)
    index += np.arange(total)
    return buffer[index]


def _binary(data: Bytes, lengths: Ints) -> pa.BinaryArray:
    """Wrap contiguous *data* as a `binary` column, `large_binary` beyond 2 GiB."""
    wide = len(data) > np.iinfo(np.int32).max
    offsets = np.zeros(len(lengths) + 1, np.int64 if wide else np.int32)
    np.cumsum(lengths, out=offsets[1:])
    kind = pa.large_binary() if wide else pa.binary()
    return pa.Array.from_buffers(
        kind, len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
