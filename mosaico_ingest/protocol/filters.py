"""
What a query asks: conditions on sequences, topics and rows, and their JSON.

    {"sequence": {"locator": {"$match": "drive"}}, "ontology": {"imu.acceleration.x": {"$gt": 5.0}}}

Reading is strict: a condition that is not understood is refused, since leaving it out would answer another
question. `locator` is the spelling to 0.5 of what is `name` from 0.6 on; both are read.

Must not know: how a query is answered. Next: `actions`.
"""

import math
import re
from collections.abc import Mapping
from enum import StrEnum

import attrs

from mosaico_ingest.errors import InvalidRequestError
from mosaico_ingest.protocol.messages import QueryRequest
from mosaico_ingest.protocol.wire import JsonObject

__all__ = [
    "Condition",
    "Operator",
    "Query",
    "Section",
    "Value",
    "read_query",
    "write_query",
]

Value = bool | int | float | str

_RANGES = "include_timestamp_range"
_METADATA = "user_metadata"
_INT64 = range(-(2**63), 2**63)
_MOST_CONDITIONS = 256
_LONGEST_LIST = 256
_ELEMENT = re.compile(r"\[(\d+|[?!])\]")


class Section(StrEnum):
    """What a condition is about: a sequence, a topic, what their writers said about them, or rows."""

    Sequence = "sequence"
    SequenceMetadata = "sequence.user_metadata"
    Topic = "topic"
    TopicMetadata = "topic.user_metadata"
    Ontology = "ontology"


class Operator(StrEnum):
    """How a value is compared."""

    Eq = "$eq"
    Neq = "$neq"
    Lt = "$lt"
    Leq = "$leq"
    Gt = "$gt"
    Geq = "$geq"
    Between = "$between"
    Outside = "$outside"
    In = "$in"
    Match = "$match"
    Exists = "$ex"
    Missing = "$nex"


_WITHOUT_VALUE = frozenset({Operator.Exists, Operator.Missing})
_OF_A_RANGE = frozenset({Operator.Between, Operator.Outside})
_OF_A_LIST = frozenset({Operator.Eq, Operator.Neq})
_OF_AN_ORDER = frozenset({Operator.Lt, Operator.Leq, Operator.Gt, Operator.Geq})

_TEXTS = {
    Section.Sequence: ("locator",),
    Section.Topic: ("locator", "ontology_tag", "serialization_format"),
}
_CREATED = "created_at_ns"


@attrs.frozen(kw_only=True)
class Condition:
    """
    One comparison.

    Args:
        section: What it is about.
        key: Which of its values: `locator`, `created_at_ns`, `ontology_tag`, `serialization_format`; the
            dotted path into metadata; `TAG.FIELD` of rows.
        operator: How it is compared.
        values: With what: none for `$ex` and `$nex`, the two ends for ranges, any number for `$in`, else one.
        is_list: Whether `$eq` or `$neq` compares a whole list with *values*.

    Raises:
        InvalidRequestError: The operator does not go with the key or the values.
    """

    section: Section
    key: str
    operator: Operator
    values: tuple[Value, ...] = ()
    is_list: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse what makes no sense."""
        _check_text(self.key, self)
        for value in self.values:
            _check_value(value, self)
        _check_count(self)
        _check_kinds(self)
        _check_key(self)

    def __str__(self) -> str:
        return f"`{self.section}.{self.key}` {self.operator}"

    @property
    def value(self) -> Value:
        """The one value."""
        return self.values[0]


@attrs.frozen(kw_only=True)
class Query:
    """
    Conditions that all have to hold.

    Args:
        conditions: At most one per section and key.
        with_ranges: Whether the time range of the matching rows is wanted, where rows are asked about.
    """

    conditions: tuple[Condition, ...] = ()
    with_ranges: bool = False

    def of(self, section: Section) -> tuple[Condition, ...]:
        """Return the conditions of one section."""
        return tuple(one for one in self.conditions if one.section is section)


def read_query(request: QueryRequest) -> Query:
    """
    Return the query that *request* is.

    Raises:
        InvalidRequestError: It is none; the message names the key.

    Example:
        >>> query = read_query(QueryRequest(sequence={"name": {"$eq": "drive"}}))
        >>> query.conditions[0].key, query.conditions[0].value
        ('locator', 'drive')
    """
    rows = dict(request.ontology or {})
    with_ranges = rows.pop(_RANGES, None) or False
    if not isinstance(with_ranges, bool):
        msg = f"wrong type: `ontology.{_RANGES}` is {_show(with_ranges)}, expected true or false"
        raise InvalidRequestError(msg)
    conditions = [
        *_read_resource(request.sequence, Section.Sequence, Section.SequenceMetadata),
        *_read_resource(request.topic, Section.Topic, Section.TopicMetadata),
        *(_read_condition(Section.Ontology, key, value) for key, value in rows.items()),
    ]
    if len(conditions) > _MOST_CONDITIONS:
        msg = f"a query has {len(conditions)} conditions, expected at most {_MOST_CONDITIONS}"
        raise InvalidRequestError(msg)
    return Query(conditions=tuple(conditions), with_ranges=with_ranges)


def write_query(query: Query, *, with_names: bool = False) -> QueryRequest:
    """Return *query* as a request, in the spelling to 0.5, or *with_names* in that from 0.6 on."""
    rows: dict[str, object] = _write(query.of(Section.Ontology))
    if rows and query.with_ranges:
        rows[_RANGES] = True
    sections: list[dict[str, object] | None] = []
    for resource, metadata in (
        (Section.Sequence, Section.SequenceMetadata),
        (Section.Topic, Section.TopicMetadata),
    ):
        written = _write(query.of(resource))
        if with_names and "locator" in written:
            written["name"] = written.pop("locator")
        if told := _write(query.of(metadata)):
            written[_METADATA] = told
        sections.append(written or None)
    return QueryRequest(sequence=sections[0], topic=sections[1], ontology=rows or None)


def _write(conditions: tuple[Condition, ...]) -> dict[str, object]:
    written: dict[str, object] = {}
    for one in conditions:
        value: object = one.values[0] if one.values else None
        if one.is_list or one.operator is Operator.In or one.operator in _OF_A_RANGE:
            value = list(one.values)
        written[one.key] = {one.operator.value: value}
    return written


def _read_resource(
    fields: JsonObject | None, section: Section, metadata: Section
) -> list[Condition]:
    conditions = []
    for name, value in (fields or {}).items():
        if name == _METADATA:
            paths = _object(value, f"`{section}.{name}`")
            conditions += [_read_condition(metadata, key, told) for key, told in paths.items()]
            continue
        key = "locator" if name == "name" else name
        if any(one.section is section and one.key == key for one in conditions):
            msg = f"`{section}` has both `locator` and `name`, which are one: expected one of them"
            raise InvalidRequestError(msg)
        conditions.append(_read_condition(section, key, value))
    return conditions


def _read_condition(section: Section, key: str, value: object) -> Condition:
    where = f"`{section}.{_short(key)}`"
    operation = _object(value, where)
    if len(operation) != 1:
        msg = (
            f"{where} has {len(operation)} operators, expected one; "
            "a range of values is one `$between`"
        )
        raise InvalidRequestError(msg)
    word, operand = next(iter(operation.items()))
    try:
        operator = Operator(word)
    except ValueError:
        known = ", ".join(Operator)
        msg = f"unsupported operation {_show(word)} on {where}, expected one of {known}"
        raise InvalidRequestError(msg) from None
    values: tuple[object, ...] = (operand,)
    if operator in _WITHOUT_VALUE:
        values = () if operand is None else (operand,)
    elif operator is Operator.In or operator in _OF_A_RANGE:
        if not isinstance(operand, list):
            msg = f"wrong type: {word} on {where} has {_show(operand)}, expected a list"
            raise InvalidRequestError(msg)
        values = tuple(operand)
    is_list = section is Section.Ontology and operator in _OF_A_LIST and isinstance(operand, list)
    if is_list:
        values = tuple(operand)  # type: ignore[arg-type] # a list, as was just seen
    # The values are checked where the condition is made.
    return Condition(section=section, key=key, operator=operator, values=values, is_list=is_list)  # type: ignore[arg-type]


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        msg = f'wrong type: {where} is {_show(value)}, expected an object such as {{"$eq": 1}}'
        raise InvalidRequestError(msg)
    return value


def _check_value(value: object, where: Condition) -> None:
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, float) and not math.isfinite(value):
        msg = f"wrong type: {where} has {value}, expected a finite number"
        raise InvalidRequestError(msg)
    elif isinstance(value, int) and value not in _INT64:
        msg = f"wrong type: {where} has {_show(value)}, expected an integer of 64 bits"
        raise InvalidRequestError(msg)
    elif not isinstance(value, bool | int | float):
        msg = f"wrong type: {where} has {_show(value)}, expected a number, text or boolean"
        raise InvalidRequestError(msg)


def _check_text(text: str, where: Condition) -> None:
    try:
        text.encode()
        known = "\0" not in text  # which not every database takes
    except UnicodeEncodeError:
        known = False
    if not known:
        msg = (
            f"wrong type: `{where.section}` has {_show(text)}, expected text of Unicode without NUL"
        )
        raise InvalidRequestError(msg)


def _check_count(condition: Condition) -> None:
    given, operator = len(condition.values), condition.operator
    wanted, words = 1, "one value"
    if operator in _WITHOUT_VALUE:
        wanted, words = 0, "null"
    elif operator in _OF_A_RANGE:
        wanted, words = 2, "a list of two numbers"
    elif operator is Operator.In:
        wanted, words = max(given, 1), "a list that is not empty"
    elif condition.is_list:
        wanted, words = min(given, _LONGEST_LIST), f"a list of at most {_LONGEST_LIST}"
    if given != wanted:
        msg = f"wrong type: {condition} has {given} values, expected {words}"
        raise InvalidRequestError(msg)


def _check_kinds(condition: Condition) -> None:
    """Refuse values that the operator cannot compare, whatever the key."""
    kinds = {_kind(value) for value in condition.values}
    allowed = {"number", "text", "boolean"}
    if condition.operator in _OF_A_RANGE:
        allowed = {"number"}
    elif condition.operator in _OF_AN_ORDER:
        allowed = {"number", "text"}
    elif condition.operator is Operator.Match:
        allowed = {"text"}
    if len(kinds) > 1 or not kinds <= allowed:
        words = " or ".join(sorted(allowed)) + (", all of one kind" if len(kinds) > 1 else "")
        msg = f"wrong type: {condition} has {' and '.join(sorted(kinds))}, expected {words}"
        raise InvalidRequestError(msg)
    if condition.operator is Operator.Match and not condition.value:
        msg = f"{condition} has no pattern, expected text that is not empty"
        raise InvalidRequestError(msg)
    if condition.operator in _OF_A_RANGE:
        low, high = condition.values
        if low > high:  # type: ignore[operator] # both are numbers, as was just seen
            msg = f"empty range: {condition} has {low} and {high}, expected the smaller one first"
            raise InvalidRequestError(msg)


def _check_key(condition: Condition) -> None:
    section, key = condition.section, condition.key
    if section is Section.Ontology:
        tag, dot, path = key.partition(".")
        if not (tag and dot and path):
            msg = f"`ontology.{_short(key)}` names no field, expected `ontology.TAG.FIELD`"
            raise InvalidRequestError(msg)
        if len(_ELEMENT.findall(path)) > 1:
            msg = f"`ontology.{_short(key)}` enters several lists, expected at most one"
            raise InvalidRequestError(msg)
        return
    if section not in _TEXTS:
        if not all(key.split(".")):
            msg = f"`{section}.{_short(key)}` is no path, expected names with single dots between"
            raise InvalidRequestError(msg)
        return
    kinds = {_kind(value) for value in condition.values}
    if key == _CREATED:
        whole = all(isinstance(value, int) for value in condition.values)
        if not kinds <= {"number"} or not whole:
            msg = f"wrong type: {condition} has {kinds.pop()}, expected whole nanoseconds"
            raise InvalidRequestError(msg)
    elif key not in _TEXTS[section]:
        known = ", ".join([*_TEXTS[section], _CREATED, _METADATA])
        msg = f"`{section}` has no {_show(key)} to ask for, expected one of {known}"
        raise InvalidRequestError(msg)
    elif not kinds <= {"text"}:
        msg = f"wrong type: {condition} has {kinds.pop()}, expected text"
        raise InvalidRequestError(msg)


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _short(text: str) -> str:
    return text[:64].encode(errors="replace").decode()


def _show(value: object) -> str:
    return _short(repr(value))
