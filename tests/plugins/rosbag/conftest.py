"""Bags to test with: written by rosbags, then damaged by hand where a test says so."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mosaico_ingest_rosbag.formats import Ros1Bag, Ros2Db3
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Ros2Writer
from rosbags.typesys import Stores, get_typestore

from mosaico_ingest.plugin import Damage, RecordingInfo
from mosaico_ingest.testing.source import read_rows, source_file

START_NS = 1_700_000_000_000_000_000
Topics = dict[str, list[tuple[int, bytes]]]
Read = tuple[RecordingInfo, Topics, list[Damage]]


@pytest.fixture(scope="session")
def read() -> Callable[[Path], Read]:
    """Read a whole bag: what it says of itself, (time, payload) per topic, and the damage met."""

    def read_bag(path: Path) -> Read:
        form = Ros2Db3() if path.is_dir() or ".db3" in path.name else Ros1Bag()
        with form.open(source_file(path), None) as recording:
            info = recording.info
            rows, damage = read_rows(recording)
        topics: Topics = {}
        for channel in info.channels:
            topics.setdefault(channel.topic, []).extend(
                (row[0], bytes(row[-1])) for row in rows.get(channel.id, [])
            )
        return info, {topic: own for topic, own in topics.items() if own}, damage

    return read_bag


@pytest.fixture
def ros1_bag(tmp_path: Path) -> Callable[..., tuple[Path, Topics]]:
    """Write a ROS 1 bag of text and numbers, about 4 kB per chunk, and say what is in it."""

    def write(compression: str = "none", messages: int = 300) -> tuple[Path, Topics]:
        types = get_typestore(Stores.ROS1_NOETIC)
        path = tmp_path / f"{compression}.bag"
        writer = Ros1Writer(path)
        writer.chunk_threshold = 4000
        if compression != "none":
            writer.set_compression(Ros1Writer.CompressionFormat[compression.upper()])
        expected: Topics = {"/text": [], "/number": []}
        with writer:
            text = writer.add_connection("/text", "std_msgs/msg/String", typestore=types)
            number = writer.add_connection("/number", "std_msgs/msg/Int32", typestore=types)
            for i in range(messages):
                topic, connection, payload = (
                    ("/number", number, i.to_bytes(4, "little"))
                    if i % 3
                    else ("/text", text, (i % 50).to_bytes(4, "little") + b"x" * (i % 50))
                )
                writer.write(connection, START_NS + i, payload)
                expected[topic].append((START_NS + i, payload))
        return path, expected

    return write


@pytest.fixture
def ros2_bag(tmp_path: Path) -> Callable[..., tuple[Path, Topics]]:
    """Write a ROS 2 bag directory with one .db3 file, and say what is in it."""

    def write(name: str = "run", messages: int = 300, size: int = 20) -> tuple[Path, Topics]:
        types = get_typestore(Stores.ROS2_HUMBLE)
        path = tmp_path / name
        expected: Topics = {"/text": [], "/number": []}
        with Ros2Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
            text = writer.add_connection("/text", "std_msgs/msg/String", typestore=types)
            number = writer.add_connection("/number", "std_msgs/msg/Int32", typestore=types)
            for i in range(messages):
                topic, connection = ("/number", number) if i % 3 else ("/text", text)
                payload = b"\0\1\0\0" + i.to_bytes(4, "little") * (1 if i % 3 else 1 + i % size)
                writer.write(connection, START_NS + i, payload)
                expected[topic].append((START_NS + i, payload))
        return path, expected

    return write


@pytest.fixture
def split_bag(ros2_bag: Callable[..., tuple[Path, Topics]]) -> tuple[Path, list[Path], Topics]:
    """A ROS 2 bag cut into three parts by hand, of 100 messages each; metadata.yaml names all three."""
    folder, expected = ros2_bag("split")
    whole = folder / "split.db3"
    content = whole.read_bytes()
    parts = [folder / f"split_{k}.db3" for k in range(3)]
    for k, part in enumerate(parts):
        part.write_bytes(content)
        database = sqlite3.connect(part)
        database.execute(
            "DELETE FROM messages WHERE timestamp < ? OR timestamp >= ?",
            (START_NS + 100 * k, START_NS + 100 * (k + 1)),
        )
        database.commit()
        database.execute("VACUUM")
        database.close()
    whole.unlink()
    metadata = folder / "metadata.yaml"
    listed = "".join(f"  - {part.name}\n" for part in parts)
    metadata.write_text(metadata.read_text().replace("  - split.db3\n", listed, 1))
    assert listed in metadata.read_text()
    return folder, parts, expected
