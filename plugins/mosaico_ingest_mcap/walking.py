"""
Goes through a file from its first record to the end of its data, over damage where there is any.

A chunk is met as a whole and not loaded; messages outside chunks are met in windows. Where the summary
knows a chunk, the way leads through it whatever stands before; without a summary, the next record that
can only be a chunk is looked for.

Must not know: what channels mean, who reads. Next: `chunks`.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import IN_CHUNK, MESSAGE_BYTES, Found, take_integers, walk
from mosaico_ingest_mcap.records import PREFIX, ChunkHeader, ChunkIndex, MalformedError, Op

__all__ = ["Chunk", "Stretch", "walk_file"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_PEEK_BYTES = 64 * 1024
_WINDOW_BYTES = 4 * 1024 * 1024
_MAX_PADDING_BYTES = 4096  # a record may be longer than its fields; a wrong length is far off

_BETWEEN_CHUNKS = IN_CHUNK | {Op.HEADER, Op.MESSAGE_INDEX, Op.ATTACHMENT, Op.METADATA}
_AFTER_DATA = {
    Op.FOOTER,
    Op.SCHEMA,
    Op.CHANNEL,
    Op.CHUNK_INDEX,
    Op.ATTACHMENT_INDEX,
    Op.STATISTICS,
    Op.METADATA_INDEX,
    Op.SUMMARY_OFFSET,
}
_CHAINED = {Op.MESSAGE, Op.SCHEMA, Op.CHANNEL, Op.ATTACHMENT, Op.METADATA}
_CHAIN_RECORDS = 4  # so many in a row are not chance
_NAMES = ("", "lz4", "zstd")
_NAME_LENGTHS = (0, 3, 4)
_NAME_LENGTH_AT = PREFIX.size + 28  # of the name of a chunk's compression
_INDEX_HEAD = struct.Struct("<HI")
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
        return {channel: len(rows) for channel, rows in self.indexes}


@attrs.frozen(kw_only=True, eq=False)
class Stretch:
    """Records outside chunks, from *start* of the file; positions in *found* count in *data*."""

    start: int
    data: Bytes
    found: Found


def walk_file(
    file: File, position: int, known: Sequence[ChunkIndex], *, is_chunked: bool = False
) -> Iterator[Chunk | Stretch | Damage]:
    """
    Yield everything from *position* to the end of the data section, in file order.

    Args:
        position: First byte of a record.
        known: The chunks that the summary lists, ascending.
        is_chunked: Whether chunks are known to exist. In a file without any, messages after damage are
            found again; in chunks that could no longer be checked, none are looked for.
    """
    starts = [chunk.start for chunk in known]
    window = _PEEK_BYTES
    at: int | None = position
    while at is not None:
        rank = bisect_left(starts, at)
        ahead = known[rank] if rank < len(known) else None
        if ahead and ahead.start == at:
            yield _known_chunk(file, ahead)
            is_chunked = True
            at = ahead.end + ahead.index_bytes
            continue
        limit = ahead.start if ahead else file.size
        data = file.read(at, min(window, limit - at))
        found = walk(data, 0, len(data), _BETWEEN_CHUNKS)
        if found.end:
            yield Stretch(start=at, data=data, found=found)
            at += found.end
            window = _WINDOW_BYTES if len(found.messages) else _PEEK_BYTES
        elif size := _whole_record(data, limit - at):
            if data[0] == Op.MESSAGE:
                window = max(_WINDOW_BYTES, size)
            else:
                yield Stretch(start=at, data=data, found=Found(_NO_MESSAGES, (0,), len(data)))
                at += size
        else:
            items, at = _turn(file, at, data, ahead, is_chunked=is_chunked)
            is_chunked = is_chunked or any(isinstance(item, Chunk) for item in items)
            yield from items


def _whole_record(data: Bytes, room: int) -> int:
    """Return the size of a record that is larger than *data*, 0 if it has no place here."""
    op, length = _prefix(data)
    is_message = op == Op.MESSAGE and length >= MESSAGE_BYTES - PREFIX.size
    fits = PREFIX.size + length <= room
    return PREFIX.size + length if fits and (is_message or op in _BETWEEN_CHUNKS) else 0


def _turn(
    file: File, at: int, data: Bytes, ahead: ChunkIndex | None, *, is_chunked: bool
) -> tuple[list[Chunk | Damage], int | None]:
    """
    Decide at a record that is not passed: a chunk, the end of the data, or damage.

    Args:
        data: The bytes from *at* on.
        ahead: The next chunk that the summary knows.

    Returns:
        What was met, and where to go on; None at the end.
    """
    op, length = _prefix(data)
    limit = ahead.start if ahead else file.size
    chunk = _chunk(file, at, data, limit) if op == Op.CHUNK else None
    if chunk and chunk.is_whole:
        indexes, after = _indexes(file, chunk.end, limit)
        return [attrs.evolve(chunk, indexes=indexes)], after
    if ahead:
        return [_damage(op, at, ahead.start, file.size)], ahead.start
    if chunk:
        return [chunk, _cut(chunk, file.size)], None
    after = at + PREFIX.size + length
    if _ends_data(file, op, after):
        return [], None
    resume = _find_chunk(file, at + 1)
    if resume is None and not is_chunked:
        resume = _find_message(file, at + 1)
    if resume is None and op in _AFTER_DATA and after <= file.size:
        return [], None  # a writer that leaves out the end marker of its data
    return [_damage(op, at, resume, file.size)], resume


def _prefix(data: Bytes) -> tuple[int, int]:
    """Return kind and length of the record that *data* begins with, zeros if it is too short."""
    return PREFIX.unpack_from(data.data) if len(data) >= PREFIX.size else (0, 0)


def _known_chunk(file: File, known: ChunkIndex) -> Chunk | Damage:
    """Return the chunk that the summary knows, or what became of it."""
    indexes, _ = _indexes(file, known.end, known.end + known.index_bytes)
    head = file.read(known.start, ChunkHeader.MAX_HEAD_BYTES)
    chunk = _chunk(file, known.start, head, known.end)
    if chunk and chunk.is_whole:
        return attrs.evolve(chunk, end=known.end, indexes=indexes)
    return Damage(
        reason="The header of a chunk is damaged; the summary tells where it ends.",
        byte_range=(known.start, known.end),
        lost={channel: len(rows) for channel, rows in indexes},
    )


def _chunk(file: File, start: int, head: Bytes, limit: int) -> Chunk | None:
    """Return the chunk whose record begins with *head*, None if its lengths contradict each other."""
    try:
        header = ChunkHeader.parse(head.data[: ChunkHeader.MAX_HEAD_BYTES])
    except MalformedError:
        return None
    op, length = _prefix(head)
    end, needed = start + PREFIX.size + length, start + header.head_bytes + header.nbytes
    if op != Op.CHUNK or end - needed > _MAX_PADDING_BYTES:
        return None
    if end <= limit:
        return Chunk(start=start, end=end, header=header)
    if limit < file.size:
        return None
    return Chunk(start=start, end=file.size, header=header, is_whole=False)


def _indexes(file: File, position: int, limit: int) -> tuple[list[tuple[int, Ints]], int]:
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
            op, length = _prefix(data)
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


def _ends_data(file: File, op: int, after: int) -> bool:
    """Tell whether the record before *after* is the end marker of the data, not a damaged other one."""
    if op != Op.DATA_END or after > file.size:
        return False
    follows = file.read(after, 1)
    return not len(follows) or int(follows[0]) in _AFTER_DATA


def _find_chunk(file: File, position: int) -> int | None:
    """Return the first place from *position* on where a whole chunk seems to begin."""
    head_bytes = ChunkHeader.MAX_HEAD_BYTES
    while position < file.size:
        data = file.read(position, _WINDOW_BYTES + head_bytes)
        found = np.flatnonzero(data[: max(0, len(data) - _NAME_LENGTH_AT - 4)] == Op.CHUNK)
        name_lengths = take_integers(data, found, _NAME_LENGTH_AT, np.uint32)
        for at in found[np.isin(name_lengths, _NAME_LENGTHS)].tolist():
            chunk = _chunk(file, position + at, data[at : at + head_bytes], file.size)
            if chunk and chunk.is_whole and chunk.header.compression in _NAMES:
                return chunk.start
        position += _WINDOW_BYTES
    return None


def _find_message(file: File, position: int) -> int | None:
    """Return the first place from *position* on where a message record begins that others follow."""
    while position < file.size:
        data = file.read(position, _WINDOW_BYTES + PREFIX.size)
        found = np.flatnonzero(data[: max(0, len(data) - PREFIX.size)] == Op.MESSAGE)
        lengths = take_integers(data, found, 1, np.int64)
        plausible = (lengths > 0) & (lengths < file.size - position)
        for at in found[plausible].tolist():
            if _is_chain(file, position + at):
                return position + int(at)
        position += _WINDOW_BYTES
    return None


def _is_chain(file: File, at: int) -> bool:
    """Tell whether the next records from *at* on follow each other without a gap."""
    for _ in range(_CHAIN_RECORDS):
        data = file.read(at, PREFIX.size)
        op, length = _prefix(data)
        after = at + PREFIX.size + length
        if at == file.size or _ends_data(file, op, after):
            return True
        if op not in _CHAINED or not _whole_record(data, file.size - at):
            return False
        at = after
    return True


def _cut(chunk: Chunk, size: int) -> Damage:
    """Describe the loss of the rest of *chunk*, in which the file ends."""
    return Damage(
        reason="The file ends inside a chunk; the messages before the cut were read.",
        byte_range=(chunk.start, size),
        time_range_ns=(chunk.header.start_ns, chunk.header.end_ns),
    )


def _damage(op: int, at: int, resume: int | None, size: int) -> Damage:
    """Describe what was met at *at*, where reading goes on at *resume* or not at all."""
    if resume is not None:
        reason = f"Records are damaged; the {resume - at} bytes before the next intact one were passed over."
    elif at == size:
        reason = "The file ends without its end marker; more may have been recorded."
    elif (
        op in {Op.MESSAGE, Op.CHUNK, Op.DATA_END}
        or op in _BETWEEN_CHUNKS
        or size - at < PREFIX.size
    ):
        reason = "The file ends inside a record."
    else:
        reason = f"Records are damaged; the last {size - at} bytes cannot be read."
    return Damage(reason=reason, byte_range=(at, size if resume is None else resume))
