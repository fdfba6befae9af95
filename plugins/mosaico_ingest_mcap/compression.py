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
_ALWAYS_ALLOWED_BYTES = 256 * 1024 * 1024
_MAX_EXPANSION = 256
_STEP_BYTES = 64 * 1024


def decompress(compression: str, data: Bytes, nbytes: int) -> Bytes:
    """
    Return the *nbytes* that *data* stands for.

    Thread: any; long calls let other threads run.

    Raises:
        MalformedError: It does not give exactly *nbytes*, or more than anything sane would.
    """
    _check(compression, len(data), nbytes)
    if not compression:
        return data
    try:
        if compression == "zstd":
            found = pa.Codec("zstd").decompress(pa.py_buffer(data), nbytes)
        else:
            found = lz4.frame.decompress(data)
    except (OSError, RuntimeError, MemoryError, pa.ArrowException) as err:
        msg = f"Its {compression} contents cannot be decompressed ({err})."
        raise MalformedError(msg) from err
    if len(found) != nbytes:
        msg = f"It decompresses to {len(found)} bytes instead of {nbytes}."
        raise MalformedError(msg)
    return np.frombuffer(found, np.uint8)


def decompress_prefix(compression: str, data: Bytes, nbytes: int) -> Bytes:
    """Return what the beginning of a compressed stream gives, at most *nbytes*."""
    _check(compression, None, nbytes)
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


def _check(compression: str, stored_bytes: int | None, nbytes: int) -> None:
    """Refuse unknown compressions, and sizes that only a wrong length could name."""
    if compression not in _KNOWN:
        msg = f"Its compression {compression!r} is none of zstd, lz4 and none."
        raise MalformedError(msg)
    if stored_bytes is None:
        return
    if not compression and stored_bytes != nbytes:
        msg = f"It declares {nbytes} bytes and holds {stored_bytes}."
        raise MalformedError(msg)
    if nbytes > max(_ALWAYS_ALLOWED_BYTES, _MAX_EXPANSION * stored_bytes):
        msg = f"It claims to expand from {stored_bytes} to {nbytes} bytes."
        raise MalformedError(msg)
