"""
Packets as they will be stored: Annex B with its parameter sets before each key frame, whole JPEG pictures.

Must not know: files, clocks. Next: `tray`, `reading`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mosaico_ingest_video.container import Stream

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["Item", "Prepare", "preparation"]

_START_CODE = re.compile(rb"\x00\x00\x01")
_LEADING = 64 * 1024
_SETS = {"h264": frozenset({7, 8, 13, 15}), "hevc": frozenset({32, 33, 34})}
_FILTERS = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}


class Item(NamedTuple):
    """
    One message: its bytes (anything with the buffer protocol), ticks of showing and decoding.

    `before` goes before the bytes; a decoder can start at one that `is_key`.
    """

    data: Any
    size: int
    pts: int | None
    dts: int | None
    before: bytes
    is_key: bool


class Prepare(Protocol):
    """Makes messages of packets."""

    def __call__(self, packet: "Packet[Any] | None") -> Sequence[Item]:
        """Return the messages of *packet*, which may be empty afterwards; None ends the stream."""


def preparation(stream: Any, known: Stream) -> Prepare | None:
    """Return what makes messages of the packets of an open *stream*, None if they stay as they are."""
    if known.codec in _FILTERS:
        return AnnexB(stream, known)
    if known.codec == "mjpeg" and b"\xff\xc4" not in known.first:
        return _Filtered(stream, "mjpeg2jpeg")
    return None


class _Filtered:
    """Sends packets through one of FFmpeg's bitstream filters."""

    def __init__(self, stream: Any, name: str) -> None:
        from av.bitstream import BitStreamFilterContext

        self._filter = BitStreamFilterContext(name, stream)

    def __call__(self, packet: "Packet[Any] | None") -> Sequence[Item]:
        return [
            Item(done, done.size, done.pts, done.dts, b"", done.is_keyframe)
            for done in self._filter.filter(packet)
        ]


class AnnexB(_Filtered):
    """H.264 and HEVC: units behind start codes, and each key frame can be decoded by itself."""

    def __init__(self, stream: Any, known: Stream) -> None:
        super().__init__(stream, _FILTERS[known.codec])
        self._codec = known.codec
        is_annex_b = known.extradata.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))
        self._sets = known.extradata if is_annex_b else b""

    def __call__(self, packet: "Packet[Any] | None") -> Sequence[Item]:
        items = super().__call__(packet)
        return [
            item._replace(before=self._missing(item.data)) if item.is_key else item
            for item in items
        ]

    def _missing(self, data: Any) -> bytes:
        """Return the parameter sets, if a key frame comes without; remember them, if it brings them."""
        own = parameter_sets(bytes(memoryview(data)[:_LEADING]), self._codec)
        if own:
            self._sets = own
            return b""
        return self._sets


def parameter_sets(data: bytes, codec: str) -> bytes:
    """Return the parameter sets that stand before the first picture in *data*, with their start codes."""
    found = b""
    for kind, start, end in _leading_units(data, codec):
        if kind in _SETS[codec]:
            found += b"\x00\x00\x00\x01" + data[start:end].rstrip(b"\0")
    return found


def _leading_units(data: bytes, codec: str) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start and end of every unit before the first that belongs to a picture."""
    match = _START_CODE.search(data)
    while match and match.end() < len(data):
        start = match.end()
        is_avc = codec == "h264"
        kind = data[start] & 0x1F if is_avc else data[start] >> 1 & 0x3F
        if (1 <= kind <= 5) if is_avc else kind < 32:
            return
        match = _START_CODE.search(data, start)
        yield kind, start, match.start() if match else len(data)
