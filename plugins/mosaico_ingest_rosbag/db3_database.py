"""
One SQLite file of a ROS 2 bag: opened without leaving a trace, read as far as it can be.

Must not know: other parts of the bag, channels. Next: `db3_parts`.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import attrs
import numpy as np

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage
from mosaico_ingest_rosbag.db3_pages import OddError, PageFile
from mosaico_ingest_rosbag.db3_rows import FAULTS, FIRST_ROW, LAST_ROW, Gap, Page, count_rows, pages
from mosaico_ingest_rosbag.db3_table import MessageTable

__all__ = ["Count", "Database", "DatabaseContents", "Topic", "side_file", "whole_pages"]


# The table as every recorder of bags makes it: what is stored in this order can be read without SQLite.
_MESSAGES = [("id", 1), ("topic_id", 0), ("timestamp", 0), ("data", 0)]

# The columns of interest; older schemas lack some.
_COLUMNS = {
    "topics": (
        "id",
        "name",
        "type",
        "serialization_format",
        "offered_qos_profiles",
        "type_description_hash",
    ),
    "message_definitions": ("topic_type", "encoding", "encoded_message_definition"),
    "schema": ("ros_distro",),
}


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
    """How many messages a topic has, and their first and last log time where those are numbers."""

    messages: int
    times_ns: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class DatabaseContents:
    """
    What a database holds.

    Args:
        topics, counts: By topic id.
        definitions: Encoding and text of the message definitions, by type.
        ros_distro: The distribution that recorded it, empty where it does not say.
        damage: What cannot be read.
    """

    topics: Mapping[int, Topic]
    counts: Mapping[int, Count]
    definitions: Mapping[str, tuple[str, bytes]]
    ros_distro: str
    damage: tuple[Damage, ...] = ()


def side_file(path: Path, ending: str) -> Path | None:
    """Return the file that SQLite left beside *path* (`-wal`, `-journal`), None without any content."""
    side = path.with_name(path.name + ending)
    try:
        return side if side.stat().st_size else None
    except OSError:
        return None


def whole_pages(path: Path) -> tuple[int, int]:
    """Return the bytes of *path* that are whole pages, and the bytes that its header states."""
    with path.open("rb") as stream:
        head = stream.read(100)
        size = stream.seek(0, 2)
    page_bytes = int.from_bytes(head[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else max(page_bytes, 512)
    # The stated size is valid only if it was written together with the last change.
    stated = int.from_bytes(head[28:32], "big") * page_bytes if head[24:28] == head[92:96] else 0
    return size - size % page_bytes, stated


class Database:
    """
    An open database.

    Without a write-ahead log beside it, the file is read as immutable. With one, it is read through a
    VFS without locks and with the log's index in memory: neither way writes or creates a file. Messages of
    an immutable file are taken from its pages, by numpy; SQLite reads on where these are not as expected.

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
        self._messages: MessageTable | None = None
        mode = "vfs=unix-none" if side_file(path, "-wal") else "immutable=1"
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro&{mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
        except FAULTS as err:
            raise self._unusable(str(err)) from err
        try:
            self._prepare()
        except FAULTS as err:
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
            why = f"its tables are: {shown}; expected topics and messages"
            raise self._unusable(why)
        (encoding,) = self._db.execute("PRAGMA encoding").fetchone()
        if encoding != "UTF-8":  # joined payloads would be converted
            why = f"its text is {encoding}; expected UTF-8"
            raise self._unusable(why)
        self._db.execute("SELECT id, name, type, serialization_format FROM topics LIMIT 0")
        self._db.execute("SELECT topic_id, timestamp, data FROM messages LIMIT 0")
        if not side_file(self._path, "-wal"):
            self._messages = self._direct()

    def _direct(self) -> MessageTable | None:
        """Return the table of messages as pages of the file, None if it is not as recorders make it."""
        columns = self._db.execute("PRAGMA table_info(messages)").fetchall()
        is_usual = [(name, key) for _, name, _, _, _, key in columns] == _MESSAGES
        if not is_usual or str(columns[0][2]).upper() != "INTEGER":
            return None
        sql = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'messages'"
        roots = self._db.execute(sql).fetchall()
        if len(roots) != 1 or not isinstance(roots[0][0], int):
            return None
        try:
            return MessageTable(PageFile(self._path), roots[0][0])
        except (OSError, OddError):
            return None

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._db.close()
        if self._messages is not None:
            self._messages.close()

    def contents(self) -> DatabaseContents:
        """Read the table of contents; counts are taken from the messages themselves."""
        damage: list[Damage] = []
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
        return DatabaseContents(
            topics=topics,
            counts=self._counts(damage),
            definitions=definitions,
            ros_distro=ros_distro,
            damage=tuple(damage),
        )

    def pages(self, topic_ids: Collection[int], first: int = FIRST_ROW) -> Iterator[Page | Gap]:
        """Yield the messages of *topic_ids* from row id *first* on; see `db3_rows.pages`."""
        if self._messages is not None:
            try:
                for item in self._messages.pages(topic_ids, first):
                    first = max(first, item.end if isinstance(item, Gap) else item.last + 1)
                    yield item
            except OddError:
                pass
            else:
                return
        yield from pages(self._db, topic_ids, first)

    def _counts(self, damage: list[Damage]) -> dict[int, Count]:
        """Count the messages per topic id, by SQLite if need be, around what cannot be read."""
        if self._messages is not None:
            try:
                counts, times_ns = self._messages.counts()
            except OddError:
                pass
            else:
                return {topic_id: Count(n, times_ns[topic_id]) for topic_id, n in counts.items()}
        sql = "SELECT topic_id, COUNT(*), MIN(timestamp), MAX(timestamp) FROM messages GROUP BY topic_id"
        try:
            rows = self._db.execute(sql).fetchall()
        except FAULTS:
            return self._counts_by_row(damage)
        return {
            topic_id: Count(n, tuple(t for t in times_ns if isinstance(t, int)))
            for topic_id, n, *times_ns in rows
            if isinstance(topic_id, int)
        }

    def _counts_by_row(self, damage: list[Damage]) -> dict[int, Count]:
        """Count what can be read, and name the gaps."""
        counts: dict[int, Count] = {}
        for item in count_rows(self._db):
            if isinstance(item, Gap):
                upto = f"to {item.end - 1}" if item.end < LAST_ROW else "on"
                reason = (
                    f"The rows from {max(item.first, 0)} {upto} cannot be read ({item.reason})."
                )
                damage.append(Damage(reason=reason, path=self.path))
                for topic_id, n in item.counts.items():  # reading tells that these are lost
                    old = counts.get(topic_id, Count(0))
                    counts[topic_id] = attrs.evolve(old, messages=old.messages + n)
                continue
            topic_ids, times_ns = item
            for topic_id in np.unique(topic_ids).tolist():
                own = times_ns[topic_ids == topic_id]
                old = counts.get(topic_id, Count(0))
                times = (*old.times_ns, int(own.min()), int(own.max()))
                counts[topic_id] = Count(old.messages + len(own), (min(times), max(times)))
        return counts

    def _table(self, name: str, damage: list[Damage]) -> list[dict[str, object]]:
        """Return the rows of a small table by column name; empty where the schema has no such table."""
        if name not in self._tables:
            return []
        try:
            there = {column for _, column, *_ in self._db.execute(f"PRAGMA table_info({name})")}
            columns = [column for column in _COLUMNS[name] if column in there]
            rows = self._db.execute(f"SELECT {', '.join(columns) or 1} FROM {name}")  # noqa: S608 - our own names
            return [dict(zip(columns, row, strict=False)) for row in rows]
        except FAULTS as err:
            reason = f"The table {name!r} cannot be read ({err})."
            damage.append(Damage(reason=reason, path=self.path))
            return []

    def _unusable(self, why: str) -> SourceError:
        """Make the error for a file that is not a bag."""
        msg = (
            f"Cannot read {str(self.path)!r} as a part of a ROS 2 bag: {why}. "
            "Check that it is a complete bag in sqlite3 storage."
        )
        return SourceError(msg, path=self.path)
