"""
Reads the summary at the end of a finished file, if there is one and it can be trusted.

Must not know: what is in the data section. Next: `walking`.
"""

import zlib
from collections.abc import Mapping, Sequence

import attrs

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import walk
from mosaico_ingest_mcap.records import (
    DATA_END_BYTES,
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
    parse_data_end,
)

__all__ = ["Summary", "check_data", "read_summary"]

_STEP_BYTES = 4 * 1024 * 1024
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


def check_data(file: File) -> Damage | None:
    """
    Read all records before the end marker of the data, and compare them with its checksum.

    Returns:
        None where they agree, or nothing is stated. It is not known what differs, so nothing is lost by it.
    """
    try:
        footer = Footer.parse(file.read(file.size - Footer.NBYTES - len(MAGIC), Footer.NBYTES).data)
    except MalformedError:
        return None
    end = (footer.summary_start or file.size - Footer.NBYTES - len(MAGIC)) - DATA_END_BYTES
    stated = parse_data_end(file.read(end, DATA_END_BYTES).data) if end > 0 else 0
    if not stated:
        return None
    crc = 0
    for at in range(0, end, _STEP_BYTES):
        crc = zlib.crc32(file.read(at, min(_STEP_BYTES, end - at)).data, crc)
    if crc == stated:
        return None
    reason = "The records do not fit the checksum of all; each that has one of its own fits that."
    return Damage(reason=reason, byte_range=(0, end))


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
