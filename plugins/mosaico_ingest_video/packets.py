"""
Packets as they will be stored: Annex B with its parameter sets before each key frame, whole JPEG pictures.

Must not know: files, clocks. Next: `tray`, `reading`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mosaico_ingest_video.container import Stream

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["AnnexB", "Prepare", "is_broken", "parameter_sets", "preparation"]

_START_CODE = re.compile(rb"\x00\x00\x01")
_LEADING = 64 * 1024
_SETS = {"h264": frozenset({7, 8, 13, 15}), "hevc": frozenset({32, 33, 34})}
_FILTERS = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}


class Prepare(Protocol):
    """Makes packets as they will be stored."""

    @property
    def make(self) -> "Callable[[Packet[Any] | None], Sequence[Packet[Any]]]":
        """What a packet, which may be empty afterwards, becomes; None ends the stream."""

    def before(self, packet: "Packet[Any]") -> bytes:
        """Return what goes before the bytes of a key frame."""


def preparation(stream: Any, known: Stream) -> Prepare | None:
    """Return what prepares the packets of an open *stream*, None if they stay as they are."""
    if known.is_broken:
        return None
    if known.codec in _FILTERS:
        return AnnexB(stream, known)
    if known.codec == "mjpeg" and known.first and b"\xff\xc4" not in known.first:
        return _Filtered(stream, "mjpeg2jpeg")
    return None


def is_broken(stream: Any, known: Stream) -> bool:
    """Tell whether the packets of an open *stream* cannot be prepared at all."""
    import av

    try:
        preparation(stream, known)
    except (av.FFmpegError, ValueError):
        return True
    return False


class _Filtered:
    """Sends packets through one of FFmpeg's bitstream filters."""

    def __init__(self, stream: Any, name: str) -> None:
        from av.bitstream import BitStreamFilterContext

        self.make: Callable[[Packet[Any] | None], Sequence[Packet[Any]]]
        self.make = BitStreamFilterContext(name, stream).filter

    def before(self, packet: "Packet[Any]") -> bytes:
        """Return nothing."""
        return b""


class AnnexB(_Filtered):
    """H.264 and HEVC: units behind start codes, and each key frame can be decoded by itself."""

    def __init__(self, stream: Any, known: Stream) -> None:
        super().__init__(stream, _FILTERS[known.codec])
        self._codec = known.codec
        is_annex_b = known.extradata.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))
        self._sets = known.extradata if is_annex_b else b""

    def before(self, packet: "Packet[Any]") -> bytes:
        """Return the parameter sets, if a key frame comes without; remember them, if it brings them."""
        own = parameter_sets(bytes(memoryview(packet)[:_LEADING]), self._codec)
        if own:
            self._sets = own
            return b""
        return self._sets


def parameter_sets(data: bytes, codec: str) -> bytes:
    """Return the parameter sets that stand before the first picture in *data*, with their start codes."""
    return b"".join(
        b"\x00\x00\x00\x01" + data[start:end].rstrip(b"\0")
        for kind, start, end in _leading_units(data, codec)
        if kind in _SETS[codec]
    )


def _leading_units(data: bytes, codec: str) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start and end of every unit before the first that belongs to a picture."""
    is_avc = codec == "h264"
    match = _START_CODE.search(data)
    while match and match.end() < len(data):
        start = match.end()
        kind = data[start] & 0x1F if is_avc else data[start] >> 1 & 0x3F
        if (1 <= kind <= 5) if is_avc else kind < 32:
            return
        match = _START_CODE.search(data, start)
        yield kind, start, match.start() if match else len(data)
