"""
Rows of several channels, sorted out: which channel each row belongs to, and the rows of each.

Must not know: bags. Next: `ros1_recording`, `db3_recording`.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["Ints", "Lookup", "split_by"]

Ints = npt.NDArray[np.int64]
UNKNOWN = -1


class Lookup:
    """A table of integers that translates whole columns; what it does not know becomes -1."""

    def __init__(self, table: Mapping[int, int]) -> None:
        keys = sorted(table)
        self._keys = np.array(keys, np.int64)
        self._values = np.array([table[key] for key in keys], np.int64)

    def __call__(self, keys: Ints) -> Ints:
        """Return the value of every key."""
        if not len(self._keys):
            return np.full(len(keys), UNKNOWN)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        values: Ints = np.where(self._keys[at] == keys, self._values[at], UNKNOWN)
        return values


def split_by(channels: Ints) -> Iterator[tuple[int, Ints | slice]]:
    """Give each channel with its rows, in order; the rows are a slice where there is one channel only."""
    if not len(channels):
        return
    if (channels == channels[0]).all():
        yield int(channels[0]), slice(None)
        return
    order = np.argsort(channels, kind="stable")
    ids, firsts = np.unique(channels[order], return_index=True)
    yield from zip(ids.tolist(), np.split(order, firsts[1:]), strict=True)
