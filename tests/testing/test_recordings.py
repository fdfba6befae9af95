from collections import Counter

import numpy as np
import pytest
from mcap.reader import make_reader
from rosbags.typesys import Stores, get_typestore

from mosaico_ingest.testing.recordings import (
    START_NS,
    write_demo,
    write_imu,
    write_mix,
    write_pointclouds,
)


def read(path):
    """Return topic, log time and decoded message of every message, as two independent readers see them."""
    types = get_typestore(Stores.ROS2_HUMBLE)
    with path.open("rb") as file:
        return [
            (channel.topic, message.log_time, types.deserialize_cdr(message.data, schema.name))
            for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages()
        ]


def test_demo_has_five_sensors(tmp_path):
    """The demo's recording holds five sensors at their rates."""
    write_demo(tmp_path / "demo.mcap", seconds=2)

    assert {
        "/imu/data": 200,
        "/gps/fix": 10,
        "/joint_states": 100,
        "/camera/image_raw": 20,
        "/lidar/points": 20,
    } == Counter(topic for topic, _, _ in read(tmp_path / "demo.mcap"))


@pytest.mark.parametrize("compression", ["zstd", "lz4", "none"])
def test_same_arguments_same_bytes(tmp_path, compression):
    """The same arguments give the same bytes, under every compression."""
    write_imu(tmp_path / "one.mcap", 50, compression=compression)
    write_imu(tmp_path / "two.mcap", 50, compression=compression)

    assert (tmp_path / "one.mcap").read_bytes() == (tmp_path / "two.mcap").read_bytes()


def test_repeated_clouds_have_their_own_stamps(tmp_path):
    """Clouds that are written again and again differ in their stamp only."""
    write_pointclouds(tmp_path / "clouds.mcap", 10, points=640)
    clouds = [message for _, _, message in read(tmp_path / "clouds.mcap")]
    stamps = [
        cloud.header.stamp.sec * 10**9 + cloud.header.stamp.nanosec - START_NS for cloud in clouds
    ]

    assert [number * 100_000_000 for number in range(10)] == stamps
    np.testing.assert_array_equal(clouds[0].data, clouds[8].data)
    assert not np.array_equal(clouds[0].data, clouds[1].data)


def test_mix_is_merged_by_time(tmp_path):
    """Ten topics are written in the order of their stamps, and all of them are counted."""
    declared = write_mix(tmp_path / "mix.mcap", 1)
    messages = read(tmp_path / "mix.mcap")

    assert (declared, 10) == (len(messages), len({topic for topic, _, _ in messages}))
    assert sorted(time for _, time, _ in messages) == [time for _, time, _ in messages]
