"""
Finds the way again after damage: the next record that can only be a chunk, or messages in a row.

Must not know: what was lost. Next: `walking`.
"""

import numpy as np
import numpy.typing as npt

from mosaico_ingest_mcap.chunks import chunk_at
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import IN_CHUNK, MESSAGE_BYTES, take_integers
from mosaico_ingest_mcap.records import PREFIX, ChunkHeader, Op, prefix_of

__all__ = [
    "AFTER_DATA",
    "BETWEEN_CHUNKS",
    "WINDOW_BYTES",
    "ends_data",
    "find_chunk",
    "find_message",
    "whole_record",
]

Bytes = npt.NDArray[np.uint8]

WINDOW_BYTES = 4 * 1024 * 1024
"""Bytes that are looked through at once."""

BETWEEN_CHUNKS = IN_CHUNK | {Op.HEADER, Op.MESSAGE_INDEX, Op.ATTACHMENT, Op.METADATA}
"""Records that may stand outside chunks, besides messages."""

AFTER_DATA = {
    Op.FOOTER,
    Op.SCHEMA,
    Op.CHANNEL,
    Op.CHUNK_INDEX,
    Op.ATTACHMENT_INDEX,
    Op.STATISTICS,
    Op.METADATA_INDEX,
    Op.SUMMARY_OFFSET,
}
"""Records that may follow the end of the data."""

_CHAINED = {Op.MESSAGE, Op.SCHEMA, Op.CHANNEL, Op.ATTACHMENT, Op.METADATA}
_CHAIN_RECORDS = 4  # so many in a row are not chance
_NAMES = ("", "lz4", "zstd")
_NAME_LENGTHS = (0, 3, 4)
_NAME_LENGTH_AT = PREFIX.size + 28  # of the name of a chunk's compression


def ends_data(file: File, op: int, after: int) -> bool:
    """Tell whether the record before *after* is the end marker of the data, not a damaged other one."""
    if op != Op.DATA_END or after > file.size:
        return False
    follows = file.read(after, 1)
    return not len(follows) or int(follows[0]) in AFTER_DATA


def whole_record(data: Bytes, room: int) -> int:
    """Return the size of a record that is larger than *data*, 0 if it has no place here."""
    op, length = prefix_of(data)
    is_message = op == Op.MESSAGE and length >= MESSAGE_BYTES - PREFIX.size
    fits = PREFIX.size + length <= room
    return PREFIX.size + length if fits and (is_message or op in BETWEEN_CHUNKS) else 0


def find_chunk(file: File, position: int) -> int | None:
    """Return the first place from *position* on where a whole chunk seems to begin."""
    head_bytes = ChunkHeader.MAX_HEAD_BYTES
    while position < file.size:
        data = file.read(position, WINDOW_BYTES + head_bytes)
        found = np.flatnonzero(data[: max(0, len(data) - _NAME_LENGTH_AT - 4)] == Op.CHUNK)
        name_lengths = take_integers(data, found, _NAME_LENGTH_AT, np.uint32)
        for at in found[np.isin(name_lengths, _NAME_LENGTHS)].tolist():
            chunk = chunk_at(file, position + at, data[at : at + head_bytes], file.size)
            if chunk and chunk.is_whole and chunk.header.compression in _NAMES:
                return chunk.start
        position += WINDOW_BYTES
    return None


def find_message(file: File, position: int) -> int | None:
    """Return the first place from *position* on where a message record begins that others follow."""
    while position < file.size:
        data = file.read(position, WINDOW_BYTES + PREFIX.size)
        found = np.flatnonzero(data[: max(0, len(data) - PREFIX.size)] == Op.MESSAGE)
        lengths = take_integers(data, found, 1, np.int64)
        plausible = (lengths > 0) & (lengths < file.size - position)
        for at in found[plausible].tolist():
            if _is_chain(file, position + at):
                return position + int(at)
        position += WINDOW_BYTES
    return None


def _is_chain(file: File, at: int) -> bool:
    """Tell whether the next records from *at* on follow each other without a gap."""
    for _ in range(_CHAIN_RECORDS):
        data = file.read(at, PREFIX.size)
        op, length = prefix_of(data)
        after = at + PREFIX.size + length
        if at == file.size or ends_data(file, op, after):
            return True
        if op not in _CHAINED or not whole_record(data, file.size - at):
            return False
        at = after
    return True
