"""
The bytes of a ULog file: a header, then records in a chain, each with its size, its kind and its content.

There is no index and there are no checksums. What a record must look like is all that tells damage, and
all that leads back into the chain after it.

Must not know: what fields mean, who reads. Next: `layout`.
"""

import os
from enum import IntEnum
from pathlib import Path
from struct import Struct

import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import SourceError

__all__ = ["HEADER", "MAGIC", "PREFIX", "Kind", "LogFile", "Shapes", "find_chain", "take", "walk"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

MAGIC = b"ULog\x01\x12\x35"
HEADER = Struct("<7sBQ")
"""Magic, version, microseconds since the vehicle's start."""
PREFIX = Struct("<HB")
"""Bytes of the content, kind."""

_NEAR_BYTES = 4 * 1024  # searched first: damage is short, and there may be much of it
_FAR_BYTES = 4 * 1024 * 1024  # searched at once at the most
_AHEAD_BYTES = 64 * 1024  # beyond a place that is searched, for the records that must follow
_CHAIN_RECORDS = 4  # so many in a row are not chance
_USUAL_BYTES = 10_000  # no writer makes larger records; a search believes in none
_PADDING = 16  # zeros after what was read, so that a head at the end can be looked at


class Kind(IntEnum):
    """The kinds of record."""

    FLAGS = ord("B")
    FORMAT = ord("F")
    INFO = ord("I")
    INFO_PART = ord("M")
    PARAMETER = ord("P")
    DEFAULT = ord("Q")
    SUBSCRIBE = ord("A")
    UNSUBSCRIBE = ord("R")
    DATA = ord("D")
    TEXT = ord("L")
    TAGGED_TEXT = ord("C")
    SYNC = ord("S")
    DROPOUT = ord("O")


_SIZES = {
    Kind.FLAGS: (40, 0xFFFF),
    Kind.FORMAT: (2, 0xFFFF),
    Kind.INFO: (3, 0xFFFF),
    Kind.INFO_PART: (4, 0xFFFF),
    Kind.PARAMETER: (3, 0xFFFF),
    Kind.DEFAULT: (4, 0xFFFF),
    Kind.SUBSCRIBE: (4, 0xFFFF),
    Kind.UNSUBSCRIBE: (2, 2),
    Kind.DATA: (2, 0xFFFF),
    Kind.TEXT: (9, 0xFFFF),
    Kind.TAGGED_TEXT: (11, 0xFFFF),
    Kind.SYNC: (8, 8),
    Kind.DROPOUT: (2, 2),
}
_LEAST = np.ones(256, np.int64)
_MOST = np.zeros(256, np.int64)  # an unknown kind fits no size
for _kind, _sizes in _SIZES.items():
    _LEAST[_kind], _MOST[_kind] = _sizes


class LogFile:
    """
    An opened file.

    Raises:
        SourceError: It cannot be opened or read, or is no ULog file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._stream = path.open("rb", buffering=0)
        except OSError as error:
            msg = (
                f"Cannot open {str(path)!r}: {error.strerror}. Check the path and its permissions."
            )
            raise SourceError(msg, path=path) from error
        self.size = os.fstat(self._stream.fileno()).st_size

    def read(self, start: int, count: int) -> Bytes:
        """Return *count* bytes from *start* on, fewer at the end of the file."""
        data = np.zeros(max(0, min(count, self.size - start)), np.uint8)
        done = 0
        try:
            self._stream.seek(start)
            while done < len(data):
                n = self._stream.readinto(data[done:].data)
                if not n:
                    msg = f"{str(self.path)!r} has become shorter while it was read. Read it again."
                    raise SourceError(msg, path=self.path, offset=start + done)
                done += n
        except OSError as error:
            msg = f"Cannot read {str(self.path)!r}: {error.strerror}. Check the disk."
            raise SourceError(msg, path=self.path, offset=start + done) from error
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def take(data: Bytes, at: Ints, kind: type[np.integer]) -> Ints:
    """Read a little-endian integer at each of the places *at*; those above 2⁶³ come out negative."""
    wanted = np.dtype(kind).newbyteorder("<")
    if not len(at):
        return np.empty(0, np.int64)
    # One value per byte of the buffer, overlapping: indexing it reads unaligned values in one step.
    everywhere = np.ndarray((len(data) - wanted.itemsize + 1,), wanted, data.data, 0, (1,))
    return everywhere[at].astype(np.int64)


def walk(data: Bytes, passed: bytes) -> tuple[Ints, int]:
    """
    Go from record to record; stop before one that is not whole or not of a kind in *passed*.

    Args:
        passed: 256 flags, one per kind.

    Returns:
        The places of the records, and where they end.
    """
    unpack, record = PREFIX.unpack_from, data.data
    records: list[int] = []
    add = records.append
    end = len(data)
    last = end - PREFIX.size
    at = 0
    while at <= last:
        size, kind = unpack(record, at)
        after = at + 3 + size
        if after > end or not passed[kind]:
            break
        add(at)
        at = after
    return np.array(records, np.int64), at


class Shapes:
    """What records may look like: the sizes of each kind, and of the data of each message id."""

    def __init__(self) -> None:
        self._least = np.ones(0x10000, np.int64)
        self._most = np.zeros(0x10000, np.int64)

    def learn(self, msg_id: int, least: int, most: int) -> None:
        """Note the bytes that the data of *msg_id* may have."""
        self._least[msg_id], self._most[msg_id] = least, most

    def knows(self, ids: Ints) -> npt.NDArray[np.bool_]:
        """Say which message ids were noted."""
        known: npt.NDArray[np.bool_] = self._most[ids] >= self._least[ids]
        return known

    def fit(self, data: Bytes, at: Ints) -> npt.NDArray[np.bool_]:
        """Say which of the records *at* are of a size that records of their kind have."""
        data = np.concatenate([data, np.zeros(_PADDING, np.uint8)])
        sizes, kinds = take(data, at, np.uint16), data[at + 2]
        fits: npt.NDArray[np.bool_] = (sizes >= _LEAST[kinds]) & (sizes <= _MOST[kinds])
        rows = np.flatnonzero(kinds == Kind.DATA)
        ids, bodies = take(data, at[rows] + 3, np.uint16), sizes[rows] - 2
        fits[rows] &= (bodies >= self._least[ids]) & (bodies <= self._most[ids])
        return fits


def find_chain(file: LogFile, start: int, limit: int, shapes: Shapes) -> int | None:
    """
    Find the next place from *start* on where intact records follow each other, None if there is none.

    Args:
        limit: Where the records end.
    """
    at, step = start, _NEAR_BYTES
    while at < limit:
        data = file.read(at, min(step + _AHEAD_BYTES, limit - at))
        is_last = at + len(data) == limit
        place = _first_chain(data, min(step, len(data) - 2), shapes, is_last=is_last)
        if place is not None:
            return at + place
        at, step = at + step, min(16 * step, _FAR_BYTES)
    return None


def _first_chain(data: Bytes, searched: int, shapes: Shapes, *, is_last: bool) -> int | None:
    """Return the first place of *data* where a chain begins; *is_last* says that records end with it."""
    if searched <= 0:
        return None
    heads = np.flatnonzero(_MOST[data[2 : searched + 2]] > 0)
    found: list[Ints] = []
    at = heads
    for links in range(_CHAIN_RECORDS):
        fits = shapes.fit(data, at)
        heads, at = heads[fits], at[fits]
        sizes = take(data, at, np.uint16)
        usual = sizes <= _USUAL_BYTES
        heads, at = heads[usual], at[usual] + PREFIX.size + sizes[usual]
        # At the end of the file a chain may be short, but a lone record must be data that is known.
        inside = at < len(data) - PREFIX.size
        ends = ~inside & (at <= len(data)) & is_last
        if not links:
            ends &= (at == len(data)) & (data[heads + 2] == Kind.DATA)
        found.append(heads[ends])
        heads, at = heads[inside], at[inside]
    found.append(heads)
    places = np.concatenate(found)
    return int(places.min()) if len(places) else None
