"""
Bytes, durations and timestamps: parse what people write, print what people read.

Must not know: anything else of this package but `errors`.
"""

import re
from datetime import UTC, datetime
from fractions import Fraction

from mosaico_ingest.errors import UsageError

__all__ = [
    "format_bytes",
    "format_count",
    "format_duration_ns",
    "format_number_of",
    "format_seconds",
    "format_time_ns",
    "parse_bytes",
    "parse_duration_ns",
    "parse_time_ns",
    "printable",
]

_BYTE_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _BYTE_UNITS |= {
        _letter: 1000**_power,
        f"{_letter}b": 1000**_power,
        f"{_letter}ib": 1024**_power,
    }
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)(?:(?<=:\d\d:\d\d)\.(\d{1,9}))?\s*(Z|UTC|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_NANOSECONDS = re.compile(r"-?\d{1,19}", re.ASCII)
_DURATION = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|h)", re.ASCII)
_NS_PER_UNIT = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_BYTES = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_bytes(text: str) -> int:
    """
    Return the number of bytes that *text* states.

    Raises:
        UsageError: It is no number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.

    Example:
        >>> parse_bytes("256MiB"), parse_bytes("1.5 GB"), parse_bytes("4096")
        (268435456, 1500000000, 4096)
    """
    match = _BYTES.fullmatch(text)
    factor = _BYTE_UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        msg = f"Cannot read {text!r} as a size. Expected a number with a unit, such as 64MiB or 1.5GB."
        raise UsageError(msg)
    return int(float(match[1]) * factor)


def format_bytes(size_bytes: float) -> str:
    """
    Print a size with three significant figures in decimal units.

    Example:
        >>> format_bytes(999), format_bytes(1_500_000), format_bytes(20_000_000_000)
        ('999 B', '1.50 MB', '20.0 GB')
    """
    if size_bytes < 1000:
        return f"{size_bytes:.0f} B"
    value, unit = float(size_bytes), "B"
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the unit that fits outlives the loop
        value /= 1000
        if value < 999.5:
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def format_count(number: float) -> str:
    """
    Print a count with thousands separators.

    Example:
        >>> format_count(1234567)
        '1,234,567'
    """
    return f"{number:,.0f}"


def format_number_of(noun: str, number: float) -> str:
    """
    Print a count of things.

    Example:
        >>> format_number_of("message", 1), format_number_of("message", 2000)
        ('1 message', '2,000 messages')
    """
    return f"{format_count(number)} {noun}{'' if number == 1 else 's'}"


def format_seconds(seconds: float) -> str:
    """
    Print a span in the unit that suits it.

    Example:
        >>> format_seconds(0.0021), format_seconds(12.34), format_seconds(3725)
        ('2.1 ms', '12.3 s', '1 h 02 min')
    """
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_duration_ns(duration_ns: int) -> str:
    """Print a span of nanoseconds; see `format_seconds`."""
    return format_seconds(duration_ns / 1e9)


def parse_duration_ns(text: str) -> int:
    """
    Return the span that *text* states, in nanoseconds.

    Raises:
        UsageError: It is no number with a unit.

    Example:
        >>> parse_duration_ns("-50ms"), parse_duration_ns("1.5 s")
        (-50000000, 1500000000)
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        msg = f"Cannot read {text!r} as a span of time. Expected a number with ns, us, ms, s, min or h."
        raise UsageError(msg)
    return round(Fraction(match[1]) * _NS_PER_UNIT[match[2]])


def format_time_ns(time_ns: int) -> str:
    """
    Print an instant, given in nanoseconds since the Unix epoch, in UTC to the microsecond.

    Example:
        >>> format_time_ns(1_735_689_600_123_456_789)
        '2025-01-01 00:00:00.123456 UTC'
    """
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest_ns // 1000:06d} UTC"


def parse_time_ns(text: str) -> int:
    """
    Return the instant that *text* states, in nanoseconds since the Unix epoch; without a zone it is UTC.

    Raises:
        UsageError: It is neither a number of nanoseconds nor an instant.

    Example:
        >>> parse_time_ns("2025-01-01T00:00:00.123456789Z"), parse_time_ns("5")
        (1735689600123456789, 5)
    """
    if _NANOSECONDS.fullmatch(text):
        return int(text)
    match = _INSTANT.fullmatch(text)
    day, fraction, zone = match.groups("") if match else ("", "", "")
    clock = day if ":" in day else f"{day} 00:00"
    try:
        moment = datetime.fromisoformat(clock + zone.replace("UTC", "Z"))
    except ValueError:
        msg = f"Cannot read {text!r} as an instant. Expected nanoseconds, or 2026-01-02T10:00:00Z."
        raise UsageError(msg) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0"))


def printable(text: str) -> str:
    r"""
    Escape what a terminal would obey or an encoder refuse: names in recordings are anyone's bytes.

    Example:
        >>> printable("/imu über"), printable("\x1b[2J")
        ('/imu über', '\\x1b[2J')
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
