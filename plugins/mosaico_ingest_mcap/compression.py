"""
The compressions of chunks: whole, with every length checked, or as much as a cut one still gives.

Must not know: what the bytes mean. Next: `chunks`.
"""

import lz4.frame
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest_mcap.records import MalformedError

__all__ = ["decompress", "decompress_prefix"]

Bytes = npt.NDArray[np.uint8]

_KNOWN = ("", "lz4", "zstd")
_STEP_BYTES = 64 * 1024


def decompress(compression: str, data: Bytes, nbytes: int, most: int) -> Bytes:
    """
    Return the *nbytes* that *data* stands for, if they are not more than *most*.

    Thread: any; long calls let other threads run.

    Raises:
        MalformedError: It does not give exactly *nbytes*, or more than allowed.
    """
    _check(compression, len(data), nbytes, most)
    if not compression:
        return data
    try:
        if compression == "zstd":
            found = pa.Codec("zstd").decompress(pa.py_buffer(data), nbytes)
        else:
            unpacker = lz4.frame.LZ4FrameDecompressor()
            found = unpacker.decompress(data.data, max_length=nbytes)
            # The end mark may follow the last byte that was asked for.
            if not unpacker.eof and (more := unpacker.decompress(b"", max_length=1)):
                found += more
            if not unpacker.eof:
                msg = "Its lz4 contents have no end, or more bytes than stated."
                raise MalformedError(msg)
    except (OSError, RuntimeError, MemoryError, pa.ArrowException) as err:
        msg = f"Its {compression} contents cannot be decompressed ({err})."
        raise MalformedError(msg) from err
    if len(found) != nbytes:
        msg = f"It decompresses to {len(found)} bytes instead of {nbytes}."
        raise MalformedError(msg)
    return np.frombuffer(found, np.uint8)


def decompress_prefix(compression: str, data: Bytes, nbytes: int, most: int) -> Bytes:
    """Return what the beginning of a compressed stream gives, at most *nbytes*."""
    _check(compression, None, nbytes, most)
    if not compression:
        return data[:nbytes]
    found = b""
    # A read that meets the cut gives nothing: large steps come near, single bytes come up to it.
    for step in (_STEP_BYTES, 1):
        with pa.CompressedInputStream(pa.BufferReader(pa.py_buffer(data)), compression) as stream:
            parts = [stream.read(len(found))]
            left = nbytes - len(found)
            try:
                while left and (part := stream.read(min(left, step))):
                    parts.append(part)
                    left -= len(part)
            except (OSError, MemoryError):
                pass
            found = b"".join(parts)
    return np.frombuffer(found, np.uint8)


def _check(compression: str, stored_bytes: int | None, nbytes: int, most: int) -> None:
    """Refuse unknown compressions, sizes that contradict each other, and those that are not allowed."""
    if compression not in _KNOWN:
        msg = f"Its compression {compression!r} is none of zstd, lz4 and none."
        raise MalformedError(msg)
    if not compression and stored_bytes not in (None, nbytes):
        msg = f"It declares {nbytes} bytes and holds {stored_bytes}."
        raise MalformedError(msg)
    if compression and nbytes > most:
        msg = f"It states {nbytes} bytes unpacked, more than --max-record-bytes {most} allows."
        raise MalformedError(msg)
