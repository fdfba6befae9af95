"""
The Arrow types that ontology types share, each composed once, and the words to state a type with.

A vector, pose or transform carries its own uncertainty: `COVARIANCE` columns come first, a matrix
flattened by rows and a number that says how to read it.

Must not know: tags. Next: `geometry`, `sensors`, `images`, `points`, `values`.
"""

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from mosaico_ingest.plugin import Ontology

__all__ = [
    "COVARIANCE",
    "GPS_STATUS",
    "LIN_ANG",
    "POINT_FIELD",
    "POSE",
    "ROI",
    "TRANSFORM",
    "V2",
    "V3",
    "V4",
    "VARIANCE",
    "maybe",
    "must",
    "ontology",
]

F64: Final = pa.float64()


def must(name: str, kind: pa.DataType) -> pa.Field:
    """Return a field that is never null."""
    return pa.field(name, kind, nullable=False)


def maybe(name: str, kind: pa.DataType) -> pa.Field:
    """Return a field that may be null."""
    return pa.field(name, kind, nullable=True)


def ontology(tag: str, fields: Iterable[pa.Field], summary: str) -> Ontology:
    """Return the type *tag*: its columns after the envelope, in order."""
    return Ontology(tag=tag, fields=pa.schema(list(fields)), summary=summary)


COVARIANCE: Final = (maybe("covariance", pa.list_(F64)), maybe("covariance_type", pa.int16()))
VARIANCE: Final = (maybe("variance", F64), maybe("variance_type", pa.int16()))


def _vector(axes: str) -> pa.StructType:
    return pa.struct([*COVARIANCE, *(maybe(axis, F64) for axis in axes)])


V2: Final = _vector("xy")
V3: Final = _vector("xyz")
V4: Final = _vector("xyzw")
POSE: Final = pa.struct([*COVARIANCE, must("position", V3), must("orientation", V4)])
LIN_ANG: Final = pa.struct([*COVARIANCE, maybe("linear", V3), maybe("angular", V3)])
TRANSFORM: Final = pa.struct(
    [
        *COVARIANCE,
        must("translation", V3),
        must("rotation", V4),
        maybe("target_frame_id", pa.string()),
    ]
)
ROI: Final = pa.struct(
    [
        must("offset", V2),
        must("height", pa.uint32()),
        must("width", pa.uint32()),
        maybe("do_rectify", pa.bool_()),
    ]
)
GPS_STATUS: Final = pa.struct(
    [
        must("status", pa.int8()),
        must("service", pa.uint16()),
        maybe("satellites", pa.int8()),
        maybe("hdop", F64),
        maybe("vdop", F64),
    ]
)
POINT_FIELD: Final = pa.struct(
    [
        must("name", pa.string()),
        must("offset", pa.uint32()),
        must("datatype", pa.int64()),
        must("count", pa.uint32()),
    ]
)
