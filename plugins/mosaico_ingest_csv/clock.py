"""
Which column tells the times of rows, in what unit, and since when: found by name and content, always told.

A clock is absolute where its numbers are those of the years 2000 to 2100 in some unit; else it counts from
an instant that the file does not say, which `--start` can.

Must not know: files. Next: `times`.
"""

import re
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import UsageError
from mosaico_ingest.plugin import format_time_ns
from mosaico_ingest_csv.names import read_name
from mosaico_ingest_csv.options import TableOptions
from mosaico_ingest_csv.times import (
    DIGITS,
    Ints,
    Stamps,
    dates,
    formatted,
    misfits,
    numbers,
    parse_start,
    typed,
)

__all__ = ["Clock", "NoClockError", "find_clock"]

_UNITS = ("s", "ms", "us", "ns")
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_YEAR_2000_S, _YEAR_2100_S = 946_684_800, 4_102_444_800
_USUAL_STEP_NS = 10_000_000  # 100 Hz
_NS_PER_S = 1_000_000_000
_NAMES = (
    *("log time", "recording time", "rosbag timestamp", "time", "timestamp", "time stamp"),
    *("date time", "datetime", "utc", "utc time", "epoch", "epoch time", "unix time"),
    *("unix timestamp", "ts", "t", "stamp", "date"),
)
"""What columns of times are called; the first of several counts."""

_PARTS = {"sec": "s", "secs": "s", "nsec": "ns", "nsecs": "ns", "nanosec": "ns", "nanosecs": "ns"}
_BEGINS_LIKE_A_NUMBER = r"^[+-]?[\d.]"
_LOOK_AT_ROWS = 10_000
_MOST = 2.0**63
_ISO = re.compile(r"\d{4}[-/]\d\d[-/]\d\d([T ]\d\d:\d\d.*)?")


Floats = npt.NDArray[np.float64]


class NoClockError(Exception):
    """No column is a time."""


@attrs.frozen(kw_only=True)
class Clock:
    """
    How the times of rows are made.

    Args:
        columns: The columns that it takes: one, a pair of seconds and nanoseconds, or none.
        unit: Of numbers; empty for dates.
        timezone: Of dates that state none.
        form: Of dates that are not ISO 8601, as of `strptime`.
        shift_ns: Added to every time.
        rate: Rows per second, where no column tells.
    """

    columns: tuple[str, ...]
    unit: str = ""
    timezone: str = "UTC"
    form: str = ""
    shift_ns: int = 0
    rate: float = 0.0

    def stamps(self, values: Sequence[pa.Array], first_row: int, rows: int) -> Stamps:
        """
        Return the times of rows.

        Args:
            values: Its columns, in its order.
            first_row: Number of the first row in the file, for a clock without columns.
        """
        if not self.columns:
            index = np.arange(first_row, first_row + rows)
            ns = np.rint(index * (_NS_PER_S / self.rate)).astype(np.int64)
            ok = np.ones(rows, np.bool_)
        elif len(self.columns) == 2:
            ns, ok = self._one(values[0], "s")
            more, there = self._one(values[1], "ns")
            ns, ok = ns + more, ok & there
        else:
            ns, ok = self._one(values[0], self.unit)
        return ns + self.shift_ns, ok

    def _one(self, values: pa.Array, unit: str) -> Stamps:
        """Return the times in one column."""
        if not pa.types.is_string(values.type):
            return typed(values, unit, self.timezone)
        if self.form:
            return formatted(values, self.form, self.timezone)
        return numbers(values, unit) if unit else dates(values, self.timezone)


@attrs.frozen(kw_only=True)
class _Candidate:
    """A column that may be the clock; the smallest `rank` wins."""

    rank: int
    clock: Clock
    stamps: Ints
    is_absolute: bool
    told: str


def find_clock(
    columns: Mapping[str, pa.Array], options: TableOptions, *, is_named: bool
) -> tuple[Clock, tuple[str, ...]]:
    """
    Find the clock of a table.

    Args:
        columns: A sample of every column, of any type.
        is_named: Whether the file names its columns.

    Returns:
        The clock, and what to tell about it.

    Raises:
        NoClockError: There is none.
        UsageError: An option names what is not there.
    """
    _check(columns, options)
    start_ns = parse_start(options.start, options.timezone) if options.start else None
    if options.rate > 0:
        clock = Clock(columns=(), rate=options.rate, shift_ns=start_ns or 0)
        return clock, (f"Rows come {options.rate:g} times a second (--rate).", *_undated(start_ns))
    candidates = [
        found
        for name in ([options.time_column] if options.time_column else columns)
        if (found := _candidate(name, columns, options, is_named=is_named))
    ]
    candidates += _pairs(columns) if not options.time_column else []
    if not candidates:
        raise NoClockError
    best = min(candidates, key=lambda candidate: candidate.rank)
    clock, told = best.clock, [best.told]
    if best.is_absolute:
        if start_ns is not None:
            told.append("--start is not needed: the times are absolute.")
    elif start_ns is not None:
        clock = attrs.evolve(clock, shift_ns=start_ns - int(best.stamps[0]))
        told.append(f"The first row is at {format_time_ns(start_ns)} (--start).")
    else:
        told.extend(_undated(None))
    back = int((np.diff(best.stamps) < 0).sum())
    if back:
        told.append(f"{back} of {len(best.stamps)} rows looked at go back in time; order is kept.")
    return clock, tuple(told)


def _check(columns: Mapping[str, pa.Array], options: TableOptions) -> None:
    """Refuse options that cannot be."""
    if options.rate < 0:
        msg = f"--rate is {options.rate:g}. Expected rows per second above 0."
        raise UsageError(msg)
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("ns")), options.timezone)
    except pa.ArrowInvalid:
        msg = (
            f"--timezone is {options.timezone!r}, which is no time zone. Expected one such as UTC."
        )
        raise UsageError(msg) from None
    if options.time_column and options.time_column not in columns:
        msg = f"--time-column names {options.time_column!r}. The columns are: {', '.join(columns)}."
        raise UsageError(msg)


def _undated(start_ns: int | None) -> tuple[str, ...]:
    if start_ns is not None:
        return ()
    return (
        "The times count from an unknown instant and are stored as if from 1970; --start sets it.",
    )


def _candidate(
    name: str, columns: Mapping[str, pa.Array], options: TableOptions, *, is_named: bool
) -> _Candidate | None:
    """Return *name* as a clock, None if its content cannot be one or it is not meant as one."""
    forced = bool(options.time_column)
    sample = columns[name].slice(0, _LOOK_AT_ROWS)
    values = sample.drop_null()
    words = " ".join(read_name(name).words)
    by_name = _NAMES.index(words) if words in _NAMES else None
    if by_name is None and words.split(" ")[-1:] and words.split(" ")[-1] in _NAMES:
        by_name = len(_NAMES)
    is_meant = forced or by_name is not None or (not is_named and name == next(iter(columns)))
    if not len(values) or not (is_meant or _may_be_absolute(values[0].as_py())):
        return None
    least = 0.9 if by_name is None else 0.5  # a column called `time` may hold some rubbish
    reading = _reading(name, values, options, least)
    if reading is None or (not forced and not _runs(reading.stamps)):
        return None
    if not is_meant and not reading.is_absolute:
        return None
    rank = 4 * len(_NAMES) if by_name is None else by_name
    if 2 * len(values) < len(sample):  # no clock of most rows: only if there is no other
        rank += 8 * len(_NAMES)
    # Of two columns called so, the one that knows the date.
    if by_name == len(_NAMES):
        rank += len(_NAMES)
    return attrs.evolve(reading, rank=rank + (0 if reading.is_absolute else len(_NAMES)))


def _may_be_absolute(value: object) -> bool:
    """Say whether *value* alone may be a time since 1970: all but small numbers."""
    try:
        return float(str(value).replace(",", ".")) >= _YEAR_2000_S
    except ValueError:
        return True


def _runs(stamps: Ints) -> bool:
    """Say whether values go forward nearly always, as times do."""
    if len(stamps) < 2:
        return True
    steps = np.diff(stamps)
    return _nearly_all(steps >= 0) and bool((steps > 0).any())


def _reading(name: str, values: pa.Array, options: TableOptions, least: float) -> _Candidate | None:
    """Read *values* as times, if at least a share of *least* are."""
    kind = values.type
    zone = options.timezone
    if pa.types.is_boolean(kind) or pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return None
    if pa.types.is_temporal(kind) or (
        pa.types.is_string(kind) and (options.time_format or _ISO.fullmatch(str(values[0]).strip()))
    ):
        clock = Clock(columns=(name,), timezone=zone, form=options.time_format)
        ns, ok = clock.stamps([values], 0, len(values))
        if ok.mean() < least:
            return None
        is_absolute = not (pa.types.is_time(kind) or pa.types.is_duration(kind))
        told = f"Times are the dates in column {name!r}; where they state no zone, {zone} is taken."
        return _Candidate(rank=0, clock=clock, stamps=ns[ok], is_absolute=is_absolute, told=told)
    if pa.types.is_string(kind):
        looks = pc.match_substring_regex(pc.utf8_trim_whitespace(values), _BEGINS_LIKE_A_NUMBER)
        if pc.mean(looks).as_py() < least:
            return None
    stated = read_name(name).time_unit
    if options.time_unit != "auto":
        unit, why = str(options.time_unit), "--time-unit"
        raw = Clock(columns=(name,), unit=unit).stamps([values], 0, len(values))
        is_absolute = _in_window(raw[0][raw[1]])
    else:
        unit, why, is_absolute = _unit(_floats(values), stated)
    clock = Clock(columns=(name,), unit=unit)
    ns, ok = clock.stamps([values], 0, len(values))
    if ok.mean() < least:
        return None
    since = "since 1970" if is_absolute else "relative"
    told = f"Times are column {name!r} in {_WORDS[unit]}, {since} ({why})."
    return _Candidate(rank=0, clock=clock, stamps=ns[ok], is_absolute=is_absolute, told=told)


def _floats(values: pa.Array) -> Floats:
    """Return the numbers among *values* that may be times, whatever their unit."""
    if pa.types.is_string(values.type):
        texts = pc.replace_substring(pc.utf8_trim_whitespace(values), ",", ".")
        texts = texts.filter(pc.match_substring_regex(texts, _BEGINS_LIKE_A_NUMBER))
        bad = misfits(texts, pa.float64())
        values = texts.take(pa.array(np.delete(np.arange(len(texts)), bad)))
    floats: Floats = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return floats[np.abs(floats) < _MOST]


def _unit(values: Floats, stated: str) -> tuple[str, str, bool]:
    """
    Infer the unit of numbers.

    Returns:
        Unit, the reason, and whether they count since 1970.
    """
    steps = np.diff(values)
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else 0.0
    if not len(values):
        return stated or "s", "nothing to tell it by", False
    for unit in _UNITS:
        per_s = 10 ** (9 - DIGITS[unit])
        if not _nearly_all((values >= _YEAR_2000_S * per_s) & (values < _YEAR_2100_S * per_s)):
            continue
        step_s = step / per_s
        # Relative microseconds can look like seconds since 1970, but not with such steps.
        if stated in ("", unit) and (step_s <= 60 or step_s % 60 == 0):
            return unit, "by their size", True
    if stated:
        return stated, "as its name says", False
    distances = {
        u: abs(np.log10(max(step, 1e-12) * 10 ** DIGITS[u] / _USUAL_STEP_NS)) for u in _UNITS
    }
    unit = min(_UNITS, key=distances.__getitem__) if step else "s"
    return unit, f"its steps of {step:g} are nearest to 100 Hz so; --time-unit sets it", False


def _in_window(ns: Ints) -> bool:
    """Say whether times lie in the years 2000 to 2100."""
    return _nearly_all((ns >= _YEAR_2000_S * _NS_PER_S) & (ns < _YEAR_2100_S * _NS_PER_S))


def _nearly_all(which: npt.NDArray[np.bool_]) -> bool:
    """Say whether it is so but for some rubbish: a time that was never set, a digit that is wrong."""
    return bool(len(which) and which.mean() >= 0.9)


def _pairs(columns: Mapping[str, pa.Array]) -> list[_Candidate]:
    """Return pairs of columns of seconds and nanoseconds (`stamp.secs`, `stamp.nsecs`)."""
    ends: dict[tuple[str, ...], dict[str, str]] = {}
    for name in columns:
        words = read_name(name).words
        if words and words[-1] in _PARTS:
            ends.setdefault(words[:-1], {})[_PARTS[words[-1]]] = name
    found = []
    for parts in ends.values():
        if parts.keys() == {"s", "ns"}:
            clock = Clock(columns=(parts["s"], parts["ns"]))
            values = [columns[name] for name in clock.columns]
            ns, ok = clock.stamps(values, 0, len(values[0]))
            if ok.any() and _runs(ns[ok]):
                told = (
                    f"Times are columns {parts['s']!r} and {parts['ns']!r}: seconds, nanoseconds."
                )
                absolute = _in_window(ns[ok])
                found.append(
                    _Candidate(
                        rank=3 * len(_NAMES),
                        clock=clock,
                        stamps=ns[ok],
                        is_absolute=absolute,
                        told=told,
                    )
                )
    return found
