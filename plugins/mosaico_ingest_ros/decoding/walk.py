"""
Where the elements of a sequence start, when the size of one is known only by reading it.

Many rows with few elements are walked element by element, all rows at a time; few rows with many
elements row by row. Only lengths are read on the way, the elements are decoded together afterwards.

Must not know: Arrow. Next: `columns`.
"""

from collections.abc import Callable
from struct import Struct as Packed

import attrs
import numpy as np

from mosaico_ingest_ros.decoding.cursor import Cursor
from mosaico_ingest_ros.decoding.layout import Block, Items, Numbers, Program, Step, Text
from mosaico_ingest_ros.decoding.rows import Ints

__all__ = ["element_counts", "element_starts"]

_VECTOR_COST = 16  # elements that are walked one by one in the time of one step of a vector


def element_counts(cursor: Cursor, step: Items) -> Ints:
    """Read how many elements each row has, and check that they can be there."""
    if step.count is None:
        cursor.align(step.length_align)
        counts = cursor.word(step.path)
    else:
        counts = step.count
    cursor.limit(counts, step.item.min_bytes, step.path)
    return np.full(len(cursor.rows), counts, np.int64) if isinstance(counts, int) else counts


def element_starts(cursor: Cursor, item: Program, counts: Ints) -> Ints:
    """
    Find the elements of every row, and move behind the last.

    Args:
        cursor: Stands before the first element.
        item: What an element looks like.
        counts: (n,) int64, elements of each row, at least one in all.

    Returns:
        (sum(counts),) int64, place of each element, aligned, in row order.
    """
    total, deepest = int(counts.sum()), int(counts.max())
    at: Ints = np.full(len(counts), cursor.at) if isinstance(cursor.at, int) else cursor.at.copy()
    walk = _walk_rows if total < _VECTOR_COST * deepest else _walk_elements
    starts = walk(cursor, item, counts, at)
    cursor.at = at
    return starts


def _walk_elements(cursor: Cursor, item: Program, counts: Ints, at: Ints) -> Ints:
    """Walk all rows together, element by element; *at* ends behind the last element of each."""
    firsts = np.cumsum(counts) - counts
    starts = np.empty(int(counts.sum()), np.int64)
    for k in range(int(counts.max())):
        active = np.flatnonzero(counts > k)
        part = Cursor(cursor.rows.take(active), cursor.modulus, cursor.is_big, at[active])
        part.align(item.align)
        starts[firsts[active] + k] = part.at
        for step in item.steps:
            _skip(part, step)
        at[active] = part.at
    return starts


def _skip(cursor: Cursor, step: Step) -> None:
    """Move over one step."""
    if isinstance(step, Block):
        cursor.skip_block(step)
    elif isinstance(step, Text):
        cursor.text(step)
    elif isinstance(step, Numbers):
        cursor.numbers(step)
    else:
        counts = element_counts(cursor, step)
        if counts.any():
            element_starts(cursor, step.item, counts)


def _walk_rows(cursor: Cursor, item: Program, counts: Ints, at: Ints) -> Ints:
    """Walk row by row; *at* ends behind the last element of each."""
    rows, starts = cursor.rows, list[int]()
    bad, path = np.zeros(len(rows), np.bool_), ""
    unpack = Packed(">I" if cursor.is_big else "<I").unpack_from
    for k in np.flatnonzero(counts).tolist():
        origin, size = int(rows.origins[k]), int(rows.sizes[k])
        walker = _Walker(rows.buffer.data, origin, size, rows.phase, unpack)
        try:
            at[k] = walker.elements(item, int(counts[k]), int(at[k]), starts)
        except _ShortError as err:
            path = path or err.path
            bad[k] = path == err.path  # what ends elsewhere is found by the next attempt
    if path:
        raise rows.short(bad, path)
    return np.array(starts, np.int64)


class _ShortError(Exception):
    """A row ends inside the field *path*."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@attrs.frozen
class _Walker:
    """
    Walks one row.

    Args:
        memory: The buffer.
        origin: Place in it that offsets count from.
        size: Bytes from there to the end of the message.
        phase: Offset of the origin from an aligned place of its message.
        unpack: Reads a 32-bit length.
    """

    memory: memoryview
    origin: int
    size: int
    phase: int
    unpack: Callable[[memoryview, int], tuple[int]]

    def elements(self, item: Program, count: int, at: int, starts: list[int] | None = None) -> int:
        """Return the place behind *count* elements, and append the places that they have to *starts*."""
        for _ in range(count):
            at = self._aligned(at, item.align)
            if starts is not None:
                starts.append(at)
            for step in item.steps:
                at = self._past(step, at)
        return at

    def _past(self, step: Step, at: int) -> int:
        """Return the place behind *step*."""
        if isinstance(step, Block):
            at = self._aligned(at, step.align)
            return self._checked(at + int(step.sizes[(at + self.phase) & 7]), step.path)
        if isinstance(step, Items) and step.count is not None:
            count = step.count
        else:
            at = self._checked(self._aligned(at, step.align) + 4, step.path)
            (count,) = self.unpack(self.memory, self.origin + at - 4)
        if isinstance(step, Text):
            return self._checked(at + count, step.path)
        if isinstance(step, Numbers):
            at = self._aligned(at, step.item.align) if count else at
            return self._checked(at + count * step.item.dtype.itemsize, step.path)
        self._checked(at + count * step.item.min_bytes, step.path)
        return self.elements(step.item, count, at)

    def _aligned(self, at: int, to: int) -> int:
        """Return the next multiple of *to*, counted from the start of the message."""
        return at + -(at + self.phase) % to

    def _checked(self, at: int, path: str) -> int:
        """Return *at* if it is inside the row."""
        if at > self.size:
            raise _ShortError(path)
        return at
