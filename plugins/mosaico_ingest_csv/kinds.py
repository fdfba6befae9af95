"""
Types of columns that are text: found from a sample, narrow where its values agree but for some rubbish.

Whole numbers with leading zeros, hexadecimal numbers and dates stay text: nothing of them is lost so.

Must not know: files. Next: `parsing`.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest_csv.times import misfits

__all__ = ["convert", "infer"]

_LEADING_ZERO = r"^\s*[+-]?0[0-9a-zA-Z]"
_FLAGS = {"true", "false"}
_RUBBISH = 100  # a column of numbers may hold one text in so many values: that row is rejected
_NUMBERS = (pa.int64(), pa.uint64(), pa.float64())


def infer(texts: pa.Array, null_values: Sequence[str], decimal: str) -> pa.DataType:
    """Return the narrowest type that holds every value of *texts*; text where there is none."""
    values = pc.utf8_trim_whitespace(texts.filter(pc.is_valid(texts)))
    values = values.filter(pc.invert(pc.is_in(values, pa.array(null_values, pa.string()))))
    if not len(values):
        return pa.string()
    if set(pc.unique(pc.utf8_lower(values.slice(0, 1000))).to_pylist()) <= _FLAGS:
        return pa.string() if _has_misfits(values, pa.bool_()) else pa.bool_()
    if pc.any(pc.match_substring_regex(values, _LEADING_ZERO)).as_py():
        return pa.string()
    plain = _with_point(values, decimal)
    for kind in _NUMBERS:
        if not _has_misfits(plain, kind):
            return kind
    bad = misfits(plain, pa.float64()) if _mostly_numbers(plain) else np.arange(len(plain))
    if len(bad) * _RUBBISH > len(plain):
        return pa.string()
    good = _blanked(plain, bad)
    return next(kind for kind in _NUMBERS if not _has_misfits(good, kind))


def convert(
    texts: pa.Array, kind: pa.DataType, null_values: Sequence[str], decimal: str
) -> tuple[pa.Array, np.ndarray]:
    """Return *texts* as *kind*, and the rows that are not of it, null in the column."""
    if kind == pa.string():
        return texts, np.array([], np.int64)
    if kind == pa.null():
        filled = np.flatnonzero(np.asarray(pc.greater(pc.binary_length(texts), 0)))
        return pa.nulls(len(texts)), filled
    plain = pc.utf8_trim_whitespace(texts)
    missing = np.flatnonzero(np.asarray(pc.is_in(plain, pa.array(null_values, pa.string()))))
    plain = _with_point(_blanked(plain, missing), decimal)
    bad = misfits(plain, kind)
    return _blanked(plain, bad).cast(kind), bad


def _with_point(texts: pa.Array, decimal: str) -> pa.Array:
    return texts if decimal == "." else pc.replace_substring(texts, decimal, ".")


def _blanked(texts: pa.Array, rows: np.ndarray) -> pa.Array:
    """Return *texts* with nulls at *rows*."""
    if not len(rows):
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    return pc.if_else(pa.array(mask), pa.scalar(None, texts.type), texts)


def _mostly_numbers(texts: pa.Array) -> bool:
    """Say whether it is worth finding the few texts that are no numbers."""
    looks = pc.match_substring_regex(texts, r"^[+-]?[\d.]")
    return bool(pc.sum(pc.invert(looks)).as_py() * _RUBBISH <= len(texts))


def _has_misfits(texts: pa.Array, kind: pa.DataType) -> bool:
    try:
        texts.cast(kind)
    except pa.ArrowInvalid:
        return True
    return False
