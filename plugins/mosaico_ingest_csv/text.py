"""
A text file in blocks of whole rows, from any row on, in constant memory.

Must not know: columns, types. Next: `parsing`.
"""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage
from mosaico_ingest_csv.dialect import Dialect
from mosaico_ingest_csv.parsing import rows_end

__all__ = ["TextBlock", "TextFile"]

_BLOCK_BYTES = 1024 * 1024
_GROWTH = 4


@attrs.frozen(eq=False)
class TextBlock:
    """
    Whole rows.

    Args:
        start, end: Bytes in the file.
        data: The rows in UTF-8; comments are empty lines.
    """

    start: int
    end: int
    data: bytes = attrs.field(repr=False)


class TextFile:
    """
    An open text.

    Args:
        path: The file.
        dialect: How it is a table.
        max_row: Bytes that one row may have.
        has_quotes: Whether cells in quotes may hold line ends.

    Thread: one.
    """

    def __init__(
        self, path: Path, dialect: Dialect, max_row: int, *, has_quotes: bool = True
    ) -> None:
        self._has_quotes = has_quotes
        self.path = path
        self._dialect = dialect
        self._max_row = max_row
        try:
            self._file = path.open("rb")
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            msg = f"{str(path)!r} cannot be read: {error.strerror}. Check its permissions."
            raise SourceError(msg, path=path) from error
        mark = re.escape(dialect.comment.encode()) if dialect.comment else b""
        self._comment = re.compile(rb"(?:^|(?<=[\r\n]))" + mark + rb"[^\r\n]*") if mark else None
        self._mark = dialect.comment.encode()
        self._counted = (0, 0)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def blocks(self, position: int, *, nbytes: int = _BLOCK_BYTES) -> Iterator[TextBlock | Damage]:
        """Yield all rows from byte *position* on, which begins a row."""
        want = nbytes
        while position < self.size:
            raw = self._read(position, want)
            is_last = position + len(raw) >= self.size
            block = self._cut(position, raw, is_last=is_last, is_patient=want < self._max_row)
            if block:
                yield block
                position, want = block.end, nbytes
            elif want < self._max_row:
                want = min(want * _GROWTH, self._max_row)
            else:
                end = self._next_line(position + len(raw))
                reason = (
                    f"A row at byte {position} has over {self._max_row} bytes; --max-row allows it."
                )
                yield Damage(reason=reason, byte_range=(position, end))
                position, want = end, nbytes

    def sample(self, position: int, nbytes: int) -> bytes:
        """Return whole rows from about *position* on, at most *nbytes*."""
        raw = self._read(position, nbytes)
        if position > self._dialect.start:
            raw = raw[raw.find(b"\n") + 1 :]
        is_last = position + nbytes >= self.size
        block = self._cut(position, raw, is_last=is_last, is_patient=False) if raw else None
        return block.data if block else b""

    def line(self, position: int) -> int:
        """Return the number of the line that begins at byte *position*, from 1."""
        at, lines = self._counted if position >= self._counted[0] else (0, 0)
        while at < position:
            raw = self._read(at, min(_BLOCK_BYTES, position - at))
            if not raw:
                break
            lines += raw.count(b"\n") or raw.count(b"\r")  # as old as Mac OS 9
            at += len(raw)
        self._counted = at, lines
        return lines + 1

    def ends_in_newline(self) -> bool:
        """Say whether the last row is surely complete."""
        return self._read(max(self.size - 4, 0), 4).rstrip(b"\0").endswith((b"\n", b"\r"))

    def rows_end(self, data: bytes) -> int:
        """Return where the last row of *data* ends that is surely complete, 0 if there is none."""
        return rows_end(data) if self._has_quotes else data.rfind(b"\n") + 1

    def _read(self, position: int, nbytes: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), nbytes, position)
        except OSError as error:
            msg = f"{str(self.path)!r} cannot be read at byte {position}: {error.strerror}."
            raise SourceError(msg, path=self.path, offset=position) from error

    def _cut(
        self, position: int, raw: bytes, *, is_last: bool, is_patient: bool
    ) -> TextBlock | None:
        """Return the whole rows of *raw*, None if there is none yet."""
        data, pending = self._decode(raw)
        length = len(data) if is_last else self.rows_end(data)
        if not length and not is_patient:
            length = data.rfind(b"\n") + 1  # a quote that is never closed: rows end at lines
        if not length:
            return None
        end = position + len(raw) - pending - self._raw_length(data[length:])
        if is_last:
            end = position + len(raw)
        rows = data[:length]
        if self._comment and self._mark in rows:
            rows = self._comment.sub(b"", rows)
        return TextBlock(position, end, rows)

    def _decode(self, raw: bytes) -> tuple[bytes, int]:
        """Return *raw* in UTF-8, and the bytes at its end that are part of a character."""
        if self._dialect.encoding == "utf-8":
            return raw, 0
        decoder = codecs.getincrementaldecoder(self._dialect.encoding)("replace")
        text = decoder.decode(raw)
        return text.encode(errors="replace"), len(decoder.getstate()[0])

    def _raw_length(self, data: bytes) -> int:
        if self._dialect.encoding == "utf-8":
            return len(data)
        return len(data.decode().encode(self._dialect.encoding, "replace"))

    def _next_line(self, position: int) -> int:
        """Return the first byte after the line that *position* is in."""
        while position < self.size:
            raw = self._read(position, _BLOCK_BYTES)
            found = raw.find(b"\n") + 1
            if found or not raw:
                return position + found
            position += len(raw)
        return self.size
