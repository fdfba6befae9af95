"""
Names of sequences and topics, from files and channels: predictable, allowed, without clashes.

Must not know: what a server already holds. Next: `planner`.
"""

import string
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs

from mosaico_ingest.errors import UsageError
from mosaico_ingest.protocol.names import check_sequence_name, suggest_name, suggest_topic

__all__ = ["Subject", "sequence_names", "topic_names"]


@attrs.frozen(kw_only=True)
class Subject:
    """
    A recording that needs a name.

    Args:
        path: Its file or directory.
        suffixes: File name endings that say nothing about it.
        start_ns: When it begins, for `{date}`.
    """

    path: Path
    suffixes: Sequence[str] = ()
    start_ns: int | None = None

    @property
    def stem(self) -> str:
        """The name of the file or directory, without a known ending."""
        name = self.path.name
        for suffix in sorted(self.suffixes, key=len, reverse=True):
            if name.lower().endswith(suffix.lower()) and len(name) > len(suffix):
                return name[: -len(suffix)]
        return name


def sequence_names(subjects: Sequence[Subject], template: str = "") -> list[str]:
    """
    Name each recording.

    Args:
        template: With `{name}`, `{parent}` and `{date}`; empty means `{name}`, told apart where
            recordings clash by their file ending, then by as many parent folders as it takes.

    Raises:
        UsageError: *template* has an unknown field.
        NameRefusedError: The text around the fields is refused by the platform.
    """
    if template:
        return [_fill(template, subject) for subject in subjects]
    names = [suggest_name(subject.stem) for subject in subjects]
    for name, count in Counter(names).items():
        if count > 1:
            group = [i for i, other in enumerate(names) if other == name]
            told_apart = _tell_apart([subjects[i] for i in group])
            for i, better in zip(group, told_apart, strict=True):
                names[i] = better
    return _number(names, "_")


def topic_names(channels: Sequence[str]) -> list[str]:
    """
    Name the topic of each channel; further channels of one name get a number.

    Example:
        >>> topic_names(["/imu", "/imu", "camera.front/raw"])
        ['/imu', '/imu_2', '/camera_front/raw']
    """
    return _number([suggest_topic(channel) for channel in channels], "_")


def _fill(template: str, subject: Subject) -> str:
    """Put the facts of one recording into *template*."""
    moment = datetime.fromtimestamp((subject.start_ns or 0) / 1e9, UTC)
    fields = {
        "name": suggest_name(subject.stem),
        "parent": suggest_name(subject.path.parent.name),
        "date": f"{moment:%Y-%m-%d}" if subject.start_ns is not None else "undated",
    }
    try:
        used = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
        unknown = used - set(fields)
        name = template.format_map(fields) if not unknown else ""
    except (ValueError, KeyError, IndexError) as error:
        msg = f"Cannot read {template!r} as a name template: {error}. Use {{name}}, {{parent}}, {{date}}."
        raise UsageError(msg) from error
    if unknown:
        msg = (
            f"The name template {template!r} uses {sorted(unknown)}. "
            "It may use {name}, {parent} and {date}."
        )
        raise UsageError(msg)
    return check_sequence_name(name)


def _tell_apart(subjects: Sequence[Subject]) -> list[str]:
    """Name recordings of one stem by the first scheme that makes all names differ."""
    depth = max(len(subject.path.parts) for subject in subjects)
    schemes: list[Callable[[Subject], str]] = [lambda s: s.path.name]
    for parents in range(1, depth):
        schemes += [
            lambda s, n=parents: "_".join([*s.path.parts[-1 - n : -1], s.stem]),  # type: ignore[misc]
            lambda s, n=parents: "_".join(s.path.parts[-1 - n :]),  # type: ignore[misc]
        ]
    names: list[str] = []
    for scheme in schemes:
        names = [suggest_name(scheme(subject)) for subject in subjects]
        if len(set(names)) == len(names):
            break
    return names


def _number(names: Sequence[str], join: str) -> list[str]:
    """Give every further use of a name the next free number."""
    taken: set[str] = set()
    numbered: list[str] = []
    for name in names:
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}{join}{number}"
        taken.add(unique)
        numbered.append(unique)
    return numbered
