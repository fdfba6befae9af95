"""
Chunks: their records and message indexes as they are met, and their contents loaded, or what was lost.

Must not know: what is around chunks, channels wanted. Next: `resync`.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.compression import decompress, decompress_prefix
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import walk
from mosaico_ingest_mcap.records import PREFIX, ChunkHeader, MalformedError, Op, prefix_of

__all__ = [
    "Chunk",
    "check_in_place",
    "chunk_at",
    "chunk_damage",
    "count_messages",
    "load",
    "read_indexes",
    "too_large",
]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_PEEK_BYTES = 64 * 1024
_STEP_BYTES = 4 * 1024 * 1024
_MAX_PADDING_BYTES = 64  # a record may be longer than its fields; a wrong length is far off
_INDEX_HEAD = struct.Struct("<HI")
_WRONG_CHECKSUM = "A chunk is damaged. Its contents do not fit their checksum."
_NO_MESSAGES: Ints = np.empty(0, np.int64)


@attrs.frozen(kw_only=True, eq=False)
class Chunk:
    """
    A chunk, not loaded.

    Args:
        start, end: First byte of its record, and the one after its last.
        header: What it says of itself.
        indexes: Channel and (n, 2) int64 `log time | offset in the chunk` of each message index after it.
        is_whole: Whether the file holds all of it.
    """

    start: int
    end: int
    header: ChunkHeader
    indexes: Sequence[tuple[int, Ints]] = ()
    is_whole: bool = True

    @property
    def offsets(self) -> Ints:
        """All messages that the indexes tell, in no particular order."""
        return np.concatenate([rows[:, 1] for _, rows in self.indexes] or [_NO_MESSAGES])

    @property
    def counts(self) -> Mapping[int, int]:
        """Messages per channel, as the indexes tell."""
        return count_messages(self.indexes)

    def is_larger_than(self, nbytes: int) -> bool:
        """Whether it is uncompressed, so that it need not be loaded at once, and larger than *nbytes*."""
        return not self.header.compression and self.header.nbytes > nbytes


def count_messages(indexes: Sequence[tuple[int, Ints]]) -> Mapping[int, int]:
    """Return messages per channel, as message indexes tell."""
    counts: Counter[int] = Counter()
    for channel, rows in indexes:
        counts[channel] += len(rows)
    return counts


def chunk_at(file: File, start: int, head: Bytes, limit: int) -> Chunk | None:
    """Return the chunk whose record begins with *head*, None if its lengths contradict each other."""
    try:
        header = ChunkHeader.parse(head.data[: ChunkHeader.MAX_HEAD_BYTES])
    except MalformedError:
        return None
    op, length = prefix_of(head)
    end, needed = start + PREFIX.size + length, start + header.head_bytes + header.nbytes
    if op != Op.CHUNK or end - needed > _MAX_PADDING_BYTES:
        return None
    if end <= limit:
        return Chunk(start=start, end=end, header=header)
    if limit < file.size:
        return None
    return Chunk(start=start, end=file.size, header=header, is_whole=False)


def read_indexes(file: File, position: int, limit: int) -> tuple[list[tuple[int, Ints]], int]:
    """Return the message indexes from *position* on, and where the first other record begins."""
    indexes: list[tuple[int, Ints | None]] = []
    window = _PEEK_BYTES
    while position < limit:
        data = file.read(position, min(window, limit - position))
        found = walk(data, 0, len(data), {Op.MESSAGE_INDEX})
        end = int(found.messages[0]) if len(found.messages) else found.end
        indexes.extend(_index(data, at) for at in found.others if at < end)
        position += end
        if not end:
            op, length = prefix_of(data)
            needed = PREFIX.size + length
            if op != Op.MESSAGE_INDEX or needed <= window or position + needed > limit:
                break
            window = needed
    # One that contradicts itself discredits its neighbours: without any, the chunk itself is asked.
    usable = [(channel, rows) for channel, rows in indexes if rows is not None]
    return (usable if len(usable) == len(indexes) else []), position


def _index(data: Bytes, at: int) -> tuple[int, Ints | None]:
    """Return channel and `log time | offset` rows of the message index at *at*, None if malformed."""
    _, length = PREFIX.unpack_from(data.data, at)
    if length < _INDEX_HEAD.size:
        return 0, None
    channel, nbytes = _INDEX_HEAD.unpack_from(data.data, at + PREFIX.size)
    if nbytes % 16 or nbytes > length - _INDEX_HEAD.size:
        return channel, None
    first = at + PREFIX.size + _INDEX_HEAD.size
    return channel, np.frombuffer(data, "<i8", nbytes // 8, first).reshape(-1, 2)


def load(file: File, chunk: Chunk) -> Bytes | Damage:
    """
    Return the uncompressed contents of *chunk*, or of what there is of it.

    Contents that do not fit their checksum are not given: no message of them can be trusted.

    Thread: any; nearly all of it lets other threads run.
    """
    header = chunk.header
    start = chunk.start + header.head_bytes
    most = file.max_record_bytes
    if header.compression and header.nbytes > most:
        return chunk_damage(chunk, f"A chunk of {header.nbytes} bytes {too_large(most)}")
    try:
        stored = file.read(start, min(header.nbytes, chunk.end - start))
        if not chunk.is_whole and len(stored) < header.nbytes:
            return decompress_prefix(header.compression, stored, header.uncompressed_bytes, most)
        data = decompress(header.compression, stored, header.uncompressed_bytes, most)
    except MalformedError as err:
        return chunk_damage(chunk, f"A chunk is damaged. {err}")
    except MemoryError:
        return chunk_damage(chunk, f"A chunk of {header.nbytes} bytes does not fit into memory.")
    if header.crc and zlib.crc32(data.data) != header.crc:
        return chunk_damage(chunk, _WRONG_CHECKSUM)
    return data


def too_large(most: int) -> str:
    """Say what keeps a record from being loaded."""
    return f"is larger than --max-record-bytes {most} allows."


def chunk_damage(chunk: Chunk, reason: str) -> Damage:
    """Describe the loss of a whole chunk."""
    return Damage(
        reason=reason,
        byte_range=(chunk.start, chunk.end),
        time_range_ns=(chunk.header.start_ns, chunk.header.end_ns),
        lost=chunk.counts,
    )


def check_in_place(file: File, chunk: Chunk) -> Damage | None:
    """Return the damage of an uncompressed chunk that is too large to be loaded, None if it has none."""
    start = chunk.start + chunk.header.head_bytes
    end = start + chunk.header.nbytes
    if not chunk.is_whole or not chunk.header.crc:
        return None
    crc = 0
    for at in range(start, end, _STEP_BYTES):
        crc = zlib.crc32(file.read(at, min(_STEP_BYTES, end - at)).data, crc)
    return None if crc == chunk.header.crc else chunk_damage(chunk, _WRONG_CHECKSUM)
