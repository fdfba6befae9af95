"""
Many recordings at once: what failed and what was passed over, like put to like, so that one can act.

Must not know: where it is printed. Next: `contents`, `summary`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mosaico_ingest.model.plan import Fit, PlannedRecording, RecordingPlan
from mosaico_ingest.model.recording import RecordingInfo
from mosaico_ingest.model.source import Aside
from mosaico_ingest.reports.text import Block, Column, Table, short_path
from mosaico_ingest.units import format_bytes, format_count, format_duration_ns, format_number_of

__all__ = [
    "MOST_IN_FULL",
    "aside_blocks",
    "aside_to_json",
    "failure_lines",
    "infos_table",
    "kinds_line",
    "like_to_like",
    "plans_table",
]

MOST_IN_FULL = 12
"""More recordings than these are told in a row each, not in a table each."""

_MOST_NAMED = 3
_NUMBER = re.compile(r"\d[\d,.]*")


def like_to_like(said: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """
    Put together the subjects of which the same is said, but for numbers and their own names.

    Example:
        >>> like_to_like([("a", "'a' is empty."), ("b", "'b' is empty."), ("c", "No.")])
        [('… is empty.', ['a', 'b']), ('No.', ['c'])]
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for subject, text in said:
        bare = text.replace(repr(subject), "…")
        _, subjects = groups.setdefault(_NUMBER.sub("#", bare), (bare, []))
        subjects.append(subject)
    return list(groups.values())


def failure_lines(failures: Iterable[tuple[str, str]]) -> list[str]:
    """Say why recordings failed, given their paths and errors: one line per reason."""
    failures = list(failures)
    errors = dict(failures)
    return [
        f"{len(paths)} times: {text} ({_named(paths)})" if len(paths) > 1 else errors[paths[0]]
        for text, paths in like_to_like(failures)
    ]


def aside_blocks(aside: Sequence[Aside]) -> Iterator[Block]:
    """Yield what was passed over: how many files for each reason, and some of their names."""
    if not aside:
        return
    verb = "was" if len(aside) == 1 else "were"
    yield f"{format_number_of('file', len(aside))} {verb} passed over (--json lists all):"
    reasons = Counter(item.reason for item in aside)
    for reason, count in reasons.most_common():
        paths = [str(item.path) for item in aside if item.reason == reason]
        yield f"  {format_count(count)} {reason}: {_named(paths)}"


def aside_to_json(aside: Sequence[Aside]) -> list[dict[str, str]]:
    """Return what was passed over as a JSON list."""
    return [{"path": str(item.path), "reason": item.reason} for item in aside]


def kinds_line(kinds: Sequence[str], failed: int) -> str:
    """Count recordings by kind, and those that cannot be read."""
    counts = [f"{format_count(n)} {kind}" for kind, n in Counter(kinds).most_common()]
    counts += [f"{format_count(failed)} cannot be read"] if failed else []
    return f"{format_number_of('recording', len(kinds) + failed)}: {', '.join(counts)}."


def infos_table(infos: Sequence[RecordingInfo]) -> Table:
    """Put each recording in a row."""
    return Table(
        columns=(
            Column("recording"),
            Column("format", spare=2),
            Column("channels", right=True),
            Column("messages", right=True),
            Column("time", right=True, spare=1),
            Column("size", right=True),
            Column("damage", right=True, spare=3),
        ),
        rows=tuple(
            (
                short_path(info.path),
                info.format,
                format_count(len(info.channels)),
                "?" if info.messages is None else format_count(info.messages),
                _span(info),
                format_bytes(info.size_bytes),
                format_count(len(info.damage)),
            )
            for info in infos
        ),
    )


def plans_table(planned: Sequence[PlannedRecording]) -> Table:
    """Put each plan in a row."""
    plans = [item.plan for item in planned if item.plan]
    return Table(
        columns=(
            Column("recording"),
            Column("source", spare=1),
            Column("sequence"),
            Column("topics", right=True),
            Column("fallback", right=True, spare=2),
            Column("skipped", right=True, spare=3),
        ),
        rows=tuple(map(_plan_row, plans)),
    )


def _plan_row(plan: RecordingPlan) -> tuple[str, ...]:
    """Put one plan in a row."""
    return (
        short_path(plan.info.path),
        plan.source,
        plan.sequence,
        format_count(len(plan.topics)),
        format_count(sum(topic.fit is Fit.FALLBACK for topic in plan.topics)),
        format_count(len(plan.skipped)),
    )


def _named(paths: Sequence[str]) -> str:
    """Name the first few files: the whole path, so that one can go there."""
    names = [short_path(Path(path)) for path in paths[:_MOST_NAMED]]
    more = len(paths) - len(names)
    return ", ".join(names) + (f" and {format_count(more)} more" if more else "")


def _span(info: RecordingInfo) -> str:
    """Print how long a recording is."""
    if info.start_ns is None or info.end_ns is None:
        return "?"
    return format_duration_ns(info.end_ns - info.start_ns)
