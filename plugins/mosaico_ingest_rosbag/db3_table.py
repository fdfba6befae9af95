"""
A bag's table of messages, read from the pages of its file: in order, and around what was cut off.

What of a row does not fit its leaf goes on in a chain of overflow pages, which nearly always lie one
behind the other. What is not as expected raises `OddError`, and SQLite reads on from there.

Must not know: topics, files beside the database. Next: `db3_rows`.
"""

from collections import Counter
from collections.abc import Collection, Iterator

import numpy as np

from mosaico_ingest_rosbag.db3_cells import Mask, Rows, read_rows
from mosaico_ingest_rosbag.db3_pages import Bytes, Ints, OddError, PageFile, load
from mosaico_ingest_rosbag.db3_rows import FIRST_ROW, Gap, Page

__all__ = ["MessageTable"]

_WINDOW_BYTES = 4 << 20  # of leaves that are looked at together
_PAGE_BYTES = 16 << 20  # of payload that leave together
_NONE: Ints = np.empty(0, np.int64)
_CUT = "the file ends before their data do"


class MessageTable:
    """
    The table of messages of a file that has no write-ahead log.

    Of a file that was cut off, every leaf that is left is found, also where the pages that point to it are
    gone; but not if the file has free pages, which may hold rows that had been deleted.

    Args:
        file: The file; this object closes it.
        root: The page that the table begins at.
    """

    def __init__(self, file: PageFile, root: int) -> None:
        self._file = file
        self._root = root
        self._salvages = file.is_cut and not file.has_free_pages
        self._salvaged: Ints | None = None

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def counts(self) -> tuple[Counter[int], dict[int, tuple[int, int]]]:
        """
        Return the number of messages per topic id, and their first and last time.

        Raises:
            OddError: SQLite has to count.
        """
        counts: Counter[int] = Counter()
        times: dict[int, tuple[int, int]] = {}
        for found in self._rows(FIRST_ROW):
            for topic_id in np.unique(found.topic_ids).tolist():
                own = found.times_ns[found.topic_ids == topic_id]
                before = times.get(topic_id, (int(own[0]), int(own[0])))
                times[topic_id] = min(before[0], int(own.min())), max(before[1], int(own.max()))
                counts[topic_id] += len(own)
        return counts, times

    def pages(self, topic_ids: Collection[int], first: int) -> Iterator[Page | Gap]:
        """
        Yield the messages of *topic_ids* from row id *first* on.

        Raises:
            OddError: SQLite has to read from the row id on that follows what was given.
        """
        wanted = np.array(sorted(topic_ids), np.int64)
        for found in self._rows(first):
            own = found.take((found.rows >= first) & np.isin(found.topic_ids, wanted))
            ends = np.cumsum(own.lengths)
            a = 0
            while a < len(own.rows):
                done = int(ends[a - 1]) if a else 0
                b = max(a + 1, int(np.searchsorted(ends, done + _PAGE_BYTES, side="right")))
                yield from self._given(own.take(slice(a, b)))
                a = b

    def _rows(self, first: int) -> Iterator[Rows]:
        """Yield all rows, leaving out some or all before *first*, in the order of their ids."""
        last = FIRST_ROW
        for numbers in self._leaves(first):
            step = max(1, _WINDOW_BYTES // self._file.page_bytes)
            for at in range(0, len(numbers), step):
                found = read_rows(self._file, numbers[at : at + step])
                if not len(found.rows):
                    continue
                # A leaf that is met twice, or out of order, is not where the tree says.
                if found.rows[0] < last or (np.diff(found.rows) <= 0).any():
                    msg = "The rows are out of order."
                    raise OddError(msg)
                last = int(found.rows[-1])
                yield found

    def _leaves(self, first: int) -> Iterator[Ints]:
        """Yield the leaves in order."""
        if not self._salvages:
            yield from self._file.leaves(self._root, first)
            return
        if self._salvaged is None:
            self._salvaged = self._search()
        yield self._salvaged

    def _search(self) -> Ints:
        """Return every leaf of the table that is left, in the order of its rows."""
        found = [self._firsts(leaves) for leaves in self._file.stray_leaves()]
        numbers = np.concatenate([numbers for numbers, _ in found] or [_NONE])
        firsts = np.concatenate([rows for _, rows in found] or [_NONE])
        ordered: Ints = numbers[np.argsort(firsts, kind="stable")]
        return ordered

    def _firsts(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Return those of some leaves that have messages, and the first row id of each."""
        if not len(numbers):
            return _NONE, _NONE
        try:
            found = read_rows(self._file, numbers)
        except OddError:  # one of them is of another table, or damaged
            half = len(numbers) // 2
            if not half:
                return _NONE, _NONE
            left, right = self._firsts(numbers[:half]), self._firsts(numbers[half:])
            return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])
        # Data of no bytes may begin where the page ends: the byte before them is on it.
        before = found.data_at - 1 - self._file.usable
        pages, at = np.unique(before // self._file.page_bytes, return_index=True)
        return numbers[pages], found.rows[at]

    def _given(self, rows: Rows) -> Iterator[Page | Gap]:
        """Turn rows into what a reader gets."""
        starts, buffer = rows.data_at, rows.leaves
        long = np.flatnonzero(rows.overflow)
        if len(long):
            chains, good = self._chains(rows.take(long))
            if not good.all():
                bad = rows.take(long[~good])
                yield _gap(bad)
                kept = np.ones(len(rows.rows), bool)
                kept[long[~good]] = False
                rows = rows.take(kept)
                if len(rows.rows):
                    yield from self._given(rows)
                return
            starts, buffer = self._assembled(rows, long, chains)
        yield Page(
            first=int(rows.rows[0]),
            last=int(rows.rows[-1]),
            topic_ids=rows.topic_ids,
            times_ns=rows.times_ns,
            starts=starts,
            lengths=rows.lengths,
            buffer=buffer,
        )

    def _chains(self, rows: Rows) -> tuple[Ints, Mask]:
        """
        Return the overflow pages of rows that have some, all one after the other, as they should follow.

        Returns:
            Their numbers, and for each row whether its chain is within the file.
        """
        counts = self._pages_beside(rows)
        good = (rows.overflow >= 1) & (counts <= self._file.pages - rows.overflow + 1)
        if not good.all():
            if not self._salvages:
                msg = "A chain of overflow pages leaves the file."
                raise OddError(msg)
            return _NONE, good
        ends = np.cumsum(counts)
        inside = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        return np.repeat(rows.overflow, counts) + inside, good

    def _pages_beside(self, rows: Rows) -> Ints:
        """Return how many overflow pages each row needs."""
        room = self._file.usable - 4
        return -(-(rows.lengths - rows.local) // room)

    def _assembled(self, rows: Rows, long: Ints, numbers: Ints) -> tuple[Ints, Bytes]:
        """
        Put the data of rows that overflow together, behind the leaves.

        Each gets one stretch for what is on the leaf, which ends where the stretch ends, and one for what
        is on each overflow page: so all is copied page by page, and every row is in one piece.

        Returns:
            Where the data of each row begin, and the buffer.
        """
        file = self._file
        room = file.usable - 4
        own = rows.take(long)
        counts = self._pages_beside(own)
        pages = np.empty(len(numbers) * file.page_bytes, np.uint8)
        file.read(numbers, pages)
        self._follow(own, counts, numbers, pages)
        base = len(rows.leaves)
        total = len(long) + len(numbers)
        buffer = np.empty(base + total * room, np.uint8)
        buffer[:base] = rows.leaves
        stretches = buffer[base:].reshape(total, room)
        firsts = np.cumsum(counts + 1) - counts - 1
        of_leaf = np.zeros(total, bool)
        of_leaf[firsts] = True
        piece = np.dtype((np.void, room))
        ending_at = np.ndarray((base - room + 1,), piece, rows.leaves.data, 0, (1,))
        ends = own.data_at + own.local
        stretches[of_leaf] = ending_at[ends - room].view(np.uint8).reshape(-1, room)
        stretches[~of_leaf] = pages.reshape(-1, file.page_bytes)[:, 4 : file.usable]
        starts = rows.data_at.copy()
        starts[long] = base + (firsts + 1) * room - own.local
        return starts, buffer

    def _follow(self, rows: Rows, counts: Ints, numbers: Ints, pages: Bytes) -> None:
        """Read those chains again whose pages do not follow one another in the file."""
        nexts = load(pages, np.arange(len(numbers)) * self._file.page_bytes, ">u4")
        ends = np.cumsum(counts)
        strays = nexts != numbers + 1
        strays[ends - 1] = False
        size = self._file.page_bytes
        for i in np.unique(np.searchsorted(ends, np.flatnonzero(strays), side="right")).tolist():
            at, number = int(ends[i] - counts[i]), int(rows.overflow[i])
            for k in range(at, int(ends[i])):
                page = pages[k * size : (k + 1) * size]
                self._file.read(np.array([number], np.int64), page)
                number = int.from_bytes(page[:4].tobytes(), "big")


def _gap(rows: Rows) -> Gap:
    """Describe rows whose data are not in the file."""
    topic_ids, n = np.unique(rows.topic_ids, return_counts=True)
    return Gap(
        first=int(rows.rows[0]),
        end=int(rows.rows[-1]) + 1,
        reason=_CUT,
        counts=dict(zip(topic_ids.tolist(), n.tolist(), strict=True)),
    )
