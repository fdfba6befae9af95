"""
Loads chunks: reads, decompresses and checks the contents, or says what was lost with them.

Must not know: channels wanted, batches. Next: `contents`.
"""

import zlib

import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import Damage
from mosaico_ingest_mcap.compression import decompress, decompress_prefix
from mosaico_ingest_mcap.file import File
from mosaico_ingest_mcap.records import MalformedError
from mosaico_ingest_mcap.walking import Chunk

__all__ = ["chunk_damage", "load"]

Bytes = npt.NDArray[np.uint8]


def load(file: File, chunk: Chunk) -> Bytes | Damage:
    """
    Return the uncompressed contents of *chunk*, or of what there is of it.

    Contents that do not fit their checksum are not given: no message of them can be trusted.

    Thread: any; nearly all of it lets other threads run.
    """
    header = chunk.header
    start = chunk.start + header.head_bytes
    try:
        stored = file.read(start, min(header.nbytes, chunk.end - start))
        if not chunk.is_whole and len(stored) < header.nbytes:
            return decompress_prefix(header.compression, stored, header.uncompressed_bytes)
        data = decompress(header.compression, stored, header.uncompressed_bytes)
    except MalformedError as err:
        return chunk_damage(chunk, f"A chunk is damaged: {err}.")
    except MemoryError:
        return chunk_damage(chunk, f"A chunk of {header.nbytes} bytes does not fit into memory.")
    if header.crc and zlib.crc32(data.data) != header.crc:
        return chunk_damage(chunk, "A chunk is damaged: its contents do not fit their checksum.")
    return data


def chunk_damage(chunk: Chunk, reason: str) -> Damage:
    """Describe the loss of a whole chunk."""
    return Damage(
        reason=reason,
        byte_range=(chunk.start, chunk.end),
        time_range_ns=(chunk.header.start_ns, chunk.header.end_ns),
        lost=chunk.counts,
    )
