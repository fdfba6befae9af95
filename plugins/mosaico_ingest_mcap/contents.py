"""
The table of contents of one file: from its summary, or from a way through all of it.

Must not know: batches, bags of several files. Next: `recording`.
"""

from collections import Counter
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.chunks import Chunk, load
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import columns, find, walk
from mosaico_ingest_mcap.records import (
    MAGIC,
    PREFIX,
    AttachmentEntry,
    ChannelEntry,
    ChunkIndex,
    Footer,
    MalformedError,
    MetadataEntry,
    Op,
    SchemaEntry,
    Statistics,
    parse_profile,
)
from mosaico_ingest_mcap.streaming import is_streamed, stream_chunk
from mosaico_ingest_mcap.summary import Summary, read_summary
from mosaico_ingest_mcap.walking import Stretch, walk_file

__all__ = ["Contents", "Tally", "read_contents"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@attrs.define
class Tally:
    """Messages of one channel and their first and last log time."""

    messages: int = 0
    start_ns: int | None = None
    end_ns: int | None = None

    def add(self, messages: int, start_ns: int | None, end_ns: int | None) -> None:
        """Count more messages, within a range of log times."""
        self.messages += messages
        self.start_ns = min((t for t in (self.start_ns, start_ns) if t is not None), default=None)
        self.end_ns = max((t for t in (self.end_ns, end_ns) if t is not None), default=None)


@attrs.define(kw_only=True)
class Contents:
    """What one file holds; *chunks* are those that the summary knows."""

    profile: str = ""
    schemas: dict[int, SchemaEntry] = attrs.field(factory=dict)
    channels: dict[int, ChannelEntry] = attrs.field(factory=dict)
    tallies: dict[int, Tally] = attrs.field(factory=dict)
    total: Tally = attrs.field(factory=Tally)
    compression: Counter[str] = attrs.field(factory=Counter)
    chunks: tuple[ChunkIndex, ...] = ()
    attachments: list[AttachmentEntry] = attrs.field(factory=list)
    metadata: list[MetadataEntry] = attrs.field(factory=list)
    damage: list[Damage] = attrs.field(factory=list)
    findings: list[str] = attrs.field(factory=list)
    has_index: bool = False


def read_contents(file: File) -> Contents:
    """
    Find out what *file* holds, from its summary if that is complete.

    Raises:
        SourceError: It is not an MCAP file.
    """
    head = file.read(0, len(MAGIC)).tobytes()
    if not head or not MAGIC.startswith(head):
        msg = f"{str(file.path)!r} is not an MCAP file: it begins with {head!r}. Open it as what it is."
        raise SourceError(msg, path=file.path, offset=0)
    contents = Contents()
    summary, fault = None, ""
    try:
        summary = read_summary(file)
    except MalformedError as err:
        fault = f"The summary cannot be used. {err}"
    if summary:
        contents.chunks = summary.chunks
    if summary and summary.statistics and summary.is_complete:
        _from_summary(file, contents, summary, summary.statistics)
    else:
        _from_scan(file, contents)
    if fault and not contents.damage:
        end = max(0, file.size - Footer.NBYTES - len(MAGIC)), file.size
        contents.damage.append(Damage(reason=fault, byte_range=end))
    elif fault:
        contents.findings.append(fault)
    return contents


def _from_summary(file: File, contents: Contents, summary: Summary, statistics: Statistics) -> None:
    """Fill *contents* from the end of the file and the records that it points to."""
    for start, op in [(len(MAGIC), Op.HEADER), *((at, Op.METADATA) for at in summary.metadata)]:
        data = file.read(start, PREFIX.size)
        if len(data) == PREFIX.size and data[0] == op:
            stretch = Stretch(start=start, data=data, found=walk(data, 0, 0))
            _read_records(contents, file, stretch, data, (0,))
        else:
            contents.findings.append(f"No {op.name.lower()} record stands at byte {start}.")
    contents.schemas |= summary.schemas
    contents.channels |= summary.channels
    contents.compression.update(chunk.compression or "none" for chunk in summary.chunks)
    contents.attachments.extend(summary.attachments)
    contents.has_index = True
    for channel, messages in statistics.per_channel.items():
        contents.tallies[channel] = Tally(messages)
    if statistics.messages:
        contents.total.add(statistics.messages, statistics.start_ns, statistics.end_ns)


def _from_scan(file: File, contents: Contents) -> None:
    """
    Fill *contents* on a way through the file.

    A chunk whose message indexes name known channels only is not loaded. Channels whose description is
    lost are kept, with all that is known of them: their number.
    """
    for item in walk_file(file, len(MAGIC), contents.chunks):
        if isinstance(item, Damage):
            contents.damage.append(item)
        elif isinstance(item, Stretch):
            _read_records(contents, file, item, item.data, item.found.others)
            _count(contents, item.data, item.found.messages)
        else:
            contents.compression[item.header.compression or "none"] += 1
            if item.indexes and item.counts.keys() <= contents.channels.keys():
                for channel, rows in item.indexes:
                    _tally(contents, channel, rows[:, 0])
            else:
                _scan_chunk(file, contents, item)
    for channel in sorted(contents.tallies.keys() - contents.channels.keys()):
        entry = ChannelEntry(channel, 0, f"/channel_{channel}", "", {})
        contents.channels[channel] = entry
        contents.findings.append(
            f"Channel {channel} is described nowhere; its messages are given as {entry.topic}."
        )


def _scan_chunk(file: File, contents: Contents, chunk: Chunk) -> None:
    """Look through a chunk."""
    if is_streamed(chunk):
        for item in stream_chunk(file, chunk):
            if isinstance(item, Damage):
                contents.damage.append(item)
                for channel, n in item.lost.items():  # declared, as reading will tell again
                    span = chunk.header.start_ns, chunk.header.end_ns
                    contents.tallies.setdefault(channel, Tally()).add(n, *span)
                    contents.total.add(n, *span)
                return
            window, met = item
            _read_records(contents, file, chunk, window, met.others)
            _count(contents, window, met.messages)
        return
    data = load(file, chunk)
    if isinstance(data, Damage):
        contents.damage.append(data)
        for channel, rows in chunk.indexes:
            _tally(contents, channel, rows[:, 0])
        return
    found = find(data, chunk.offsets)
    _read_records(contents, file, chunk, data, found.others)
    _count(contents, data, found.messages)


def _count(contents: Contents, data: Bytes, messages: Ints) -> None:
    """Count the messages at some positions of *data*."""
    for channel, part in columns(data, messages).by_channel():
        _tally(contents, channel, part.log_ns)


def _tally(contents: Contents, channel: int, log_ns: Ints) -> None:
    """Count messages of one channel."""
    if len(log_ns):
        start, end = int(log_ns.min()), int(log_ns.max())
        contents.tallies.setdefault(channel, Tally()).add(len(log_ns), start, end)
        contents.total.add(len(log_ns), start, end)


def _read_records(
    contents: Contents, file: File, item: Chunk | Stretch, data: Bytes, records: Iterable[int]
) -> None:
    """Take over what the records of *item* other than messages say, found in *data*."""
    for at in records:
        op, length = PREFIX.unpack_from(data.data, at)
        body = data.data[at + PREFIX.size : at + PREFIX.size + length]
        if isinstance(item, Stretch):
            start = item.start + at
            end = start + PREFIX.size + length
            if len(body) < length and op != Op.ATTACHMENT:
                body = file.read(start + PREFIX.size, length).data
        else:
            start, end = item.start, item.end
        try:
            _take_over(contents, op, body, start)
        except MalformedError as err:
            reason = f"A {Op(op).name.lower()} record cannot be read. {err}"
            contents.damage.append(Damage(reason=reason, byte_range=(start, end)))


def _take_over(contents: Contents, op: int, body: memoryview, start: int) -> None:
    """Take over one record; the first of several with the same number counts."""
    match op:
        case Op.HEADER:
            contents.profile = parse_profile(body)
        case Op.SCHEMA:
            schema = SchemaEntry.parse(body)
            contents.schemas.setdefault(schema.id, schema)
        case Op.CHANNEL:
            channel = ChannelEntry.parse(body)
            contents.channels.setdefault(channel.id, channel)
        case Op.ATTACHMENT:
            contents.attachments.append(AttachmentEntry.parse(body, start))
        case Op.METADATA:
            contents.metadata.append(MetadataEntry.parse(body))
        case _ if op > Op.DATA_END:
            contents.findings.append(f"A record of unknown kind 0x{op:02x} was passed over.")
