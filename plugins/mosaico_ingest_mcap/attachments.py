"""
The bytes of an attachment, block by block, and its checksum at their end.

Must not know: which attachments there are. Next: `recording`.
"""

import zlib
from collections.abc import Iterator

from mosaico_ingest.errors import SourceError
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.records import PREFIX, AttachmentEntry, MalformedError, Op, prefix_of

__all__ = ["read_attachment"]

_BLOCK_BYTES = 1024 * 1024
_HEAD_BYTES = 64 * 1024  # holds any name and media type that make sense
_CRC_BYTES = 4


def read_attachment(file: File, entry: AttachmentEntry) -> Iterator[bytes]:
    """
    Yield the bytes of *entry*.

    Raises:
        SourceError: They are not there, or do not fit their checksum, which is known at the end only.
    """
    head = file.read(entry.start, PREFIX.size + _HEAD_BYTES)
    op, length = prefix_of(head)
    body = head.data[PREFIX.size : PREFIX.size + length]
    try:
        begin = AttachmentEntry.head_bytes(body)
        found = AttachmentEntry.parse(body, entry.start)
    except MalformedError:
        op = 0
    record_end = entry.start + PREFIX.size + length
    if op != Op.ATTACHMENT or found != entry or begin + entry.nbytes + _CRC_BYTES > length:
        raise _unreadable(file, entry, "no such record stands there")
    if record_end > file.size:
        raise _unreadable(file, entry, "the file ends before it does")
    crc = zlib.crc32(body[:begin])
    at = entry.start + PREFIX.size + begin
    end = at + entry.nbytes
    while at < end:
        block = file.read(at, min(_BLOCK_BYTES, end - at)).tobytes()
        crc = zlib.crc32(block, crc)
        at += len(block)
        yield block
    stated = int.from_bytes(file.read(end, _CRC_BYTES).tobytes(), "little")
    if stated not in (0, crc):
        raise _unreadable(file, entry, "its bytes do not fit their checksum")


def _unreadable(file: File, entry: AttachmentEntry, why: str) -> SourceError:
    """Make the error for an attachment."""
    msg = (
        f"The attachment {entry.name!r} at byte {entry.start} of {str(file.path)!r} cannot be read: {why}. "
        "Check the recording, or leave its attachments out."
    )
    return SourceError(msg, path=file.path, offset=entry.start)
