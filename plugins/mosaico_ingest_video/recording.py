"""
A video file as a recording: one channel per stream, its table of contents and its batches.

Must not know: bytes of packets. Next: `container`, `reading`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import attrs
import numpy as np

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import (
    Channel,
    Cursor,
    Damage,
    RawBatch,
    RecordingInfo,
    SourceFile,
    format_bytes,
)
from mosaico_ingest_video.clock import Clock, ShownClock, max_ticks
from mosaico_ingest_video.clocks import Clocks
from mosaico_ingest_video.container import Stream, open_container, read_streams
from mosaico_ingest_video.detection import RAW_FORMATS, recognise
from mosaico_ingest_video.extent import stated_bytes
from mosaico_ingest_video.frames import Frames
from mosaico_ingest_video.mapper import COLUMNS
from mosaico_ingest_video.options import VideoMode, VideoOptions
from mosaico_ingest_video.packets import is_broken, preparation
from mosaico_ingest_video.reading import Reading, Way
from mosaico_ingest_video.tray import Tray

if TYPE_CHECKING:
    from av.container import InputContainer

__all__ = ["VideoRecording", "open_recording"]

_PICTURES = {"mjpeg": "image/jpeg", "png": "image/png", "tiff": "image/tiff"}
_RAW_LIMIT = 1 << 40  # packets of a raw stream are numbered


@attrs.frozen(kw_only=True)
class _Channel:
    """A stream and how its messages are made."""

    stream: Stream
    channel: Channel
    clock: Clock
    is_decoded: bool


class VideoRecording:
    """
    An opened video.

    Thread: one; every reading has a demuxer of its own.
    """

    def __init__(
        self, file: SourceFile, demuxer: str, channels: list[_Channel], info: RecordingInfo
    ) -> None:
        self._file = file
        self._demuxer = demuxer
        self._channels = channels
        self._opened: list[InputContainer] = []
        self.info = info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._opened:
            self._opened.pop().close()

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*; from a cursor, the file is demuxed again up to its place."""
        wanted = [c for c in self._channels if c.channel.id in set(channels)]
        if not wanted:
            return
        container = open_container(self._file.path, self._demuxer)
        self._opened.append(container)
        ways: dict[int, Way] = {}
        for one in wanted:
            if one.stream.index < len(container.streams):
                skip = cursor.skip.get(one.channel.id, 0) if cursor else 0
                ways[one.stream.index] = self._way(container, one, skip)
        yield from Reading(ways, target_bytes).run(container)
        self._opened.remove(container)
        container.close()

    def _way(self, container: "InputContainer", one: _Channel, skip: int) -> Way:
        """Prepare the way of one stream."""
        stream = container.streams[one.stream.index]
        is_raw = self._demuxer in RAW_FORMATS
        prepare = Frames(stream) if one.is_decoded else preparation(stream, one.stream)
        return Way(
            channel_id=one.channel.id,
            topic=one.channel.topic,
            tray=Tray(one.clock),
            prepare=prepare,
            limit=_RAW_LIMIT if is_raw else max_ticks(one.stream.time_base),
            is_numbered=is_raw,
            declared=None if one.is_decoded else one.stream.declared,
            skip=skip,
        )


def open_recording(file: SourceFile, options: VideoOptions | None = None) -> VideoRecording:
    """
    Open a video file.

    Raises:
        SourceError: It cannot be opened, it has no clock and none is given, or a list of times does not fit.
        UsageError: An option cannot be read.
    """
    options = options or VideoOptions()
    found = recognise(file.head, file.path.name)
    demuxer = found.demuxer if found else ""
    with open_container(file.path, demuxer) as container:
        demuxer = demuxer or container.format.name.split(",")[0]
        streams = [
            attrs.evolve(stream, is_broken=is_broken(container.streams[stream.index], stream))
            for stream in read_streams(container, demuxer)
        ]
        tags = dict(container.metadata)
        created = next(
            (
                s.metadata["creation_time"]
                for s in container.streams
                if "creation_time" in s.metadata
            ),
            "",
        )
    if not streams:
        msg = f"{str(file.path)!r} holds no stream. Is it whole?"
        raise SourceError(msg, path=file.path)
    findings: list[str] = []
    damage = list(_missing_end(file, demuxer))
    clocks = Clocks(file, demuxer, options, tags.get("creation_time", created), findings)
    channels: list[_Channel] = []
    for stream, topic in zip(streams, _topics(streams), strict=True):
        is_decoded = options.video is VideoMode.Frames and _is_decodable(stream)
        channels.append(_channel(len(channels) + 1, topic, stream, clocks, is_decoded=is_decoded))
        findings += _notes(channels[-1])
        if stream.is_broken:
            reason = (
                f"The decoder configuration of {topic} is broken; its packets are kept as bytes."
            )
            damage.append(Damage(reason=reason))
    starts = [c.channel.start_ns for c in channels if c.channel.start_ns is not None]
    ends = [c.channel.end_ns for c in channels if c.channel.end_ns is not None]
    counts = [c.channel.messages for c in channels]
    info = RecordingInfo(
        path=file.path,
        format=_title(demuxer, streams),
        files=(file.path,),
        size_bytes=file.path.stat().st_size,
        channels=tuple(c.channel for c in channels),
        messages=sum(n for n in counts if n) if None not in counts else None,
        start_ns=min(starts, default=None),
        end_ns=max(ends) if ends and len(ends) == len(starts) else None,
        has_index=None not in counts,
        damage=tuple(damage),
        findings=tuple(findings),
    )
    return VideoRecording(file, demuxer, channels, info)


def _channel(
    number: int, topic: str, stream: Stream, clocks: Clocks, *, is_decoded: bool
) -> _Channel:
    """Describe one stream as a channel."""
    clock, counted = clocks.of(stream)
    if is_decoded:
        clock = ShownClock(clock)
    kind = _PICTURES.get(stream.codec, f"{stream.kind}/{stream.codec}")
    if is_decoded:
        kind = "image/jpeg"
    elif stream.is_broken:
        kind = f"{stream.kind}/{stream.codec} without configuration"
    start_ns = _log_ns(clock, 0, stream.first_pts, stream.first_dts, stream)
    end_ns = _log_ns(clock, 0, stream.last_dts, stream.last_dts, stream)
    if counted:
        start_ns, end_ns = (_log_ns(clock, k, 0, 0, stream) for k in (0, counted - 1))
    declared = counted if counted is not None else stream.declared
    return _Channel(
        stream=attrs.evolve(stream, declared=declared),
        channel=Channel(
            id=number,
            topic=topic,
            type_name=kind,
            message_encoding="arrow",
            messages=None if is_decoded else declared,
            start_ns=start_ns,
            end_ns=None if is_decoded else end_ns,
            metadata=stream.facts,
            columns=COLUMNS,
        ),
        clock=clock,
        is_decoded=is_decoded,
    )


def _log_ns(
    clock: Clock, number: int, pts: int | None, dts: int | None, stream: Stream
) -> int | None:
    """Return the log time of one packet, None where it is not known."""
    if pts is None:
        pts = dts
    if pts is None or abs(pts) >= max_ticks(stream.time_base):
        return None
    log_ns, _ = clock(number, np.array([pts]), np.array([pts if dts is None else dts]))
    return int(log_ns[0])


def _is_decodable(stream: Stream) -> bool:
    """Tell whether `--video frames` makes pictures of a stream."""
    return stream.kind == "video" and stream.codec not in ("unknown", *_PICTURES)


def _notes(one: _Channel) -> Iterator[str]:
    """Yield what a careful reader should know of a stream."""
    stream, topic = one.stream, one.channel.topic
    if stream.is_reordered and not one.is_decoded:
        yield (
            f"{topic} has B-frames: sequence_id is the order of decoding, timestamp_ns that of showing; "
            "--time log makes it that of decoding."
        )
    if stream.first and stream.first_pts is None and stream.first_dts is not None:
        yield f"{topic} says when packets are decoded, not when they are shown; that time is stored."
    if "rotation_degrees" in stream.facts:
        degrees = stream.facts["rotation_degrees"]
        yield f"{topic} is to be shown turned by {degrees} degrees; its pictures are stored as they are."


def _missing_end(file: SourceFile, demuxer: str) -> tuple[Damage, ...]:
    """Tell of a file that is shorter than it says."""
    stated = stated_bytes(file.path, demuxer, file.head)
    size = file.path.stat().st_size
    if stated is None or stated <= size:
        return ()
    reason = f"The file ends {format_bytes(stated - size)} before its stated end."
    return (Damage(reason=reason, byte_range=(size, stated)),)


def _topics(streams: list[Stream]) -> list[str]:
    """Name the streams: `/video`, or `/video/0`, `/video/1` where there are several of a kind."""
    several = Counter(stream.kind for stream in streams)
    seen: Counter[str] = Counter()
    names = []
    for kind in (stream.kind for stream in streams):
        names.append(f"/{kind}" if several[kind] == 1 else f"/{kind}/{seen[kind]}")
        seen[kind] += 1
    return names


def _title(demuxer: str, streams: list[Stream]) -> str:
    """Say what a file is, for people."""
    names: Mapping[str, str] = {"mov": "MP4", "matroska": "Matroska", "mpegts": "MPEG-TS"}
    kind = f"raw {demuxer}" if demuxer in RAW_FORMATS else names.get(demuxer, demuxer.upper())
    return f"{kind} ({', '.join(dict.fromkeys(stream.codec for stream in streams))})"
