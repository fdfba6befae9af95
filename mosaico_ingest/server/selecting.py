"""
Which topics meet conditions on names, times of creation and metadata.

The database answers what every database answers alike. What it cannot compare alike everywhere (metadata,
parts and order of texts) it narrows down, and the few rows that are left are tested here.

Must not know: rows of topics, chunks. Next: `query`.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import attrs
import sqlalchemy as sa

from mosaico_ingest.protocol.filters import Condition, Operator, Query, Section, Value
from mosaico_ingest.server.lookup import Row
from mosaico_ingest.server.matching import COMPARISONS, TextMatch, test_value
from mosaico_ingest.server.metadata import values_at
from mosaico_ingest.server.tables import sequences, topics

__all__ = ["MOST_IN_SQL", "select_topics"]

MOST_IN_SQL = 500
"""How many values a statement may list; databases bound what they accept."""

_MOST_CHARACTERS = 1000  # of a pattern that narrows down in SQL, of a text that is read as a number
_NUMBER = re.compile(r"[+-]?(\d+)(\.\d*)?([eE][+-]?\d{1,4})?", re.ASCII)
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_Test = Callable[[Row], bool]

_COLUMNS: Mapping[tuple[Section, str], sa.Column[Any]] = {
    (Section.Sequence, "locator"): sequences.c.name,
    (Section.Sequence, "created_at_ns"): sequences.c.created_at_ns,
    (Section.Topic, "locator"): topics.c.name,
    (Section.Topic, "created_at_ns"): topics.c.created_at_ns,
    (Section.Topic, "ontology_tag"): topics.c.ontology_tag,
    (Section.Topic, "serialization_format"): topics.c.serialization_format,
}
_METADATA = {
    Section.SequenceMetadata: sequences.c.user_metadata,
    Section.TopicMetadata: topics.c.user_metadata,
}


def select_topics(
    connection: sa.Connection, query: Query, tags: Collection[str], texts: TextMatch
) -> list[Row]:
    """
    Return the topics that meet all conditions of *query* but those on rows, in order of their locators.

    Args:
        tags: The types that rows are asked about; only topics of these, where there are any.
        texts: What `$match` means.

    Returns:
        Rows of `id`, `sequence`, `topic` and `tag`, and with *tags* also `arrow_schema`.
    """
    columns: list[sa.ColumnElement[Any]] = [
        topics.c.id,
        sequences.c.name.label("sequence"),
        topics.c.name.label("topic"),
        topics.c.ontology_tag.label("tag"),
    ]
    wanted: list[sa.ColumnElement[bool]] = []
    if tags:
        columns.append(topics.c.arrow_schema)
        wanted.append(topics.c.ontology_tag.in_(list(tags)))
    tests: list[_Test] = []
    for (section, key), column in _COLUMNS.items():
        for condition in map(_named, query.of(section)):
            if condition.key == key:
                wanted.append(_narrowed(condition, column, texts))
                if not _is_exact(condition):
                    label = f"column_{len(columns)}"
                    columns.append(column.label(label))
                    tests.append(_column_test(condition, label, texts))
    for section, column in _METADATA.items():
        if conditions := query.of(section):
            wanted += (_metadata_narrowed(one, column, texts) for one in conditions)
            columns.append(column.label(section.value))
            tests.append(_metadata_test(conditions, section.value, texts))
    rows = connection.execute(
        sa.select(*columns)
        .join_from(topics, sequences, topics.c.sequence_id == sequences.c.id)
        .where(*wanted)
    )
    left: list[Row] = [row for row in rows if all(test(row) for test in tests)]
    return sorted(left, key=lambda row: (row.sequence, row.topic))


def _column_test(condition: Condition, label: str, texts: TextMatch) -> _Test:
    if condition.operator is Operator.In:  # with more values than SQL is given
        values = frozenset(condition.values)
        return lambda row: row._mapping[label] in values  # noqa: SLF001 - is public
    return lambda row: test_value(condition, row._mapping[label], texts)  # noqa: SLF001 - is public


def _metadata_test(conditions: Sequence[Condition], label: str, texts: TextMatch) -> _Test:
    # Topics of one kind, and all topics of a sequence, have the same text.
    @cache
    def test(text: str) -> bool:
        metadata = json.loads(text)
        return all(
            _meets_any(one, values_at(metadata, one.key, texts), texts) for one in conditions
        )

    return lambda row: test(row._mapping[label])  # noqa: SLF001 - is public


def _named(condition: Condition) -> Condition:
    """Let a topic be named with or without its leading slash, and a sequence too."""
    if condition.key != "locator" or condition.operator not in (
        Operator.Eq,
        Operator.Neq,
        Operator.In,
    ):
        return condition
    slash = "/" if condition.section is Section.Topic else ""
    names = tuple(slash + str(value).removeprefix("/") for value in condition.values)
    return attrs.evolve(condition, values=names)


def _is_exact(condition: Condition) -> bool:
    """Say whether every database compares alike: texts only for being the same."""
    if condition.operator is Operator.In:
        return len(condition.values) <= MOST_IN_SQL
    if condition.operator in (Operator.Eq, Operator.Neq, Operator.Exists, Operator.Missing):
        return True
    return not isinstance(condition.value, str)


def _narrowed(
    condition: Condition, column: sa.Column[Any], texts: TextMatch
) -> sa.ColumnElement[bool]:
    """Return what SQL can say: all where the condition is exact, else something wider."""
    if not _is_exact(condition):
        is_part = condition.operator is Operator.Match and not texts.with_globs
        return _contains(column, str(condition.value)) if is_part else sa.true()
    values = condition.values
    if condition.operator in COMPARISONS:
        return COMPARISONS[condition.operator](column, values[0])
    if condition.operator is Operator.In:
        return column.in_(values)
    if condition.operator in (Operator.Between, Operator.Outside):
        inside = column.between(values[0], values[1])
        return inside if condition.operator is Operator.Between else sa.not_(inside)
    return sa.true() if condition.operator is Operator.Exists else sa.false()


def _metadata_narrowed(
    condition: Condition, column: sa.Column[Any], texts: TextMatch
) -> sa.ColumnElement[bool]:
    """Return a condition on the text of the metadata that holds wherever *condition* does."""
    if condition.operator is Operator.Missing:
        return sa.true()
    names = condition.key.split(".")
    if texts.with_globs:
        names = [name for name in names if "*" not in name and "[" not in name]
    words = [json.dumps(name) for name in names if not name.isdecimal()][-1:]
    is_part = condition.operator is Operator.Match and not texts.with_globs
    if condition.operator is Operator.Eq or is_part:
        value = condition.value
        if isinstance(value, str) and json.dumps(value) == f'"{value}"':  # without escapes
            words.append(value)
    return sa.and_(sa.true(), *(_contains(column, word) for word in words))


def _contains(column: sa.Column[Any], text: str) -> sa.ColumnElement[bool]:
    if len(text) > _MOST_CHARACTERS:
        return sa.true()
    return column.contains(text, autoescape=True)


def _meets_any(condition: Condition, values: Sequence[object], texts: TextMatch) -> bool:
    """Say whether one of *values* meets *condition*; they are missing where all are null."""
    known = [value for value in values if value is not None]
    if condition.operator in (Operator.Exists, Operator.Missing):
        return bool(known) is (condition.operator is Operator.Exists)
    return any(_meets(condition, value, texts) for value in known)


def _meets(condition: Condition, value: object, texts: TextMatch) -> bool:
    """Say whether a value of metadata meets *condition*, as what the condition compares with."""
    found: Value | None
    if isinstance(condition.value, bool):
        found = _TRUTHS.get(_text_of(value).lower())
    elif isinstance(condition.value, str):
        found = _text_of(value)
    else:
        found = _number_of(value)
    return found is not None and test_value(condition, found, texts)


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number_of(value: object) -> int | float | None:
    if isinstance(value, str):
        parts = _NUMBER.fullmatch(value.strip())
        if parts is None or len(value) > _MOST_CHARACTERS:
            return None
        return float(value) if parts[2] or parts[3] else int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
