"""
The records of a ROS 1 bag: a header of named fields, then data. Strict, so that garbage is no record.

Must not know: chunks' compression, channels. Next: `ros1_messages`.
"""

import os
from collections.abc import Callable, Collection, Mapping
from enum import IntEnum
from pathlib import Path
from struct import Struct

import attrs

from mosaico_ingest.errors import SourceError

__all__ = ["MAGIC", "BagFile", "Op", "Record", "parse_record", "ros_time_ns", "split_fields"]

MAGIC = b"#ROSBAG V2.0\n"
_MAX_HEADER_BYTES = 1 << 20
_WINDOW_BYTES = 64 * 1024
_SEARCH_BYTES = 1 << 20
_OP_FIELD = b"\x04\x00\x00\x00op="  # its value is the byte after; as a field it has 4 bytes
_MAX_BEFORE_OP = 128  # bytes of a header that may lie before its op field, when searching
_U32 = Struct("<I").unpack_from
_TIME = Struct("<II").unpack_from


class Op(IntEnum):
    """The kinds of record."""

    MESSAGE = 2
    BAG = 3
    INDEX = 4
    CHUNK = 5
    CHUNK_INFO = 6
    CONNECTION = 7


# Fields that a record must have, with the size of their values (None: any).
_REQUIRED: Mapping[int, Mapping[bytes, int | None]] = {
    Op.MESSAGE: {b"conn": 4, b"time": 8},
    Op.BAG: {b"index_pos": 8},
    Op.INDEX: {b"conn": 4, b"count": 4},
    Op.CHUNK: {b"compression": None, b"size": 4},
    Op.CHUNK_INFO: {b"chunk_pos": 8, b"start_time": 8, b"end_time": 8, b"count": 4},
    Op.CONNECTION: {b"conn": 4, b"topic": None},
}


@attrs.frozen
class Record:
    """
    One record.

    Args:
        op: Its kind, one of `Op`.
        fields: The fields of its header.
        data_start: First byte of its data, counted as the position that it was parsed at.
        data_length: Bytes of data that it states; they may reach beyond the end of the file.
    """

    op: int
    fields: Mapping[bytes, bytes]
    data_start: int
    data_length: int

    @property
    def end(self) -> int:
        """Return the position after the last byte."""
        return self.data_start + self.data_length

    def uint(self, name: bytes) -> int:
        """Return a field that is an unsigned integer."""
        return int.from_bytes(self.fields[name], "little")


def ros_time_ns(value: bytes) -> int:
    """Return nanoseconds of a field that is a time (seconds and nanoseconds, uint32 each)."""
    seconds, rest_ns = _TIME(value)
    return int(seconds) * 1_000_000_000 + int(rest_ns)


def split_fields(header: bytes) -> dict[bytes, bytes] | None:
    """Return the fields of a header, None if it is not one."""
    fields, at, end = {}, 0, len(header)
    while at < end:
        if end - at < 4:
            return None
        (size,) = _U32(header, at)
        name, equals, value = header[at + 4 : at + 4 + size].partition(b"=")
        at += 4 + size
        if at > end or not equals or not name:
            return None
        fields[name] = value
    return fields


def parse_record(read: Callable[[int, int], bytes], at: int) -> Record | None:
    """
    Return the record at *at*, None if there is none.

    Args:
        read: Gives the bytes from a position on, fewer at the end: `read(at, n)`.
    """
    prefix = read(at, 4)
    if len(prefix) < 4:
        return None
    (size,) = _U32(prefix)
    if not 7 < size <= _MAX_HEADER_BYTES:
        return None
    header = read(at + 4, size + 4)
    if len(header) < size + 4:
        return None
    fields = split_fields(header[:size])
    if fields is None or len(fields.get(b"op", b"")) != 1:
        return None
    op = fields[b"op"][0]
    for name, width in _REQUIRED.get(op, {b"": None}).items():
        if name not in fields or (width is not None and len(fields[name]) != width):
            return None
    return Record(op, fields, at + 8 + size, _U32(header, size)[0])


class BagFile:
    """
    A bag file, read at positions. Neighbouring headers come out of one window.

    Args:
        max_record_bytes: Chunks that are larger, unpacked, are told as damage and not loaded.

    Thread: one.
    """

    def __init__(self, path: Path, max_record_bytes: int) -> None:
        self.path = path
        self.max_record_bytes = max_record_bytes
        try:
            self._fd = os.open(path, os.O_RDONLY)
            self.size = os.fstat(self._fd).st_size
        except OSError as err:
            msg = (
                f"Cannot open {str(path)!r}: {err.strerror}. Check that it exists and is readable."
            )
            raise SourceError(msg, path=path) from err
        self._window, self._window_at = b"", 0

    def read(self, at: int, n: int) -> bytes:
        """Return *n* bytes from *at* on, fewer at the end of the file."""
        n = max(0, min(n, self.size - at))
        parts = []
        try:
            while n > 0 and (part := os.pread(self._fd, n, at)):
                parts.append(part)
                at, n = at + len(part), n - len(part)
        except OSError as err:
            msg = f"Cannot read {str(self.path)!r} at byte {at}: {err.strerror}. Check the disk."
            raise SourceError(msg, path=self.path, offset=at) from err
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def record(self, at: int) -> Record | None:
        """Return the record at *at*, None if there is none; its data is not read."""
        return parse_record(self._peek, at)

    def find(self, at: int, ops: Collection[int]) -> int | None:
        """Return the position of the first record of *ops* from *at* on, None if there is none."""
        values = {bytes([op]) for op in ops}
        while at < self.size:
            block = self.read(at, _SEARCH_BYTES + _MAX_BEFORE_OP)
            hit = block.find(_OP_FIELD)
            while 0 <= hit < _SEARCH_BYTES:
                if block[hit + 7 : hit + 8] in values:
                    # The fields before op are few: try each place where the header could begin.
                    for start in range(at + hit - 4, max(at, at + hit - _MAX_BEFORE_OP) - 1, -1):
                        record = self.record(start)
                        if record is not None and record.op in ops:
                            return start
                hit = block.find(_OP_FIELD, hit + 1)
            at += _SEARCH_BYTES
        return None

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _peek(self, at: int, n: int) -> bytes:
        """Return *n* bytes from *at* on, out of the window where they lie in it."""
        first = at - self._window_at
        if first < 0 or first + n > len(self._window):
            self._window, self._window_at = self.read(at, max(n, _WINDOW_BYTES)), at
            first = 0
        return self._window[first : first + n]
