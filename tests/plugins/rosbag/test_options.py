"""Limits against hostile bags, each told with the flag that lifts it, and the distribution to name."""

import sqlite3

import pytest
from mosaico_ingest_rosbag.formats import Ros1Bag, Ros2Db3
from mosaico_ingest_rosbag.options import Db3Options, Ros1Options

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import read_rows, source_file


@pytest.mark.parametrize("compression", ["none", "bz2", "lz4"])
def test_a_chunk_that_is_too_large_costs_itself(ros1_bag, compression):
    """A chunk larger than allowed is damage that names the flag and counts what it costs."""
    path, expected = ros1_bag(compression)
    with Ros1Bag().open(source_file(path), Ros1Options(max_record_bytes=1000)) as recording:
        rows, damage = read_rows(recording)
    lost = sum(sum(found.lost.values()) for found in damage)

    assert {True} == {"--max-record-bytes 1000" in found.reason for found in damage}
    assert sum(map(len, expected.values())) == lost + sum(map(len, rows.values()))
    assert lost


@pytest.mark.parametrize("kind", ["ros1", "ros2"])
def test_too_many_channels_are_refused(kind, ros1_bag, ros2_bag):
    """A bag of more channels than allowed is refused with the flag."""
    path, _ = ros1_bag() if kind == "ros1" else ros2_bag()
    form, options = (Ros1Bag(), Ros1Options) if kind == "ros1" else (Ros2Db3(), Db3Options)

    with pytest.raises(SourceError, match="--max-channels 1 allows"):
        form.open(source_file(path), options(max_channels=1))


def test_the_distribution_is_named(ros2_bag):
    """Where the bag does not name its distribution, the user's word is on every channel."""
    path = ros2_bag()[0] / "run.db3"
    database = sqlite3.connect(path)
    database.execute("UPDATE schema SET ros_distro = ''")
    database.commit()
    database.close()
    with Ros2Db3().open(source_file(path), Db3Options(ros_distro="iron")) as recording:
        named = {channel.metadata.get("ros_distro") for channel in recording.info.channels}

    assert {"iron"} == named
