"""
A ROS 2 bag in SQLite as a recording: topics of all parts become channels, pages of rows become batches.

Must not know: SQL, YAML, files. Next: `formats`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import attrs
import numpy as np

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import (
    Channel,
    Collector,
    Cursor,
    Damage,
    MetadataRecord,
    Payloads,
    RawBatch,
    RecordingInfo,
)
from mosaico_ingest_rosbag.db3_copies import is_packed, unpack_messages
from mosaico_ingest_rosbag.db3_database import DatabaseContents, Topic, side_file
from mosaico_ingest_rosbag.db3_metadata import METADATA_NAME, BagMetadata, read_metadata
from mosaico_ingest_rosbag.db3_parts import Parts, PartsFound, find_parts
from mosaico_ingest_rosbag.db3_rows import FIRST_ROW, Gap, Page
from mosaico_ingest_rosbag.options import Db3Options, check_channels
from mosaico_ingest_rosbag.rows import Ints, Lookup, split_by

__all__ = ["Db3Recording"]

_ROW_BITS = 64  # a cursor's position: number of the part, then the row id counted from the lowest


@attrs.define(eq=False)
class _Draft:
    """A channel in the making: its topic and what its parts add up to."""

    topic: Topic
    ros_distro: str
    messages: int = 0
    lost: int = 0
    times_ns: list[int] = attrs.field(factory=list)
    encoding: str = ""
    definition: bytes = b""

    def channel(self, number: int) -> Channel:
        """Make the channel."""
        metadata = {
            "offered_qos_profiles": self.topic.offered_qos_profiles,
            "type_description_hash": self.topic.type_description_hash,
            "ros_distro": self.ros_distro,
        }
        return Channel(
            id=number,
            topic=self.topic.name,
            type_name=self.topic.type_name,
            message_encoding=self.topic.serialization_format,
            schema_encoding=self.encoding,
            definition=self.definition,
            messages=self.messages + self.lost,
            start_ns=min(self.times_ns, default=None),
            end_ns=max(self.times_ns, default=None),
            metadata={key: value for key, value in metadata.items() if value},
        )


class Db3Recording:
    """
    One opened bag: a directory of parts, or a single file.

    Args:
        path: The directory or file.
        entries: Names inside the directory, None for a file.
        options: Limits, and the distribution to name where the bag does not.

    Raises:
        SourceError: Not a single part can be read.
    """

    def __init__(self, path: Path, entries: Sequence[str] | None, options: Db3Options) -> None:
        self._options = options
        if entries is None:
            metadata, found = BagMetadata(), PartsFound(paths=(path,))
        else:
            metadata = read_metadata(path)
            found = find_parts(path, entries, metadata)
        self._packs_messages = metadata.facts.get("compression_mode", "").upper() == "MESSAGE"
        self._parts = Parts(found.paths)
        # Contents of each part that can be read, and the channel of each of its topic ids.
        self._contents: dict[int, DatabaseContents] = {}
        self._tables: dict[int, dict[int, int]] = {}
        self._drafts: dict[tuple[str, str, str], _Draft] = {}
        self._damage = list(found.damage)
        try:
            self._read_parts()
            check_channels(path, len(self._drafts), options)
        except BaseException:
            self._parts.close()
            raise
        findings = [*metadata.findings, *found.findings]
        findings += [
            f"{file.name} lies beside the bag: its last transaction was not finished."
            for part in found.paths
            if (file := side_file(part, "-journal")) is not None
        ]
        self.info = self._info(path, metadata, findings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*, part by part, in the order of the rows."""
        collector = Collector(target_bytes, cursor=cursor)
        start_part, start_row = 0, FIRST_ROW
        if cursor is not None:
            start_part = cursor.position >> _ROW_BITS
            start_row = (cursor.position & ((1 << _ROW_BITS) - 1)) + FIRST_ROW
        for part, contents in self._contents.items():
            table = {t: self._tables[part][t] for t in contents.counts}
            table = {t: c for t, c in table.items() if c in channels}
            if part < start_part or not table:
                continue
            first = start_row if part == start_part else FIRST_ROW
            lookup = Lookup(table)
            missing = Counter({t: contents.counts[t].messages for t in table})
            for page in self._parts.database(part).pages(table, first):
                if isinstance(page, Gap):
                    missing.subtract(page.counts)
                    reason = (
                        f"Data from row {max(page.first, 0)} on cannot be read ({page.reason})."
                    )
                    yield self._lost(part, reason, page.counts)
                    continue
                missing.subtract(_tally(page.topic_ids))
                missing.subtract(page.odd)
                collector.begin(part << _ROW_BITS | page.first - FIRST_ROW)
                yield from self._add(part, collector, page, lookup)
                if page.odd:
                    reason = "Rows have no number as time or no bytes as data."
                    yield self._lost(part, reason, page.odd)
            if first == FIRST_ROW and +missing:
                reason = "Messages that the database counts do not come when it is read in order."
                yield self._lost(part, reason, +missing)
        yield from collector.flush()

    def _add(
        self, part: int, collector: Collector, page: Page, lookup: Lookup
    ) -> Iterator[RawBatch | Damage]:
        """Hand the messages of one page over, channel by channel."""
        encodings = [draft.topic.serialization_format for draft in self._drafts.values()]
        for channel_id, rows in split_by(lookup(page.topic_ids)):
            payloads = Payloads(page.buffer, page.starts[rows], page.lengths[rows])
            times_ns = page.times_ns[rows]
            may_be_packed = self._packs_messages or encodings[channel_id] == "cdr"
            if may_be_packed and is_packed(payloads).any():
                payloads, good = unpack_messages(payloads, self._options.max_record_bytes)
                times_ns, bad = times_ns[good], times_ns[~good]
                if len(bad):
                    yield self._unpackable(part, page, channel_id, bad)
            yield from collector.add(channel_id, payloads, times_ns)

    def _unpackable(
        self,
        part: int,
        page: Page,
        channel_id: int,
        times_ns: Ints,
    ) -> Damage:
        """Make the damage for messages whose zstd frames are broken."""
        most = self._options.max_record_bytes
        return Damage(
            reason=f"Messages in the rows {max(page.first, 0)} to {page.last} are broken zstd frames, "
            f"or larger than --max-record-bytes {most} allows.",
            path=self._parts.paths[part],
            time_range_ns=(int(times_ns.min()), int(times_ns.max())),
            lost={channel_id: len(times_ns)},
        )

    def _lost(self, part: int, reason: str, counts: Mapping[int, int]) -> Damage:
        """Make the damage for rows that were counted, given per topic id."""
        lost: Counter[int] = Counter()
        for topic_id, n in counts.items():
            lost[self._tables[part][topic_id]] += n
        return Damage(reason=reason, path=self._parts.paths[part], lost=dict(lost))

    def _read_parts(self) -> None:
        """Read the contents of every part; raises only if none can be read."""
        refused: SourceError | None = None
        for part, path in enumerate(self._parts.paths):
            try:
                contents = self._parts.database(part).contents()
            except SourceError as err:
                refused = refused or err
                self._damage.append(Damage(reason=str(err), path=path))
                continue
            self._contents[part] = contents
            if (cut := self._parts.damage(part)) is not None:
                self._damage.append(cut)
            self._damage += contents.damage
            self._tables[part] = self._merge(contents)
        if refused is not None and not self._contents:
            raise refused

    def _merge(self, contents: DatabaseContents) -> dict[int, int]:
        """Add the topics of one part to the drafts, and return the channel of each topic id."""
        strays = sorted(contents.counts.keys() - contents.topics.keys())
        topics = dict(contents.topics) | {
            i: Topic(name=f"/undescribed_topic_{i}", type_name="", serialization_format="")
            for i in strays
        }
        numbers = {key: number for number, key in enumerate(self._drafts)}
        table = {}
        for topic_id, topic in topics.items():
            key = (topic.name, topic.type_name, topic.serialization_format)
            draft = self._drafts.setdefault(
                key, _Draft(topic, contents.ros_distro or self._options.ros_distro or "")
            )
            table[topic_id] = numbers.setdefault(key, len(numbers))
            if not draft.definition and topic.type_name in contents.definitions:
                draft.encoding, draft.definition = contents.definitions[topic.type_name]
            if (count := contents.counts.get(topic_id)) is not None:
                draft.messages += count.messages
                draft.times_ns += count.times_ns
        return table

    def _info(self, path: Path, metadata: BagMetadata, findings: list[str]) -> RecordingInfo:
        """Make the table of contents."""
        self._reckon(metadata)
        files = self._parts.files()
        channels = tuple(draft.channel(i) for i, draft in enumerate(self._drafts.values()))
        messages = sum(channel.messages or 0 for channel in channels)
        times_ns = [time for draft in self._drafts.values() for time in draft.times_ns]
        start_ns, end_ns = min(times_ns, default=None), max(times_ns, default=None)
        if not self._damage:
            findings += _differences(metadata, messages, start_ns, end_ns)
        packed = sum(part.name.lower().endswith(".zstd") for part in self._parts.paths)
        kinds = {"zstd": packed, "none": len(self._parts.paths) - packed}
        if self._packs_messages:
            kinds = {"zstd": len(self._parts.paths)}
        records = {"rosbag2_bagfile_information": metadata.facts, "custom_data": metadata.custom}
        return RecordingInfo(
            path=path,
            format="ROS 2 bag (sqlite3)",
            files=files,
            size_bytes=sum(file.stat().st_size for file in files),
            channels=channels,
            messages=messages,
            start_ns=start_ns,
            end_ns=end_ns,
            compression={kind: n for kind, n in kinds.items() if n},
            has_index=True,
            damage=tuple(self._damage),
            metadata=tuple(
                MetadataRecord(name=name, values=values)
                for name, values in records.items()
                if values
            ),
            findings=tuple(findings),
        )

    def _reckon(self, metadata: BagMetadata) -> None:
        """Where parts are missing or cut, declare what metadata.yaml counts beyond what is left."""
        if not self._damage:
            return
        lost: dict[int, int] = {}
        for number, draft in enumerate(self._drafts.values()):
            missing = metadata.counts.get(draft.topic.name, 0) - draft.messages - draft.lost
            if missing > 0:
                lost[number] = missing
                draft.lost += missing
        if lost:
            reason = f"{METADATA_NAME} counts {sum(lost.values())} messages more than can be read."
            self._damage.append(Damage(reason=reason, lost=lost))


def _tally(values: Ints) -> dict[int, int]:
    """Return how often each value occurs."""
    found, n = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), n.tolist(), strict=True))


def _differences(
    metadata: BagMetadata, messages: int, start_ns: int | None, end_ns: int | None
) -> list[str]:
    """Say where metadata.yaml and the data disagree."""
    told = []
    if metadata.messages is not None and metadata.messages != messages:
        told.append(f"{METADATA_NAME} says {metadata.messages} messages, the data hold {messages}.")
    stated = metadata.time_range_ns
    if start_ns is not None and end_ns is not None and stated not in (None, (start_ns, end_ns)):
        told.append(
            f"{METADATA_NAME} says {stated[1] - stated[0]} ns from {stated[0]}, "
            f"the data span {end_ns - start_ns} ns from {start_ns}."
        )
    return told
