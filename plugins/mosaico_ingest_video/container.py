"""
Opens a video file with PyAV, without trust, and tells what its streams are.

Must not know: batches. Next: `packets`.
"""

import base64
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from mosaico_ingest.errors import SourceError
from mosaico_ingest_video.detection import RAW_FORMATS
from mosaico_ingest_video.extent import refusal

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

__all__ = ["IN_BAND", "MAX_PIXELS", "Stream", "is_flush", "open_container", "read_streams"]

MAX_PIXELS = 1 << 27
IN_BAND = frozenset({"h264", "hevc", "mjpeg"})
"""Codecs whose packets leave with all that a decoder needs."""

_IN_ORDER = frozenset({"av1", "vp8", "vp9"})  # their packets hold hidden pictures instead
_LEADING = 64 * 1024
_PROBED = 256
_MAX_EXTRADATA = 64 * 1024
_DEMUXERS = "avi,flv,h264,hevc,ivf,matroska,mjpeg,mov,mpegts"
_UNSAID = 2  # what FFmpeg and ISO 23091 call a colour property that nobody stated


@attrs.frozen(kw_only=True)
class Stream:
    """
    One stream of a container.

    Args:
        index: Its number in the container.
        kind: `video`, `audio`, `subtitle`, `data`, ….
        codec: What FFmpeg calls the codec (`h264`, `av1`), `unknown` where it does not know it.
        time_base: Seconds per tick.
        first_pts, first_dts: Ticks of its first packet, None where there is none or it has none.
        last_dts: Ticks of its last packet, None where no index tells.
        first: The beginning of that packet.
        declared: Packets that the container's index lists, None without one.
        is_reordered: Whether packets are stored in another order than they are shown.
        is_broken: Whether the decoder's configuration makes no sense.
        extradata: What a decoder needs before the first packet.
        facts: What else a reader may want to know, as texts.
    """

    index: int
    kind: str
    codec: str
    time_base: Fraction
    first_pts: int | None = None
    first_dts: int | None = None
    last_dts: int | None = None
    first: bytes = attrs.field(default=b"", repr=False)
    declared: int | None = None
    is_reordered: bool = False
    is_broken: bool = False
    extradata: bytes = attrs.field(default=b"", repr=False)
    facts: Mapping[str, str] = attrs.field(factory=dict)


def open_container(path: Path, demuxer: str) -> "InputContainer":
    """
    Open *path* as a file of this kind, and nothing that it refers to.

    Raises:
        SourceError: PyAV is missing, or the file cannot be opened.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        msg = (
            f"{str(path)!r} is a video, and videos need the module 'av', which is not installed. "
            "Install the extra 'video': pip install 'mosaico-ingest[video]'."
        )
        raise SourceError(msg, path=path) from error
    allowed = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    try:
        return av.open(
            str(path), format=demuxer or None, options=allowed, metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError) as error:
        raise SourceError(refusal(path, demuxer, error), path=path) from error


def is_flush(packet: "Packet[Any]") -> bool:
    """Tell the packets that PyAV makes at the end of a file from those in it."""
    return not packet.size and packet.dts is None


def read_streams(container: "InputContainer", demuxer: str) -> list[Stream]:
    """Look at the first packets of every stream, and at the first picture of those that have any."""
    import av

    reordered: set[int] = set()
    for stream in container.streams.video:
        context: Any = stream.codec_context  # None for a codec that FFmpeg does not know
        if context is not None:
            # Asked before anything is decoded: a decoder's threads may delay pictures, too.
            if context.has_b_frames and context.codec.canonical_name not in _IN_ORDER:
                reordered.add(stream.index)
            context.thread_count = 1
            context.options = {"max_pixels": str(MAX_PIXELS)}
    first: dict[int, tuple[int | None, int | None, bytes]] = {}
    turned: dict[int, int] = {}
    waiting = set(range(len(container.streams)))
    packets = container.demux()
    for _ in range(_PROBED):
        try:
            packet = next(packets, None)
        except (av.FFmpegError, ValueError, OverflowError):
            break  # reading tells what is wrong
        if packet is None or not waiting:
            break
        index = packet.stream.index
        if not is_flush(packet) and index not in first:
            first[index] = packet.pts, packet.dts, bytes(memoryview(packet)[:_LEADING])
        if index in waiting:
            rotation = _rotation(packet)
            if rotation is not None:
                turned[index] = rotation
                waiting.discard(index)
    return [
        _stream(
            stream,
            demuxer,
            first.get(stream.index),
            turned.get(stream.index, 0),
            is_reordered=stream.index in reordered,
        )
        for stream in container.streams
    ]


def _rotation(packet: "Packet[Any]") -> int | None:
    """Return by how many degrees the first picture is to be turned, None if a later packet must tell."""
    import av

    if packet.stream.type != "video" or packet.stream.codec_context is None:
        return 0
    try:
        for frame in packet.decode():
            return getattr(frame, "rotation", 0)
    except (av.FFmpegError, ValueError, OverflowError):
        return 0
    return None


def _stream(
    stream: Any,
    demuxer: str,
    first: tuple[int | None, int | None, bytes] | None,
    rotation: int,
    *,
    is_reordered: bool,
) -> Stream:
    """Put together what is known of one stream."""
    context = stream.codec_context
    pts, dts, data = first or (None, None, b"")
    base = stream.time_base
    declared = _declared(stream, demuxer)
    codec = context.codec.canonical_name if context is not None else "unknown"
    extradata = bytes(context.extradata or b"") if context is not None else b""
    return Stream(
        index=stream.index,
        kind=stream.type or "data",
        codec=codec,
        time_base=base if base and base > 0 else Fraction(1, 1000),
        first_pts=pts,
        first_dts=dts,
        first=data,
        declared=declared,
        last_dts=stream.index_entries[-1].timestamp if declared else None,
        is_reordered=is_reordered,
        extradata=extradata,
        facts=_facts(stream, context, demuxer, rotation)
        | ({"b_frames": "yes"} if is_reordered else {}),
    )


def _declared(stream: Any, demuxer: str) -> int | None:
    """Return how many packets the index lists: after edit lists, so `frames` alone is not trusted."""
    listed = len(stream.index_entries) if stream.frames else 0
    return listed if listed and demuxer == "mov" else None


def _facts(stream: Any, context: Any, demuxer: str, rotation: int) -> dict[str, str]:
    """Collect what the container and the codec say about a stream."""
    codec = context.codec.canonical_name if context is not None else "unknown"
    facts: dict[str, object] = {"codec": codec}
    if demuxer not in RAW_FORMATS:
        facts |= {
            "time_base": stream.time_base,
            "average_rate": getattr(stream, "average_rate", None),
        }
    if context is not None:
        facts |= {
            "codec": codec,
            "codec_tag": _tag(context),
            "profile": stream.profile,
        }
        if stream.type == "video":
            facts |= _picture_facts(context)
            facts["rotation_degrees"] = rotation or None
        elif stream.type == "audio":
            facts |= {
                "sample_rate": context.sample_rate,
                "channels": context.layout.nb_channels,
                "sample_format": context.format.name if context.format else "",
            }
        if codec not in IN_BAND and 0 < context.extradata_size <= _MAX_EXTRADATA:
            facts["extradata_base64"] = base64.b64encode(bytes(context.extradata)).decode()
    facts |= {key: stream.metadata.get(key) for key in ("language", "title", "handler_name")}
    return {key: str(value) for key, value in facts.items() if value not in (None, "", 0)} | {
        "stream": str(stream.index)
    }


def _tag(context: Any) -> str:
    """Return the four letters that the container has for the codec, empty if they are none."""
    try:
        tag: str = context.codec_tag
    except UnicodeDecodeError:
        return ""
    return tag if tag.isprintable() else ""


def _picture_facts(context: Any) -> dict[str, object]:
    """Collect size and colours."""
    from av.video import reformatter

    names = {
        "color_range": reformatter.ColorRange,
        "color_primaries": reformatter.ColorPrimaries,
        "color_trc": reformatter.ColorTrc,
        "colorspace": reformatter.Colorspace,
    }
    colours = {}
    for key, kind in names.items():
        code = int(getattr(context, key) or 0)
        if code and (key == "color_range" or code != _UNSAID):
            known = {int(member): name for name, member in kind.__members__.items()}
            colours[key] = known.get(code, str(code)).lower()
    ratio = context.sample_aspect_ratio
    return {
        "width": context.width,
        "height": context.height,
        "pixel_format": context.pix_fmt,
        "sample_aspect_ratio": ratio if ratio and ratio != 1 else None,
        **colours,
    }
