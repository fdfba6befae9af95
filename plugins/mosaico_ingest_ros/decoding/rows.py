"""
Messages, or elements of a sequence, as rows of bytes in one buffer, and the copies taken out of them.

Must not know: message definitions, Arrow types. Next: `cursor`.
"""

from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.plugin import Payloads, gather

__all__ = ["Bytes", "Fault", "Ints", "Place", "Rows", "gather_ranges"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Place = int | Ints
"""A byte offset from the origin of its row: one for all rows, or one each."""

_SHORT_BYTES = 16  # mean length up to which one index per byte beats one memcpy per range
_MAX_VIEW = 2**31 - 1


class Fault(Exception):  # noqa: N818 - control flow between the steps and the decoder, never shown
    """Rows that do not follow the definition; *messages* are positions in the batch at hand."""

    def __init__(self, messages: Ints, reason: str) -> None:
        super().__init__(reason)
        self.messages = messages
        self.reason = reason


@attrs.frozen(eq=False)
class Rows:
    """
    n byte ranges of one buffer that have the same shape.

    Args:
        buffer: (bytes,) uint8.
        origins: (n,) int64, place in the buffer that offsets of a row count from.
        sizes: (n,) int64, bytes from the origin to the end of the message.
        phase: Offset of every origin from an aligned place of its message.
        owners: (n,) int64, the message that each row is part of, None if rows are messages.
    """

    buffer: Bytes
    origins: Ints
    sizes: Ints
    phase: int = 0
    owners: Ints | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.origins)

    @cached_property
    def stride(self) -> int | None:
        """The distance between neighbouring rows, None if it differs."""
        steps = np.diff(self.origins)
        if not len(steps):
            return 0
        first = int(steps[0])
        return first if first > 0 and (steps == first).all() else None

    @cached_property
    def shortest(self) -> int:
        """Bytes of the shortest row."""
        return int(self.sizes.min())

    def take(self, index: Ints) -> "Rows":
        """Return the rows *index*, parts of the same messages as before."""
        owners = index if self.owners is None else self.owners[index]
        return Rows(self.buffer, self.origins[index], self.sizes[index], self.phase, owners)

    def messages(self, index: Ints) -> "Rows":
        """Return the rows *index* as messages of their own."""
        return Rows(self.buffer, self.origins[index], self.sizes[index], self.phase)

    def shift(self, at: Ints, phase: int) -> "Rows":
        """Return the rows with their origins moved by *at*, where all have *phase*."""
        return Rows(self.buffer, self.origins + at, self.sizes - at, phase, self.owners)

    def fault(self, bad: npt.NDArray[np.bool_], reason: str) -> Fault:
        """Return the fault of the rows in the mask *bad*."""
        index: Ints = np.flatnonzero(bad)
        return Fault(index if self.owners is None else np.unique(self.owners[index]), reason)

    def short(self, bad: npt.NDArray[np.bool_], path: str) -> Fault:
        """Return the fault of rows that end inside the field *path*."""
        return self.fault(bad, f"The payload ends inside {path!r}.")

    def read(self, at: Place, dtype: np.dtype, count: int = 1) -> npt.NDArray[np.generic]:
        """
        Copy *count* numbers at *at* out of every row.

        Returns:
            (n * count,) in the byte order of *dtype*.
        """
        width = dtype.itemsize * count
        item = dtype if count == 1 else np.dtype((np.void, width))
        copied: npt.NDArray[np.generic]
        if isinstance(at, int) and self.stride is not None:
            first = int(self.origins[0]) + at
            # Arrow's pool keeps its pages; a fresh array of numpy is paged in anew for every batch.
            copied = np.frombuffer(pa.allocate_buffer(len(self) * width), item)
            copied[...] = np.ndarray((len(self),), item, self.buffer, first, (self.stride,))
        else:
            window = np.ndarray((len(self.buffer) - width + 1,), item, self.buffer, 0, (1,))
            copied = window[self.origins + at]
        return copied.view(dtype)

    def block(self, at: int, size: int) -> "tuple[Rows, int]":
        """
        Return rows that are cheap to read several fields from, and where the *size* bytes at *at* are.

        Rows without a constant distance are copied side by side, once for all fields.
        """
        if self.stride is not None or not size:
            return self, at
        matrix = self.read(at, np.dtype("u1"), size).view(np.uint8)
        origins = np.arange(len(self), dtype=np.int64) * size
        return Rows(matrix, origins, np.full(len(self), size), self.phase, self.owners), 0


def gather_ranges(buffer: Bytes, starts: Ints, lengths: Place) -> Bytes:
    """Copy byte ranges of *buffer* side by side; a single range is not copied."""
    n = len(starts)
    if n == 1:
        first, length = int(starts[0]), int(lengths if isinstance(lengths, int) else lengths[0])
        return buffer[first : first + length]
    sizes: Ints = np.full(n, lengths, np.int64) if isinstance(lengths, int) else lengths
    total = int(sizes.sum())
    if total <= n * _SHORT_BYTES or len(buffer) > _MAX_VIEW:
        return gather(buffer, starts, sizes)
    column = Payloads(buffer, starts, sizes).to_view().cast(pa.binary())
    data = column.buffers()[2]
    return np.frombuffer(data, np.uint8, total)
