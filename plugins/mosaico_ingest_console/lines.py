"""
The sentences that both the live and the plain view say about a recording.

Must not know: where they are shown.
"""

from pathlib import Path

from mosaico_ingest.plugin import (
    Damage,
    RecordingPlan,
    RecordingReport,
    RecordingStatus,
    format_bytes,
    format_count,
    format_number_of,
    format_seconds,
    printable,
)

__all__ = ["MOST_DAMAGE_LINES", "DamageLines", "finished_line", "started_line"]

MOST_DAMAGE_LINES = 5
"""Of one recording; the report at the end names the rest."""

_WORDS = {
    RecordingStatus.Stored: "stored",
    RecordingStatus.AlreadyStored: "already stored",
    RecordingStatus.StoredWithLosses: "stored with losses",
    RecordingStatus.Failed: "failed",
    RecordingStatus.Interrupted: "interrupted",
}


def started_line(plan: RecordingPlan) -> str:
    """Say what is being read, and where it goes."""
    declared = plan.info.messages
    messages = "" if declared is None else f", {format_number_of('message', declared)}"
    topics = format_number_of("topic", len(plan.topics))
    return f"{printable(plan.info.path.name)} -> {printable(plan.sequence)}: {topics}{messages}"


def finished_line(report: RecordingReport) -> str:
    """Say how a recording ended."""
    line = f"{printable(Path(report.path).name)}: {_WORDS[report.status]}"
    if report.topics and report.status is not RecordingStatus.AlreadyStored:
        stored = format_number_of("message", sum(topic.stored for topic in report.topics))
        size, span = format_bytes(report.nbytes), format_seconds(report.seconds)
        line += f", {stored}, {size} in {span}"
    return f"{line}: {printable(report.error)}" if report.error else line


class DamageLines:
    """Says the first few damages of each recording, and then that there are more."""

    def __init__(self) -> None:
        self._said: dict[int, int] = {}

    def line(self, index: int, name: str, damage: Damage) -> str | None:
        """Return what to say of one more damage of recording *index*, None if enough was said."""
        said = self._said[index] = self._said.get(index, 0) + 1
        if said > MOST_DAMAGE_LINES:
            return None
        if said == MOST_DAMAGE_LINES:
            return f"{name}: more damage; the report at the end names it"
        where = ""
        if damage.byte_range is not None:
            start, end = map(format_count, damage.byte_range)
            where = f"bytes {start} to {end}: "
        return f"{name}: damage: {where}{printable(damage.reason)}"
