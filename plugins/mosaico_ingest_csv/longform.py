"""
Tables whose rows are of several kinds: `time,kind,values…`, or `topic,time,field,value`.

Lines are parted by kind inside Arrow, then each kind is a table of its own shape. Cells of such tables hold
no line ends.

Must not know: types, times. Next: `csvtable`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest_csv.dialect import is_number
from mosaico_ingest_csv.parsing import row_spans
from mosaico_ingest_csv.times import Ints

__all__ = ["Keys", "cells", "find_keys", "joined", "lines_of"]

_MOST_KINDS = 64
_KEY_NAMES = {"topic", "field", "name", "signal", "key", "variable", "sensor", "kind", "type"}
_VALUE_NAMES = {"value", "val"}
_ASCII = bytes(range(128)) + b"?" * 128
_IDENTIFIER = re.compile(r"[A-Za-z_/][\w ./:-]*")


@attrs.frozen
class Keys:
    """Columns that tell the kind of a row, by number; *is_ragged* if kinds differ in their cells."""

    columns: tuple[int, ...]
    is_ragged: bool


def find_keys(names: Sequence[str], is_named: bool, rows: Sequence[Sequence[str]]) -> Keys | None:
    """Tell from the first rows whether a table is of several kinds."""
    if is_named:
        words = [name.strip().lower() for name in names]
        keys = tuple(k for k, word in enumerate(words) if word in _KEY_NAMES)
        has_value = sum(word in _VALUE_NAMES for word in words) == 1
        fits = has_value and keys and len(words) == len(keys) + 2
        return Keys(keys, is_ragged=False) if fits else None
    if len({len(row) for row in rows}) < 2:
        return None
    for k in (1, 0, 2):
        widths: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for row in rows:
            widths[row[k] if k < len(row) else ""][len(row)] += 1
        named = [
            counts
            for kind, counts in widths.items()
            if not kind or (_IDENTIFIER.fullmatch(kind) and not is_number(kind))
        ]
        even = sum(max(counts.values()) for counts in named)
        odd = len(rows) - even
        if 2 <= len(named) <= _MOST_KINDS and odd <= max(0.02 * len(rows), len(rows) >= 10):
            return Keys((k,), is_ragged=True)
    return None


def lines_of(data: bytes) -> pa.LargeStringArray:
    """Return the rows of *data* as one column of lines, each with a line end."""
    spans = row_spans(data)
    if not len(spans):
        return pa.array([], pa.large_string())
    values = data if data.endswith((b"\n", b"\r")) else data + b"\n"
    starts, ends = spans[:, 0], np.append(spans[1:, 0], len(values))
    offsets: Ints = np.append(starts, ends[-1:]).astype(np.int64)
    lines = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(spans), [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    )
    return lines.view(pa.large_string())


def joined(lines: pa.LargeStringArray) -> bytes:
    """Return the text of *lines*."""
    _, offsets, values = lines.buffers()
    n, first = len(lines), lines.offset
    if not n:
        return b""
    bounds = np.frombuffer(offsets, np.int64, first + n + 1)
    return values[int(bounds[first]) : int(bounds[first + n])].to_pybytes()


def cells(lines: pa.LargeStringArray, delimiter: str, columns: Sequence[int]) -> pa.Array:
    """Return some cells of every line, joined by a slash; null where a line has too few."""
    text = joined(lines)
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:  # only to find the kinds: the rows keep their bytes
        lines = lines_of(text.translate(_ASCII))
    mark = re.escape(delimiter)
    before, pattern, last = -1, "^", ""
    for column in columns:
        pattern += last + f"(?:[^{mark}]*{mark}){{{column - before - 1}}}([^{mark}\r\n]*)"
        before, last = column, mark
    found_as = "/".join(rf"\{k + 1}" for k in range(len(columns)))
    found = pc.replace_substring_regex(lines, pattern + r"(?s:.*)$", found_as)
    fits = pc.match_substring_regex(lines, pattern)
    return pc.if_else(fits, pc.utf8_trim_whitespace(found), pa.scalar(None, found.type)).cast(
        pa.string()
    )
