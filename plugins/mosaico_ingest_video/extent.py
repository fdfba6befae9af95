"""
Whether a container is all there, from the sizes that it states itself; the demuxers do not tell.

Must not know: PyAV. Next: `recording`.
"""

import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["refusal", "stated_bytes"]

_MAX_BOXES = 100_000
_SEGMENT = b"\x18\x53\x80\x67"


def stated_bytes(path: Path, demuxer: str, head: bytes) -> int | None:
    """Return how long the file should be at least, None where it does not say."""
    if demuxer == "avi":
        size = int.from_bytes(head[4:8], "little")
        return size + 8 if size else None
    if demuxer == "matroska":
        at = head.find(_SEGMENT, 0, 4096) + len(_SEGMENT)
        return _element_end(head, at) if at >= len(_SEGMENT) else None
    if demuxer == "mov":
        with path.open("rb") as stream:
            boxes = _boxes(stream)
        return max((end for _, end in boxes), default=None)
    return None


def refusal(path: Path, demuxer: str, error: Exception) -> str:
    """Return why a file cannot be opened at all, and what to do."""
    if demuxer == "mov":
        with path.open("rb") as stream:
            names = [name for name, _ in _boxes(stream)]
        if b"moov" not in names:
            return (
                f"{str(path)!r} has no index (moov box): its recording was broken off, or it is cut. "
                "Repair it with a tool such as untrunc and an intact file of the same camera; "
                "fragmented MP4, Matroska and MPEG-TS survive being cut."
            )
    reason = getattr(error, "strerror", None) or str(error)
    return f"{str(path)!r} cannot be opened as {demuxer or 'video'}: {reason}. Is it whole?"


def _element_end(head: bytes, at: int) -> int | None:
    """Return where the EBML element ends whose size is stored at *at*; None for one that is open."""
    first = head[at] if at < len(head) else 0
    width = 9 - first.bit_length()
    if not first or len(head) < at + width:
        return None
    size = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    return None if size == (1 << 7 * width) - 1 else at + width + size


def _boxes(stream: BinaryIO) -> list[tuple[bytes, int]]:
    """Return name and end of every box at the top of an MP4 file."""
    found: list[tuple[bytes, int]] = []
    size_bytes, at = stream.seek(0, 2), 0
    while at + 8 <= size_bytes and len(found) < _MAX_BOXES:
        stream.seek(at)
        header = stream.read(16)
        size, name = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:
            size = struct.unpack_from(">Q", header, 8)[0]
        end = size_bytes if size == 0 else at + size
        if end < at + 8 or not name.isascii() or not name.decode().isprintable():
            break
        found.append((name, end))
        at = end
    return found
