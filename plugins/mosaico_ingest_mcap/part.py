"""
One file of a recording and the messages in it, block by block, loaded ahead of the one who asks.

Must not know: batches, other files. Next: `recording`.
"""

import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Executor, Future

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.chunks import Chunk, load
from mosaico_ingest_mcap.contents import Contents
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import Columns, Found, columns, find
from mosaico_ingest_mcap.streaming import is_streamed, stream_chunk
from mosaico_ingest_mcap.summary import check_data
from mosaico_ingest_mcap.walking import Stretch, walk_file

__all__ = ["THREADS", "Block", "Part"]

Bytes = npt.NDArray[np.uint8]

THREADS = max(1, min(4, (os.cpu_count() or 1) - 1))
"""Chunks that are loaded at the same time; one core is left to look at them."""

_PENDING = THREADS + 2  # one that is looked at, one that is ready
_PENDING_BYTES = 64 * 1024 * 1024

_Pending = tuple[Chunk, Future[Bytes | Damage]] | tuple[Stretch | Damage, None]


@attrs.frozen(eq=False)
class Block:
    """
    Messages whose bytes are in *data*.

    Args:
        start: Where in the file reading may start again, None if only at the block before.
    """

    start: int | None
    data: Bytes
    messages: Columns


@attrs.frozen(eq=False)
class Part:
    """
    One file of a recording.

    Args:
        base: Bytes of all parts before it: the positions of cursors count through all of them.
        ids: Number in the recording of each of the file's channels.
    """

    file: File
    contents: Contents
    base: int
    ids: Mapping[int, int]

    def blocks(
        self, position: int, wanted: Collection[int], ahead: Executor
    ) -> Iterator[Block | Damage]:
        """
        Yield the messages from *position* of the file on, in stored order.

        Args:
            wanted: Numbers in the recording; chunks that hold no such channel are left alone, others
                come with all their messages.
            ahead: Loads the next chunks while the one before is looked at.
        """
        own = {channel for channel, number in self.ids.items() if number in wanted}
        everything = len(own) == len(self.ids)
        pending: deque[_Pending] = deque()
        is_chunked = bool(self.contents.compression)
        for item in walk_file(self.file, position, self.contents.chunks, is_chunked=is_chunked):
            if (
                isinstance(item, Chunk)
                and item.indexes
                and not everything
                and own.isdisjoint(item.counts)
            ):
                continue
            while pending and _is_full(pending, item):
                yield from _finish(*pending.popleft())
            if isinstance(item, Chunk) and is_streamed(item):
                while pending:
                    yield from _finish(*pending.popleft())
                yield from _streamed(self.file, item)
            elif isinstance(item, Chunk):
                pending.append((item, ahead.submit(load, self.file, item)))
            else:
                pending.append((item, None))
        while pending:
            yield from _finish(*pending.popleft())

    def check(self, wanted: frozenset[int]) -> Damage | None:
        """Compare a file that was read from its first byte to its last with its checksum, if it has one."""
        return check_data(self.file) if wanted >= frozenset(self.ids.values()) else None

    def damage(self, found: Damage, *, of_several: bool) -> Damage:
        """Return *found* as the recording tells it: with its own channel numbers, and the file's path."""
        lost = {self.ids[channel]: n for channel, n in found.lost.items() if channel in self.ids}
        return attrs.evolve(found, lost=lost, path=self.file.path if of_several else None)


def _is_full(pending: Collection[_Pending], item: Chunk | Stretch | Damage) -> bool:
    """Tell whether *item* must wait until some of *pending* is gone."""
    items = [item, *(before for before, _ in pending)]
    nbytes = sum(x.header.uncompressed_bytes for x in items if isinstance(x, Chunk))
    return len(pending) >= _PENDING or nbytes > _PENDING_BYTES


def _finish(
    item: Chunk | Stretch | Damage, loaded: Future[Bytes | Damage] | None
) -> Iterator[Block | Damage]:
    """Turn what was met into messages."""
    if isinstance(item, Stretch):
        if len(item.found.messages):
            yield Block(item.start, item.data, columns(item.data, item.found.messages))
        return
    if isinstance(item, Damage) or loaded is None:
        if isinstance(item, Damage):
            yield item
        return
    data = loaded.result()
    if isinstance(data, Damage):
        yield data
        return
    found = find(data, item.offsets)
    messages = columns(data, found.messages)
    yield Block(item.start, data, messages)
    if item.is_whole and found.end < len(data):
        yield _broken_off(item, found, messages)


def _streamed(file: File, chunk: Chunk) -> Iterator[Block | Damage]:
    """Turn a chunk that is too large to be loaded into messages; it can be entered at its beginning only."""
    start: int | None = chunk.start
    for item in stream_chunk(file, chunk):
        if isinstance(item, Damage):
            yield item
            continue
        data, found = item
        yield Block(start, data, columns(data, found.messages))
        start = None


def _broken_off(chunk: Chunk, found: Found, messages: Columns) -> Damage:
    """Describe a chunk without a checksum whose records stop making sense."""
    given = {channel: len(part.starts) for channel, part in messages.by_channel()}
    lost = {channel: n - given.get(channel, 0) for channel, n in chunk.counts.items()}
    return Damage(
        reason=f"A chunk is damaged. Its records stop making sense at byte {found.end} of them.",
        byte_range=(chunk.start, chunk.end),
        time_range_ns=(chunk.header.start_ns, chunk.header.end_ns),
        lost={channel: n for channel, n in lost.items() if n > 0},
    )
