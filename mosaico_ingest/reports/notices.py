"""
What a run leaves on the server for whoever looks after a sequence later: a few notifications per topic.

Must not know: clients, sinks. Next: `mosaico_ingest.sinks`.
"""

from collections.abc import Iterable, Mapping, Sequence

from mosaico_ingest.model.plan import TopicPlan
from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import RecordingReport, RecordingStatus, TopicReport
from mosaico_ingest.reports.summary import damage_line
from mosaico_ingest.units import format_bytes, format_count, format_number_of

__all__ = [
    "MOST_CHARACTERS",
    "complete_notice",
    "damage_notice",
    "recording_notice",
    "start_notice",
    "topic_notice",
]

MOST_CHARACTERS = 2000
"""No notice is longer: a million damaged chunks must not make a notification of a gigabyte."""

_MOST_REASONS = 8


def start_notice(topic: TopicPlan) -> str:
    """Say where the rows of a topic come from, and what of its messages they have no room for."""
    channel = topic.channel
    kind = f", {channel.type_name}" if channel.type_name else ""
    losses = f" Not kept: {'; '.join(_some(topic.losses))}." if topic.losses else ""
    return _bounded(f"Started: {channel.topic}{kind}.{losses}")


def complete_notice(topic: TopicReport) -> str:
    """
    Say what a topic holds, which is all that the user wanted.

    Example:
        >>> complete_notice(TopicReport(name="/imu", channel="/imu", type="Imu", ontology="imu",
        ...     declared=10, stored=8, skipped=2, rows=8, nbytes=640, reasons={"not in --topics": 2}))
        'Complete: stored 8 of 10 messages in 8 rows, 640 B; 2 skipped: not in --topics (2).'
    """
    told = f"{format_count(topic.stored)} of {format_number_of('message', topic.declared)}"
    size = f"{format_number_of('row', topic.rows)}, {format_bytes(topic.nbytes)}"
    skipped = f"; {format_count(topic.skipped)} skipped" if topic.skipped else ""
    return _bounded(f"Complete: stored {told} in {size}{skipped}{_reasons(topic.reasons)}.")


def topic_notice(topic: TopicReport) -> str | None:
    """
    Say what a topic does not hold, and why; None if it holds all that the user wanted.

    Example:
        >>> topic_notice(TopicReport(name="/imu", channel="/imu", type="Imu", ontology="imu",
        ...     declared=10, stored=8, lost=2, reasons={"the chunk is damaged": 2}))
        'Stored 8 of 10 messages; 2 lost: the chunk is damaged (2).'
    """
    missing = [
        f"{format_count(count)} {word}"
        for count, word in ((topic.rejected, "rejected"), (topic.lost, "lost"))
        if count
    ]
    if not missing:
        return None
    told = f"Stored {format_count(topic.stored)} of {format_count(topic.declared)} messages"
    return _bounded(f"{told}; {', '.join(missing)}{_reasons(topic.reasons)}.")


def recording_notice(recording: RecordingReport) -> str | None:
    """Say what concerns a whole recording: why it failed, or what is damaged; None if all is well."""
    parts = []
    if recording.status is RecordingStatus.Interrupted:
        parts.append("Ingestion was interrupted; the sequence is incomplete.")
    elif recording.error:
        parts.append(f"Ingestion failed: {_sentence(recording.error)}")
    damage = damage_notice(recording.damage)
    return _bounded(" ".join([*parts, *([damage] if damage else [])])) or None


def damage_notice(damages: Sequence[Damage]) -> str | None:
    """Say what of a recording cannot be read; None if all can."""
    if not damages:
        return None
    noun = "place" if len(damages) == 1 else "places"
    lines = _some([damage_line(damage) for damage in damages])
    return _bounded(f"The recording is damaged in {len(damages)} {noun}: {'; '.join(lines)}.")


def _reasons(reasons: Mapping[str, int]) -> str:
    """List reasons with their counts, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    texts = [f"{reason.rstrip('.')} ({format_count(count)})" for reason, count in ordered]
    return f": {'; '.join(_some(texts))}" if texts else ""


def _some(texts: Iterable[str]) -> list[str]:
    """Keep the first few of *texts*, and say how many there are besides."""
    every = list(texts)
    more = len(every) - _MOST_REASONS
    return every if more <= 0 else [*every[:_MOST_REASONS], f"and {more} more"]


def _sentence(text: str) -> str:
    """End *text* with a full stop."""
    return text if text.endswith(".") else f"{text}."


def _bounded(text: str) -> str:
    """Cut what is longer than a notice may be."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
