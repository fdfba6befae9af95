"""
The table of contents of a log, which has none: every record is met once, and damage is judged here.

What is read later are the spans of intact records that were found, so that reading needs no judgement.

Must not know: columns, batches. Next: `recording`.
"""

from collections import Counter
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import DecodeError, SourceError
from mosaico_ingest.plugin import Damage, format_bytes, format_number_of, format_seconds
from mosaico_ingest_ulog.clock import GpsClock
from mosaico_ingest_ulog.facts import Facts
from mosaico_ingest_ulog.layout import Layout
from mosaico_ingest_ulog.records import (
    HEADER,
    MAGIC,
    PREFIX,
    Kind,
    LogFile,
    Shapes,
    find_chain,
    take,
    walk,
)
from mosaico_ingest_ulog.routing import DROPOUTS, FIRST_TOPIC, Routes

__all__ = ["WINDOW_BYTES", "Contents", "Topic"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

WINDOW_BYTES = 4 * 1024 * 1024
"""Bytes that are looked through at once; larger than any record."""
_NEAR_BYTES = 128 * 1024  # the same after damage, of which there may be much

_GPS = ("vehicle_gps_position", "sensor_gps")
_VERSION = 1
_MOST_BEGIN_US = 4_000_000_000_000_000
_UNKNOWN_BYTES = 10_000  # records of a kind that came later are not larger
_FOLLOWED = 16
_MOST_DAMAGE = 1000
_KINDS = set(Kind)


@attrs.frozen(kw_only=True)
class Topic:
    """A subscribed format: its name, its instance, and its layout where its definition is of use."""

    name: str
    multi_id: int
    layout: Layout | None


class Contents:
    """
    Everything that a look at each record tells.

    Args:
        max_channels: Most topics that it may have.

    Attributes:
        spans: Places of the file between which records are intact.
        topics: What is subscribed; the channel of the first one is `FIRST_TOPIC`.
        counts, times_us: Records per channel, and the first and last time of each.

    Raises:
        SourceError: It is no ULog file, or of a kind that must not be read without knowing how.
    """

    def __init__(self, file: LogFile, max_channels: int) -> None:
        self._file, self._max_channels = file, max_channels
        head = file.read(0, HEADER.size).tobytes()
        if len(head) < HEADER.size or not head.startswith(MAGIC):
            msg = f"{str(file.path)!r} is no ULog file. Expected it to begin with {MAGIC!r} and a time."
            raise SourceError(msg, path=file.path)
        _, self.version, begin_us = HEADER.unpack(head)
        self.begin_us = begin_us if begin_us < _MOST_BEGIN_US else 0
        self.facts, self.gps = Facts(), GpsClock()
        self.routes, self.topics = Routes(self.begin_us), list[Topic]()
        self.spans: list[tuple[int, int]] = []
        self.counts: Counter[int] = Counter()
        self.times_us: dict[int, tuple[int, int]] = {}
        self.damage: list[Damage] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._layouts: dict[str, Layout | None] = {}
        self._shapes = Shapes()
        self._passed = bytearray(256)
        for kind in Kind:
            self._passed[kind] = 1
        self._unknown: Counter[int] = Counter()
        self._orphans: Counter[int] = Counter()
        self._dropouts_ms: list[int] = []
        self._untold = 0
        limits = self._limits()
        for start, limit in zip([HEADER.size, *limits], [*limits, file.size], strict=True):
            self._survey(start, limit)

    def findings(self) -> Iterator[str]:
        """Yield what a careful reader would tell besides."""
        if self.version > _VERSION:
            yield f"It is of version {self.version}, newer than {_VERSION}; what is new is not known here."
        if self._dropouts_ms:
            times = "once" if len(self._dropouts_ms) == 1 else f"{len(self._dropouts_ms):,} times"
            yield (
                f"The logger could not keep up {times}: {format_seconds(sum(self._dropouts_ms) / 1000)} "
                f"were not recorded, {format_seconds(max(self._dropouts_ms) / 1000)} at the most at once "
                "(topic /dropouts)."
            )
        for kind, count in sorted(self._unknown.items()):
            records = format_number_of("record", count)
            yield f"{records} of the kind {chr(kind)!r}, which is unknown, were passed over."
        if self.facts.unusable:
            records = format_number_of("record", self.facts.unusable)
            yield f"{records} of information, parameters or formats make no sense or are too many."

    def all_damage(self) -> tuple[Damage, ...]:
        """Return what cannot be read."""
        found = list(self.damage)
        if self._untold:
            found.append(Damage(reason=f"There are {self._untold:,} more such places."))
        if self._orphans:
            ids = ", ".join(str(msg_id) for msg_id, _ in self._orphans.most_common(5))
            more = ", …" if len(self._orphans) > 5 else ""
            count = format_number_of("message", self._orphans.total())
            found.append(
                Damage(
                    reason=f"{count} cannot be told: nothing says what their ids ({ids}{more}) mean."
                )
            )
        return tuple(found)

    def _limits(self) -> list[int]:
        """
        Return where data were appended to the log after it had ended.

        Raises:
            SourceError: The file states a way of writing that is not known.
        """
        data = self._file.read(HEADER.size, PREFIX.size + 40).tobytes()
        if len(data) < PREFIX.size + 40 or data[2] != Kind.FLAGS:
            return []
        incompatible, offsets = data[11:19], np.frombuffer(data, "<u8", 3, 19)
        if incompatible[0] & ~1 or any(incompatible[1:]):
            msg = (
                f"{str(self._file.path)!r} says by its flags {incompatible.hex()} that it is written in "
                "a way which is not known here. A newer version of this plugin may read it."
            )
            raise SourceError(msg, path=self._file.path)
        limits: list[int] = []
        for offset in [int(offset) for offset in offsets if offset] if incompatible[0] else []:
            if not max([HEADER.size, *limits]) < offset <= self._file.size:
                reason = f"Data are said to be appended at byte {offset:,}, which cannot be."
                self.damage.append(Damage(reason=reason))
                break
            limits.append(offset)
        return limits

    def _survey(self, start: int, limit: int) -> None:
        """Go through the records from *start* to *limit*."""
        at, window = start, WINDOW_BYTES
        while at < limit:
            data = self._file.read(at, min(window, limit - at))
            is_last = at + len(data) == limit
            places, end = walk(data, bytes(self._passed))
            self._learn(data, places, at)
            stop = self._first_misfit(data, places, end, is_last=is_last)
            if stop is not None:
                places, end = places[:stop], int(places[stop])
            if end:
                self._take(data, places, at)
                self._extend(at, at + end)
            goes_on = stop is None and self._goes_on(data, end, is_last=is_last)
            at += end
            window = min(2 * window, WINDOW_BYTES)
            if at < limit and not goes_on:
                at = self._turn(at, limit)
                window = _NEAR_BYTES

    def _goes_on(self, data: Bytes, end: int, *, is_last: bool) -> bool:
        """Say whether nothing is wrong at *end* but that more must be read."""
        has_head = end + PREFIX.size <= len(data)
        return not is_last and (not has_head or bool(self._passed[data[end + 2]]))

    def _extend(self, start: int, end: int) -> None:
        """Note intact records."""
        if self.spans and self.spans[-1][1] == start:
            start, _ = self.spans.pop()
        self.spans.append((start, end))

    def _learn(self, data: Bytes, places: Ints, base: int) -> None:
        """Take the formats and subscriptions of a stretch, which its messages are judged by."""
        kinds = data[places + 2]
        starting = np.isin(kinds, (Kind.SUBSCRIBE, Kind.TEXT, Kind.TAGGED_TEXT, Kind.DATA))
        if starting.any() and self.routes.data_start > base:
            first = base + int(places[starting.argmax()])
            self.routes.data_start = min(self.routes.data_start, first)
        wanted = (kinds == Kind.FORMAT) | (kinds == Kind.SUBSCRIBE)
        wanted &= self._shapes.fit(data, places)
        for place in places[wanted].tolist():
            size, kind = PREFIX.unpack_from(data.data, place)
            told = self.facts.add(kind, data[place + 3 : place + 3 + size])
            if told is not None:
                self._subscribe(base + place, told.msg_id, told.name, told.multi_id)

    def _subscribe(self, place: int, msg_id: int, name: str, multi_id: int) -> None:
        """Note a subscription, and make a topic of a new one."""
        channel = self._numbers.get((name, multi_id))
        if channel is None:
            if len(self.topics) >= self._max_channels:
                msg = (
                    f"{str(self._file.path)!r} has more topics than --max-channels {self._max_channels} "
                    "allows. Raise it if the recording is to be trusted."
                )
                raise SourceError(msg, path=self._file.path, offset=place)
            channel = self._numbers[name, multi_id] = FIRST_TOPIC + len(self.topics)
            layout = self._layout(name)
            self.topics.append(Topic(name=name, multi_id=multi_id, layout=layout))
            self.routes.add_channel(layout.place_of("timestamp") if layout else None)
        layout = self.topics[channel - FIRST_TOPIC].layout
        self._shapes.learn(msg_id, *((layout.least, layout.most) if layout else (0, 0xFFFF)))
        self.routes.subscribe(place, msg_id, channel)

    def _layout(self, name: str) -> Layout | None:
        """Return the layout of a format, None where the decoder will say why there is none."""
        if name not in self._layouts:
            try:
                self._layouts[name] = Layout(name, self.facts.formats)
            except DecodeError:
                self._layouts[name] = None
        return self._layouts[name]

    def _first_misfit(self, data: Bytes, places: Ints, end: int, *, is_last: bool) -> int | None:
        """
        Return the first of the records at *places* that damage has made what it is, None if all are good.

        A record of a size that its kind does not have is believed if an intact one follows; so are records
        in a row of which nothing is known. The others are where the chain was broken.
        """
        fits = self._shapes.fit(data, places)
        if fits.all():
            return None
        kinds = data[places + 2]
        is_strange = ~fits & ~np.isin(kinds, [kind for kind in Kind if kind is not Kind.DATA])
        rows = np.flatnonzero(kinds == Kind.DATA)
        ids = take(_padded(data), places[rows] + 3, np.uint16)
        is_strange[rows] &= ~self._shapes.knows(ids)
        ends_well = end == len(data) or self._goes_on(data, end, is_last=is_last)
        ends_well = ends_well or bool(self._shapes.fit(data, np.array([end]))[0])
        follows = np.append(fits, ends_well)
        firm = np.append(np.flatnonzero(~is_strange), len(places))
        after = firm[np.searchsorted(firm, np.arange(len(places)), side="right")]
        following = np.where(is_strange, after, np.arange(1, len(places) + 1))
        broken = np.flatnonzero(~fits & ~follows[following])
        return int(broken[0]) if len(broken) else None

    def _take(self, data: Bytes, places: Ints, base: int) -> None:
        """Count the records of a stretch, and keep what is said once."""
        kinds = data[places + 2]
        for place in places[
            np.isin(kinds, (Kind.INFO, Kind.INFO_PART, Kind.DEFAULT, Kind.PARAMETER))
        ].tolist():
            size, kind = PREFIX.unpack_from(data.data, place)
            if kind != Kind.PARAMETER or base + place < self.routes.data_start:
                self.facts.add(kind, data[place + 3 : place + 3 + size])
        found, counts = np.unique(kinds, return_counts=True)
        for kind, count in zip(found.tolist(), counts.tolist(), strict=True):
            if kind not in _KINDS:
                self._unknown[kind] += count
        channels = self.routes.channels(data, places, base)
        orphans = places[(kinds == Kind.DATA) & (channels < 0)]
        orphans = orphans[take(data, orphans, np.uint16) >= 2]
        self._orphans.update(take(data, orphans + 3, np.uint16).tolist())
        rows = self.routes.follow(data, places, channels)
        for channel, payloads, times_us in rows.by_channel(data):
            self.counts[channel] += len(payloads)
            before = self.times_us.get(channel, (int(times_us[0]), int(times_us[0])))
            self.times_us[channel] = (
                min(before[0], int(times_us.min())),
                max(before[1], int(times_us.max())),
            )
            if channel == DROPOUTS:
                whole = payloads.starts[payloads.lengths == 3]
                self._dropouts_ms += take(data, whole + 1, np.uint16).tolist()
            elif channel >= FIRST_TOPIC:
                self._ask_gps(
                    self.topics[channel - FIRST_TOPIC], data, payloads.starts, payloads.lengths
                )

    def _ask_gps(self, topic: Topic, data: Bytes, starts: Ints, lengths: Ints) -> None:
        """Take the times that a GPS tells."""
        if topic.name not in _GPS or topic.layout is None:
            return
        layout = topic.layout
        boot_at, utc_at = layout.place_of("timestamp"), layout.place_of("time_utc_usec")
        if boot_at is None or utc_at is None:
            return
        starts = starts[lengths >= layout.least]
        boot_us = take(data, starts + boot_at, np.uint64)
        later_at = layout.place_of("timestamp_time_relative", "int32_t")
        if later_at is not None:
            boot_us += take(data, starts + later_at, np.int32)
        self.gps.add(boot_us, take(data, starts + utc_at, np.uint64))

    def _turn(self, at: int, limit: int) -> int:
        """Decide at a record that is unknown, cut off, or damaged; return where to go on."""
        head = self._file.read(at, min(PREFIX.size + 2, limit - at))
        size, kind = PREFIX.unpack_from(_padded(head).data)
        end = at + PREFIX.size + size
        if not self._passed[kind] and self._is_new_kind(kind, at, limit):
            self._passed[kind] = 1
            return at
        channel = None
        if kind == Kind.DATA and self._shapes.fit(head, np.zeros(1, np.int64))[0]:
            channel = int(self.routes.channels(_padded(head), np.zeros(1, np.int64), at)[0])
        is_cut = end > limit and channel is not None
        resume = None if is_cut else find_chain(self._file, at + 1, limit, self._shapes)
        if resume is None and end > limit and kind in _KINDS:
            is_cut = True
        self._tell(
            Damage(
                reason=self._reason(at, resume, limit, is_cut=is_cut),
                byte_range=(at, limit if resume is None else resume),
                lost={channel: 1} if is_cut and channel is not None else {},
            )
        )
        if is_cut and channel is not None:
            self.counts[channel] += 1
        return limit if resume is None else resume

    def _is_new_kind(self, kind: int, at: int, limit: int) -> bool:
        """Say whether *kind* is one that came later, and not garbage: intact records follow those of it."""
        if not (chr(kind).isascii() and chr(kind).isalpha()):
            return False
        for _ in range(_FOLLOWED):
            head = self._file.read(at, min(PREFIX.size + 2, limit - at))
            if not len(head):
                return True
            size, found = PREFIX.unpack_from(_padded(head).data)
            if found != kind:
                return bool(self._shapes.fit(head, np.zeros(1, np.int64))[0])
            at += PREFIX.size + size
            if not 0 < size <= _UNKNOWN_BYTES or at > limit:
                return False
        return True

    def _reason(self, at: int, resume: int | None, limit: int, *, is_cut: bool) -> str:
        """Say what is wrong between *at* and *resume*, or the end."""
        if resume is not None:
            passed = format_bytes(resume - at)
            return f"Records are damaged; {passed} before the next intact ones were passed over."
        if is_cut and limit < self._file.size:
            return "The log was cut off inside a record before more was appended to it."
        if is_cut:
            return "The file ends inside a record; everything before was read."
        rest = format_bytes(limit - at)
        if not self._file.read(at, min(limit - at, WINDOW_BYTES)).any():
            return f"The file ends in {rest} of zeros: the log was not closed."
        return f"Records are damaged; the last {rest} cannot be read."

    def _tell(self, damage: Damage) -> None:
        """Keep *damage*, or its number where there is too much."""
        if len(self.damage) < _MOST_DAMAGE:
            self.damage.append(damage)
        else:
            self._untold += 1


def _padded(data: Bytes) -> Bytes:
    """Return *data* and some zeros, so that a head at its end can be looked at."""
    return np.concatenate([data, np.zeros(PREFIX.size + 2, np.uint8)])
