"""
What cameras see, and how they are built.

Next: `points`.
"""

import pyarrow as pa

from mosaico_ingest.plugin import Ontology, SerializationFormat
from mosaico_ingest_ontology.structs import ROI, V2, maybe, must, ontology

__all__ = ["IMAGES"]

F64, TEXT = pa.float64(), pa.string()

IMAGES = (
    Ontology(
        tag="image",
        fields=pa.schema(
            [
                must("data", pa.binary()),
                must("format", TEXT),
                must("width", pa.int32()),
                must("height", pa.int32()),
                must("stride", pa.int32()),
                must("encoding", TEXT),
                maybe("is_bigendian", pa.bool_()),
            ]
        ),
        format=SerializationFormat.Image,
        summary="Pixels, width and height (pixels), stride (bytes per row), encoding of a pixel.",
    ),
    Ontology(
        tag="compressed_image",
        fields=pa.schema([must("data", pa.binary()), must("format", TEXT)]),
        format=SerializationFormat.Image,
        summary="Picture or video packet as compressed: jpeg, png, tiff, h264, hevc.",
    ),
    ontology(
        "camera_info",
        [
            must("height", pa.uint32()),
            must("width", pa.uint32()),
            must("distortion_model", TEXT),
            must("distortion_parameters", pa.list_(F64)),
            must("intrinsic_parameters", pa.list_(F64, 9)),
            must("rectification_parameters", pa.list_(F64, 9)),
            must("projection_parameters", pa.list_(F64, 12)),
            maybe("binning", V2),
            maybe("roi", ROI),
        ],
        "Calibration of a camera: matrices by rows, size and region (pixels).",
    ),
    ontology("roi", ROI, "Region of an image (pixels)."),
)
