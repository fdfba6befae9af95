"""Bags of public projects, compared with what independent readers find in them."""

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from mosaico_ingest.errors import SourceError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
BAGS = sorted(str(path.relative_to(SHARED)) for path in SHARED.rglob("*.bag"))
DATABASES = sorted(str(path.relative_to(SHARED)) for path in SHARED.rglob("*.db3"))
BROKEN = {
    "ros1/DERIVED/test1_corrupt_bz2_chunk.bag",
    "ros1/foxglove+rosbag/empty-file.bag",
}
TEST1 = "ros1/cra-ros-pkg+robot_localization/test/test1.bag"


def by_rosbags(path: Path) -> dict[str, list[tuple[int, bytes]]]:
    """Return all messages per topic as rosbags reads them."""
    topics: dict[str, list[tuple[int, bytes]]] = {}
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        for connection, time_ns, payload in reader.messages():
            topics.setdefault(connection.topic, []).append((time_ns, bytes(payload)))
    return topics


def by_sqlite(path: Path) -> dict[str, list[tuple[int, bytes]]]:
    """Return all messages per topic as sqlite3 reads them, zstd frames unpacked."""
    topics: dict[str, list[tuple[int, bytes]]] = {}
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    rows = database.execute(
        "SELECT name, timestamp, data FROM messages JOIN topics ON topic_id = topics.id ORDER BY messages.id"
    )
    for topic, time_ns, payload in rows:
        plain = payload
        if payload.startswith(b"\x28\xb5\x2f\xfd"):
            with pa.CompressedInputStream(pa.BufferReader(payload), "zstd") as stream:
                plain = stream.read()
        topics.setdefault(topic, []).append((time_ns, plain))
    database.close()
    return topics


@pytest.mark.parametrize("name", [name for name in BAGS if name not in BROKEN])
def test_ros1_bags_give_what_rosbags_reads(shared_data, read, name):
    """Every payload and time of a ROS 1 bag is what rosbags reads, per topic."""
    info, topics, damage = read(shared_data / name)

    expected = by_rosbags(shared_data / name)
    assert {t: sorted(own) for t, own in expected.items()} == {
        t: sorted(own) for t, own in topics.items()
    }
    assert sum(map(len, expected.values())) == info.messages
    assert ([], ()) == (damage, info.damage)


@pytest.mark.parametrize("name", DATABASES)
def test_databases_give_what_sqlite_reads(shared_data, read, name):
    """Every payload and time of a .db3 is what sqlite3 reads, in the order of the rows."""
    info, topics, damage = read(shared_data / name)

    expected = by_sqlite(shared_data / name)
    assert expected == topics
    assert sum(map(len, expected.values())) == info.messages
    assert ([], ()) == (damage, info.damage)


@pytest.mark.parametrize("name", ["cdr_test", "wbag"])
def test_directories_give_what_rosbags_reads(shared_data, read, name):
    """The parts of a ROS 2 bag together are what rosbags reads."""
    (folder,) = (p for p in shared_data.rglob(name) if p.is_dir() and [*p.glob("*.db3")])
    _, topics, _ = read(folder)

    expected = by_rosbags(folder)
    assert {t: sorted(own) for t, own in expected.items()} == {
        t: sorted(own) for t, own in topics.items()
    }


def test_damaged_chunk_costs_that_chunk_only(shared_data, read):
    """A broken bz2 chunk is named with byte range, time range and counts; all other messages come."""
    whole_info, whole, _ = read(shared_data / TEST1)
    info, topics, damage = read(shared_data / "ros1/DERIVED/test1_corrupt_bz2_chunk.bag")

    (broken,) = damage
    lost = {c.topic: broken.lost[c.id] for c in info.channels}
    assert {"/imu/data": 1244, "/husky_velocity_controller/odom": 414, "/fix": 104} == lost
    assert whole_info.messages == info.messages
    first, last = broken.time_range_ns
    for topic, own in topics.items():
        missing = sorted(set(whole[topic]) - set(own))
        assert lost[topic] == len(missing)
        assert all(first <= time_ns <= last for time_ns, _ in missing)
        gone = set(missing)
        assert own == [row for row in whole[topic] if row not in gone]
    assert (766584, 914872) == broken.byte_range


def test_empty_bag_is_refused_clearly(shared_data, read):
    """A file of 0 bytes is refused with what to do."""
    with pytest.raises(
        SourceError, match=r"is empty \(0 bytes\).*copy it again or leave it out\.$"
    ):
        read(shared_data / "ros1/foxglove+rosbag/empty-file.bag")


def test_wrong_metadata_is_told(shared_data, read):
    """Where metadata.yaml contradicts the data, the data count and the difference is a finding."""
    info, _, _ = read(shared_data / "ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag")

    assert (1000, 2998) == (info.start_ns, info.end_ns)
    assert (
        "metadata.yaml says 411 ns from 2623, the data span 1998 ns from 1000.",
    ) == info.findings


def test_messages_packed_one_by_one_are_unpacked(shared_data, read):
    """Message-level zstd is seen in the payloads: a single part gives what the whole bag gives."""
    folder = shared_data / "ros2/ASSEMBLED/message_compression"
    _, whole, _ = read(folder)
    _, first, _ = read(folder / "message_compression_0.db3")

    assert 1127 == sum(map(len, whole.values()))
    assert all(payload.startswith(b"\0\1\0\0") for own in whole.values() for _, payload in own)
    assert first["/topic"] == whole["/topic"][: len(first["/topic"])]


def test_packed_files_are_unpacked(shared_data, read):
    """File-level zstd: the directory and its stand-alone part give the same messages as rosbags."""
    folder = shared_data / "ros2/Extelligence-ai+bagel/db3_zstd"
    info, topics, _ = read(folder)
    _, alone, _ = read(folder / "part_0.db3.zstd")

    assert by_rosbags(folder) == topics
    assert topics == alone
    assert {"zstd": 1} == info.compression
    assert (folder / "part_0.db3.zstd",) == info.files
