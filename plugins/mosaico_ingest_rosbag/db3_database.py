"""
One SQLite file of a ROS 2 bag: opened without leaving a trace, read as far as it can be.

Must not know: other parts of the bag, channels. Next: `db3_parts`.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage

__all__ = [
    "FIRST_ROW",
    "Count",
    "Database",
    "DatabaseContents",
    "Gap",
    "Page",
    "Topic",
    "side_file",
]

_PAGE_ROWS = 2048
_PAGE_BYTES = 16 << 20
FIRST_ROW = -(1 << 63)
_LAST_ROW = (1 << 63) - 1
_NEAR_ROWS = 256  # rows that are tried one by one after one that cannot be read
_ODD = "(typeof(data) <> 'blob' OR typeof(timestamp) <> 'integer' OR typeof(topic_id) <> 'integer')"

Ints = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True)
class Topic:
    """A row of the table of topics."""

    name: str
    type_name: str
    serialization_format: str
    offered_qos_profiles: str = ""
    type_description_hash: str = ""


@attrs.frozen
class Count:
    """How many messages a topic has, and their first and last log time."""

    messages: int
    start_ns: int
    end_ns: int


@attrs.frozen(kw_only=True)
class DatabaseContents:
    """
    What a database holds.

    Args:
        topics, counts: By topic id.
        odd: Rows per topic id whose values are not a message.
        definitions: Encoding and text of the message definitions, by type.
        ros_distro: The distribution that recorded it, empty where it does not say.
        max_payload_bytes: Size of the largest message.
        damage: What cannot be read.
    """

    topics: Mapping[int, Topic]
    counts: Mapping[int, Count]
    odd: Mapping[int, int]
    definitions: Mapping[str, tuple[str, bytes]]
    ros_distro: str
    max_payload_bytes: int
    damage: tuple[Damage, ...] = ()


@attrs.frozen(eq=False, kw_only=True)
class Page:
    """Rows in the order of their ids: the first and last id, and a column each of the rest."""

    first: int
    last: int
    topic_ids: Ints
    times_ns: Ints
    payloads: tuple[bytes, ...]


@attrs.frozen(kw_only=True)
class Gap:
    """Rows from *first* up to before *end* that cannot be read; *lost* counts those per topic id."""

    first: int
    end: int
    reason: str
    lost: Mapping[int, int]


def side_file(path: Path, ending: str) -> Path | None:
    """Return the file that SQLite left beside *path* (`-wal`, `-journal`), None without any content."""
    side = path.with_name(path.name + ending)
    try:
        return side if side.stat().st_size else None
    except OSError:
        return None


class Database:
    """
    An open database.

    Without a write-ahead log beside it, the file is read as immutable. With one, it is read through a
    VFS without locks and with the log's index in memory: neither way writes or creates a file.

    Args:
        path: The file.
        origin: The file to name in errors and damage, where *path* is a copy.

    Thread: one.

    Raises:
        SourceError: It is no database, or not one of a bag.
    """

    def __init__(self, path: Path, origin: Path | None = None) -> None:
        self._path = path
        self.path = origin or path
        mode = "vfs=unix-none" if side_file(path, "-wal") else "immutable=1"
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro&{mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as err:
            raise self._unusable(str(err)) from err
        try:
            self._prepare()
        except sqlite3.Error as err:
            self._db.close()
            raise self._unusable(str(err)) from err
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        """Set the connection up and see whether the tables of a bag are there."""
        self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        # Opens a file that is shorter than its header says; without it nothing of it could be read.
        self._db.execute("PRAGMA writable_schema = ON")
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        rows = self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self._tables = {str(name) for (name,) in rows}
        if not {"topics", "messages"} <= self._tables:
            shown = ", ".join(sorted(self._tables)) or "none"
            raise self._unusable(f"its tables are: {shown}; expected topics and messages")
        self._db.execute("SELECT id, name, type, serialization_format FROM topics LIMIT 0")
        self._db.execute("SELECT topic_id, timestamp, data FROM messages LIMIT 0")

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._db.close()

    def contents(self) -> DatabaseContents:
        """Read the table of contents; counts are taken from the messages themselves."""
        damage = [d] if (d := self._truncation()) else []
        topics, definitions, ros_distro = {}, {}, ""
        for row in self._table("topics", damage):
            if not isinstance(row["id"], int):
                continue
            topics[row["id"]] = Topic(
                name=str(row["name"]),
                type_name=str(row["type"]),
                serialization_format=str(row["serialization_format"]),
                offered_qos_profiles=str(row.get("offered_qos_profiles") or ""),
                type_description_hash=str(row.get("type_description_hash") or ""),
            )
        for row in self._table("message_definitions", damage):
            text = str(row.get("encoded_message_definition") or "").encode()
            definitions[str(row.get("topic_type"))] = (str(row.get("encoding") or ""), text)
        for row in self._table("schema", damage):
            ros_distro = str(row.get("ros_distro") or "")
        counts, odd, max_payload_bytes = self._counts(damage)
        return DatabaseContents(
            topics=topics,
            counts=counts,
            odd=odd,
            definitions=definitions,
            ros_distro=ros_distro,
            max_payload_bytes=max_payload_bytes,
            damage=tuple(damage),
        )

    def pages(
        self, topic_ids: Collection[int], max_payload_bytes: int, first: int = FIRST_ROW
    ) -> Iterator[Page | Gap]:
        """
        Yield the messages of *topic_ids* in the order of their row ids.

        Args:
            max_payload_bytes: Size of the largest message; so many rows make a page that it fits in memory.
            first: The row id to begin with.

        Yields:
            `Page`, and `Gap` for rows that have been counted but whose data cannot be read.
        """
        wanted = ", ".join(str(i) for i in sorted(topic_ids))
        where = f"AND topic_id IN ({wanted}) AND NOT {_ODD}"
        n = max(1, min(_PAGE_ROWS, _PAGE_BYTES // max(1, max_payload_bytes)))
        for rows in self._rows("topic_id, timestamp, data", where, first, n):
            if isinstance(rows, Gap):
                lost = self._counted(rows, where)
                if lost:
                    yield attrs.evolve(rows, lost=lost)
                continue
            ids, topics, times_ns, payloads = zip(*rows, strict=True)
            yield Page(
                first=ids[0],
                last=ids[-1],
                topic_ids=np.array(topics, np.int64),
                times_ns=np.array(times_ns, np.int64),
                payloads=payloads,
            )

    def _rows(
        self, columns: str, where: str, first: int, page_rows: int = _PAGE_ROWS
    ) -> Iterator[list[tuple[Any, ...]] | Gap]:
        """Yield rows page by page, and the gaps between what can be read."""
        sql = (
            f"SELECT rowid, {columns} FROM messages WHERE rowid >= ? {where} "  # noqa: S608 - our own text
            "ORDER BY rowid LIMIT ?"
        )
        n = page_rows
        while first <= _LAST_ROW:
            try:
                rows = self._db.execute(sql, (first, n)).fetchall()
            except (sqlite3.DatabaseError, OverflowError, MemoryError) as err:
                if n > 1:
                    n = max(1, n // 8)
                    continue
                end = self._next_readable(sql, first)
                yield Gap(first=first, end=end, reason=str(err), lost={})
                first = end
                continue
            if not rows:
                return
            yield rows
            first = rows[-1][0] + 1
            n = min(n * 2, page_rows)

    def _next_readable(self, sql: str, first: int) -> int:
        """Return the lowest row id from which *sql* works again: tried one by one, then by doubling."""

        def works(row: int) -> bool:
            try:
                self._db.execute(sql, (row, 1)).fetchall()
            except (sqlite3.DatabaseError, OverflowError, MemoryError):
                return False
            return True

        step = 1
        while step < _NEAR_ROWS:
            if works(first + step):
                return first + step
            step += 1
        bad = first + step - 1
        while not works(min(first + step, _LAST_ROW)):
            bad = first + step
            step *= 2
            if bad >= _LAST_ROW:
                return _LAST_ROW + 1
        good = min(first + step, _LAST_ROW)
        while good - bad > 1:
            middle = (good + bad) // 2
            if works(middle):
                good = middle
            else:
                bad = middle
        return good

    def _counted(self, gap: Gap, where: str) -> dict[int, int]:
        """Count the messages of a gap whose topic can be read though their data cannot."""
        found: Counter[int] = Counter()
        for rows in self._rows("topic_id", where, gap.first):
            if isinstance(rows, Gap):
                continue
            found.update(topic_id for row, topic_id in rows if row < gap.end)
            if rows[-1][0] >= gap.end:
                break
        return dict(found)

    def _counts(self, damage: list[Damage]) -> tuple[dict[int, Count], dict[int, int], int]:
        """Return counts and odd rows per topic id, and the size of the largest message."""
        try:
            return self._counts_at_once()
        except sqlite3.DatabaseError:
            return *self._counts_by_row(damage), _PAGE_BYTES // 16

    def _counts_at_once(self) -> tuple[dict[int, Count], dict[int, int], int]:
        """Let SQLite count; fails where a page cannot be read."""
        group = "SELECT topic_id, COUNT(*), MIN(timestamp), MAX(timestamp) FROM messages"
        largest, odd_rows = self._db.execute(
            f"SELECT MAX(LENGTH(data)), SUM({_ODD}) FROM messages"  # noqa: S608 - our own text
        ).fetchone()
        odd, where = {}, ""
        if odd_rows:
            rows = self._db.execute(f"{group} WHERE {_ODD} GROUP BY topic_id")
            odd = {i: n for i, n, *_ in rows if isinstance(i, int)}
            where = f"WHERE NOT {_ODD}"
        rows = self._db.execute(f"{group} {where} GROUP BY topic_id")
        counts = {i: Count(n, start, end) for i, n, start, end in rows}
        return counts, odd, int(largest or 0)

    def _counts_by_row(self, damage: list[Damage]) -> tuple[dict[int, Count], dict[int, int]]:
        """Count what can be read, row by row, and name the gaps."""
        counts: dict[int, Count] = {}
        for rows in self._rows("topic_id, timestamp", f"AND NOT {_ODD}", FIRST_ROW):
            if isinstance(rows, Gap):
                upto = f"to {rows.end - 1}" if rows.end < _LAST_ROW else "and all after it"
                since = max(rows.first, 0)
                damage.append(
                    Damage(
                        reason=f"The rows from {since} {upto} cannot be read ({rows.reason}).",
                        path=self.path,
                    )
                )
                continue
            _, topics, times_ns = np.array(rows, np.int64).T
            for topic_id in np.unique(topics).tolist():
                own = times_ns[topics == topic_id]
                old = counts.get(topic_id, Count(0, int(own[0]), int(own[0])))
                counts[topic_id] = Count(
                    old.messages + len(own),
                    min(old.start_ns, int(own.min())),
                    max(old.end_ns, int(own.max())),
                )
        return counts, {}

    def _table(self, name: str, damage: list[Damage]) -> list[dict[str, object]]:
        """Return the rows of a small table by column name; empty where the schema has no such table."""
        if name not in self._tables:
            return []
        try:
            cursor = self._db.execute(f"SELECT * FROM {name}")  # noqa: S608 - one of our own names
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except sqlite3.DatabaseError as err:
            reason = f"The table {name!r} cannot be read ({err})."
            damage.append(Damage(reason=reason, path=self.path))
            return []

    def _truncation(self) -> Damage | None:
        """Say whether the file is shorter than its header states."""
        if side_file(self._path, "-wal"):
            return None  # the log may hold the pages that the file lacks
        with self._path.open("rb") as stream:
            head = stream.read(100)
            size = stream.seek(0, 2)
        page_bytes = int.from_bytes(head[16:18], "big")
        stated = int.from_bytes(head[28:32], "big") * (65536 if page_bytes == 1 else page_bytes)
        # The stated size is valid only if it was written together with the last change.
        if size >= stated or head[24:28] != head[92:96]:
            return None
        reason = f"The file has {size} of its {stated} bytes; it was cut off."
        return Damage(reason=reason, byte_range=(size, stated), path=self.path)

    def _unusable(self, why: str) -> SourceError:
        """Make the error for a file that is not a bag."""
        msg = (
            f"Cannot read {str(self.path)!r} as a part of a ROS 2 bag: {why}. "
            "Check that it is a complete bag in sqlite3 storage."
        )
        return SourceError(msg, path=self.path)
