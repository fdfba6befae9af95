"""
What time it was: a log counts microseconds since the vehicle's start, and only its GPS knows the date.

`time_ref_utc` among a log's information is the zone of the vehicle's settings, no clock.

Must not know: records. Next: `contents`.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import UsageError
from mosaico_ingest.plugin import format_number_of, format_time_ns

__all__ = ["GpsClock", "UlogOptions", "origin", "parse_start"]

Ints = npt.NDArray[np.int64]

_NS_PER_S = 1_000_000_000
_YEAR_2000_US, _YEAR_2100_US = 946_684_800_000_000, 4_102_444_800_000_000
_MOST_FIXES = 100_000
_FAR_NS = 1 << 62
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?")
_FRACTION = re.compile(r"[.,](\d+)")


@attrs.frozen(kw_only=True)
class UlogOptions:
    """Settings of flight logs."""

    start: str = attrs.field(
        default="",
        metadata={"help": "Time at which a recording without a clock of its own begins."},
    )
    max_channels: int = attrs.field(
        default=10_000,
        metadata={"help": "Most channels that a recording may have; one with more is refused."},
    )


class GpsClock:
    """Collects what a GPS says of the time."""

    def __init__(self) -> None:
        self._offsets: list[Ints] = []
        self._fixes = 0

    def add(self, boot_us: Ints, utc_us: Ints) -> None:
        """Take times since the start and the UTC times beside them; 0 is none."""
        known = (utc_us > _YEAR_2000_US) & (utc_us < _YEAR_2100_US)
        if self._fixes < _MOST_FIXES and known.any():
            self._offsets.append((utc_us - boot_us)[known])
            self._fixes += int(known.sum())

    def offset_us(self) -> int | None:
        """Return the microseconds from 1970 to the vehicle's start, None where no fix told the time."""
        if not self._offsets:
            return None
        # The first fixes may lack leap seconds, and reception takes a while: the middle is right.
        offsets = np.sort(np.concatenate(self._offsets))
        return int(offsets[len(offsets) // 2])

    @property
    def fixes(self) -> int:
        """How many fixes told the time."""
        return self._fixes


def origin(gps: GpsClock, begin_us: int, start: str) -> tuple[int, str]:
    """
    Return the nanoseconds from 1970 to the vehicle's start, and how they are known.

    Args:
        begin_us: When the log begins, since the vehicle's start.
        start: When it begins, as the user says.
    """
    offset_us = gps.offset_us()
    stated_ns = parse_start(start) if start else None
    if offset_us is not None:
        told = (
            f"The vehicle started at {format_time_ns(offset_us * 1000)}, by the median of "
            f"{format_number_of('GPS time', gps.fixes)}; times are counted from there."
        )
        if stated_ns is not None:
            told += " --start is not needed."
        return offset_us * 1000, told
    if stated_ns is not None:
        return (
            stated_ns - begin_us * 1000,
            f"The log begins at {format_time_ns(stated_ns)} (--start).",
        )
    return 0, (
        "No GPS told the time: times count from the vehicle's start and are stored as if from 1970; "
        "--start sets the log's beginning."
    )


def parse_start(text: str) -> int:
    """
    Return the instant that `--start` states, nanoseconds since 1970; a date without a zone is in UTC.

    Raises:
        UsageError: It is neither ISO 8601 nor a number.

    Example:
        >>> parse_start("2025-01-01T00:00:00.5Z"), parse_start("1735689600.5")
        (1735689600500000000, 1735689600500000000)
    """
    words = text.strip()
    try:
        if _NUMBER.fullmatch(words):
            is_seconds = Decimal(words) < 10**11  # as every format reads --start
            time_ns = round(Fraction(words) * (_NS_PER_S if is_seconds else 1))
        else:
            fraction = _FRACTION.search(words)
            instant = datetime.fromisoformat(_FRACTION.sub("", words, count=1))
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            seconds = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
            time_ns = seconds * _NS_PER_S
            time_ns += int(fraction[1][:9].ljust(9, "0")) if fraction else 0
        if abs(time_ns) >= _FAR_NS:
            raise ValueError(words)
    except ValueError:
        msg = (
            f"Cannot read --start {text!r}. Expected ISO 8601 such as 2025-01-31T12:00:00Z, "
            "or seconds or nanoseconds since 1970."
        )
        raise UsageError(msg) from None
    return time_ns
