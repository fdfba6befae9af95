"""
The records of an MCAP file: their kinds, and their fields as values.

Parsing never trusts a length: what does not fit raises `MalformedError`, which ends as `Damage` or in
another way of reading, never in the hands of a user.

Must not know: where records come from. Next: `messages`.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum

import attrs
import numpy as np
import numpy.typing as npt

__all__ = [
    "DATA_END_BYTES",
    "MAGIC",
    "PREFIX",
    "AttachmentEntry",
    "ChannelEntry",
    "ChunkHeader",
    "ChunkIndex",
    "Footer",
    "MalformedError",
    "MetadataEntry",
    "Op",
    "SchemaEntry",
    "Statistics",
    "parse_data_end",
    "parse_profile",
    "prefix_of",
]

MAGIC = b"\x89MCAP0\r\n"
PREFIX = struct.Struct("<BQ")
"""Every record begins with its kind and the length of what follows."""


DATA_END_BYTES = PREFIX.size + 4
"""Size of a DataEnd record, as every writer makes it."""


class MalformedError(ValueError):
    """A record does not follow the format; the text says how."""


class Op(IntEnum):
    """Kinds of records; others up to 0x7f are reserved, beyond are private."""

    HEADER = 0x01
    FOOTER = 0x02
    SCHEMA = 0x03
    CHANNEL = 0x04
    MESSAGE = 0x05
    CHUNK = 0x06
    MESSAGE_INDEX = 0x07
    CHUNK_INDEX = 0x08
    ATTACHMENT = 0x09
    ATTACHMENT_INDEX = 0x0A
    STATISTICS = 0x0B
    METADATA = 0x0C
    METADATA_INDEX = 0x0D
    SUMMARY_OFFSET = 0x0E
    DATA_END = 0x0F


class _Fields:
    """Takes the fields of one record in order."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self.at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        """Return little-endian integers of *layout* (a `struct` format)."""
        try:
            values = struct.unpack_from("<" + layout, self._body, self.at)
        except struct.error as err:
            msg = f"A record of {len(self._body)} bytes is too short."
            raise MalformedError(msg) from err
        self.at += struct.calcsize("<" + layout)
        return values

    def blob(self) -> bytes:
        """Return bytes preceded by their number."""
        (size,) = self.take("I")
        if self.at + size > len(self._body):
            msg = f"A field of {size} bytes does not fit its record of {len(self._body)} bytes."
            raise MalformedError(msg)
        self.at += size
        return bytes(self._body[self.at - size : self.at])

    def text(self) -> str:
        """Return a text; bytes that are not UTF-8 are replaced."""
        return self.blob().decode(errors="replace")

    def texts(self) -> dict[str, str]:
        """Return a map of texts."""
        inner = _Fields(memoryview(self.blob()))
        found = {}
        while inner.at < len(inner._body):
            key = inner.text()
            found[key] = inner.text()
        return found

    def numbers(self, layout: str) -> dict[int, int]:
        """Return a map of two integers of *layout*."""
        body = self.blob()
        size = struct.calcsize("<" + layout)
        if len(body) % size:
            msg = f"A map of {len(body)} bytes does not consist of entries of {size} bytes."
            raise MalformedError(msg)
        return dict(struct.iter_unpack("<" + layout, body))


@attrs.frozen
class SchemaEntry:
    """A message definition."""

    id: int
    name: str
    encoding: str
    data: bytes = attrs.field(repr=False)

    @classmethod
    def parse(cls, body: memoryview) -> "SchemaEntry":
        """Read the body of a Schema record."""
        fields = _Fields(body)
        (number,) = fields.take("H")
        return cls(number, fields.text(), fields.text(), fields.blob())


@attrs.frozen
class ChannelEntry:
    """A channel; *schema_id* 0 means that it has no definition."""

    id: int
    schema_id: int
    topic: str
    message_encoding: str
    metadata: Mapping[str, str]

    @classmethod
    def parse(cls, body: memoryview) -> "ChannelEntry":
        """Read the body of a Channel record."""
        fields = _Fields(body)
        number, schema_id = fields.take("HH")
        return cls(number, schema_id, fields.text(), fields.text(), fields.texts())


@attrs.frozen(kw_only=True)
class ChunkHeader:
    """
    What precedes the contents of a chunk.

    Args:
        start_ns, end_ns: Earliest and latest log time.
        uncompressed_bytes: Size of the contents, uncompressed.
        crc: CRC-32 of the uncompressed contents, 0 if not computed.
        compression: `zstd`, `lz4` or empty.
        nbytes: Size of the contents as stored.
        head_bytes: Size of the record before its contents, with the record's prefix.
    """

    start_ns: int
    end_ns: int
    uncompressed_bytes: int
    crc: int
    compression: str
    nbytes: int
    head_bytes: int

    MAX_HEAD_BYTES = PREFIX.size + 40 + 32
    """Bytes that hold any header with a sensible name of its compression."""

    @classmethod
    def parse(cls, record: memoryview) -> "ChunkHeader":
        """Read the first bytes of a Chunk record, from its prefix on; the contents may be missing."""
        (_, length), fields = PREFIX.unpack_from(record), _Fields(record[PREFIX.size :])
        start_ns, end_ns, uncompressed, crc = fields.take("qqQI")
        compression = fields.text()
        (nbytes,) = fields.take("Q")
        if fields.at + nbytes > length:
            msg = f"A chunk of {length} bytes cannot hold {nbytes} bytes of records."
            raise MalformedError(msg)
        return cls(
            start_ns=start_ns,
            end_ns=end_ns,
            uncompressed_bytes=uncompressed,
            crc=crc,
            compression=compression,
            nbytes=nbytes,
            head_bytes=PREFIX.size + fields.at,
        )


@attrs.frozen(kw_only=True)
class ChunkIndex:
    """
    Where the summary says that a chunk is.

    Args:
        start, end: First byte of the chunk record, and the one after its last.
        indexes: Position of the message index of each channel in the chunk.
        index_bytes: Size of all its message indexes, which follow the chunk.
    """

    start: int
    end: int
    indexes: Mapping[int, int]
    index_bytes: int
    compression: str

    @classmethod
    def parse(cls, body: memoryview) -> "ChunkIndex":
        """Read the body of a ChunkIndex record."""
        fields = _Fields(body)
        _, _, start, length = fields.take("qqQQ")
        indexes = fields.numbers("HQ")
        (index_bytes,) = fields.take("Q")
        return cls(
            start=start,
            end=start + length,
            indexes=indexes,
            index_bytes=index_bytes,
            compression=fields.text(),
        )


@attrs.frozen(kw_only=True)
class Statistics:
    """The counts of a finished file."""

    messages: int
    schemas: int
    channels: int
    attachments: int
    metadata: int
    chunks: int
    start_ns: int
    end_ns: int
    per_channel: Mapping[int, int]

    @classmethod
    def parse(cls, body: memoryview) -> "Statistics":
        """Read the body of a Statistics record."""
        fields = _Fields(body)
        messages, schemas, channels, attachments, metadata, chunks, start, end = fields.take(
            "QHIIIIqq"
        )
        return cls(
            messages=messages,
            schemas=schemas,
            channels=channels,
            attachments=attachments,
            metadata=metadata,
            chunks=chunks,
            start_ns=start,
            end_ns=end,
            per_channel=fields.numbers("HQ"),
        )


@attrs.frozen
class AttachmentEntry:
    """
    An attachment without its bytes.

    Args:
        start: First byte of its record in the file.
    """

    log_time_ns: int
    name: str
    media_type: str
    nbytes: int
    start: int

    @classmethod
    def parse(cls, body: memoryview, start: int) -> "AttachmentEntry":
        """Read the first bytes of the body of an Attachment record, which begins at *start*."""
        fields = _Fields(body)
        log_time_ns, _ = fields.take("qq")
        name, media_type = fields.text(), fields.text()
        (nbytes,) = fields.take("Q")
        return cls(log_time_ns, name, media_type, nbytes, start)

    @classmethod
    def parse_index(cls, body: memoryview) -> "AttachmentEntry":
        """Read the body of an AttachmentIndex record."""
        fields = _Fields(body)
        start, _, log_time_ns, _, nbytes = fields.take("QQqqQ")
        return cls(log_time_ns, fields.text(), fields.text(), nbytes, start)

    @staticmethod
    def head_bytes(body: memoryview) -> int:
        """Return how much of the body of an Attachment record comes before the attached bytes."""
        fields = _Fields(body)
        fields.take("qq")
        fields.text()
        fields.text()
        fields.take("Q")
        return fields.at


@attrs.frozen
class MetadataEntry:
    """A named table of texts."""

    name: str
    values: Mapping[str, str]

    @classmethod
    def parse(cls, body: memoryview) -> "MetadataEntry":
        """Read the body of a Metadata record."""
        fields = _Fields(body)
        return cls(fields.text(), fields.texts())

    @staticmethod
    def parse_index(body: memoryview) -> int:
        """Read the body of a MetadataIndex record: where the record is that it stands for."""
        return _Fields(body).take("Q")[0]


@attrs.frozen
class Footer:
    """Where the summary is; *summary_start* 0 means that there is none."""

    summary_start: int
    crc: int

    NBYTES = PREFIX.size + 20
    CRC_BYTES = 4

    @classmethod
    def parse(cls, record: memoryview) -> "Footer":
        """Read a whole Footer record."""
        if len(record) < cls.NBYTES or PREFIX.unpack_from(record) != (Op.FOOTER, 20):
            msg = "No footer stands before the end of the file."
            raise MalformedError(msg)
        summary_start, _, crc = _Fields(record[PREFIX.size :]).take("QQI")
        return cls(summary_start, crc)


def prefix_of(record: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Return kind and length of the record that *record* begins with, zeros if it is too short."""
    return PREFIX.unpack_from(record.data) if len(record) >= PREFIX.size else (0, 0)


def parse_data_end(record: memoryview) -> int:
    """Return the checksum that a whole DataEnd record states, 0 if it states none."""
    if len(record) != DATA_END_BYTES or PREFIX.unpack_from(record) != (Op.DATA_END, 4):
        return 0
    return _Fields(record[PREFIX.size :]).take("I")[0]


def parse_profile(body: memoryview) -> str:
    """Return the profile that a Header record names."""
    return _Fields(body).text()
