"""
Files packed with gzip, bzip2, lz4 or zstd, around any format: recognised by content, read as a stream.

Must not know: which formats there are, where a readable copy goes. Next: `copies`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import pyarrow as pa

from mosaico_ingest.model.source import HEAD_BYTES

__all__ = [
    "PACKED_SUFFIXES",
    "PackedStream",
    "archive_kind",
    "inner_name",
    "is_named_like",
    "packing",
    "stated_size",
]

_MAGICS = {
    "gzip": b"\x1f\x8b\x08",
    "bz2": b"BZh",
    "lz4": b"\x04\x22\x4d\x18",
    "zstd": b"\x28\xb5\x2f\xfd",
}
_SUFFIXES = {
    "gzip": (".gz", ".gzip"),
    "bz2": (".bz2",),
    "lz4": (".lz4",),
    "zstd": (".zst", ".zstd"),
}
PACKED_SUFFIXES = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
"""Endings of packed files; they say nothing about a recording."""

_ARCHIVES = {
    "a zip archive": (0, (b"PK\x03\x04", b"PK\x05\x06")),
    "a tar archive": (257, (b"ustar",)),
    "a 7z archive": (0, (b"7z\xbc\xaf\x27\x1c",)),
    "a rar archive": (0, (b"Rar!\x1a\x07",)),
    "packed with xz": (0, (b"\xfd7zXZ\x00",)),
}
_BZ2_BLOCK = b"\x31\x41\x59\x26\x53\x59"
_BZ2_END = b"\x17\x72\x45\x38\x50\x90"
_BLOCK_BYTES = 256 * 1024
_RAW_BYTES = 16 * 1024


def packing(head: bytes) -> str:
    r"""
    Return how the file that begins with *head* is packed, empty if it is not.

    Example:
        >>> packing(b"\x1f\x8b\x08\x00"), packing(b"\x89MCAP0\r\n")
        ('gzip', '')
    """
    if head.startswith(_MAGICS["bz2"]):  # three letters that a text may begin with
        return "bz2" if head[4:10] in (_BZ2_BLOCK, _BZ2_END) else ""
    return next((kind for kind, magic in _MAGICS.items() if head.startswith(magic)), "")


def archive_kind(head: bytes) -> str:
    """Say what archive of several files, or what other packing, begins with *head*; empty for none."""
    for kind, (at, magics) in _ARCHIVES.items():
        if head.startswith(magics, at):
            return kind
    return ""


def inner_name(name: str, kind: str) -> str:
    """
    Return the name of what is packed in the file *name*.

    Example:
        >>> inner_name("Drive.MCAP.ZST", "zstd"), inner_name("drive", "gzip")
        ('Drive.MCAP', 'drive')
    """
    for suffix in _SUFFIXES[kind]:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def is_named_like(name: str, suffixes: Iterable[str]) -> bool:
    """
    Say whether a file called *name*, packed or not, claims to be of a format with one of *suffixes*.

    Example:
        >>> is_named_like("Run.MCAP.zst", [".mcap"]), is_named_like("run.txt.zst", [".mcap"])
        (True, False)
    """
    name = name.lower()
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.endswith(tuple(suffix.lower() for suffix in suffixes))


def stated_size(head: bytes, kind: str) -> int | None:
    """Return the unpacked size of the first frame as its header states it, None if it does not."""
    if kind == "lz4" and len(head) >= 14 and head[4] & 0x08:
        return int.from_bytes(head[6:14], "little")
    if kind != "zstd" or len(head) < 6:
        return None
    descriptor = head[4]
    is_single = bool(descriptor & 0x20)
    width = (int(is_single), 2, 4, 8)[descriptor >> 6]
    at = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    if not width or len(head) < at + width:
        return None
    return int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)


class _Raw:
    """
    The packed bytes as Arrow asks for them: in small pieces, so that `position` says where a fault is.

    Args:
        fine_at: From where on they come byte by byte: of a piece with a fault in it nothing is unpacked.
    """

    def __init__(self, path: Path, fine_at: int | None = None) -> None:
        self._stream = path.open("rb", buffering=0)
        self._fine_at = fine_at
        self.before = self.position = 0

    closed = False

    def readable(self) -> bool:
        """Satisfy Arrow."""
        return True

    def read(self, nbytes: int = -1) -> bytes:
        """Read at most `_RAW_BYTES`, whatever is asked for."""
        most = _RAW_BYTES if nbytes < 0 else min(nbytes, _RAW_BYTES)
        if self._fine_at is not None:
            most = min(most, max(self._fine_at - self.position, 1))
        data = self._stream.read(most)
        self.before, self.position = self.position, self.position + len(data or b"")
        return data or b""

    def close(self) -> None:
        """Close the file; may be called twice."""
        self.closed = True
        self._stream.close()


@attrs.define(eq=False)
class PackedStream:
    """
    What is packed in a file, up to its end or to the first damage.

    Args:
        path: The packed file.
        kind: How it is packed.
        fault: After reading: why it cannot be unpacked to its end, empty if it can.
        fault_at: After a fault: where in the packed file what was lost begins, at the latest.
    """

    path: Path
    kind: str
    fault: str = ""
    fault_at: int = 0

    def blocks(self) -> Iterator[bytes]:
        """
        Yield the unpacked bytes, block by block; not one that comes before a damage is lost.

        Raises:
            OSError: The packed file cannot be read.
        """
        done = 0
        for block in self._read(0, _BLOCK_BYTES):
            done += len(block)
            yield block
        if (
            self.fault
        ):  # a read that fails gives nothing of its block: take the last one byte by byte
            yield b"".join(self._read(done, 1, self.fault_at))

    def head(self) -> bytes:
        """Return the first 64 KiB, fewer where it ends before."""
        head = b""
        for block in self.blocks():
            head += block
            if len(head) >= HEAD_BYTES:
                break
        return head[:HEAD_BYTES]

    def _read(self, start: int, nbytes: int, fine_at: int | None = None) -> Iterator[bytes]:
        """Yield what comes after *start* unpacked bytes, *nbytes* at a time."""
        raw = _Raw(self.path, fine_at)
        try:
            with pa.CompressedInputStream(pa.PythonFile(raw, "r"), self.kind) as stream:
                while start and (skipped := stream.read(min(start, _BLOCK_BYTES))):
                    start -= len(skipped)
                while block := stream.read(nbytes):
                    yield block
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not the packing's
            self.fault = str(error).splitlines()[0].rstrip(".")
            self.fault_at = raw.before
        finally:
            raw.close()
