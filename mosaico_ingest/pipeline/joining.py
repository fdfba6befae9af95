"""
The parts of one recording, read one after the other as one: any source's, each opened when its turn comes.

Must not know: formats, how a part is opened. Next: `opening`.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
import pyarrow as pa

from mosaico_ingest.errors import SourceError
from mosaico_ingest.hooks.contracts import AttachmentSource, Recording
from mosaico_ingest.model.batch import Cursor, RawBatch
from mosaico_ingest.model.recording import Channel, Damage, MetadataRecord, RecordingInfo
from mosaico_ingest.units import format_duration_ns

__all__ = ["Joined"]

_Identity = tuple[str, str, str, str, bytes, pa.Schema | None, int]
_OVERLAP_NS = 1_000_000_000  # recorders do not close a part and begin the next on the same message
_PAUSE_NS = 60_000_000_000


class Joined:
    """
    One recording of several parts.

    Args:
        path: What the recording is called.
        parts: Its files, in reading order.
        opened: Opens a part.
        info: Its table of contents where it is known, None to ask every part.

    Raises:
        SourceError: Not a single part can be read.

    Thread: one.
    """

    def __init__(
        self,
        path: Path,
        parts: Sequence[Path],
        opened: Callable[[Path], Recording],
        info: RecordingInfo | None = None,
    ) -> None:
        self._parts = tuple(parts)
        self._opened = opened
        self._numbers: dict[_Identity, int] = {}
        self.info = info or self._survey(path)
        self._numbers = _identities(self.info.channels)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hold no part open."""

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*, part by part; see `Recording`."""
        seqs: Counter[int] = Counter()
        place, first = divmod(cursor.position, len(self._parts)) if cursor else (0, 0)
        for index, part in enumerate(self._parts[first:], first):
            try:
                recording = self._opened(part)
            except SourceError as error:
                if not any(damage.path == part for damage in self.info.damage):
                    yield Damage(reason=str(error), path=part)
                continue
            with recording:
                ids = self._ids(part, recording.info)
                own = {number: channel for channel, number in ids.items()}
                inner = None
                if cursor and index == first:
                    skip = {own[n]: count for n, count in cursor.skip.items() if n in own}
                    inner = Cursor(place, skip)
                wanted = [channel for channel, number in ids.items() if number in channels]
                for item in recording.batches(wanted, target_bytes, inner):
                    if isinstance(item, Damage):
                        yield _damage(item, part, ids)
                        continue
                    number = ids[item.channel_id]
                    yield RawBatch(
                        channel_id=number,
                        seq=seqs[number],
                        data=item.data,
                        cursor=self._cursor(item.cursor, index, ids),
                    )
                    seqs[number] += 1

    def attachment(self, index: int) -> Iterator[bytes]:
        """Yield the bytes of `info.attachments[index]`; see `AttachmentSource`."""
        for part in self._parts:
            try:
                recording = self._opened(part)
            except SourceError:
                continue  # its attachments are not listed either
            with recording:
                count = len(recording.info.attachments)
                if index < count and isinstance(recording, AttachmentSource):
                    yield from recording.attachment(index)
                    return
                index -= count

    def _cursor(self, inner: Cursor | None, index: int, ids: Mapping[int, int]) -> Cursor | None:
        """Make of a part's cursor one that also says which part."""
        if inner is None:
            return None
        skip = {ids[channel]: count for channel, count in inner.skip.items()}
        return Cursor(inner.position * len(self._parts) + index, skip)

    def _ids(self, part: Path, info: RecordingInfo) -> dict[int, int]:
        """Return the number in the recording of each channel of a part."""
        found = {number: identity for identity, number in _identities(info.channels).items()}
        try:
            return {channel: self._numbers[identity] for channel, identity in found.items()}
        except KeyError:
            msg = f"{str(part)!r} changed since it was looked at. Wait until nothing writes to it."
            raise SourceError(msg, path=part) from None

    def _survey(self, path: Path) -> RecordingInfo:
        """Ask every part for its table of contents, and add them up."""
        infos: list[tuple[Path, RecordingInfo]] = []
        damage: list[Damage] = []
        refused: SourceError | None = None
        for part in self._parts:
            try:
                with self._opened(part) as recording:
                    infos.append((part, recording.info))
            except SourceError as error:
                refused = refused or error
                damage.append(Damage(reason=str(error), path=part))
        if not infos:
            assert refused is not None
            raise refused
        channels: dict[_Identity, Channel] = {}
        for part, info in infos:
            ids: dict[int, int] = {}
            by_id = {channel.id: channel for channel in info.channels}
            for identity, own in _identities(info.channels).items():
                number = ids[own] = self._numbers.setdefault(identity, len(self._numbers))
                channels[identity] = _merged(channels.get(identity), by_id[own], number)
            damage += [_damage(item, part, ids) for item in info.damage]
        told = [info for _, info in infos]
        return attrs.evolve(
            told[0],
            path=path,
            format=" and ".join(dict.fromkeys(info.format for info in told)),
            packing=" and ".join(dict.fromkeys(info.packing for info in told if info.packing)),
            files=tuple(file for info in told for file in info.files),
            size_bytes=sum(info.size_bytes for info in told),
            channels=tuple(channels.values()),
            messages=_sum([info.messages for info in told]),
            start_ns=min((i.start_ns for i in told if i.start_ns is not None), default=None),
            end_ns=max((i.end_ns for i in told if i.end_ns is not None), default=None),
            compression=dict(sum((Counter(info.compression) for info in told), Counter[str]())),
            has_index=all(info.has_index for info in told),
            damage=tuple(damage),
            attachments=tuple(item for info in told for item in info.attachments),
            metadata=_distinct(item for info in told for item in info.metadata),
            findings=(
                *_contradictions(infos),
                *_told_once((part, text) for part, info in infos for text in info.findings),
            ),
        )


def _identities(channels: Sequence[Channel]) -> dict[_Identity, int]:
    """Return the id of each channel by all that makes it what it is; equals are told apart by order."""
    seen: Counter[tuple[object, ...]] = Counter()
    found: dict[_Identity, int] = {}
    for c in channels:
        what = (
            c.topic,
            c.type_name,
            c.message_encoding,
            c.schema_encoding,
            c.definition,
            c.columns,
        )
        seen[what] += 1
        found[(*what, seen[what])] = c.id
    return found


def _merged(before: Channel | None, channel: Channel, number: int) -> Channel:
    """Return one channel of several parts; times only if all tell them."""
    if before is None:
        return attrs.evolve(channel, id=number)
    times = [(c.start_ns, c.end_ns) for c in (before, channel) if c.messages != 0]
    starts = [start for start, _ in times if start is not None]
    ends = [end for _, end in times if end is not None]
    is_known = times and len(starts) == len(times) == len(ends)
    return attrs.evolve(
        before,
        messages=_sum([before.messages, channel.messages]),
        start_ns=min(starts) if is_known else None,
        end_ns=max(ends) if is_known else None,
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """Add up counts; None if one is unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _damage(damage: Damage, part: Path, ids: Mapping[int, int]) -> Damage:
    """Return a part's damage as the recording tells it."""
    lost = {ids[channel]: count for channel, count in damage.lost.items() if channel in ids}
    return attrs.evolve(damage, path=damage.path or part, lost=lost)


def _distinct(records: Iterator[MetadataRecord]) -> tuple[MetadataRecord, ...]:
    """Leave out what several parts say alike."""
    return tuple({(r.name, *sorted(r.values.items())): r for r in records}.values())


def _told_once(findings: Iterable[tuple[Path, str]]) -> Iterator[str]:
    """Tell what several parts say alike once, of the first."""
    parts: dict[str, list[Path]] = {}
    for part, text in findings:
        parts.setdefault(text, []).append(part)
    for text, several in parts.items():
        more = f" and {len(several) - 1} more" if len(several) > 1 else ""
        yield f"{several[0].name}{more}: {text}"


def _contradictions(infos: Sequence[tuple[Path, RecordingInfo]]) -> Iterator[str]:
    """Tell where the times of neighbours do not look like those of one recording: the worst of each kind."""
    pauses = [
        (info.start_ns - before.end_ns, part.name, after.name)
        for (part, before), (after, info) in itertools.pairwise(infos)
        if info.start_ns is not None and before.end_ns is not None
    ]
    remedy = "if they are not parts of one recording, use --no-group."
    shortest, longest = min(pauses, default=None), max(pauses, default=None)
    if shortest and shortest[0] < -_OVERLAP_NS:
        pause_ns, part_name, name = shortest
        yield f"{name} begins {format_duration_ns(-pause_ns)} before {part_name} ends: {remedy}"
    if longest and longest[0] > _PAUSE_NS:
        pause_ns, part_name, name = longest
        yield f"{name} begins {format_duration_ns(pause_ns)} after {part_name} ends: {remedy}"
