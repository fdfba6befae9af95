"""
An SQLite file as the pages that it consists of, and the way to the leaves of one table.

A table is a tree of pages: inner ones that point to others, and leaves that hold its rows. Without a
write-ahead log nothing else is needed to read it, and numpy reads many pages at once.

Must not know: what the rows mean. Next: `db3_cells`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["Bytes", "Ints", "OddError", "PageFile", "cell_places", "load", "varints"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_WINDOW_BYTES = 4 << 20
_MAX_DEPTH = 20  # SQLite's own limit
_LEAF, _INNER = 13, 5
_LEAF_HEAD, _INNER_HEAD = 8, 12


class OddError(ValueError):
    """The pages are not what this walk expects: SQLite has to be asked instead."""


class PageFile:
    """
    An open file, read page by page; pages are numbered from 1.

    Attributes:
        page_bytes, usable: Size of a page, and the bytes of it that hold content.
        pages: How many pages the file has.
        is_cut: Whether its header states more.
        has_free_pages: Whether some may hold content that was deleted.

    Raises:
        OddError: It has no header that makes sense.

    Thread: one.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        try:
            self._parse(os.pread(self._fd, 100, 0), os.fstat(self._fd).st_size)
        except BaseException:
            self.close()
            raise

    def _parse(self, head: bytes, size: int) -> None:
        """Take over what the file says of itself."""
        if len(head) < 100:
            msg = "The header is cut."
            raise OddError(msg)
        page_bytes = int.from_bytes(head[16:18], "big")
        self.page_bytes = 65536 if page_bytes == 1 else page_bytes
        self.usable = self.page_bytes - head[20]
        if self.page_bytes < 512 or self.page_bytes & (self.page_bytes - 1) or self.usable < 480:
            msg = f"Pages of {self.page_bytes} bytes, {self.usable} of them usable, do not exist."
            raise OddError(msg)
        self.pages = size // self.page_bytes
        is_stated = head[24:28] == head[92:96]  # else written by something that leaves it as it is
        self.is_cut = is_stated and int.from_bytes(head[28:32], "big") > self.pages
        self.has_free_pages = any(head[36:40])

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, numbers: Ints, into: Bytes) -> None:
        """
        Read the pages *numbers*, one after the other, *into* as many bytes.

        Raises:
            OddError: One of them does not exist.
        """
        if not len(numbers):
            return
        if numbers.min() < 1 or numbers.max() > self.pages:
            msg = "A page is stated that the file does not have."
            raise OddError(msg)
        edges = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        firsts = numbers[edges[:-1]].tolist()
        memory = into.data
        for a, b, first in zip(edges, edges[1:], firsts, strict=False):
            at, end = a * self.page_bytes, b * self.page_bytes
            place = (first - 1) * self.page_bytes
            while at < end:
                done = os.preadv(self._fd, [memory[at:end]], place)
                if not done:
                    msg = "The file became shorter."
                    raise OddError(msg)
                at, place = at + done, place + done

    def leaves(self, root: int, first_row: int) -> Iterator[Ints]:
        """
        Yield the leaves of the table at page *root*, in order, some at a time.

        Args:
            first_row: Leaves that hold only rows with lower ids may be left out.

        Raises:
            OddError: The tree is damaged, or none of a table.
        """
        level = np.array([root], np.int64)
        for _ in range(_MAX_DEPTH):
            kind = self._kind(level[:1])
            if kind == _LEAF:  # a table of one page
                yield level
                return
            # A tree has all its leaves at one depth: one child tells what all are.
            children = self._children(level[:1], first_row)
            if self._kind(children[:1]) == _LEAF:
                step = max(1, _WINDOW_BYTES // self.page_bytes // 64)
                for at in range(0, len(level), step):
                    yield self._children(level[at : at + step], first_row)
                return
            level = self._children(level, first_row)
        msg = "The tree has no end."
        raise OddError(msg)

    def stray_leaves(self) -> Iterator[Ints]:
        """Yield every page that looks like the leaf of some table, in file order, some at a time."""
        step = max(1, _WINDOW_BYTES // self.page_bytes)
        for first in range(1, self.pages + 1, step):
            numbers = np.arange(first, min(first + step, self.pages + 1))
            data = np.empty(len(numbers) * self.page_bytes, np.uint8)
            self.read(numbers, data)
            yield numbers[data.reshape(-1, self.page_bytes)[:, 0] == _LEAF]

    def _kind(self, numbers: Ints) -> int:
        """Return the kind of the first of some pages."""
        data = np.empty(self.page_bytes, np.uint8)
        self.read(numbers[:1], data)
        return int(data[0])

    def _children(self, numbers: Ints, first_row: int) -> Ints:
        """Return the pages below inner pages, in order."""
        data = np.zeros(len(numbers) * self.page_bytes + 16, np.uint8)
        self.read(numbers, data)
        starts = np.arange(len(numbers)) * self.page_bytes
        if (data[starts] != _INNER).any():
            msg = "A page of the tree is no inner page."
            raise OddError(msg)
        cells, counts = cell_places(self, data, starts, _INNER_HEAD)
        keys, _ = varints(data, cells + 4)
        # The last child of a page has no cell; its rows come after all others of the page.
        after = np.cumsum(counts)
        children = np.insert(load(data, cells, ">u4"), after, load(data, starts + 8, ">u4"))
        keys = np.insert(keys, after, np.iinfo(np.int64).max)
        kept: Ints = children[keys >= first_row]
        if len(kept) > self.pages:
            msg = "The tree has more pages than the file."
            raise OddError(msg)
        return kept


def cell_places(
    file: PageFile, data: Bytes, starts: Ints, head_bytes: int = _LEAF_HEAD
) -> tuple[Ints, Ints]:
    """
    Return the places of all cells on the pages at *starts*, and how many each page has.

    Raises:
        OddError: One lies outside its page.
    """
    counts = load(data, starts + 3, ">u2")
    if (head_bytes + 2 * counts > file.usable).any():
        msg = "A page states more cells than it has room for."
        raise OddError(msg)
    ends = np.cumsum(counts)
    number = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    inside = load(data, np.repeat(starts, counts) + head_bytes + 2 * number, ">u2")
    lowest = np.repeat(head_bytes + 2 * counts, counts)
    if ((inside < lowest) | (inside > file.usable - 4)).any():
        msg = "A cell lies outside its page."
        raise OddError(msg)
    return np.repeat(starts, counts) + inside, counts


def load(data: Bytes, at: Ints, kind: str) -> Ints:
    """Read a number of *kind*, a numpy type, at each place; *data* must not end within one."""
    wanted = np.dtype(kind)
    # One value per byte of the buffer, overlapping: indexing it reads unaligned values in one step.
    everywhere = np.ndarray((len(data) - wanted.itemsize + 1,), wanted, data.data, 0, (1,))
    return everywhere[at].astype(np.int64)


def varints(data: Bytes, at: Ints) -> tuple[Ints, Ints]:
    """Return SQLite's integers of variable length at some places, and the places after them."""
    byte = data[at].astype(np.int64)
    values, after = byte & 0x7F, at + 1
    rows = np.flatnonzero(byte & 0x80)
    for k in range(1, 9):
        if not len(rows):
            break
        byte = data[after[rows]].astype(np.int64)
        # The ninth byte counts with all its bits.
        values[rows] = (values[rows] << 8) | byte if k == 8 else (values[rows] << 7) | (byte & 0x7F)
        after[rows] += 1
        rows = rows[(byte & 0x80) != 0]
    return values, after
