"""
How bags are recognised, and the way to their readers, which are imported only when one is opened.

Must not know: the inside of a bag. Next: `ros1_records`, then `db3_files`.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Match, Recording, SourceFile, Strength
from mosaico_ingest_rosbag.options import Db3Options, Ros1Options

__all__ = ["Ros1Bag", "Ros2Db3"]

_ROS1_MAGIC = b"#ROSBAG V2.0\n"
_OLD_MAGIC = re.compile(rb"#(?:ROSBAG|ROSRECORD) V(\d+\.\d+)")
_SQLITE_MAGIC = b"SQLite format 3\x00"
_TABLES = [re.compile(rb'CREATE TABLE "?%s"?\s*\(' % name) for name in (b"topics", b"messages")]
_PART = re.compile(r"(?P<base>.*?)(?:_(?P<number>\d+))?\.db3(?:\.zstd)?", re.IGNORECASE)


class Ros1Bag:
    """ROS 1 bag files of version 2.0."""

    name: str = "ros1bag"
    suffixes: Sequence[str] = (".bag", ".bag.active")
    splits = True
    options: type | None = Ros1Options
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Recognise the magic, or a file that only claims to be a bag."""
        if file.is_dir:
            return None
        if file.head.startswith(_ROS1_MAGIC):
            return Match(Strength.MAGIC, "begins with #ROSBAG V2.0")
        if file.path.name.lower().endswith(tuple(self.suffixes)):
            return Match(Strength.SUFFIX, "is called .bag")
        return None

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open the bag."""
        old = _OLD_MAGIC.match(file.head)
        if old and not file.head.startswith(_ROS1_MAGIC):
            msg = (
                f"{str(file.path)!r} is a bag of version {old[1].decode()}; expected 2.0. "
                "Convert it with `rosbag fix` or `rosbag reindex` of an old ROS 1."
            )
            raise SourceError(msg, path=file.path)
        _refuse_empty(file)
        from mosaico_ingest_rosbag.ros1_recording import Ros1Recording

        chosen = options if isinstance(options, Ros1Options) else Ros1Options()
        return Ros1Recording(file.path, chosen)


class Ros2Db3:
    """ROS 2 bags in SQLite: directories of parts, and single files, packed or not."""

    name: str = "ros2db3"
    suffixes: Sequence[str] = (".db3",)
    splits = True
    options: type | None = Db3Options
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Recognise a bag directory by its parts, a file by its magic."""
        if file.is_dir:
            return _sniff_directory(file)
        name = file.path.name.lower()
        if file.head.startswith(_SQLITE_MAGIC):
            return _sniff_database(file)
        if name.endswith(tuple(self.suffixes)):
            return Match(Strength.SUFFIX, "is called .db3")
        return None

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open the bag."""
        if not file.is_dir:
            _refuse_empty(file)
        from mosaico_ingest_rosbag.db3_recording import Db3Recording

        chosen = options if isinstance(options, Db3Options) else Db3Options()
        return Db3Recording(file.path, file.entries if file.is_dir else None, chosen)


def _sniff_database(file: SourceFile) -> Match | None:
    """Recognise a database by the tables in its first pages; other databases are not ours."""
    if all(table.search(file.head) for table in _TABLES):
        return Match(Strength.MAGIC, "is an SQLite database with the tables of a bag")
    if file.path.name.lower().endswith(".db3"):  # a log beside it may hold the tables
        return Match(Strength.STRUCTURE, "is an SQLite database called .db3")
    return None


def _sniff_directory(file: SourceFile) -> Match | None:
    """
    Recognise a directory that is one bag.

    Without metadata.yaml only parts that are numbered alike belong together; other files are
    recordings of their own.
    """
    parts = [match for name in file.entries if (match := _PART.fullmatch(PurePath(name).name))]
    if not parts:
        return None
    if "metadata.yaml" in file.entries:
        return Match(Strength.STRUCTURE, f"holds metadata.yaml and {len(parts)} .db3 parts")
    if len({part["base"] for part in parts}) == 1 and all(part["number"] for part in parts):
        return Match(Strength.STRUCTURE, f"holds {len(parts)} .db3 parts without metadata.yaml")
    return None


def _refuse_empty(file: SourceFile) -> None:
    """Raise for a file without a single byte."""
    if not file.size_bytes:
        msg = (
            f"{str(file.path)!r} is empty (0 bytes); expected a bag. "
            "Nothing was recorded or the copy failed: copy it again or leave it out."
        )
        raise SourceError(msg, path=file.path)
