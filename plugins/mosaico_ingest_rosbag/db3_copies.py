"""
Bags that cannot be read where they lie: packed with zstd, as a file or message by message, or cut off.

Must not know: databases, channels. Next: `db3_database`.
"""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Payloads, format_bytes

__all__ = ["copy_file", "is_packed", "unpack_file", "unpack_messages"]

_MAGIC = np.frombuffer(b"\x28\xb5\x2f\xfd", np.uint8)
_BLOCK_BYTES = 128 << 10  # what a fault may cost of a packed file before it
_ALWAYS_ALLOWED_BYTES = 1 << 30
_MAX_EXPANSION = 1000
_KEPT_FREE_BYTES = 256 << 20


def is_packed(payloads: Payloads) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say of each message whether it is a zstd frame; no CDR payload begins like one."""
    packed = payloads.lengths >= 4
    packed[packed] = payloads.buffer[payloads.starts[packed]] == _MAGIC[0]
    if packed.any():
        at = payloads.starts[packed]
        packed[packed] = (payloads.buffer[at[:, None] + np.arange(4)] == _MAGIC).all(axis=1)
    return packed


def unpack_messages(
    payloads: Payloads, most: int
) -> tuple[Payloads, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """
    Unpack messages that are zstd frames each, one call per frame; others stay as they are.

    Args:
        most: Bytes that one message may have.

    Returns:
        The messages that could be unpacked, in order, and for each that was given whether it could.
    """
    codec = pa.Codec("zstd")
    memory = payloads.buffer.data
    packed = is_packed(payloads).tolist()
    good = np.ones(len(payloads), bool)
    parts: list[bytes | memoryview] = []
    for i, (start, length) in enumerate(
        zip(payloads.starts.tolist(), payloads.lengths.tolist(), strict=True)
    ):
        frame = memory[start : start + length]
        if not packed[i]:
            parts.append(frame)
            continue
        try:
            parts.append(_unpack(codec, frame, most))
        except (OSError, ValueError, pa.ArrowException):
            good[i] = False
    buffer = np.frombuffer(b"".join(parts), np.uint8)
    lengths = np.array([len(part) for part in parts], np.int64)
    return Payloads(buffer, np.cumsum(lengths) - lengths, lengths), good


def unpack_file(path: Path, target: Path) -> str:
    """
    Unpack a file, block by block.

    Returns:
        Why it could not be unpacked to its end, empty if it could. What came before is in *target*.

    Raises:
        SourceError: It unpacks to more than the disk holds, or than a bag can.
    """
    packed = path.stat().st_size
    limit = min(_room(target), max(_ALWAYS_ALLOWED_BYTES, packed * _MAX_EXPANSION))
    size = 0
    with path.open("rb") as source, target.open("wb") as sink:
        try:
            with pa.CompressedInputStream(pa.PythonFile(source, "r"), "zstd") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    size += len(block)
                    if size > limit:
                        raise _no_room(path, target, limit)
                    sink.write(block)
        except (OSError, pa.ArrowException) as err:
            return f"it can be unpacked up to byte {size} only ({str(err).rstrip('.')})"
    return ""


def copy_file(path: Path, target: Path, size: int) -> None:
    """
    Copy the first *size* bytes of a file.

    Raises:
        SourceError: The disk has no room for them.
    """
    if size > _room(target):
        raise _no_room(path, target, _room(target))
    with path.open("rb") as source, target.open("wb") as sink:
        while size > 0 and (block := source.read(min(size, _BLOCK_BYTES))):
            size -= sink.write(block)


def _room(target: Path) -> int:
    """Return how many bytes may be written to *target*."""
    return max(0, shutil.disk_usage(target.parent).free - _KEPT_FREE_BYTES)


def _no_room(path: Path, target: Path, limit: int) -> SourceError:
    """Make the error for a part whose copy is too large."""
    msg = (
        f"A readable copy of {str(path)!r} needs more than {format_bytes(limit)}, the room allowed "
        f"in {str(target.parent)!r}. Free space or set TMPDIR to a folder on a larger disk."
    )
    return SourceError(msg, path=path)


def _unpack(codec: pa.Codec, frame: memoryview, most: int) -> bytes:
    """Unpack one frame to at most *most* bytes."""
    size = _content_size(frame)
    if size is None:
        with pa.CompressedInputStream(pa.BufferReader(frame), "zstd") as stream:
            data: bytes = stream.read(most + 1)
        size = len(data)
    else:
        data = codec.decompress(frame, min(size, most), asbytes=True)
    if size > most:
        msg = f"A message of {size} bytes is larger than {most}."
        raise ValueError(msg)
    return data


def _content_size(frame: memoryview) -> int | None:
    """Return the unpacked size that the header of a frame states, None if it does not."""
    if len(frame) < 6:
        msg = "The frame has no header."
        raise ValueError(msg)
    descriptor = frame[4]
    is_single = bool(descriptor & 0x20)
    width = (int(is_single), 2, 4, 8)[descriptor >> 6]
    if not width:
        return None
    at = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    size = int.from_bytes(frame[at : at + width], "little")
    return size + 256 if width == 2 else size
