"""What is claimed, how strongly, and what is left to others."""

from pathlib import Path

import pytest
from mosaico_ingest_rosbag import mosaico_sources
from mosaico_ingest_rosbag.formats import Ros1Bag, Ros2Db3

from mosaico_ingest.plugin import SourceFile, Strength

SQLITE = b"SQLite format 3\0" + bytes(84)
TABLES = b"CREATE TABLE messages(id INTEGER)...CREATE TABLE topics(id INTEGER"


def a_file(name: str, head: bytes) -> SourceFile:
    """Return a file as sniffers see it."""
    return SourceFile(path=Path("/x") / name, size_bytes=len(head), mtime_ns=0, head=head)


def a_directory(*entries: str) -> SourceFile:
    """Return a directory as sniffers see it."""
    return SourceFile(path=Path("/x/bag"), size_bytes=9, mtime_ns=0, entries=entries, is_dir=True)


def test_both_kinds_are_handed_in():
    """The plugin hands in one format per kind of bag."""
    assert ["ros1bag", "ros2db3"] == [source.name for source in mosaico_sources()]


@pytest.mark.parametrize(
    ("file", "strength"),
    [
        (a_file("run.bag", b"#ROSBAG V2.0\n..."), Strength.MAGIC),
        (a_file("run", b"#ROSBAG V2.0\n..."), Strength.MAGIC),
        (a_file("run.BAG", b"garbage"), Strength.SUFFIX),
        (a_file("run.bag.active", b""), Strength.SUFFIX),
        (a_file("run.mcap", b"\x89MCAP0\r\n"), None),
        (a_directory("run.bag"), None),
    ],
)
def test_ros1_claims(file, strength):
    """The magic claims a ROS 1 bag; the name alone claims weakly, so that its fault can be told."""
    match = Ros1Bag().sniff(file)

    assert strength == (match.strength if match else None)


@pytest.mark.parametrize(
    ("file", "strength"),
    [
        (a_file("run", SQLITE + TABLES), Strength.MAGIC),
        (a_file("run.db3", SQLITE), Strength.STRUCTURE),
        (a_file("catalog.sqlite", SQLITE + b"CREATE TABLE topics (id)"), None),
        (a_file("run.csv.zst", b"\x28\xb5\x2f\xfd..."), None),
        (a_file("run.db3", b""), Strength.SUFFIX),
        (a_directory("metadata.yaml", "a_0.db3", "b_7.db3"), Strength.STRUCTURE),
        (a_directory("a_0.db3", "a_1.db3", "a_1.db3-wal"), Strength.STRUCTURE),
        (a_directory("a_0.db3.zstd"), Strength.STRUCTURE),
        (a_directory("drive.db3"), None),
        (a_directory("morning.db3", "evening.db3"), None),
        (a_directory("metadata.yaml", "a_0.mcap"), None),
        (a_directory(), None),
    ],
)
def test_ros2_claims(file, strength):
    """A directory is one bag if metadata.yaml or the numbers of its parts say so."""
    match = Ros2Db3().sniff(file)

    assert strength == (match.strength if match else None)
