"""
What `inspect --deep` found: what a run would store, and how regular the messages are.

Must not know: how it was found. Next: `summary`.
"""

from collections.abc import Iterator, Mapping

import attrs

from mosaico_ingest.model.health import TopicHealth
from mosaico_ingest.model.report import RunReport
from mosaico_ingest.reports.overview import aside_blocks, failure_lines
from mosaico_ingest.reports.summary import recording_blocks, report_to_json
from mosaico_ingest.reports.text import Block, Column, Table
from mosaico_ingest.units import format_bytes, format_count, format_duration_ns

__all__ = ["examined_blocks", "examined_to_json"]

_COLUMNS = (
    Column("topic"),
    Column("Hz", right=True),
    Column("jitter", right=True, spare=3),
    Column("gaps", right=True),
    Column("longest gap", right=True, spare=2),
    Column("out of order", right=True),
    Column("clock jumps", right=True, spare=1),
    Column("largest", right=True, spare=4),
)


def examined_blocks(
    report: RunReport, health: Mapping[str, tuple[TopicHealth, ...]]
) -> Iterator[Block]:
    """Yield, per recording, what a run would make of it and the health of its topics."""
    failures = [(r.path, r.error) for r in report.recordings if r.error and not r.topics]
    for number, recording in enumerate(r for r in report.recordings if r.topics or not r.error):
        if number:
            yield ""
        yield from recording_blocks(recording, verb="would be ")
        topics = health.get(recording.path, ())
        if topics:
            yield ""
            yield Table(columns=_COLUMNS, rows=tuple(map(_row, topics)))
    if failures:
        yield ""
        yield "Cannot be stored:"
        yield from (f"  {line}" for line in failure_lines(failures))
    if report.aside:
        yield ""
        yield from aside_blocks(report.aside)


def examined_to_json(
    report: RunReport, health: Mapping[str, tuple[TopicHealth, ...]]
) -> dict[str, object]:
    """Return the report as `run` has it, and a list `health` beside it, one table per recording."""
    return {
        **report_to_json(report),
        "health": [
            {
                "path": recording.path,
                "topics": [attrs.asdict(topic) for topic in health.get(recording.path, ())],
            }
            for recording in report.recordings
        ],
    }


def _row(topic: TopicHealth) -> tuple[str, ...]:
    """Print one topic; what does not apply stays blank."""
    interval, jitter = topic.interval_ns, topic.jitter_ns
    return (
        topic.name,
        f"{1e9 / interval:.1f}" if interval else "",
        "" if jitter is None else format_duration_ns(jitter),
        format_count(topic.gaps),
        format_duration_ns(topic.longest_gap_ns) if topic.longest_gap_ns else "",
        f"{topic.out_of_order / topic.rows:.1%}" if topic.out_of_order else "0",
        format_count(topic.jumps),
        format_bytes(topic.largest_bytes) if topic.largest_bytes else "",
    )
