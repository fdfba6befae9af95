"""
Goes through a file from its first record to the end of its data, over damage where there is any.

A chunk is met as a whole and not loaded; messages outside chunks are met in windows. Where the summary
knows a chunk, the way leads through it whatever stands before; without a summary, the next record that
can only be a chunk is looked for.

Must not know: what channels mean, who reads. Next: `contents`.
"""

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.chunks import (
    Chunk,
    check_in_place,
    chunk_at,
    count_messages,
    read_indexes,
    too_large,
)
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import MESSAGE_BYTES, Found, columns, walk
from mosaico_ingest_mcap.records import PREFIX, ChunkHeader, ChunkIndex, Op, prefix_of
from mosaico_ingest_mcap.resync import (
    AFTER_DATA,
    BETWEEN_CHUNKS,
    WINDOW_BYTES,
    ends_data,
    find_chunk,
    find_message,
    whole_record,
)

__all__ = ["Stretch", "walk_file"]

Bytes = npt.NDArray[np.uint8]

_PEEK_BYTES = 64 * 1024
_LOADED_BYTES = 256 * 1024 * 1024  # larger uncompressed chunks are read in windows
_NO_MESSAGES = np.empty(0, np.int64)


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
            is_chunked = True
            items, at = [_known_chunk(file, ahead)], ahead.end + ahead.index_bytes
            inside = yield from _meet(file, items)
            at = inside or at
            continue
        limit = ahead.start if ahead else file.size
        data = file.read(at, min(window, limit - at))
        found = walk(data, 0, len(data), BETWEEN_CHUNKS)
        if found.end:
            yield Stretch(start=at, data=data, found=found)
            at += found.end
            window = WINDOW_BYTES if len(found.messages) else _PEEK_BYTES
        elif size := whole_record(data, limit - at):
            if data[0] == Op.MESSAGE and size > file.max_record_bytes:
                yield _too_large_message(file, at, size)
                at += size
            elif data[0] == Op.MESSAGE:
                window = max(WINDOW_BYTES, size)
            else:
                yield Stretch(start=at, data=data, found=Found(_NO_MESSAGES, (0,), len(data)))
                at += size
        else:
            items, at = _turn(file, at, data, ahead, is_chunked=is_chunked)
            is_chunked = is_chunked or any(isinstance(item, Chunk) for item in items)
            inside = yield from _meet(file, items)
            at = inside or at


def _meet(file: File, items: Sequence[Chunk | Damage]) -> Generator[Chunk | Damage, None, int]:
    """
    Yield *items*, but not a chunk that is better read in windows.

    Returns:
        Where the records of such a chunk begin, 0 if there is none.
    """
    for item in items:
        if not isinstance(item, Chunk) or not item.is_larger_than(_LOADED_BYTES):
            yield item
        elif damage := check_in_place(file, item):
            yield damage
        else:
            return item.start + item.header.head_bytes
    return 0


def _known_chunk(file: File, known: ChunkIndex) -> Chunk | Damage:
    """Return the chunk that the summary knows, or what became of it."""
    indexes, _ = read_indexes(file, known.end, known.end + known.index_bytes)
    head = file.read(known.start, ChunkHeader.MAX_HEAD_BYTES)
    chunk = chunk_at(file, known.start, head, known.end)
    if chunk and chunk.is_whole and chunk.header.compression == known.compression:
        return attrs.evolve(chunk, end=known.end, indexes=indexes)
    return Damage(
        reason="The header of a chunk is damaged; the summary tells where it ends.",
        byte_range=(known.start, known.end),
        lost=count_messages(indexes),
    )


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
    op, length = prefix_of(data)
    limit = ahead.start if ahead else file.size
    chunk = chunk_at(file, at, data, limit) if op == Op.CHUNK else None
    if chunk and chunk.is_whole:
        indexes, after = read_indexes(file, chunk.end, limit)
        return [attrs.evolve(chunk, indexes=indexes)], after
    if ahead:
        return [_damage(op, at, ahead.start, file.size)], ahead.start
    if chunk:
        return [chunk, _cut(chunk, file.size)], None
    after = at + PREFIX.size + length
    if ends_data(file, op, after):
        return [], None
    resume = find_chunk(file, at + 1)
    if resume is None and not is_chunked:
        resume = find_message(file, at + 1)
    if resume is None and op in AFTER_DATA and after <= file.size:
        return [], None  # a writer that leaves out the end marker of its data
    return [_damage(op, at, resume, file.size)], resume


def _cut(chunk: Chunk, size: int) -> Damage:
    """Describe the loss of the rest of *chunk*, in which the file ends."""
    return Damage(
        reason="The file ends inside a chunk; the messages before the cut were read.",
        byte_range=(chunk.start, size),
        time_range_ns=(chunk.header.start_ns, chunk.header.end_ns),
    )


def _too_large_message(file: File, at: int, size: int) -> Damage:
    """Describe a message that is left out for its size."""
    head = file.read(at, MESSAGE_BYTES)
    alone = columns(head, np.zeros(1, np.int64))
    channel, log_ns = int(alone.channels[0]), int(alone.log_ns[0])
    return Damage(
        reason=f"A message of {size} bytes {too_large(file.max_record_bytes)}",
        byte_range=(at, at + size),
        time_range_ns=(log_ns, log_ns),
        lost={channel: 1},
    )


def _damage(op: int, at: int, resume: int | None, size: int) -> Damage:
    """Describe what was met at *at*, where reading goes on at *resume* or not at all."""
    if resume is not None:
        reason = f"Records are damaged; the {resume - at} bytes before the next intact one were passed over."
    elif at == size:
        reason = "The file ends without its end marker; more may have been recorded."
    elif (
        op in {Op.MESSAGE, Op.CHUNK, Op.DATA_END} or op in BETWEEN_CHUNKS or size - at < PREFIX.size
    ):
        reason = "The file ends inside a record."
    else:
        reason = f"Records are damaged; the last {size - at} bytes cannot be read."
    return Damage(reason=reason, byte_range=(at, size if resume is None else resume))
