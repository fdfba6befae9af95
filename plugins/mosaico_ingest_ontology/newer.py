"""
Types that the platform has from generation 0.6 on: times, headers, paths and maps.

A peer of generation 0.5 has no model for them; their columns keep that generation's conventions, with
a stamp as its whole seconds and nanoseconds.

Next: `fallback`.
"""

import pyarrow as pa

from mosaico_ingest_ontology.structs import COVARIANCE, POSE, V3, V4, maybe, must, ontology

__all__ = ["NEWER"]

F32, U32 = pa.float32(), pa.uint32()

_STAMP = (must("seconds", pa.int32()), must("nanoseconds", U32))
_HEADER = pa.struct(
    [
        must("timestamp", pa.struct(_STAMP)),
        maybe("frame_id", pa.string()),
        maybe("sample_counter", pa.uint64()),
    ]
)
_STAMPED_POSE = pa.struct(
    [maybe("header", _HEADER), *COVARIANCE, must("position", V3), must("orientation", V4)]
)
_MAP = (
    must("load_time", pa.struct(_STAMP)),
    must("resolution", F32),
    must("width", U32),
    must("height", U32),
    must("origin", POSE),
)

NEWER = (
    ontology("time", _STAMP, "One point in time: seconds, and nanoseconds of the second."),
    ontology("duration", _STAMP, "One span of time: seconds, and nanoseconds of the second."),
    ontology(
        "header",
        [must("timestamp", pa.struct(_STAMP))],
        "Header without a message: its stamp; frame and number are in the envelope.",
    ),
    ontology(
        "robot_path",
        [must("poses", pa.list_(_STAMPED_POSE))],
        "Poses along a path (m), each with its own stamp and frame.",
    ),
    ontology(
        "map_metadata", _MAP, "Grid map: resolution (m per cell), size (cells), pose of cell 0, 0."
    ),
    ontology(
        "occupancy_grid",
        [must("info", pa.struct(_MAP)), must("data", pa.list_(pa.int8()))],
        "Grid map, cells by rows: 0 free to 100 occupied, -1 unknown.",
    ),
    ontology(
        "grid_cells",
        [must("cell_width", F32), must("cell_height", F32), must("cells", pa.list_(V3))],
        "Cells of a grid by their centres; widths and heights (m).",
    ),
)
