"""
How a run ended: as tables for people, as one object for machines.

Must not know: where it is printed. Next: `notices`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import (
    DAMAGED,
    RecordingReport,
    RecordingStatus,
    RunReport,
    TopicReport,
)
from mosaico_ingest.reports.overview import (
    MOST_IN_FULL,
    aside_blocks,
    aside_to_json,
    below,
    common_folder,
    failure_lines,
    loss_lines,
    note_blocks,
)
from mosaico_ingest.reports.text import Block, Column, Table, short_path
from mosaico_ingest.units import format_bytes, format_count, format_number_of, format_seconds

__all__ = ["damage_line", "recording_blocks", "report_to_json", "run_blocks"]

_COLUMNS = (
    Column("topic"),
    Column("type", spare=3),
    Column("ontology"),
    Column("declared", right=True),
    Column("stored", right=True),
    Column("rejected", right=True, spare=2),
    Column("lost", right=True, spare=2),
    Column("skipped", right=True, spare=2),
    Column("MB", right=True),
    Column("seconds", right=True),
)
_WORDS = {
    RecordingStatus.Stored: "stored",
    RecordingStatus.AlreadyStored: "already stored, nothing changed",
    RecordingStatus.StoredWithLosses: "stored with losses",
    RecordingStatus.Failed: "failed",
    RecordingStatus.Interrupted: "interrupted",
}
_MOST_DAMAGE_LINES = 20
_MOST_ROWS = 40  # after a run, what is stored matters less than what is not


_JSON_STATUS = {RecordingStatus.Interrupted: RecordingStatus.Failed}
"""To a program, an interrupted recording is one that failed; its `error` and the exit code say why."""


def run_blocks(report: RunReport) -> Iterator[Block]:
    """Yield a table per recording, or a row of each where they are many, then a line about all of them."""
    if len(report.recordings) > MOST_IN_FULL:
        yield from _rows(report.recordings)
        yield ""
    else:
        for recording in report.recordings:
            yield from recording_blocks(recording)
            yield ""
    if report.aside:
        yield from aside_blocks(report.aside)
        yield ""
    yield _total_line(report)


def _rows(recordings: Sequence[RecordingReport]) -> Iterator[Block]:
    """Yield what to do, a row per recording that was stored, then the reasons of losses and failures."""
    failed = [r for r in recordings if r.error]
    lossy = [r for r in recordings if not r.error and r.status is RecordingStatus.StoredWithLosses]
    whole = [r for r in recordings if r not in failed and r not in lossy]
    todo = [
        f"{format_count(len(group))} {what}"
        for group, what in ((failed, "not stored"), (lossy, "stored with losses"))
        if group
    ]
    told = (
        f"{format_count(len(whole))} of {format_count(len(recordings))} recordings are stored whole"
    )
    yield f"{told}; look at the reasons for {' and '.join(todo)}, below." if todo else f"{told}."
    kinds = Counter(r.source or "not read" for r in recordings)
    yield f"By format: {', '.join(f'{format_count(n)} {kind}' for kind, n in kinds.most_common())}."
    yield ""
    stored = [*lossy, *whole]
    if stored:
        yield _recordings_table(stored[:_MOST_ROWS])
    if len(stored) > _MOST_ROWS:
        yield f"… and {format_count(len(stored) - _MOST_ROWS)} more that are stored (--json lists all)"
    if lossy:
        yield ""
        yield "Stored with losses:"
        yield from (f"  {line}" for line in loss_lines(_losses(lossy)))
    if failed:
        yield ""
        yield "Not stored:"
        yield from (f"  {line}" for line in failure_lines((r.path, r.error) for r in failed))
    yield from note_blocks((r.path, finding) for r in recordings for finding in r.findings)


def _losses(recordings: Sequence[RecordingReport]) -> Iterator[tuple[str, str]]:
    """Yield path and reason of every kind of loss: the first damage, and why topics lost or rejected."""
    for recording in recordings:
        reasons = [damage.reason for damage in recording.damage[:1]]
        reasons += [
            reason
            for topic in recording.topics
            if topic.lost or topic.rejected
            for reason in topic.reasons
            if reason != DAMAGED
        ]
        for reason in dict.fromkeys(reasons):
            yield recording.path, reason


def _recordings_table(recordings: Sequence[RecordingReport]) -> Table:
    """Put each recording in a row."""
    folder = common_folder([recording.path for recording in recordings])
    return Table(
        columns=(
            Column(f"recording in {folder}" if folder else "recording"),
            Column("source", spare=1),
            Column("sequence", spare=2),
            Column("stored", right=True),
            Column("rejected", right=True, spare=3),
            Column("lost", right=True, spare=3),
            Column("MB", right=True),
        ),
        rows=tuple(
            (
                below(r.path, folder),
                r.source,
                r.sequence,
                "already"
                if r.status is RecordingStatus.AlreadyStored
                else format_count(sum(topic.stored for topic in r.topics)),
                format_count(sum(topic.rejected for topic in r.topics)),
                format_count(sum(topic.lost for topic in r.topics)),
                _megabytes(r.nbytes),
            )
            for r in recordings
        ),
    )


def recording_blocks(recording: RecordingReport, verb: str = "") -> Iterator[Block]:
    """
    Yield what became of one recording: a table of its topics, then whatever is not as it should be.

    Args:
        verb: Put before the status, such as `would be ` for a run that was only tried.
    """
    status = verb + _WORDS[recording.status]
    arrow = f" -> {recording.sequence}" if recording.sequence else ""
    yield f"{short_path(recording.path)}{arrow}: {status}"
    if recording.topics and recording.status is not RecordingStatus.AlreadyStored:
        yield _topic_table(recording)
        yield from (f"  {line}" for line in _reason_lines(recording))
    shown = recording.damage[:_MOST_DAMAGE_LINES]
    yield from (f"  damage: {damage_line(damage)}" for damage in shown)
    if len(recording.damage) > len(shown):
        yield f"  … and damage in {len(recording.damage) - len(shown)} more places (--json lists all)"
    yield from (f"  note: {finding}" for finding in recording.findings)
    if recording.error:
        yield f"  error: {recording.error}"


def damage_line(damage: Damage) -> str:
    """Say in one line what cannot be read, and where."""
    where = []
    if damage.path is not None:
        where.append(damage.path.name)
    if damage.byte_range is not None:
        start, end = damage.byte_range
        where.append(f"bytes {format_count(start)} to {format_count(end)}")
    lost = sum(damage.lost.values())
    count = f" ({format_number_of('message', lost)} lost)" if lost else ""
    reason = damage.reason.rstrip(".")
    return f"{', '.join(where)}: {reason}{count}" if where else f"{reason}{count}"


def report_to_json(report: RunReport) -> dict[str, object]:
    """
    Return the report as a JSON object.

    Counts are messages of the source, `rows` is what the topic holds, `bytes` are Arrow bytes sent.
    """
    return {
        "recordings": [_recording_to_json(recording) for recording in report.recordings],
        "passed_over": aside_to_json(report.aside),
        "stored": report.stored,
        "rejected": report.rejected,
        "skipped": report.skipped,
        "lost": report.lost,
        "bytes": report.nbytes,
        "seconds": report.seconds,
        "exit_code": report.exit_code,
    }


def _recording_to_json(recording: RecordingReport) -> dict[str, object]:
    """Return one recording as a JSON object."""
    return {
        "path": recording.path,
        "sequence": recording.sequence,
        "status": _JSON_STATUS.get(recording.status, recording.status).value,
        "fingerprint": recording.fingerprint,
        "start_ns": recording.start_ns,
        "end_ns": recording.end_ns,
        "seconds": recording.seconds,
        "damage": [_damage_to_json(damage) for damage in recording.damage],
        "findings": list(recording.findings),
        "topics": [_topic_to_json(topic) for topic in recording.topics],
        "error": recording.error,
    }


def _damage_to_json(damage: Damage) -> dict[str, object]:
    """Return one damage as a JSON object; the file of a recording of several is named in the reason."""
    file = f"{damage.path.name}: " if damage.path else ""
    return {
        "reason": f"{file}{damage.reason}",
        "byte_range": damage.byte_range and list(damage.byte_range),
        "time_range_ns": damage.time_range_ns and list(damage.time_range_ns),
    }


def _topic_to_json(topic: TopicReport) -> dict[str, object]:
    """Return one topic as a JSON object."""
    return {
        "name": topic.name,
        "channel": topic.channel,
        "type": topic.type,
        "ontology": topic.ontology,
        "declared": topic.declared,
        "stored": topic.stored,
        "rejected": topic.rejected,
        "skipped": topic.skipped,
        "lost": topic.lost,
        "rows": topic.rows,
        "bytes": topic.nbytes,
        "reasons": dict(topic.reasons),
    }


def _topic_table(recording: RecordingReport) -> Table:
    """Put the counts of every topic in a row, and their sums under them."""
    topics = recording.topics
    counts = ("declared", "stored", "rejected", "lost", "skipped")
    return Table(
        columns=_COLUMNS,
        rows=tuple(
            (
                topic.name or topic.channel,
                topic.type,
                topic.ontology,
                *(format_count(getattr(topic, count)) for count in counts),
                _megabytes(topic.nbytes),
                f"{topic.seconds:.2f}",
            )
            for topic in topics
        ),
        total=(
            "total",
            "",
            "",
            *(format_count(sum(getattr(topic, count) for topic in topics)) for count in counts),
            _megabytes(recording.nbytes),
            f"{recording.seconds:.2f}",
        ),
    )


def _megabytes(nbytes: int) -> str:
    """Print a size in megabytes, so that a column can be compared at a glance."""
    return f"{nbytes / 1e6:,.2f}"


def _reason_lines(recording: RecordingReport) -> Iterator[str]:
    """Say why messages are not stored, each reason once."""
    counts: Counter[tuple[str, str]] = Counter()
    topics: dict[tuple[str, str], list[str]] = {}
    for topic in recording.topics:
        kinds = [kind for kind in ("rejected", "lost", "skipped") if getattr(topic, kind)]
        for reason, count in topic.reasons.items():
            if reason == recording.error:
                continue  # said below
            key = (kinds[0] if len(kinds) == 1 else "not stored", reason)
            counts[key] += count
            topics.setdefault(key, []).append(topic.name or topic.channel)
    for (kind, reason), count in counts.items():
        names = topics[kind, reason]
        where = names[0] if len(names) == 1 else f"{len(names)} topics"
        yield f"{where}: {format_count(count)} {kind}: {reason}"


def _total_line(report: RunReport) -> str:
    """Say in one line what all recordings together gave, and how fast."""
    statuses = Counter(_WORDS[r.status].split(",")[0] for r in report.recordings)
    if not statuses:
        return "Nothing was ingested."
    parts = ", ".join(f"{count} {status}" for status, count in statuses.items())
    line = (
        f"{format_number_of('recording', len(report.recordings))} ({parts}): "
        f"{format_number_of('message', report.stored)}, {format_bytes(report.nbytes)} "
        f"in {format_seconds(report.seconds)}"
    )
    if report.stored and report.seconds > 0:
        rate = format_count(report.stored / report.seconds)
        line += f" ({rate} messages/s, {format_bytes(report.nbytes / report.seconds)}/s)"
    return f"{line}."
