"""
Reads the summary at the end of a finished file, if there is one and it can be trusted.

Must not know: the data section. Next: `walking`.
"""

import zlib
from collections.abc import Mapping, Sequence

import attrs

from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import walk
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
)

__all__ = ["Summary", "read_summary"]

_ALL = frozenset(range(1, 0x100))


@attrs.frozen(kw_only=True)
class Summary:
    """What the end of a file says of the rest; *metadata* are positions of records."""

    schemas: Mapping[int, SchemaEntry]
    channels: Mapping[int, ChannelEntry]
    chunks: tuple[ChunkIndex, ...]
    attachments: tuple[AttachmentEntry, ...]
    metadata: tuple[int, ...]
    statistics: Statistics | None

    @property
    def is_complete(self) -> bool:
        """Whether it lists all that its own statistics count, so that nothing else need be read."""
        told = self.statistics
        return told is not None and (
            told.schemas <= len(self.schemas)
            and told.channels <= len(self.channels)
            and told.per_channel.keys() <= self.channels.keys()
            and all(c.schema_id in (0, *self.schemas) for c in self.channels.values())
            and sum(told.per_channel.values()) == told.messages
            and (told.chunks, told.attachments, told.metadata)
            == (len(self.chunks), len(self.attachments), len(self.metadata))
        )


def read_summary(file: File) -> Summary | None:
    """
    Return the summary, None if the file was finished without one.

    Raises:
        MalformedError: The end of the file is missing, or does not fit its checksum.
    """
    tail = file.read(max(0, file.size - Footer.NBYTES - len(MAGIC)), Footer.NBYTES + len(MAGIC))
    if tail[-len(MAGIC) :].tobytes() != MAGIC:
        msg = "The file does not end with the MCAP magic."
        raise MalformedError(msg)
    footer = Footer.parse(tail.data[: -len(MAGIC)])
    if not footer.summary_start:
        return None
    end = file.size - len(MAGIC) - Footer.CRC_BYTES
    if not len(MAGIC) <= footer.summary_start <= end:
        msg = f"The summary cannot begin at byte {footer.summary_start}."
        raise MalformedError(msg)
    data = file.read(footer.summary_start, end - footer.summary_start)
    if footer.crc and zlib.crc32(data.data) != footer.crc:
        msg = "The summary does not fit its checksum."
        raise MalformedError(msg)
    records_end = len(data) - (Footer.NBYTES - Footer.CRC_BYTES)
    found = walk(data, 0, records_end, _ALL)
    if found.end != records_end:
        msg = "The records of the summary do not fit into it."
        raise MalformedError(msg)
    return _parse(data.data, found.others, footer.summary_start)


def _parse(data: memoryview, records: Sequence[int], limit: int) -> Summary:
    """Take the values out of the records at *records*; chunks lie before *limit*."""
    schemas: dict[int, SchemaEntry] = {}
    channels: dict[int, ChannelEntry] = {}
    chunks: list[ChunkIndex] = []
    attachments: list[AttachmentEntry] = []
    metadata: list[int] = []
    statistics = None
    for at in records:
        op, length = PREFIX.unpack_from(data, at)
        body = data[at + PREFIX.size : at + PREFIX.size + length]
        match op:
            case Op.SCHEMA:
                schema = SchemaEntry.parse(body)
                schemas[schema.id] = schema
            case Op.CHANNEL:
                channel = ChannelEntry.parse(body)
                channels[channel.id] = channel
            case Op.CHUNK_INDEX:
                chunks.append(ChunkIndex.parse(body))
            case Op.ATTACHMENT_INDEX:
                attachments.append(AttachmentEntry.parse_index(body))
            case Op.METADATA_INDEX:
                metadata.append(MetadataEntry.parse_index(body))
            case Op.STATISTICS:
                statistics = Statistics.parse(body)
    return Summary(
        schemas=schemas,
        channels=channels,
        chunks=_in_order(chunks, limit),
        attachments=tuple(attachments),
        metadata=tuple(metadata),
        statistics=statistics,
    )


def _in_order(chunks: list[ChunkIndex], limit: int) -> tuple[ChunkIndex, ...]:
    """Return *chunks* as they follow in the file; refuse a list that cannot be true."""
    ordered = sorted(chunks, key=lambda chunk: chunk.start)
    at = len(MAGIC)
    for chunk in ordered:
        end = chunk.end + chunk.index_bytes
        if chunk.start < at or end > limit or chunk.start + PREFIX.size > chunk.end:
            msg = f"The summary places a chunk at bytes {chunk.start} to {end}, which cannot be."
            raise MalformedError(msg)
        at = end
    return tuple(ordered)
