"""
Queries as Python expressions, and what they find.

    client.query(Q.sequence.name.match("drive"), Q.ontology("imu.acceleration.x") > 5.0)

Must not know: how conditions are written on the wire. Next: `handlers`.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NoReturn

import attrs
import pyarrow as pa

from mosaico_ingest.client.control import Control
from mosaico_ingest.client.handlers import TopicHandler
from mosaico_ingest.client.sequence import FindOntology
from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import InvalidRequestError, UsageError
from mosaico_ingest.model.ontology import ENVELOPE
from mosaico_ingest.protocol.filters import Condition, Operator, Query, Section, Value, write_query
from mosaico_ingest.protocol.messages import QueriedSequence, QueryAnswer
from mosaico_ingest.protocol.names import unpack

__all__ = [
    "Clause",
    "Field",
    "Q",
    "QueryResult",
    "SequenceMatch",
    "TopicMatch",
    "ask_query",
    "make_query",
]

_LAST_NS = 2**63 - 1


@attrs.frozen
class Clause:
    """One condition, made by comparing a `Field`; several are given to `query` side by side."""

    condition: Condition

    def __bool__(self) -> NoReturn:
        """Refuse `and`, `or`, `not` and chained comparisons, which would drop a condition silently."""
        msg = (
            f"The condition {self.condition} has no truth of its own. "
            "Pass conditions as arguments, query(a, b); for a range use between(low, high)."
        )
        raise UsageError(msg)


@attrs.frozen(eq=False)
class Field:
    """
    Something that can be compared, with `==`, `!=`, `<`, `<=`, `>`, `>=` or by the methods.

    An instant may be given as whole nanoseconds or as a `datetime` with a zone.

    Args:
        section, key: What it is, as in `Condition`.
    """

    section: Section
    key: str

    def eq(self, value: object) -> Clause:
        """Equal to *value*."""
        return self._clause(Operator.Eq, value)

    def neq(self, value: object) -> Clause:
        """Present, and not equal to *value*."""
        return self._clause(Operator.Neq, value)

    def lt(self, value: object) -> Clause:
        """Less than *value*."""
        return self._clause(Operator.Lt, value)

    def leq(self, value: object) -> Clause:
        """Less than *value*, or equal."""
        return self._clause(Operator.Leq, value)

    def gt(self, value: object) -> Clause:
        """Greater than *value*."""
        return self._clause(Operator.Gt, value)

    def geq(self, value: object) -> Clause:
        """Greater than *value*, or equal."""
        return self._clause(Operator.Geq, value)

    def between(self, low: object, high: object) -> Clause:
        """From *low* to *high*, both inside."""
        return self._clause(Operator.Between, low, high)

    def outside(self, low: object, high: object) -> Clause:
        """Less than *low* or greater than *high*; servers before 0.6 other than ours refuse it."""
        return self._clause(Operator.Outside, low, high)

    def in_(self, values: Iterable[object]) -> Clause:
        """One of *values*."""
        return self._clause(Operator.In, *values)

    def match(self, text: str) -> Clause:
        """Text with *text* in it; for servers from 0.6 on a pattern for the whole of it (`*`, `?`)."""
        return self._clause(Operator.Match, text)

    def exists(self) -> Clause:
        """Present, and not null."""
        return self._clause(Operator.Exists)

    def missing(self) -> Clause:
        """Null, or not there at all."""
        return self._clause(Operator.Missing)

    __eq__ = eq  # type: ignore[assignment] # a comparison makes a condition, it does not decide
    __ne__ = neq  # type: ignore[assignment]
    __lt__, __le__, __gt__, __ge__ = lt, leq, gt, geq
    __hash__ = object.__hash__

    def _clause(self, operator: Operator, *values: object) -> Clause:
        plain = tuple(_plain(value) for value in values)
        try:
            # Whatever is no value of a query is refused by the condition itself.
            condition = Condition(
                section=self.section,
                key=self.key,
                operator=operator,
                values=plain,  # type: ignore[arg-type]
            )
        except InvalidRequestError as err:
            msg = f"This condition cannot be asked: {err}."
            raise UsageError(msg) from err
        return Clause(condition)


@attrs.frozen
class _SequenceFields:
    """What can be asked of sequences."""

    name: Field = Field(Section.Sequence, "locator")
    created: Field = Field(Section.Sequence, "created_at_ns")

    def metadata(self, path: str) -> Field:
        """Return what a dotted path leads to in the metadata."""
        return Field(Section.SequenceMetadata, path)


@attrs.frozen
class _TopicFields:
    """What can be asked of topics; a name has a leading slash."""

    name: Field = Field(Section.Topic, "locator")
    created: Field = Field(Section.Topic, "created_at_ns")
    ontology: Field = Field(Section.Topic, "ontology_tag")
    format: Field = Field(Section.Topic, "serialization_format")

    def metadata(self, path: str) -> Field:
        """Return what a dotted path leads to in the metadata."""
        return Field(Section.TopicMetadata, path)


class Q:
    """
    What queries ask about: `Q.sequence`, `Q.topic`, and the rows of a type by `Q.ontology(path)`.

    Example:
        >>> str((Q.ontology("imu.acceleration.x") > 5.0).condition)
        '`ontology.imu.acceleration.x` $gt'
    """

    sequence = _SequenceFields()
    topic = _TopicFields()

    @staticmethod
    def ontology(path: str) -> Field:
        """Return a column of the topics of one type: `TAG.FIELD`, with dots for what lies within."""
        return Field(Section.Ontology, path)


@attrs.frozen(kw_only=True)
class TopicMatch:
    """
    A topic that was found.

    Args:
        sequence, name: Which one; the name has a leading slash.
        ontology_tag: Its type; empty where an older server does not tell.
        start_ns, end_ns: The first and the last `timestamp_ns` of its matching rows, both inside; None where
            no rows were asked about, or no time ranges.
    """

    sequence: str
    name: str
    ontology_tag: str
    start_ns: int | None = None
    end_ns: int | None = None


@attrs.frozen(kw_only=True)
class SequenceMatch:
    """A sequence, and those of its topics that were found."""

    name: str
    topics: tuple[TopicMatch, ...]

    @property
    def time_range_ns(self) -> tuple[int, int] | None:
        """The first and the last time of all matching rows, both inside; None where they are not known."""
        starts = [topic.start_ns for topic in self.topics if topic.start_ns is not None]
        ends = [topic.end_ns for topic in self.topics if topic.end_ns is not None]
        return (min(starts), max(ends)) if starts and ends else None


@attrs.frozen(eq=False)
class QueryResult:
    """
    What a query found: sequences, in order of their names.

    Args:
        sequences: All of them; they are also what an iteration gives.
    """

    sequences: tuple[SequenceMatch, ...]
    _open_topic: Callable[[str, str], TopicHandler] = attrs.field(repr=False)

    @classmethod
    def read_answer(
        cls, answer: QueryAnswer, open_topic: Callable[[str, str], TopicHandler]
    ) -> "QueryResult":
        """Return what a server's *answer* says; *open_topic* leads to the rows."""
        found = sorted((_sequence(item) for item in answer.items), key=lambda one: one.name)
        return cls(tuple(found), open_topic)

    @property
    def topics(self) -> tuple[TopicMatch, ...]:
        """The topics of all sequences."""
        return tuple(topic for sequence in self.sequences for topic in sequence.topics)

    def read(self) -> Iterator[tuple[TopicMatch, pa.RecordBatchReader]]:
        """
        Yield each topic with a reader from its first to its last matching row, or of all without a range.

        What lies between is read whether it matches or not. A reader fetches nothing before it is used.

        Raises:
            NotFoundError: A topic was deleted meanwhile.
        """
        for topic in self.topics:
            # A window leaves out its end; there is no number behind the last instant.
            known = topic.end_ns is not None and topic.end_ns < _LAST_NS
            end_ns = topic.end_ns + 1 if known and topic.end_ns is not None else None
            yield topic, self._open_topic(topic.sequence, topic.name).read(topic.start_ns, end_ns)

    def __len__(self) -> int:
        return len(self.sequences)

    def __iter__(self) -> Iterator[SequenceMatch]:
        return iter(self.sequences)


def make_query(
    clauses: Iterable[object], ontologies: FindOntology | None, *, time_ranges: bool
) -> Query:
    """
    Join *clauses* to a query, after a look at the columns of the types that are known.

    Raises:
        UsageError: Two are on one field, or one is on a field that its type does not have or cannot compare.
    """
    seen: dict[tuple[Section, str], Condition] = {}
    for clause in clauses:
        if not isinstance(clause, Clause):
            msg = f"{clause!r} is no condition. Expected a comparison such as Q.sequence.name == 'drive'."
            raise UsageError(msg)
        condition = clause.condition
        if seen.setdefault((condition.section, condition.key), condition) is not condition:
            msg = (
                f"There are two conditions on `{condition.section}.{condition.key}`. "
                "Expected one; for a range use between(low, high)."
            )
            raise UsageError(msg)
        if condition.section is Section.Ontology and ontologies is not None:
            _check_field(condition, ontologies)
    return Query(conditions=tuple(seen.values()), with_ranges=time_ranges)


def ask_query(control: Control, query: Query) -> QueryAnswer:
    """
    Let the server answer *query*.

    Raises:
        InvalidRequestError: It cannot.
    """
    with_names = False
    if any(one.key == "locator" for one in query.conditions):
        # A server ignores the spelling of another generation, and would find too much.
        semver = control.version().semver
        with_names = (semver.major, semver.minor) >= (0, 6)
    request = write_query(query, with_names=with_names)
    return control.obtain(FlightAction.Query, request, QueryAnswer)


def _plain(value: object) -> object:
    """Return a number of numpy as one of Python, and an instant in nanoseconds."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            msg = f"The instant {value} has no time zone. Expected one, such as datetime.UTC."
            raise UsageError(msg)
        since = value - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = since.days * 86_400 + since.seconds
        return seconds * 1_000_000_000 + since.microseconds * 1000
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _sequence(item: QueriedSequence) -> SequenceMatch:
    matches = []
    for topic in item.topics:
        start_ns, end_ns = topic.timestamp_range or (None, None)
        match = TopicMatch(
            sequence=item.sequence,
            name=unpack(topic.locator)[1],
            ontology_tag=topic.ontology_tag,
            start_ns=start_ns,
            end_ns=end_ns,
        )
        matches.append(match)
    return SequenceMatch(
        name=item.sequence, topics=tuple(sorted(matches, key=lambda topic: topic.name))
    )


def _check_field(condition: Condition, ontologies: FindOntology) -> None:
    tag, _, path = condition.key.partition(".")
    ontology = ontologies(tag)
    if ontology is None:  # a server may well have types that are not installed here
        return
    fields = dict(_fields([*ontology.fields, *ENVELOPE]))
    kind = fields.get(path)
    if kind is None:
        near = difflib.get_close_matches(path, fields, n=3, cutoff=0.4) or list(fields)[:8]
        msg = f"The type {tag!r} has no field {path!r}. Near are {', '.join(near)}."
        raise UsageError(msg)
    expected = _operand(kind)
    for value in condition.values:
        if expected is None or not _fits(value, expected):
            wanted = f"a {expected}" if expected else "exists() or missing() only"
            msg = f"The field {path!r} of {tag!r} is {kind}, and {value!r} was given. Expected {wanted}."
            raise UsageError(msg)


def _fields(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """Yield every dotted path that leads to a column or into a structure, and what is there."""
    for field in fields:
        yield prefix + field.name, field.type
        if pa.types.is_struct(field.type):
            yield from _fields(field.type, f"{prefix}{field.name}.")


def _operand(kind: pa.DataType) -> str | None:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return "number" if is_number or pa.types.is_temporal(kind) else None


def _fits(value: Value, operand: str) -> bool:
    if isinstance(value, bool):
        return operand == "boolean"
    return operand == ("text" if isinstance(value, str) else "number")
