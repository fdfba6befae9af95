"""The promises of every source format, kept by both kinds of bag."""

from pathlib import Path

import pytest
from mosaico_ingest_rosbag.formats import Ros1Bag, Ros2Db3

from mosaico_ingest.testing.source import SourceContract


class TestRos1Bag(SourceContract):
    """ROS 1 bags."""

    plugin_module = "mosaico_ingest_rosbag"
    heavy_modules = ("rosbags", "bz2", "lz4", "sqlite3", "ruamel")

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        return Ros1Bag()

    @pytest.fixture
    def recordings(self, ros1_bag):
        """One bag per compression."""
        bags = [ros1_bag(compression) for compression in ("none", "bz2", "lz4")]
        return {path: {t: len(own) for t, own in expected.items()} for path, expected in bags}


class TestRos2Db3(SourceContract):
    """ROS 2 bags."""

    plugin_module = "mosaico_ingest_rosbag"
    heavy_modules = ("rosbags", "bz2", "lz4", "sqlite3", "ruamel")

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        return Ros2Db3()

    @pytest.fixture
    def recordings(self, ros2_bag, split_bag):
        """A directory, a split directory and a bare file."""
        folder, expected = ros2_bag()
        counts = {topic: len(own) for topic, own in expected.items()}
        bare: Path = folder / "run.db3"
        return {folder: counts, split_bag[0]: counts, bare: counts}
