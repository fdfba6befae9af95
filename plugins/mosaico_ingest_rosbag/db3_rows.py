"""
The rows of the table of messages: whole pages of them as columns, and a way around what cannot be read.

SQLite itself joins the payloads and numbers of a page, so that no Python object per message is made
and other threads run meanwhile.

Must not know: files, topics. Next: `db3_database`.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["FAULTS", "FIRST_ROW", "LAST_ROW", "Gap", "Page", "count_rows", "pages"]

FIRST_ROW, LAST_ROW = -(1 << 63), (1 << 63) - 1
_PAGE_ROWS = 4096
_PAGE_BYTES = 32 << 20  # SQLite refuses to join more; then fewer rows are asked for
_ROW_BYTES = 1_000_000_000
_NEAR_ROWS = 256  # rows that are tried one by one after one that cannot be read
_REGULAR = (
    "typeof(data) = 'blob' AND typeof(timestamp) = 'integer' AND typeof(topic_id) = 'integer'"
)

# What a damaged file makes sqlite3 raise; names in it may not even be text.
FAULTS = (sqlite3.DatabaseError, UnicodeError, MemoryError)

Ints = npt.NDArray[np.int64]
T = TypeVar("T")
# Reads at most n rows from a row id on: the id of the last one, what was read and the bytes of its data;
# None after the end.
Read = Callable[[int, int], tuple[int, T, int] | None]


@attrs.frozen(eq=False, kw_only=True)
class Page:
    """
    Messages in the order of their row ids.

    Args:
        first, last: The row id that they were asked from, and their highest one.
        topic_ids, times_ns: (n,) int64.
        starts, lengths: (n,) int64, where in *buffer* the payload of each is.
        buffer: (bytes,) uint8, the memory that holds the payloads.
        odd: Rows among them whose values are not a message, per topic id; they are left out.
    """

    first: int
    last: int
    topic_ids: Ints
    times_ns: Ints
    starts: Ints
    lengths: Ints
    buffer: npt.NDArray[np.uint8]
    odd: Mapping[int, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Gap:
    """Rows from *first* up to before *end* that cannot be read; *counts* are those that can be named."""

    first: int
    end: int
    reason: str
    counts: Mapping[int, int] = attrs.field(factory=dict)


def pages(db: sqlite3.Connection, topic_ids: Collection[int], first: int) -> Iterator[Page | Gap]:
    """Yield the messages of *topic_ids*, integers, from row id *first* on."""
    where = f"topic_id IN ({', '.join(map(str, sorted(topic_ids)))})"
    only = next(iter(topic_ids)) if len(topic_ids) == 1 else None
    topics = "NULL" if only is not None else "group_concat(topic_id)"
    sql = (
        f"SELECT MAX(id), COUNT(*), {topics}, group_concat(timestamp), "  # noqa: S608 - integers
        "group_concat(LENGTH(data)), CAST(group_concat(CAST(data AS TEXT), '') AS BLOB) FROM "
        "(SELECT rowid AS id, topic_id, timestamp, data FROM messages "
        f"WHERE rowid >= ? AND {where} %s ORDER BY rowid LIMIT ?)"
    )

    def read(start: int, n: int) -> tuple[int, Page, int] | None:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _PAGE_BYTES if n > 1 else _ROW_BYTES)
        row = db.execute(sql % "", (start, n)).fetchone()
        if not row[1]:
            return None
        page = _page(row, start, only)
        page = page if page is not None else _regular(start, row[0])
        return row[0], page, len(page.buffer)

    def _regular(start: int, last: int) -> Page:
        """Read a page again without the rows that are no messages."""
        span = f"AND rowid <= {last} AND {_REGULAR}"
        page = _page(db.execute(sql % span, (start, LAST_ROW)).fetchone(), start, only)
        odd = db.execute(
            f"SELECT topic_id, COUNT(*) FROM messages WHERE rowid BETWEEN ? AND ? AND {where} "  # noqa: S608 - integers
            f"AND NOT ({_REGULAR}) GROUP BY topic_id",
            (start, last),
        )
        if page is None:
            reason = "the values of its rows contradict each other"
            raise sqlite3.DatabaseError(reason)
        return attrs.evolve(page, last=last, odd=dict(odd.fetchall()))

    for item in _around(read, first):
        if not isinstance(item, Gap):
            yield item
        elif counts := _named(db, where, item):
            yield attrs.evolve(item, counts=counts)


def count_rows(db: sqlite3.Connection) -> Iterator[tuple[Ints, Ints] | Gap]:
    """Yield topic ids and times of all messages that can be read, without their data, page by page."""
    sql = (
        "SELECT rowid, topic_id, timestamp FROM messages "  # noqa: S608 - our own text
        f"WHERE rowid >= ? AND {_REGULAR} ORDER BY rowid LIMIT ?"
    )

    def read(start: int, n: int) -> tuple[int, tuple[Ints, Ints], int] | None:
        rows = db.execute(sql, (start, n)).fetchall()
        if not rows:
            return None
        _, topic_ids, times_ns = np.array(rows, np.int64).T
        return rows[-1][0], (topic_ids, times_ns), 0

    for item in _around(read, FIRST_ROW):
        yield attrs.evolve(item, counts=_named(db, "1", item)) if isinstance(item, Gap) else item


def _page(
    row: tuple[int | None, int, str | None, str | None, str | None, bytes | None],
    first: int,
    only: int | None,
) -> Page | None:
    """Make the page of a row of joined values, None if some of them are not those of a message."""
    last, n, topic_ids, times_ns, lengths, data = row
    columns = [_integers(text) for text in (topic_ids, times_ns, lengths)]
    if only is not None:
        columns[0] = np.full(n, only, np.int64)
    buffer = np.frombuffer(data or b"", np.uint8)
    if any(len(column) != n for column in columns) or columns[2].sum() != len(buffer):
        return None
    return Page(
        first=first,
        last=first if last is None else last,
        topic_ids=columns[0],
        times_ns=columns[1],
        starts=np.cumsum(columns[2]) - columns[2],
        lengths=columns[2],
        buffer=buffer,
    )


def _integers(text: str | None) -> Ints:
    """Parse integers with commas between them; fewer come back where something else is among them."""
    if not text:
        return np.empty(0, np.int64)
    try:
        return np.fromstring(text, np.int64, sep=",")
    except (ValueError, DeprecationWarning):
        return np.empty(0, np.int64)


def _named(db: sqlite3.Connection, where: str, gap: Gap) -> dict[int, int]:
    """Count the messages of *gap* whose topic can be read though their data cannot."""
    sql = (
        f"SELECT rowid, topic_id FROM messages WHERE rowid >= ? AND {where} ORDER BY rowid LIMIT ?"  # noqa: S608 - integers
    )

    def read(start: int, n: int) -> tuple[int, list[int], int] | None:
        rows = db.execute(sql, (start, n)).fetchall()
        own = [topic_id for row, topic_id in rows if row < gap.end]
        return (rows[-1][0], own, 0) if own else None

    counts: Counter[int] = Counter()
    for item in _around(read, gap.first):
        if not isinstance(item, Gap):
            counts.update(item)
        elif item.end >= gap.end:
            break
    return dict(counts)


def _around(read: Read[T], first: int) -> Iterator[T | Gap]:
    """Yield what *read* gives, page by page, and the gaps between what can be read."""
    n = _PAGE_ROWS
    while first <= LAST_ROW:
        try:
            found = read(first, n)
        except FAULTS as err:
            if n > 1:
                n = max(1, n // 8)
                continue
            end = _next_readable(read, first)
            yield Gap(first=first, end=end, reason=str(err))
            first = end
            continue
        if found is None:
            return
        last, item, nbytes = found
        yield item
        first = last + 1
        n = min(n * 2, _PAGE_ROWS, max(1, n * (_PAGE_BYTES // 2) // max(1, nbytes)))


def _next_readable(read: Read[T], bad: int) -> int:
    """Return the lowest row id after *bad* from which *read* works: tried one by one, then by doubling."""

    def works(row: int) -> bool:
        try:
            read(row, 1)
        except FAULTS:
            return False
        return True

    for row in range(bad + 1, min(bad + _NEAR_ROWS, LAST_ROW)):
        if works(row):
            return row
    bad = min(bad + _NEAR_ROWS, LAST_ROW) - 1
    step, good = 2, bad + 1
    while not works(good):
        if good == LAST_ROW:
            return LAST_ROW + 1
        bad, good, step = good, min(good + step, LAST_ROW), step * 2
    while good - bad > 1:
        middle = (good + bad) // 2
        if works(middle):
            good = middle
        else:
            bad = middle
    return good
