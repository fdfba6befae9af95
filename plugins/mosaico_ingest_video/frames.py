"""
Frames as JPEG pictures, for codecs that the ontology has no format for, or on request.

Must not know: clocks. Next: `reading`.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mosaico_ingest_video.container import MAX_PIXELS

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["Frames"]

_QUALITY = 3 * 118  # FFmpeg's scale: 2 is best; 118 is its unit


class Frames:
    """Decodes the packets of one open stream and encodes each frame as JPEG."""

    def __init__(self, stream: Any) -> None:
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        self._context = stream.codec_context
        self._encoder: Any = None
        self._count = 0

    def make(self, packet: "Packet[Any] | None") -> "Sequence[Packet[Any]]":
        """Return the pictures that *packet* completes; None ends the stream."""
        return [done for frame in self._context.decode(packet) for done in self._picture(frame)]

    def before(self, packet: "Packet[Any]") -> bytes:
        """Return nothing: a picture is whole."""
        return b""

    def _picture(self, frame: Any) -> "Sequence[Packet[Any]]":
        """Encode one frame; every size gets an encoder of its own."""
        import av

        encoder: Any = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (frame.width, frame.height):
            encoder = self._encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
            encoder.time_base = Fraction(1, 1000)  # its own; pictures keep their ticks
            encoder.color_range = 2
            encoder.qscale, encoder.global_quality = True, _QUALITY
            encoder.thread_count = 1
        picture = frame.reformat(format="yuvj420p", dst_color_range="JPEG")
        picture.pts, picture.time_base, picture.pict_type = self._count, encoder.time_base, 0
        self._count += 1
        packets: Sequence[Packet[Any]] = encoder.encode(picture)
        for packet in packets:  # one: the encoder holds nothing back
            packet.pts = packet.dts = frame.pts
        return packets
