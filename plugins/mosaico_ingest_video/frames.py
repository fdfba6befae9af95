"""
Frames as JPEG pictures, for codecs that the ontology has no format for, or on request.

Must not know: clocks. Next: `reading`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mosaico_ingest_video.container import MAX_PIXELS
from mosaico_ingest_video.packets import Item

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

    def __call__(self, packet: "Packet[Any] | None") -> Sequence[Item]:
        """Return the pictures that *packet* completes; None ends the stream."""
        return [self._picture(frame) for frame in self._context.decode(packet)]

    def _picture(self, frame: Any) -> Item:
        """Encode one frame; every size gets an encoder of its own."""
        import av

        encoder: Any = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (frame.width, frame.height):
            encoder = self._encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
            encoder.time_base = frame.time_base or self._context.time_base or 1
            encoder.color_range = 2
            encoder.qscale, encoder.global_quality = True, _QUALITY
            encoder.thread_count = 1
        picture = frame.reformat(format="yuvj420p", dst_color_range="JPEG")
        picture.pts, picture.pict_type = self._count, 0
        self._count += 1
        data = b"".join(bytes(packet) for packet in encoder.encode(picture))
        return Item(data, len(data), frame.pts, frame.pts, b"", is_key=True)
