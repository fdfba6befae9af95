"""
Texts and numbers to nanoseconds since the epoch, exactly: decimal digits are never taken through a float
where they fit.

Must not know: files, which column holds the times. Next: `clock`.
"""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import UsageError

__all__ = ["DIGITS", "Stamps", "dates", "formatted", "misfits", "numbers", "parse_start", "typed"]

DIGITS = {"s": 9, "ms": 6, "us": 3, "ns": 0}
"""Decimal digits from each unit down to the nanosecond."""

_TEXT_WITH_ZONE = r":\d\d(\.\d+)?\s*([Zz]|[+-]\d\d(:?\d\d)?)$"
_DECIMALS = r":\d\d[.,]\d+$"
_NS_PER_S = 1_000_000_000

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Stamps = tuple[Ints, Flags]
"""(n,) int64 nanoseconds, and (n,) bool: which of them are times at all."""


def numbers(texts: pa.Array, unit: str) -> Stamps:
    """
    Read numbers written in *unit* (`1700000000.123456789` s); digits below the nanosecond are dropped.

    Args:
        texts: (n,) string.
    """
    digits = DIGITS[unit]
    kind = pa.decimal128(38, digits)
    try:
        return _nanoseconds(texts.cast(kind))
    except pa.ArrowInvalid:
        pass
    trimmed = pc.replace_substring_regex(
        pc.replace_substring(pc.utf8_trim_whitespace(texts), ",", "."),
        rf"^([+-]?\d*)(\.\d{{{digits}}})\d+$" if digits else r"^([+-]?\d+)(\.\d*)$",
        r"\1\2" if digits else r"\1",
    )
    bad = misfits(trimmed, kind)
    ns, ok = _nanoseconds(_without(trimmed, bad).cast(kind))
    if len(bad):  # an exponent with more digits than a nanosecond has, or no number at all
        rest = trimmed.take(pa.array(bad))
        hopeless = misfits(rest, pa.float64())
        exact = _without(rest, hopeless).cast(pa.float64()).to_numpy(zero_copy_only=False)
        ns[bad], ok[bad] = _rounded(exact, digits)
    return ns, ok


def dates(texts: pa.Array, timezone: str) -> Stamps:
    """
    Read ISO 8601, with and without zone, also mixed; *timezone* is that of times that state none.

    Args:
        texts: (n,) string.
    """
    plain = pc.replace_substring(pc.utf8_trim_whitespace(texts), "/", "-")
    plain = pc.replace_substring(plain, ",", ".")
    plain = pc.replace_substring_regex(plain, r"(\.\d{9})\d+", r"\1")
    has_zone = pc.fill_null(pc.match_substring_regex(plain, _TEXT_WITH_ZONE), False)
    ns = np.zeros(len(texts), np.int64)
    ok = np.zeros(len(texts), np.bool_)
    for zoned in (False, True):
        mask = has_zone if zoned else pc.invert(has_zone)
        rows = np.flatnonzero(np.asarray(mask))
        if not len(rows):
            continue
        part = plain if len(rows) == len(plain) else plain.filter(mask)
        if zoned:
            part = pc.utf8_upper(pc.replace_substring_regex(part, r"\s+([Zz+-])", r"\1"))
        kind = pa.timestamp("ns", "UTC") if zoned else pa.timestamp("ns")
        bad = misfits(part, kind)
        stamps = _without(part, bad).cast(kind)
        if not zoned:
            stamps = pc.assume_timezone(
                stamps, timezone, ambiguous="earliest", nonexistent="earliest"
            )
        ns[rows], ok[rows] = _filled(stamps.cast(pa.int64()))
    return ns, ok


def formatted(texts: pa.Array, form: str, timezone: str) -> Stamps:
    """
    Read dates of the form *form* (`%d.%m.%Y %H:%M:%S`), with or without decimals behind the seconds.

    Args:
        texts: (n,) string.
    """
    plain = pc.utf8_trim_whitespace(texts)
    has_part = pc.fill_null(pc.match_substring_regex(plain, _DECIMALS), False)
    digits = pc.replace_substring_regex(plain, r"^.*[.,](\d{1,9})\d*$", r"\1")
    digits = pc.if_else(has_part, pc.utf8_rpad(digits, 9, "0"), "0")
    whole = pc.replace_substring_regex(plain, r"(:\d\d)[.,]\d+$", r"\1")
    stamps = pc.strptime(whole, format=form, unit="s", error_is_null=True)
    stamps = pc.assume_timezone(stamps, timezone, ambiguous="earliest", nonexistent="earliest")
    ns, ok = typed(stamps, "s", timezone)
    return ns + np.where(ok, _filled(digits.cast(pa.int64()))[0], 0), ok


def typed(values: pa.Array, unit: str, timezone: str) -> Stamps:
    """Read a column that is no text: timestamps, whole numbers, decimals or floats in *unit*."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            values = pc.assume_timezone(
                values, timezone, ambiguous="earliest", nonexistent="earliest"
            )
        return _filled(values.cast(pa.timestamp("ns", values.type.tz)).cast(pa.int64()))
    if pa.types.is_date(kind):
        return typed(values.cast(pa.timestamp("ns")), unit, timezone)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        name = "time64" if pa.types.is_time(kind) else "duration"
        return _filled(values.cast(getattr(pa, name)("ns")).cast(pa.int64()))
    if pa.types.is_integer(kind):
        ns, ok = _filled(values.cast(pa.int64(), safe=False))
        factor = 10 ** DIGITS[unit]
        ok &= np.abs(ns) <= np.iinfo(np.int64).max // factor
        return np.where(ok, ns, 0) * factor, ok
    if pa.types.is_floating(kind):
        floats = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return _rounded(floats, DIGITS[unit])
    return numbers(values.cast(pa.string()), unit)


def parse_start(text: str, timezone: str) -> int:
    """
    Read `--start`: ISO 8601, or seconds or nanoseconds since the epoch.

    Raises:
        UsageError: It is neither.
    """
    one = pa.array([text.strip()])
    ns, ok = dates(one, timezone)
    if not ok[0]:
        ns, ok = numbers(one, "s")
        if not ok[0] or ns[0] >= 10**11 * _NS_PER_S:
            ns, ok = numbers(one, "ns")
    if not ok[0]:
        msg = f"--start is {text!r}. Expected ISO 8601 or seconds or nanoseconds since 1970."
        raise UsageError(msg)
    return int(ns[0])


def misfits(values: pa.Array, kind: pa.DataType) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows that cannot be cast to *kind*; their values are few."""
    try:
        values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        encoded = values.dictionary_encode()
        bad = _halved(encoded.dictionary, kind)
        return np.flatnonzero(np.isin(pc.fill_null(encoded.indices, -1), bad))
    return np.array([], np.int64)


def _halved(values: pa.Array, kind: pa.DataType) -> list[int]:
    """Return the numbers of the values that cannot be cast to *kind*."""
    found: list[int] = []
    ranges = [(0, len(values))]
    while ranges:
        start, end = ranges.pop()
        try:
            values.slice(start, end - start).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if end - start == 1:
                found.append(start)
            else:
                middle = (start + end) // 2
                ranges += [(middle, end), (start, middle)]
    return found


def _without(values: pa.Array, rows: Ints) -> pa.Array:
    """Return *values* with nulls at *rows*."""
    if not len(rows):
        return values
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def _nanoseconds(decimals: pa.Array) -> Stamps:
    """Return the unscaled values of decimals, which are nanoseconds by their scale."""
    n, first = len(decimals), decimals.offset
    buffer = decimals.buffers()[1]
    words = np.frombuffer(buffer, np.int64, 2 * (first + n))[2 * first :].reshape(n, 2)
    low, high = words[:, 0].copy(), words[:, 1]
    ok = (high == low >> 63) & np.asarray(decimals.is_valid())
    low[~ok] = 0
    return low, ok


def _filled(values: pa.Array) -> Stamps:
    """Return int64 values, 0 where there is none."""
    ok = np.asarray(values.is_valid()).copy()
    return np.asarray(pc.fill_null(values, 0)).copy(), ok


def _rounded(values: npt.NDArray[np.float64], digits: int) -> Stamps:
    """Return floats in nanoseconds, as exact as they are."""
    limit = float(Fraction(2**63 - 2**10, 10**digits))
    ok = np.isfinite(values) & (np.abs(values) < limit)
    whole = np.floor(np.where(ok, values, 0))
    part = np.rint((np.where(ok, values, 0) - whole) * 10**digits)
    return whole.astype(np.int64) * 10**digits + part.astype(np.int64), ok
