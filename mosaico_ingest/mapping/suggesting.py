"""
A first mapping file, from what recordings hold: a type of its own for every channel that no type fits.

Must not know: how recordings are planned. Next: `file`.
"""

import json
import re
from collections.abc import Iterable, Iterator

from mosaico_ingest.mapping.types import type_name
from mosaico_ingest.model.plan import Fit, RecordingPlan, TopicPlan

__all__ = ["suggest_mapping"]

_WORD = re.compile(r"[^A-Za-z0-9]+")
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_HEAD = """\
# Written by `mosaico-ingest mapping suggest`. Rename types and fields, or choose a type of the platform:
# `ontology = "imu"`, and its fields on the left. See docs/mapping-files.md.
"""


def suggest_mapping(plans: Iterable[RecordingPlan]) -> str:
    """Return the text of a mapping file for everything that *plans* keep as decoded."""
    parts = [_HEAD]
    seen: set[str] = set()
    tags: set[str] = set()
    for topic in (topic for plan in plans for topic in plan.topics):
        if topic.channel.topic in seen:
            continue
        seen.add(topic.channel.topic)
        parts.append("\n".join(_rule(topic, tags)) + "\n")
    return "\n".join(parts)


def _rule(topic: TopicPlan, tags: set[str]) -> Iterator[str]:
    """Yield the lines about one topic."""
    name = json.dumps(topic.channel.topic, ensure_ascii=False)
    if topic.fit is not Fit.FALLBACK:
        yield f"# {name} becomes {topic.ontology.tag} as it is ({topic.reason})."
        return
    fields = [(_field_name(f.name), f, type_name(f.type)) for f in topic.ontology.fields]
    good = {field_name: (field, kind) for field_name, field, kind in fields if kind}
    if not good or topic.ontology.fields.names == ["payload"]:
        yield f"# {name} is kept as bytes: {topic.note or topic.reason}."
        return
    tag = _free(_field_name(topic.channel.topic) or "table", tags)
    yield "[[map]]"
    yield f"topic = {name}"
    yield f'ontology = "{tag}"'
    yield ""
    yield "[map.fields]"
    yield from (
        f"{key} = {json.dumps(_quoted(f.name), ensure_ascii=False)}" for key, (f, _) in good.items()
    )
    left = [field.name for _, field, kind in fields if not kind]
    if left:
        yield f"# Left for the topic {topic.name}/rest, for their types: {', '.join(left)}"
    yield ""
    yield f"[ontology.{tag}.fields]"
    yield from (f"{key} = {kind}" for key, (_, kind) in good.items())


def _field_name(text: str) -> str:
    """Turn any text into the name of a field or type."""
    name = "_".join(part for part in _WORD.split(text) if part).lower()
    return f"n{name}" if name[:1].isdigit() else name


def _free(name: str, taken: set[str]) -> str:
    """Return *name*, numbered if it is taken, and note it as taken."""
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    taken.add(unique)
    return unique


def _quoted(column: str) -> str:
    """Return the expression that is a column."""
    return column if _PLAIN.fullmatch(column) else f"`{column}`"
