"""
Which clock gives the rows of a topic their `timestamp_ns`: one of the recording's, or a field.

Must not know: columns. Next: `plan`.
"""

import attrs

from mosaico_ingest.enum import TimePolicy

__all__ = ["UNITS", "Clock"]

UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds in each unit that a field may count in."""


@attrs.frozen
class Clock:
    """
    The clock of a topic.

    Args:
        policy: One of the clocks that every recording has.
        field: Path of a field instead (`status.measured_at`), with dots.
        unit: What the field counts, one of `UNITS`; empty for nanoseconds, or seconds if it has fractions.
    """

    policy: TimePolicy = TimePolicy.Header
    field: str = ""
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> "Clock":
        """Read `header`, `log`, `publish`, `FIELD` or `FIELD:UNIT`."""
        if text in {policy.value for policy in TimePolicy}:
            return cls(TimePolicy(text))
        field, _, unit = text.rpartition(":")
        if field and unit in UNITS:
            return cls(TimePolicy.Publish, field, unit)
        return cls(TimePolicy.Publish, text)

    def __str__(self) -> str:
        """Return what `parse` reads."""
        if not self.field:
            return self.policy.value
        return f"{self.field}:{self.unit}" if self.unit else self.field
