"""
Which clock a video has: that of its container, a list of times or a rate; and what its time zero stands for.

Must not know: packets. Next: `clock`, `order`, `stamps`.
"""

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np

from mosaico_ingest.errors import SourceError, UsageError
from mosaico_ingest.plugin import SourceFile, format_number_of
from mosaico_ingest_video.clock import Clock, ListClock, RateClock, TickClock, to_ns
from mosaico_ingest_video.container import Stream
from mosaico_ingest_video.detection import RAW_FORMATS
from mosaico_ingest_video.options import VideoOptions
from mosaico_ingest_video.order import ByNumber, ByTicks, read_places
from mosaico_ingest_video.stamps import Stamps, beside, parse_rate, parse_start, read_stamps

__all__ = ["Clocks"]

# Cameras without a clock of their own write the epoch of their file format.
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


class Clocks:
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
            path = beside(options.timestamps, file.path.parent)
            self._stamps = read_stamps(path, options.timezone)
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
            return parse_start(options.start, options.timezone)
        instant = _instant(created)
        if instant is not None:
            findings.append(
                f"Times begin at {created}, the file's creation_time: often whole seconds, and "
                "sometimes that of an export. --start sets the beginning exactly."
            )
            return instant
        findings.append(
            "Nothing says when it was recorded: times begin at 1970. --start sets the beginning."
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


def _instant(text: str) -> int | None:
    """Return a creation time in nanoseconds, None for one that no camera of today can mean."""
    try:
        when = datetime.fromisoformat(text)
        return parse_start(text) if when.replace(tzinfo=UTC) > _OLDEST else None
    except (ValueError, UsageError):
        return None
