"""
Puts the numbered parts of one recording together: `run_0.mcap`, `run_1.mcap`, as recorders write them.

Only formats that say `splits` are grouped, and only what looks like one recording beyond doubt: parts in one
folder, numbered from 0, at least half of them there.

Must not know: what is inside. Next: `joining`.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from mosaico_ingest.pipeline.finding import Found, Sources
from mosaico_ingest.pipeline.packing import PACKED_SUFFIXES

__all__ = ["grouped"]

_NUMBERED = re.compile(r"(.+)_(\d{1,9})")
_MOST_NAMED = 5


@attrs.frozen
class _Part:
    """A file whose name says that it is part of something."""

    found: Found
    base: str
    number: int
    rest: str


def grouped(found: Iterable[Found], sources: Sources) -> list[Found]:
    """Return what was found with parts of one recording as one, in the place of the first."""
    sets: dict[tuple[Path, str, str], list[_Part]] = {}
    kept: list[Found | tuple[Path, str, str]] = []
    for item in found:
        part = _part(item, sources)
        if part is None:
            kept.append(item)
            continue
        key = item.path.parent, part.base, item.source
        if key not in sets:
            kept.append(key)
        sets.setdefault(key, []).append(part)
    result: list[Found] = []
    for kept_item in kept:
        if isinstance(kept_item, Found):
            result.append(kept_item)
        else:
            parts = sorted(sets[kept_item], key=lambda part: part.number)
            result += [_one(parts)] if _belong_together(parts) else [part.found for part in parts]
    return result


def _part(item: Found, sources: Sources) -> _Part | None:
    """Read the number in a file's name; None where there is none, or the format has no parts."""
    if item.error or item.grouping or item.parts:
        return None
    source = sources[item.source].value
    if not getattr(source, "splits", False):
        return None
    name = item.path.name
    stem = _without(_without(name, PACKED_SUFFIXES), source.suffixes)
    match = _NUMBERED.fullmatch(stem)
    return _Part(item, match[1], int(match[2]), name[len(stem) :]) if match else None


def _without(name: str, suffixes: Sequence[str]) -> str:
    """Return *name* without the longest of *suffixes* that it ends with."""
    for suffix in sorted(suffixes, key=len, reverse=True):
        if name.lower().endswith(suffix.lower()):
            return name[: -len(suffix)]
    return name


def _belong_together(parts: Sequence[_Part]) -> bool:
    """Say whether numbered files are the parts of one recording, and not recordings that somebody counted."""
    numbers = {part.number for part in parts}
    return (
        len(parts) > 1
        and len(numbers) == len(parts)
        and 0 in numbers
        and max(numbers) < 2 * len(parts)
    )


def _one(parts: Sequence[_Part]) -> Found:
    """Make one recording of its parts."""
    first, last = parts[0], parts[-1]
    present = {part.number for part in parts}
    missing = [str(n) for n in range(last.number) if n not in present]
    findings: tuple[str, ...] = ()
    if missing:
        shown = ", ".join(missing[:_MOST_NAMED]) + (", …" if len(missing) > _MOST_NAMED else "")
        noun, verb = ("Part", "is") if len(missing) == 1 else ("Parts", "are")
        findings = (f"{noun} {shown} of {first.base!r} {verb} missing.",)
    return Found(
        path=first.found.path.with_name(f"{first.base}_*{first.rest}"),
        name=f"{first.base}{first.rest}",
        parts=tuple(part.found.path for part in parts),
        source=first.found.source,
        reason=first.found.reason,
        grouping=(
            f"{len(parts)} parts, numbered from {first.found.path.name} to {last.found.path.name}; "
            "--no-group reads each of them by itself"
        ),
        findings=findings,
    )
