"""
Compressed chunks that are too large to be loaded: their records window by window, in flat memory.

A checksum is compared first, on a pass of its own: contents that do not fit it are not given.

Must not know: what is around chunks, channels wanted. Next: `part`.
"""

import io
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.chunks import Chunk, chunk_damage, too_large
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.messages import IN_CHUNK, Found, columns, walk
from mosaico_ingest_mcap.records import PREFIX, Op, prefix_of

__all__ = ["is_streamed", "stream_chunk"]

Bytes = npt.NDArray[np.uint8]

LOADED_BYTES = 128 * 1024 * 1024
_WINDOW_BYTES = 16 * 1024 * 1024
_CUT_STEP_BYTES = 64 * 1024  # of a chunk that is cut off, a read that meets the cut gives nothing
_FAULTS = (OSError, pa.ArrowException, MemoryError)


def is_streamed(chunk: Chunk) -> bool:
    """Tell whether *chunk* is compressed and too large to be loaded at once."""
    return bool(chunk.header.compression) and chunk.header.uncompressed_bytes > LOADED_BYTES


def stream_chunk(file: File, chunk: Chunk) -> Iterator[tuple[Bytes, Found] | Damage]:
    """Yield the records of *chunk*, some at a time with their bytes, and what cannot be read of it."""
    most = file.max_record_bytes
    if chunk.header.compression not in ("lz4", "zstd"):
        yield chunk_damage(
            chunk, f"Its compression {chunk.header.compression!r} is none of zstd, lz4 and none."
        )
    elif chunk.header.uncompressed_bytes > most:
        stated = chunk.header.uncompressed_bytes
        yield chunk_damage(chunk, f"A chunk of {stated} bytes, unpacked, {too_large(most)}")
    elif chunk.is_whole and chunk.header.crc and (misfit := _check(file, chunk)):
        yield chunk_damage(chunk, f"A chunk is damaged. {misfit}")
    else:
        yield from _windows(file, chunk)


def _check(file: File, chunk: Chunk) -> str:
    """Return what is wrong with the contents of *chunk*, empty if nothing is."""
    crc = nbytes = 0
    try:
        with _opened(file, chunk) as stream:
            while nbytes <= chunk.header.uncompressed_bytes and (
                block := stream.read(_WINDOW_BYTES)
            ):
                crc = zlib.crc32(block, crc)
                nbytes += len(block)
    except _FAULTS as err:
        return f"Its {chunk.header.compression} contents cannot be decompressed ({err})."
    if nbytes != chunk.header.uncompressed_bytes:
        return f"It decompresses to {nbytes} bytes instead of {chunk.header.uncompressed_bytes}."
    return "" if crc == chunk.header.crc else "Its contents do not fit their checksum."


def _windows(file: File, chunk: Chunk) -> Iterator[tuple[Bytes, Found] | Damage]:
    """Yield the records of a chunk that has no checksum, or fits it."""
    given: Counter[int] = Counter()
    left, needed, fault = b"", 0, ""
    step = _WINDOW_BYTES if chunk.is_whole else _CUT_STEP_BYTES
    room = chunk.header.uncompressed_bytes
    with _opened(file, chunk) as stream:
        while not fault:
            try:
                block = stream.read(min(max(step, needed), room))
            except _FAULTS as err:
                fault = f"Its {chunk.header.compression} contents cannot be decompressed ({err})."
                block = b""
            room -= len(block)
            data = np.frombuffer(left + block, np.uint8)
            found = walk(data, 0, len(data))
            if found.end:
                yield data, found
                for channel, own in columns(data, found.messages).by_channel():
                    given[channel] += len(own.starts)
            left = data[found.end :].tobytes()
            op, length = prefix_of(data[found.end :])
            needed = PREFIX.size + length - len(left) if len(left) >= PREFIX.size else 0
            if not block:
                fault = fault or ("The last of its records is not whole." if left else "")
                break
            if len(left) >= PREFIX.size and (
                op not in {*IN_CHUNK, Op.MESSAGE} or needed > room or needed <= 0
            ):
                fault = "Its records stop making sense."
    if fault and chunk.is_whole:
        lost = {channel: n - given[channel] for channel, n in chunk.counts.items()}
        yield Damage(
            reason=f"A chunk is damaged. {fault}",
            byte_range=(chunk.start, chunk.end),
            time_range_ns=(chunk.header.start_ns, chunk.header.end_ns),
            lost={channel: n for channel, n in lost.items() if n > 0},
        )


def _opened(file: File, chunk: Chunk) -> pa.CompressedInputStream:
    """Return the contents of *chunk* as a stream."""
    start = chunk.start + chunk.header.head_bytes
    stored = _Stored(file, start, min(start + chunk.header.nbytes, chunk.end))
    return pa.CompressedInputStream(pa.PythonFile(stored, "r"), chunk.header.compression)


class _Stored(io.RawIOBase):
    """The bytes of *file* from *at* up to *end*, as a stream."""

    def __init__(self, file: File, at: int, end: int) -> None:
        super().__init__()
        self._file, self._at, self._end = file, at, end

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as many bytes as there are and fit."""
        view = memoryview(buffer)
        data = self._file.read(self._at, min(len(view), self._end - self._at))
        view[: len(data)] = data.data
        self._at += len(data)
        return len(data)
