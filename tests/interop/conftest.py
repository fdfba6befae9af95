"""An embedded server with real recordings in it, for the public SDK to meet."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.server.runner import ServerProcess
from mosaico_ingest.testing.recordings import write_demo

RECORDINGS = (
    "ros1/cra-ros-pkg+robot_localization/test/test1.bag",
    "ros1/eric-wieser+ros_numpy/test/test.bag",
    "ros1/foxglove+rosbag/example.bag",
    "ros1/ros2+rosbag2_bag_v2/test_bag_end_to_end.bag",
    "mcap/rerun-io+rerun/crates/store/re_data_loader/tests/assets/rosbag2_2025_09_10-13_03_56_0.mcap",
)


@attrs.frozen
class Platform:
    """
    A server with recordings.

    Args:
        server: Where it is.
        ours: Our client of it.
        sequences: The recording of each sequence.
    """

    server: ServerProcess
    ours: MosaicoClient
    sequences: dict[str, Path]


@pytest.fixture(scope="session")
def platform(shared_data, tmp_path_factory) -> Iterator[Platform]:
    """The demo and five recordings of public projects, ingested into an embedded server."""
    folder = tmp_path_factory.mktemp("interop")
    demo = folder / "demo.mcap"
    write_demo(demo, seconds=2)
    paths = [demo, *(shared_data / name for name in RECORDINGS)]
    with (
        serve(folder / "store") as server,
        MosaicoClient.connect(server.host, server.port) as ours,
    ):
        report = ingest(paths, client=ours)
        assert 0 == report.exit_code
        yield Platform(server, ours, {r.sequence: Path(r.path) for r in report.recordings})
