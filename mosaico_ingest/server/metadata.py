"""
Paths into user metadata: dotted names, and in the generations that have them, wildcards.

    cameras.0.name      cameras[*].name (every element)      *.rate (every name)      **.rate (any depth)

Must not know: what the values are compared with. Next: `matching`.
"""

import re
from collections.abc import Iterator

from mosaico_ingest.server.matching import TextMatch

__all__ = ["values_at"]

_MOST_DIGITS = 9  # of an index into a list
_INDICES = re.compile(r"([^\[\]]*)((?:\[(?:\*|\d+)\])+)")


def values_at(metadata: object, path: str, texts: TextMatch) -> list[object]:
    """
    Return the values that *path* leads to: none or one, or with wildcards any number.

    Args:
        metadata: What was read from JSON.
        path: Names with dots between; a number may be the index into a list.
        texts: Whether `*`, `**` and `[…]` are wildcards and indices, else they are names.

    Example:
        >>> cameras = {"cameras": [{"rate": 10}, {"rate": 20}]}
        >>> values_at(cameras, "cameras[*].rate", TextMatch(with_globs=True))
        [10, 20]
    """
    values = [metadata]
    for step in _steps(path) if texts.with_globs else path.split("."):
        # A value is reached once, by however many ways: their number would grow with every `**`.
        reached = {
            id(found): found
            for value in values
            for found in (_follow_glob(value, step) if texts.with_globs else _follow(value, step))
        }
        values = list(reached.values())
    return values


def _steps(path: str) -> Iterator[str]:
    for part in path.split("."):
        match = _INDICES.fullmatch(part)
        if match is None:
            yield part
            continue
        if match[1]:
            yield match[1]
        yield from re.findall(r"\[(?:\*|\d+)\]", match[2])


def _follow(value: object, name: str) -> Iterator[object]:
    if isinstance(value, dict):
        if name in value:
            yield value[name]
    elif isinstance(value, list) and name.isdecimal() and len(name) <= _MOST_DIGITS:
        yield from value[int(name) : int(name) + 1]


def _follow_glob(value: object, step: str) -> Iterator[object]:
    if step == "*":
        if isinstance(value, dict):
            yield from value.values()
    elif step == "**":
        yield from _all_below(value)
    elif step.startswith("["):
        if isinstance(value, list):
            yield from value if step == "[*]" else _follow(value, step[1:-1])
    else:
        yield from _follow(value, step)


def _all_below(value: object) -> Iterator[object]:
    """Yield *value* and all that lies in it."""
    pending = [value]
    while pending:
        found = pending.pop()
        yield found
        if isinstance(found, dict):
            pending += reversed(found.values())
        elif isinstance(found, list):
            pending += reversed(found)
