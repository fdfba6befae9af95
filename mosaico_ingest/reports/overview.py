"""
Many recordings at once: what failed and what was passed over, like put to like, so that one can act.

Must not know: where it is printed. Next: `contents`, `summary`.
"""

import os
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
    "MOST_ROWS",
    "aside_blocks",
    "aside_to_json",
    "below",
    "common_folder",
    "failure_lines",
    "infos_table",
    "kinds_line",
    "like_to_like",
    "loss_lines",
    "note_blocks",
    "plans_table",
]

MOST_IN_FULL = 12
"""More recordings than these are told in a row each, not in a table each."""

MOST_ROWS = 100
"""No table has more rows; JSON lists all."""

_MOST_NAMED = 3
_MOST_ENDINGS = 6
_MOST_NOTES = 12
_MOST_CHARACTERS = 42
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
        if subject not in subjects[-1:]:
            subjects.append(subject)
    return list(groups.values())


def failure_lines(failures: Iterable[tuple[str, str]]) -> list[str]:
    """Say why recordings failed, given their paths and errors, which name them: one line per reason."""
    failures = list(failures)
    errors = dict(failures)
    return [
        f"{len(paths)} times: {text} ({_named(paths)})" if len(paths) > 1 else errors[paths[0]]
        for text, paths in like_to_like(failures)
    ]


def loss_lines(losses: Iterable[tuple[str, str]]) -> list[str]:
    """Say what recordings lost, given paths and reasons: a line per reason, the most frequent first."""
    groups = sorted(like_to_like(losses), key=lambda group: -len(group[1]))
    return [
        f"{len(paths)} times: {text} ({_named(paths)})"
        if len(paths) > 1
        else f"{short_path(paths[0])}: {text}"
        for text, paths in groups
    ]


def note_blocks(notes: Iterable[tuple[str, str]]) -> Iterator[Block]:
    """Yield what else a careful reader would tell, given paths and findings: the most frequent first."""
    lines = loss_lines(notes)
    if lines:
        yield ""
        yield "Notes:"
        yield from (f"  {line}" for line in lines[:_MOST_NOTES])
    if len(lines) > _MOST_NOTES:
        yield f"  … and {format_count(len(lines) - _MOST_NOTES)} more (name a recording to see its own)"


def aside_blocks(aside: Sequence[Aside]) -> Iterator[Block]:
    """Yield what was passed over: how many files for each reason, and some of their names."""
    if not aside:
        return
    verb = "was" if len(aside) == 1 else "were"
    yield f"{format_number_of('file', len(aside))} {verb} passed over (--json lists all):"
    reasons = Counter(item.reason for item in aside)
    for reason, count in reasons.most_common():
        paths = [str(item.path) for item in aside if item.reason == reason]
        shown = _named(paths) if count <= _MOST_NAMED else _endings(paths)
        yield f"  {format_count(count)} {reason}: {shown}"


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
    folder = common_folder([str(info.path) for info in infos])
    return Table(
        columns=(
            Column(f"recording in {folder}" if folder else "recording"),
            Column("format", spare=2),
            Column("messages", right=True),
            Column("time", spare=1),
            Column("size", right=True),
            Column("damage", spare=3),
        ),
        rows=tuple(
            (
                below(info.path, folder),
                info.format,
                "?" if info.messages is None else format_count(info.messages),
                _span(info),
                format_bytes(info.size_bytes),
                format_number_of("place", len(info.damage)) if info.damage else "",
            )
            for info in infos[:MOST_ROWS]
        ),
    )


def plans_table(planned: Sequence[PlannedRecording]) -> Table:
    """Put each plan in a row."""
    plans = [item.plan for item in planned if item.plan]
    folder = common_folder([str(plan.info.path) for plan in plans])
    return Table(
        columns=(
            Column(f"recording in {folder}" if folder else "recording"),
            Column("source", spare=1),
            Column("sequence"),
            Column("topics", right=True),
            Column("fallback", right=True, spare=2),
            Column("skipped", right=True, spare=3),
        ),
        rows=tuple(_plan_row(plan, folder) for plan in plans[:MOST_ROWS]),
    )


def _plan_row(plan: RecordingPlan, folder: str) -> tuple[str, ...]:
    """Put one plan in a row."""
    return (
        below(plan.info.path, folder),
        plan.source,
        plan.sequence,
        format_count(len(plan.topics)),
        format_count(sum(topic.fit is Fit.FALLBACK for topic in plan.topics)),
        format_count(len(plan.skipped)),
    )


def common_folder(paths: Sequence[str]) -> str:
    """Return the folder that all of *paths* lie in, as short as can be; empty for the present one."""
    folder = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""  # noqa: PTH120
    return "" if folder in ("/", str(Path.cwd())) else short_path(folder)


def below(path: str | Path, folder: str) -> str:
    """
    Return *path* from *folder* on, and of a long one the end only.

    Example:
        >>> below("runs/a/b.mcap", "runs"), below("/x/" + "deep/" * 20 + "drive/b.mcap", "/x")
        ('a/b.mcap', '…/deep/deep/deep/deep/deep/drive/b.mcap')
    """
    shown = short_path(path)
    if folder:
        shown = shown.removeprefix(f"{folder}{os.sep}")
    if len(shown) <= _MOST_CHARACTERS:
        return shown
    end = Path(shown)
    while len(end.parts) > 1 and len(str(end)) > _MOST_CHARACTERS - 2:
        end = Path(*end.parts[1:])
    return f"…{os.sep}{end}"


def _endings(paths: Sequence[str]) -> str:
    """Count files by the ending of their names, the most frequent first."""
    counts = Counter(Path(path).suffix.lower() for path in paths)
    without = counts.pop("", 0)
    shown = [f"{format_count(n)} {ending}" for ending, n in counts.most_common(_MOST_ENDINGS)]
    rest = sum(counts.values()) + without - sum(n for _, n in counts.most_common(_MOST_ENDINGS))
    return ", ".join([*shown, *([f"{format_count(rest)} others"] if rest else [])])


def _named(paths: Sequence[str]) -> str:
    """Name the first few files, a single one by its whole path."""
    if len(paths) == 1:
        return short_path(paths[0])
    folder = common_folder(paths)
    names = [below(path, folder) for path in paths[:_MOST_NAMED]]
    more = len(paths) - len(names)
    place = f"in {folder}: " if folder else ""
    return place + ", ".join(names) + (f" and {format_count(more)} more" if more else "")


def _span(info: RecordingInfo) -> str:
    """Print how long a recording is."""
    if info.start_ns is None or info.end_ns is None:
        return "?"
    return format_duration_ns(info.end_ns - info.start_ns)
