"""
Rules for times, headers, paths and maps.

Next: `sensors`.
"""

import pyarrow as pa

from mosaico_ingest_ros.mapping.geometry import pose, vector
from mosaico_ingest_ros.mapping.recipes import Column, Each, Group, Recipe
from mosaico_ingest_ros.mapping.rule import Rule

__all__ = ["NAVIGATION"]

F32, U32 = pa.float32(), pa.uint32()


def _stamp(path: str) -> dict[str, Recipe]:
    under = f"{path}." if path else ""
    return {
        "seconds": Column(f"{under}sec", pa.int32()),
        "nanoseconds": Column(f"{under}nanosec", U32),
    }


def _map(path: str) -> dict[str, Recipe]:
    under = f"{path}." if path else ""
    return {
        "load_time": Group(_stamp(f"{under}map_load_time")),
        "resolution": Column(f"{under}resolution", F32),
        "width": Column(f"{under}width", U32),
        "height": Column(f"{under}height", U32),
        "origin": Group(pose(f"{under}origin")),
    }


_HEADER = Group(
    {
        "timestamp": Group(_stamp("header.stamp")),
        "frame_id": Column("header.frame_id", pa.string()),
        "sample_counter": Column("header.seq", pa.uint64(), is_optional=True),
    }
)

NAVIGATION: dict[str, tuple[Rule, ...]] = {
    "builtin_interfaces/Time": (Rule(tag="time", fields=_stamp("")),),
    "builtin_interfaces/Duration": (Rule(tag="duration", fields=_stamp("")),),
    "std_msgs/Time": (Rule(tag="time", fields=_stamp("data")),),
    "std_msgs/Duration": (Rule(tag="duration", fields=_stamp("data")),),
    "rosgraph_msgs/Clock": (Rule(tag="time", fields=_stamp("clock")),),
    "std_msgs/Header": (
        Rule(tag="header", fields={"timestamp": Group(_stamp("stamp"))}, header=""),
    ),
    "nav_msgs/Path": (
        Rule(
            tag="robot_path",
            fields={"poses": Each("poses", Group({"header": _HEADER, **pose("pose")}))},
        ),
    ),
    "nav_msgs/MapMetaData": (Rule(tag="map_metadata", fields=_map("")),),
    "nav_msgs/OccupancyGrid": (
        Rule(
            tag="occupancy_grid",
            fields={
                "info": Group(_map("info")),
                "data": Column("data", pa.list_(pa.int8())),
            },
        ),
    ),
    "nav_msgs/GridCells": (
        Rule(
            tag="grid_cells",
            fields={
                "cell_width": Column("cell_width", F32),
                "cell_height": Column("cell_height", F32),
                "cells": Each("cells", vector("")),
            },
        ),
    ),
}
