"""
Plugin for ROS: the decoders `cdr` and `ros1`, and the mappers from ROS messages to ontology types.

Must not know: how recordings are read. Next: `decoding`, `mapping`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import Decoder, Mapper, hookimpl

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_decoders() -> Sequence[Decoder]:
    """Hand in `cdr` and `ros1`."""
    from mosaico_ingest_ros.decoding.decoder import CdrDecoder, Ros1Decoder

    return [CdrDecoder(), Ros1Decoder()]


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the mappers of the common ROS messages."""
    from mosaico_ingest_ros.mapping import mappers

    return mappers()
