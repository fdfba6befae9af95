"""
A video file as a recording: one channel per stream, its table of contents and its batches.

Must not know: bytes of packets. Next: `container`, `reading`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Self

import attrs
import numpy as np

from mosaico_ingest.errors import SourceError, UsageError
from mosaico_ingest.plugin import (
    Channel,
    Cursor,
    Damage,
    RawBatch,
    RecordingInfo,
    SourceFile,
    format_bytes,
    format_number_of,
)
from mosaico_ingest_video.clock import Clock, ListClock, RateClock, TickClock, max_ticks, to_ns
from mosaico_ingest_video.container import Stream, open_container, read_streams
from mosaico_ingest_video.detection import RAW_FORMATS, recognise
from mosaico_ingest_video.extent import stated_bytes
from mosaico_ingest_video.frames import Frames
from mosaico_ingest_video.mapper import COLUMNS
from mosaico_ingest_video.options import VideoMode, VideoOptions
from mosaico_ingest_video.order import ByNumber, ByTicks, read_places
from mosaico_ingest_video.packets import preparation
from mosaico_ingest_video.reading import Reading, Way
from mosaico_ingest_video.stamps import Stamps, parse_rate, parse_start, read_stamps
from mosaico_ingest_video.tray import Tray

if TYPE_CHECKING:
    from av.container import InputContainer

__all__ = ["VideoRecording", "open_recording"]

_RAW_LIMIT = 1 << 40  # packets of a raw stream are numbered
_OLDEST = datetime(
    1990, 1, 1, tzinfo=UTC
)  # cameras without a clock write the epoch of their file format


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
        streams = read_streams(container, demuxer)
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
    damage = _missing_end(file, demuxer)
    clocks = _Clocks(file, demuxer, options, tags.get("creation_time", created), findings)
    channels: list[_Channel] = []
    for stream, topic in zip(streams, _topics(streams), strict=True):
        is_decoded = options.video is VideoMode.Frames and _is_decodable(stream)
        channels.append(_channel(len(channels) + 1, topic, stream, clocks, is_decoded=is_decoded))
        findings += _notes(channels[-1])
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
        damage=damage,
        findings=tuple(findings),
    )
    return VideoRecording(file, demuxer, channels, info)


class _Clocks:
    """Finds the clock of each stream, and says where it is from."""

    def __init__(
        self,
        file: SourceFile,
        demuxer: str,
        options: VideoOptions,
        created: str,
        findings: list[str],
    ) -> None:
        self._file = file
        self._demuxer = demuxer
        self._rate = parse_rate(options.fps) if options.fps else None
        self._stamps: Stamps | None = None
        if options.timestamps:
            self._stamps = read_stamps(file.path.parent / options.timestamps)
        self.is_raw = demuxer in RAW_FORMATS
        if self.is_raw and not options.timestamps and self._rate is None:
            msg = (
                f"{str(file.path)!r} is a raw {demuxer} stream, which carries no clock. "
                "Give its times with --timestamps FILE (one per frame), or its rate with --fps."
            )
            raise SourceError(msg, path=file.path)
        self._is_absolute = self._stamps is not None and self._stamps.is_absolute
        self.origin_ns = 0 if self._is_absolute else self._find_origin(options, created, findings)
        self._shift_ns: int | None = None

    def _find_origin(self, options: VideoOptions, created: str, findings: list[str]) -> int:
        """Return the instant of time zero."""
        if options.start:
            return parse_start(options.start)
        instant = _instant(created)
        if instant is not None:
            findings.append(
                f"Times begin at {created}, the file's creation_time: often whole seconds, and "
                "sometimes that of an export. --start sets the beginning exactly."
            )
            return instant
        findings.append(
            "Nothing says when it was recorded: times begin at 1970-01-01T00:00:00Z. "
            "--start sets the beginning."
        )
        return 0

    def of(self, stream: Stream) -> tuple[Clock, int | None]:
        """Return the clock of *stream*, and the number of its messages where the whole file was read."""
        is_video = stream.kind == "video"
        if not is_video or (self._stamps is None and not self.is_raw):
            lead = None
            if (
                stream.is_reordered
                and stream.first_pts is not None
                and stream.first_dts is not None
            ):
                lead = stream.first_pts - stream.first_dts
            origin_ns = self.origin_ns + (self._shift_ns or 0)
            return TickClock(base=stream.time_base, origin_ns=origin_ns, lead=lead), None
        places = read_places(self._file.path, self._demuxer, stream, is_raw=self.is_raw)
        if self._stamps is None:
            rate = self._rate or Fraction(1)
            return RateClock(rate=rate, places=places, origin_ns=self.origin_ns), len(places)
        return self._listed(self._stamps, places, stream), len(places)

    def _listed(self, stamps: Stamps, places: ByNumber | ByTicks, stream: Stream) -> ListClock:
        """Return the clock that a list of times makes, if it has one for each packet."""
        if len(places) != len(stamps.times_ns):
            msg = (
                f"{str(stamps.path)!r} lists {format_number_of('time', len(stamps.times_ns))}, but "
                f"stream {stream.index} of {str(self._file.path)!r} has "
                f"{format_number_of('packet', len(places))}. One per packet is needed."
            )
            raise SourceError(msg, path=self._file.path)
        times_ns = np.sort(np.array(stamps.times_ns, np.int64)) + self.origin_ns
        if self._shift_ns is None and len(places) and isinstance(places, ByTicks):
            first = int(to_ns(places.ticks[:1], stream.time_base)[0])
            self._shift_ns = int(times_ns[0]) - first - self.origin_ns
        return ListClock(times_ns=times_ns, places=places)


def _channel(
    number: int, topic: str, stream: Stream, clocks: _Clocks, *, is_decoded: bool
) -> _Channel:
    """Describe one stream as a channel."""
    clock, counted = clocks.of(stream)
    is_jpeg = is_decoded or stream.codec == "mjpeg"
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
            type_name="image/jpeg" if is_jpeg else f"{stream.kind}/{stream.codec}",
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
    return stream.kind == "video" and stream.codec not in ("unknown", "mjpeg", "png")


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


def _instant(text: str) -> int | None:
    """Return a creation time in nanoseconds, None for one that no camera of today can mean."""
    try:
        when = datetime.fromisoformat(text)
        return parse_start(text) if when.replace(tzinfo=UTC) > _OLDEST else None
    except (ValueError, UsageError):
        return None
