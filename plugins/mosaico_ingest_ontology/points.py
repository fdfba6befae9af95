"""
Clouds of points: as a packed blob, or as one list per quantity, all of the same length.

Next: `values`.
"""

import pyarrow as pa

from mosaico_ingest.plugin import Ontology
from mosaico_ingest_ontology.structs import POINT_FIELD, maybe, must, ontology

__all__ = ["POINTS"]

F32, F64, U8, U16 = pa.float32(), pa.float64(), pa.uint8(), pa.uint16()


def _cloud(tag: str, summary: str, **quantities: pa.DataType) -> Ontology:
    """Return a type of decoded clouds: x, y, z of every point, and *quantities* where known."""
    axes = [must(axis, pa.list_(F32)) for axis in "xyz"]
    others = [maybe(name, pa.list_(kind)) for name, kind in quantities.items()]
    return ontology(tag, [*axes, *others], summary)


POINTS = (
    ontology(
        "point_cloud2",
        [
            must("height", pa.uint32()),
            must("width", pa.uint32()),
            must("fields", pa.list_(POINT_FIELD)),
            must("is_bigendian", pa.bool_()),
            must("point_step", pa.uint32()),
            must("row_step", pa.uint32()),
            must("data", pa.binary()),
            must("is_dense", pa.bool_()),
        ],
        "Packed points: height x width of them, point_step bytes each, laid out by fields.",
    ),
    ontology(
        "point_field",
        POINT_FIELD,
        "One quantity of packed points: offset (bytes), type code, count.",
    ),
    _cloud(
        "lidar",
        "Decoded lidar points: x, y, z, range (m), angles (rad), times in the scan (s).",
        intensity=F32,
        reflectivity=U16,
        beam_id=U16,
        range=F32,
        near_ir=F32,
        azimuth=F32,
        elevation=F32,
        confidence=U8,
        return_type=U8,
        point_timestamp=F64,
    ),
    _cloud(
        "radar",
        "Decoded radar detections: x, y, z, range (m), angles (rad), speeds (m/s).",
        range=F32,
        azimuth=F32,
        elevation=F32,
        rcs=F32,
        snr=F32,
        doppler_velocity=F32,
        vx=F32,
        vy=F32,
        vx_comp=F32,
        vy_comp=F32,
        ax=F32,
        ay=F32,
        radial_speed=F32,
    ),
    _cloud("rgbd_camera", "Decoded colour and depth points (m).", rgb=F32, intensity=F32),
    _cloud(
        "stereo_camera",
        "Decoded stereo points (m), brightness and cost of the match.",
        rgb=F32,
        intensity=F32,
        luma=U8,
        cost=U8,
    ),
    _cloud(
        "tof_camera",
        "Decoded time-of-flight points (m), noise and brightness.",
        rgb=F32,
        intensity=F32,
        noise=F32,
        grayscale=F32,
    ),
)
