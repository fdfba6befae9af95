"""
A recording of one MCAP file, or of the parts of a bag: its table of contents and its batches.

Must not know: records, compression. Next: `part`, and `bag` for directories.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import (
    Attachment,
    Channel,
    Collector,
    Cursor,
    Damage,
    MetadataRecord,
    Payloads,
    RawBatch,
    RecordingInfo,
    SourceFile,
)
from mosaico_ingest_mcap.attachments import read_attachment
from mosaico_ingest_mcap.bag import Bag, read_bag
from mosaico_ingest_mcap.contents import Contents, Tally, read_contents
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.options import McapOptions
from mosaico_ingest_mcap.part import THREADS, Part
from mosaico_ingest_mcap.records import MAGIC

_FIRST_RECORD = len(MAGIC)

__all__ = ["McapRecording", "open_recording"]


class McapRecording:
    """
    An opened recording.

    Thread: one; threads of its own load chunks ahead.
    """

    def __init__(self, parts: list[Part], info: RecordingInfo) -> None:
        self._parts = parts
        self.info = info
        self._ahead: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ahead:
            self._ahead.shutdown(cancel_futures=True)
        for part in self._parts:
            part.file.close()

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*, and damage besides what `info` has told."""
        if self._ahead is None:
            self._ahead = ThreadPoolExecutor(THREADS, thread_name_prefix="mi-read-ahead")
        wanted = frozenset(channels)
        collector = Collector(target_bytes, cursor=cursor)
        start = cursor.position if cursor else 0
        for part in self._parts:
            if start < part.base + part.file.size:
                position = max(start - part.base, _FIRST_RECORD)
                is_sound = not part.contents.damage and (cursor is None or part.base > start)
                for item in self._read(part, position, wanted, collector, self._ahead):
                    is_sound = is_sound and not isinstance(item, Damage)
                    yield item
                if is_sound and (misfit := part.check(wanted)) is not None:
                    yield part.damage(misfit, of_several=len(self._parts) > 1)
        yield from collector.flush()

    def attachment(self, index: int) -> Iterator[bytes]:
        """Yield the bytes of `info.attachments[index]`, block by block."""
        entries = [
            (part.file, entry) for part in self._parts for entry in part.contents.attachments
        ]
        yield from read_attachment(*entries[index])

    def _read(
        self,
        part: Part,
        position: int,
        wanted: frozenset[int],
        collector: Collector,
        ahead: ThreadPoolExecutor,
    ) -> Iterator[RawBatch | Damage]:
        """Read one part from *position* on."""
        strangers: Counter[int] = Counter()
        for item in part.blocks(position, wanted, ahead):
            if isinstance(item, Damage):
                damage = part.damage(item, of_several=len(self.info.files) > 1)
                if damage not in self.info.damage:
                    yield damage
                continue
            if item.start is not None:
                collector.begin(part.base + item.start)
            for channel, found in item.messages.by_channel():
                number = part.ids.get(channel)
                if number is None:
                    strangers[channel] += len(found.starts)
                elif number in wanted:
                    payloads = Payloads(item.data, found.starts, found.lengths)
                    yield from collector.add(number, payloads, found.log_ns, found.publish_ns)
        for channel, count in strangers.items():
            reason = (
                f"{count} messages belong to channel {channel}, which the file does not describe."
            )
            yield part.damage(Damage(reason=reason), of_several=len(self.info.files) > 1)


def open_recording(file: SourceFile, options: McapOptions) -> McapRecording:
    """
    Open a file, or a bag directory as one recording of all its parts.

    Raises:
        SourceError: Nothing of it can be read, or it has more channels than allowed.
    """
    if not file.is_dir:
        opened = File(file.path, options.max_record_bytes)
        try:
            contents = read_contents(opened)
        except BaseException:
            opened.close()
            raise
        part = Part(opened, contents, 0, {channel: channel for channel in contents.channels})
        return _opened([part], _info(file.path, [part], None, ()), options)
    bag = read_bag(file)
    parts: list[Part] = []
    damage = list(bag.damage)
    try:
        numbers: dict[object, int] = {}
        for path in bag.parts:
            try:
                _add_part(parts, path, numbers, options)
            except SourceError as err:
                damage.append(Damage(reason=str(err), path=path))
        if not parts:
            why = damage[0].reason if damage else "It holds no .mcap file."
            msg = f"No part of the bag {str(file.path)!r} can be read. {why}"
            raise SourceError(msg, path=file.path)
    except BaseException:
        for part in parts:
            part.file.close()
        raise
    return _opened(parts, _info(file.path, parts, bag, damage), options)


def _opened(parts: list[Part], info: RecordingInfo, options: McapOptions) -> McapRecording:
    """Return the recording of *parts*, which it closes, as *options* want it."""
    recording = McapRecording(parts, info)
    if len(info.channels) > options.max_channels:
        recording.__exit__(None, None, None)
        msg = (
            f"{str(info.path)!r} has {len(info.channels)} channels, more than --max-channels "
            f"{options.max_channels} allows. Raise it if the recording is to be trusted."
        )
        raise SourceError(msg, path=info.path)
    if options.ros_distro:
        channels = [
            attrs.evolve(c, metadata={"ros_distro": options.ros_distro, **c.metadata})
            for c in info.channels
        ]
        recording.info = attrs.evolve(info, channels=tuple(channels))
    return recording


def _add_part(
    parts: list[Part], path: Path, numbers: dict[object, int], options: McapOptions
) -> None:
    """
    Open one more part of a bag.

    Args:
        numbers: Number in the recording of each channel met so far, by all that makes it what it is.
    """
    file = File(path, options.max_record_bytes)
    try:
        contents = read_contents(file)
    except BaseException:
        file.close()
        raise
    ids: dict[int, int] = {}
    seen: Counter[object] = Counter()
    for channel in _channels(contents).values():
        what = (
            channel.topic,
            channel.type_name,
            channel.message_encoding,
            channel.schema_encoding,
            channel.definition,
        )
        seen[what] += 1
        ids[channel.id] = numbers.setdefault((what, seen[what]), len(numbers) + 1)
    base = parts[-1].base + parts[-1].file.size if parts else 0
    parts.append(Part(file, contents, base, ids))


def _channels(contents: Contents) -> dict[int, Channel]:
    """Return the channels of one file, by their numbers in it."""
    found = {}
    for entry in contents.channels.values():
        schema = contents.schemas.get(entry.schema_id)
        tally = contents.tallies.get(entry.id, Tally())
        found[entry.id] = Channel(
            id=entry.id,
            topic=entry.topic,
            type_name=schema.name if schema else "",
            message_encoding=entry.message_encoding,
            schema_encoding=schema.encoding if schema else "",
            definition=schema.data if schema else b"",
            messages=tally.messages,
            start_ns=tally.start_ns,
            end_ns=tally.end_ns,
            metadata=entry.metadata,
        )
    return found


def _info(
    path: Path, parts: list[Part], bag: Bag | None, damage: Sequence[Damage]
) -> RecordingInfo:
    """Put together the table of contents of all *parts*."""
    several = len(parts) > 1
    channels: dict[int, Channel] = {}
    total, compression = Tally(), Counter[str]()
    for part in parts:
        for number, channel in _channels(part.contents).items():
            merged = _merged(channels.get(part.ids[number]), channel)
            channels[part.ids[number]] = attrs.evolve(merged, id=part.ids[number])
        compression += part.contents.compression
        whole = part.contents.total
        total.add(whole.messages, whole.start_ns, whole.end_ns)
    profiles = {part.contents.profile: None for part in parts if part.contents.profile}
    traits = ", ".join([*(profiles if bag is None else ["mcap"]), *sorted(compression)])
    kind = "MCAP" if bag is None else "ROS 2 bag"
    info = RecordingInfo(
        path=path,
        format=f"{kind} ({traits})" if traits else kind,
        files=tuple(part.file.path for part in parts),
        size_bytes=sum(part.file.size for part in parts),
        channels=tuple(channels.values()),
        messages=total.messages,
        start_ns=total.start_ns,
        end_ns=total.end_ns,
        compression=dict(compression),
        has_index=all(part.contents.has_index for part in parts),
        damage=(
            *damage,
            *(p.damage(d, of_several=several) for p in parts for d in p.contents.damage),
        ),
        attachments=tuple(
            Attachment(
                name=a.name, media_type=a.media_type, size_bytes=a.nbytes, log_time_ns=a.log_time_ns
            )
            for part in parts
            for a in part.contents.attachments
        ),
        metadata=tuple(
            MetadataRecord(name=m.name, values=m.values)
            for part in parts
            for m in part.contents.metadata
        ),
        findings=tuple(text for part in parts for text in part.contents.findings),
    )
    if bag is None:
        return info
    return attrs.evolve(info, findings=(*bag.findings, *bag.differences(info), *info.findings))


def _merged(before: Channel | None, channel: Channel) -> Channel:
    """Return one channel of two parts; times only if both tell them."""
    if before is None:
        return channel
    times = [(c.start_ns, c.end_ns) for c in (before, channel) if c.messages]
    starts = [start for start, _ in times if start is not None]
    ends = [end for _, end in times if end is not None]
    is_known = times and len(starts) == len(times)
    return attrs.evolve(
        before,
        messages=(before.messages or 0) + (channel.messages or 0),
        start_ns=min(starts) if is_known else None,
        end_ns=max(ends) if is_known else None,
    )
