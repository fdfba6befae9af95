"""
Source plugin for ROS bags: ROS 1 `.bag` files, ROS 2 bag directories and bare `.db3` files.

Must not know: how payloads are decoded or mapped. Next: `formats`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import SourceFormat, hookimpl

__all__ = ["MOSAICO_API", "mosaico_sources"]

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_sources() -> Sequence[SourceFormat]:
    """Hand in the two kinds of bag."""
    from mosaico_ingest_rosbag.formats import Ros1Bag, Ros2Db3

    return [Ros1Bag(), Ros2Db3()]
