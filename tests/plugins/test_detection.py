"""Whatever a recording is called, its content says what it is."""

import shutil

import pytest

import mosaico_ingest as mi
from mosaico_ingest.pipeline.searching import find

MCAP = "mcap/DERIVED/demo_lz4.mcap"
ROS1 = "ros1/foxglove+rosbag/example-lz4.bag"
DB3 = "ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag/wbag_0.db3"
MP4 = "video/PlotJuggler+pj-mcap-server/PJ4/pj_scene2D/testdata/test_h264_bframes.mp4"


@pytest.fixture(scope="module")
def sources():
    """Every format that is installed."""
    return mi.Host.discover().registry.sources


@pytest.mark.parametrize(
    "case",
    [
        (MCAP, "RUN.MCAP", "mcap"),
        (MCAP, "run", "mcap"),
        (MCAP, "run.bag", "mcap"),
        (MCAP, "run.db3", "mcap"),
        (MCAP, "run.mcap.active", "mcap"),
        (ROS1, "run.bag.active", "ros1bag"),
        (ROS1, "run.mcap", "ros1bag"),
        (ROS1, "run", "ros1bag"),
        (DB3, "RUN.DB3", "ros2db3"),
        (DB3, "run.bag", "ros2db3"),
        (DB3, "run", "ros2db3"),
        (MP4, "run", "video"),
        (MP4, "run.csv", "video"),
    ],
)
def test_content_counts_and_the_name_does_not(case, shared_data, tmp_path, sources):
    """Upper case, no ending and a wrong one change nothing, whether a file is named or found."""
    original, name, source = case
    path = tmp_path / name
    shutil.copy(shared_data / original, path)

    for start in (path, tmp_path):
        (found,) = find([start], sources).recordings
        assert (path, source, "") == (found.path, found.source, found.error)


@pytest.mark.parametrize(
    "case",
    [
        ("ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag", "ros2db3"),
        ("ros2/ros2+rosbag2/rosbag2_py/test/resources/mcap/wbag", "mcap"),
    ],
)
@pytest.mark.parametrize("has_metadata", [True, False])
def test_a_bag_is_one_recording_by_its_folder(case, has_metadata, shared_data, tmp_path, sources):
    """A split bag is one recording, also without metadata.yaml; it says why, and how to undo it."""
    bag, source = case
    folder = shutil.copytree(shared_data / bag, tmp_path / "bag")
    if not has_metadata:
        (folder / "metadata.yaml").unlink()
    (found,) = find([tmp_path], sources).recordings

    assert (folder, source) == (found.path, found.source)
    assert "--no-group" in found.grouping
    assert 6074 == mi.inspect(tmp_path)[0].info.messages


def test_a_split_whose_recorder_died_is_one_recording(shared_data, tmp_path, sources):
    """The last part of a ROS 1 bag may still be called `.active`."""
    names = ["drive_0.bag", "drive_1.bag", "drive_2.bag.active"]
    for name in [*names, "other.bag"]:
        shutil.copy(shared_data / ROS1, tmp_path / name)
    drive, other = find([tmp_path], sources).recordings

    assert names == [part.name for part in drive.parts]
    assert ("drive_*.bag", "other.bag") == (drive.path.name, other.path.name)
