"""
Bytes of a batch, read at many places at once: tags, varints, fixed numbers, ranges.

Must not know: fields, Arrow types. Next: `walk`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.plugin import Payloads, gather

__all__ = ["Bytes", "Flags", "Ints", "Unsigned", "Wire"]

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.uint64]

_WORD = np.dtype("<u8")
_SHORT_BYTES = 16  # mean length up to which one index per byte beats one memcpy per range
_MAX_VIEW = 2**31 - 1
_MORE = np.uint64(0x8080808080808080)  # set in every byte of a varint but its last
_ONE = np.uint64(1)
# Groups of 7 bits are moved together in three rounds: pairs, fours, eights.
_ROUNDS = tuple(
    (np.uint64(shift), np.uint64(low), np.uint64(high))
    for shift, low, high in (
        (1, 0x007F007F007F007F, 0x7F007F007F007F00),
        (2, 0x00003FFF00003FFF, 0x3FFF00003FFF0000),
        (4, 0x000000000FFFFFFF, 0x0FFFFFFF00000000),
    )
)


class Wire:
    """
    One buffer.

    Args:
        buffer: (bytes,) uint8.
    """

    def __init__(self, buffer: Bytes) -> None:
        missing = _WORD.itemsize - len(buffer)
        self.buffer: Bytes = np.pad(buffer, (0, missing)) if missing > 0 else buffer
        self._last = len(self.buffer) - _WORD.itemsize

    def words(self, at: Ints) -> Unsigned:
        """Read 8 bytes at each place; zeros stand behind the end of the buffer."""
        window: Unsigned = self._window(_WORD)
        if len(at) and at.max() > self._last:
            inside = np.minimum(at, self._last)
            return window[inside] >> ((at - inside).astype(np.uint64) << np.uint64(3))
        return window[at]

    def fixed(self, at: Ints, dtype: np.dtype) -> npt.NDArray[np.generic]:
        """Read numbers that are known to be inside."""
        return self._window(dtype)[at]

    def varints(self, at: Ints) -> tuple[Unsigned, Ints]:
        """
        Read varints.

        Returns:
            Values and widths; a width of 0 is none, or one that only the library should judge.
        """
        words = self.words(at)
        if not (words & np.uint64(0x80)).any():
            return words & np.uint64(0x7F), np.ones(len(at), np.int64)
        stops = ~words & _MORE
        lowest = stops & (~stops + _ONE)
        values = words & (lowest - _ONE)
        values &= ~_MORE
        for shift, low, high in _ROUNDS:
            values = (values & low) | ((values & high) >> shift)
        widths = (np.frexp(lowest.astype(np.float64))[1] >> 3).astype(np.int64)
        long = np.flatnonzero(widths == 0)
        if len(long):
            rest = self.words(at[long] + 8)
            ninth, tenth = rest & np.uint64(0xFF), rest >> np.uint64(8) & np.uint64(0xFF)
            has_tenth = ninth > 0x7F
            values[long] |= (ninth & np.uint64(0x7F)) << np.uint64(56)
            values[long] |= np.where(has_tenth, tenth & _ONE, np.uint64(0)) << np.uint64(63)
            widths[long] = np.where(has_tenth, np.where(tenth > 1, 0, 10), 9)
        return values, widths

    def gather(self, starts: Ints, sizes: Ints) -> Bytes:
        """Copy ranges side by side; a single one is not copied."""
        n = len(starts)
        if n == 1:
            return self.buffer[int(starts[0]) : int(starts[0] + sizes[0])]
        total = int(sizes.sum())
        if total <= n * _SHORT_BYTES or len(self.buffer) > _MAX_VIEW:
            return gather(self.buffer, starts, sizes)
        column = Payloads(self.buffer, starts, sizes).to_view().cast(pa.binary())
        return np.frombuffer(column.buffers()[2], np.uint8, total)

    def _window(self, dtype: np.dtype) -> npt.NDArray[Any]:
        """View the buffer as numbers that start at every byte."""
        return np.ndarray((len(self.buffer) - dtype.itemsize + 1,), dtype, self.buffer, 0, (1,))
