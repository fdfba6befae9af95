"""
Times of frames, exact to the nanosecond: instants as people write them, rates, and lists of stamps in files.

Must not know: videos. Next: `clock`.
"""

import csv
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as tz
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs

from mosaico_ingest.errors import SourceError, UsageError

__all__ = ["Stamps", "beside", "parse_rate", "parse_start", "read_stamps"]

_NS_PER_S = 1_000_000_000
_FAR_NS = 1 << 62
_MAX_BYTES = 256 * 1024 * 1024
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?\s*(Z|[+-]\d\d:?\d\d)?"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_TIME_WORD = re.compile(r".*(time|stamp|nsec).*|(.*_)?p?ts(_.*)?")
# A whole number is taken for an instant between 1973 and 2286 in the unit that puts it there.
_UNITS = ((10**17, 1), (10**14, 10**3), (10**11, 10**6), (10**8, _NS_PER_S))


@attrs.frozen(kw_only=True)
class Stamps:
    """
    One time per frame.

    Args:
        path: The file that lists them.
        times_ns: The times in its order, nanoseconds.
        names: File names beside them, empty where the file has none.
        is_absolute: Whether they count from 1970, or from the beginning of the recording.
    """

    path: Path
    times_ns: tuple[int, ...]
    names: tuple[str, ...] = ()
    is_absolute: bool = True


def beside(name: str, folder: Path) -> Path:
    """Return the file that `--timestamps` names: from where one stands, else beside the recording."""
    path = Path(name)
    return path if path.is_absolute() or path.exists() else folder / path


def parse_start(text: str, timezone: str = "UTC") -> int:
    """
    Return the instant that `--start` states, nanoseconds since 1970.

    Args:
        timezone: Zone of a date that states none.

    Raises:
        UsageError: It is neither ISO 8601 nor a number, or the zone is not known.

    Example:
        >>> parse_start("2025-01-01T00:00:00.5Z"), parse_start("1735689600.5")
        (1735689600500000000, 1735689600500000000)
    """
    words = text.strip()
    zone = _zone(timezone)
    try:
        if _INSTANT.fullmatch(words):
            return _instant_ns(words, zone)
        # Not by the four units of a list: every format must mean the same by --start.
        is_seconds = not _NUMBER.fullmatch(words) or Decimal(words) < 10**11
        return _scaled(words, _NS_PER_S if is_seconds else 1)
    except ValueError:
        msg = (
            f"Cannot read --start {text!r}. Expected ISO 8601 such as 2025-01-31T12:00:00Z, "
            "or seconds or nanoseconds since 1970."
        )
        raise UsageError(msg) from None


def parse_rate(text: str) -> Fraction:
    """
    Return the frames per second that `--fps` states.

    Raises:
        UsageError: It is no positive number, or beyond a million.

    Example:
        >>> parse_rate("30000/1001"), parse_rate("29.97")
        (Fraction(30000, 1001), Fraction(2997, 100))
    """
    try:
        rate = Fraction(text.strip()) if len(text) <= 40 and "e" not in text.lower() else Fraction()
    except (ValueError, ZeroDivisionError):
        rate = Fraction()
    if not Fraction(1, 1_000_000) <= rate <= 1_000_000:
        msg = f"Cannot read --fps {text!r}. Expected frames per second: 30, 29.97 or 30000/1001."
        raise UsageError(msg)
    return rate


def read_stamps(path: Path, timezone: str = "UTC") -> Stamps:
    """
    Read a list of times: csv, txt or json, with a header or not, with file names or frame numbers or not.

    Args:
        timezone: Zone of dates that state none.

    Raises:
        SourceError: It cannot be read, or its times or their unit cannot be told.
        UsageError: The zone is not known.
    """
    zone = _zone(timezone)
    try:
        if path.stat().st_size > _MAX_BYTES:
            msg = f"{str(path)!r} is too large for a list of times. Expected below 256 MiB."
            raise SourceError(msg, path=path)
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        msg = f"The list of times {str(path)!r} cannot be read: {error.strerror}. Check the path."
        raise SourceError(msg, path=path) from error
    try:
        rows = _json_rows(text) if text.lstrip()[:1] in ("[", "{") else _text_rows(text)
        unit = _relative_unit([row[0] for row in rows], text)
        values, names = _read_rows(rows, unit, zone)
    except (ValueError, InvalidOperation, UsageError, RecursionError) as error:
        reason = str(error).rstrip(".")
        msg = f"The list of times {str(path)!r} cannot be read: {reason}. Expected a time per line."
        raise SourceError(msg, path=path) from error
    return Stamps(
        path=path,
        times_ns=values,
        names=names if any(names) else (),
        is_absolute=bool(values) and max(values) >= 10**17,
    )


def _read_rows(
    rows: Sequence[tuple[str, str]], unit: int, zone: tzinfo
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """
    Return times and file names of rows; a row without a time costs its own file where the others are named.

    Raises:
        ValueError: A time cannot be read, and times are told by their places; or fewer than half can be read.
    """
    found: list[tuple[int, str]] = []
    faults: list[ValueError] = []
    for time, name in rows:
        try:
            is_instant = _INSTANT.fullmatch(time)
            value = _instant_ns(time, zone) if is_instant else _number_ns(time, otherwise=unit)
        except ValueError as error:
            faults.append(error)
            continue
        found.append((value, name))
    if faults:
        named = [row for row in found if row[1]]
        if 2 * len(named) < len(rows):
            raise faults[0]
        found = named
    return tuple(value for value, _ in found), tuple(name for _, name in found)


def _zone(name: str) -> tzinfo:
    """
    Return the zone of dates that state none.

    Raises:
        UsageError: It is not known.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = f"The time zone {name!r} is not known. Expected a name such as Europe/Rome."
        raise UsageError(msg) from error


def _instant_ns(text: str, otherwise: tzinfo) -> int:
    """Return an ISO 8601 instant in nanoseconds; without a zone it is in that of *otherwise*."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        why = f"{text!r} is no time"
        raise ValueError(why)
    zone = otherwise
    if match[8]:
        east = 1 if match[8][0] != "-" else -1
        digits = match[8][1:].replace(":", "") or "0000"
        zone = tz(east * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    instant = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    whole = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return _bounded(whole * _NS_PER_S + int((match[7] or "0").ljust(9, "0")), text)


def _number_ns(text: str, *, otherwise: int) -> int:
    """Return a number as nanoseconds, in the unit that its size tells, or in that of *otherwise* ns."""
    if not _NUMBER.fullmatch(text):
        return _scaled(text, otherwise)
    number = Decimal(text)
    return _scaled(text, next((unit for least, unit in _UNITS if number >= least), otherwise))


def _scaled(text: str, unit: int) -> int:
    """Return a number of units of *unit* nanoseconds, to the nearest."""
    if not _NUMBER.fullmatch(text):
        why = f"{text!r} has no time"
        raise ValueError(why)
    number = Decimal(text)
    if abs(number) > _FAR_NS:  # before a fraction is made of an exponent
        return _bounded(_FAR_NS, text)
    return _bounded(round(Fraction(number) * unit), text)


def _bounded(time_ns: int, text: str) -> int:
    """Return a time that fits 64 bits, also after another is added."""
    if abs(time_ns) >= _FAR_NS:
        why = f"{text!r} is beyond the year 2116"
        raise ValueError(why)
    return time_ns


def _relative_unit(times: Sequence[str], text: str) -> int:
    """
    Return the unit, in nanoseconds, of times that count from the beginning.

    Raises:
        ValueError: Whole numbers do not tell it.
    """
    if re.match(r"# *time(code|stamp) format v2", text):
        return 1_000_000
    numbers = [time for time in times if _NUMBER.fullmatch(time)]
    if any(set(time) & set(".eE") for time in numbers) or not numbers:
        return _NS_PER_S
    if max(int(time) for time in numbers) < _UNITS[-1][0] and any(int(n) for n in numbers):
        why = f"the unit of {numbers[-1]!r} cannot be told; write seconds with a decimal point"
        raise ValueError(why)
    return 1


def _text_rows(text: str) -> list[tuple[str, str]]:
    """Return (time, file name) of each line; comments and a header are passed over."""
    lines = [line.strip() for line in text.splitlines()]
    header = next((line for line in lines if line and not line.lstrip("#")[:1].isdigit()), "")
    lines = [line for line in lines if line and not line.startswith(("#", "%"))]
    rows = [_fields(line) for line in lines]
    if rows and not any(_is_time(field) for field in rows[0]):
        rows = rows[1:]
    words = [word.lower() for word in _fields(header.lstrip("#% "))]
    if any(map(_is_time, words)):
        words = []  # the first row: a file's name may have the word time in it
    column = _time_column(words, rows)
    found = []
    for row in rows:
        if column >= len(row) or not _is_time(row[column]):
            found.append((" ".join(row)[:60], ""))
            continue
        others = [field for k, field in enumerate(row) if k != column and not _is_time(field)]
        found.append((row[column], others[0] if others else ""))
    return found


def _fields(line: str) -> list[str]:
    """Split a line at commas, semicolons or blanks; the blank inside an instant does not part it."""
    if _INSTANT.fullmatch(line):
        return [line]
    for mark in (",", ";", "\t"):
        if mark in line:
            return [field.strip() for field in next(csv.reader([line], delimiter=mark))]
    return line.split()


def _is_time(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text) or _INSTANT.fullmatch(text))


def _time_column(words: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return the number of the column with the times: by name, else the first that does not just count."""
    for k, word in enumerate(words):
        if _TIME_WORD.fullmatch(word):
            return k
    width = min((len(row) for row in rows), default=0)
    for k in range(width):
        if not all(_is_time(row[k]) for row in rows):
            continue
        counts = [[str(n + first) for n in range(len(rows))] for first in (0, 1)]
        if [row[k] for row in rows] not in counts or width == 1:
            return k
    return 0


def _json_rows(text: str) -> list[tuple[str, str]]:
    """Return (time, file name) of each item of a JSON list, or of the list inside an object."""
    # Numbers stay text: a float would cost nanoseconds.
    found = json.loads(text, parse_float=str, parse_int=str)
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else list(found.values())
    return [_json_row(item) for item in found]


def _json_row(item: object) -> tuple[str, str]:
    """Return (time, file name) of one item: a number, a text, or an object with a time in it."""
    if isinstance(item, str):
        return item, ""
    if isinstance(item, dict):
        for key, value in item.items():
            if _TIME_WORD.fullmatch(key.lower()) and isinstance(value, str):
                return value, _first_name(v for k, v in item.items() if k != key)
    why = f"{str(item)[:60]!r} has no time"
    raise ValueError(why)


def _first_name(values: Iterable[object]) -> str:
    """Return the first text that is no number."""
    return next((v for v in values if isinstance(v, str) and not _is_time(v)), "")
