"""
Queries as people type them.

    imu.acceleration.x > 5 and sequence.name ~ drive
    topic.ontology in [imu, gps] and sequence.metadata.site exists
    imu.timestamp_ns between 2026-01-02T10:00 and 2026-01-02T11:00

Must not know: servers. Next: `mosaico_ingest.client.query`.
"""

import re
from collections.abc import Callable, Iterator

import attrs

from mosaico_ingest.client.query import Clause, Field, Q
from mosaico_ingest.errors import UsageError
from mosaico_ingest.units import parse_time_ns

__all__ = ["parse_expression"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<sign><=|>=|!=|==|=|<|>|~|\[|\]|\(|\)|,)
      | (?P<word>[^\s"'<>=!~\[\](),]+)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?(\d+)(\.\d*)?([eE][+-]?\d+)?|[+-]?\.\d+([eE][+-]?\d+)?")
_BOOLEANS = {"true": True, "false": False}
_SIGNS: dict[str, Callable[[Field, object], Clause]] = {
    "=": Field.eq,
    "==": Field.eq,
    "!=": Field.neq,
    "<": Field.lt,
    "<=": Field.leq,
    ">": Field.gt,
    ">=": Field.geq,
    "~": lambda field, value: field.match(str(value)),
}
_FIELDS = {
    "sequence.name": Q.sequence.name,
    "sequence.created": Q.sequence.created,
    "topic.name": Q.topic.name,
    "topic.created": Q.topic.created,
    "topic.ontology": Q.topic.ontology,
    "topic.format": Q.topic.format,
}
_METADATA = {
    "sequence.metadata.": Q.sequence.metadata,
    "topic.metadata.": Q.topic.metadata,
}
_OPERATORS = "one of > < >= <= = != ~ between in exists missing"


@attrs.frozen(kw_only=True)
class _Token:
    """A word, a sign or a quoted text, and where it begins; all empty at the end."""

    word: str = ""
    sign: str = ""
    text: str | None = None
    at: int

    def __str__(self) -> str:
        shown = self.text or self.word or self.sign
        return f"at {shown!r} (character {self.at + 1})" if shown else "at its end"


def parse_expression(text: str) -> list[Clause]:
    """
    Read conditions that are joined by `and`; an empty text has none.

    Raises:
        UsageError: It is no expression; the message points at the word.

    Example:
        >>> [str(clause.condition) for clause in parse_expression("sequence.name ~ drive")]
        ['`sequence.locator` $match']
    """
    return list(_Parser(text).clauses()) if text.strip() else []


class _Parser:
    """Reads one expression from its left to its right."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0

    def clauses(self) -> Iterator[Clause]:
        """Yield the conditions."""
        yield self._clause()
        while not self._at_end:
            token = self._take()
            if token.word.lower() != "and":
                raise _unreadable(token, "'and' between two conditions")
            yield self._clause()

    @property
    def _at_end(self) -> bool:
        return self._next == len(self._tokens) - 1

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _clause(self) -> Clause:
        name = self._take()
        field = _field(name)
        value = _reader_of(name.word)
        operator = self._take()
        if operator.sign in _SIGNS:
            operand = self._take()
            # A pattern is a text, also where it looks like a number.
            given = _raw(operand) if operator.sign == "~" else value(operand)
            return _SIGNS[operator.sign](field, given)
        match operator.word.lower():
            case "exists":
                return field.exists()
            case "missing":
                return field.missing()
            case "between":
                low, joint, high = self._take(), self._take(), self._take()
                if joint.word.lower() != "and":
                    raise _unreadable(joint, "'and', as in 'between 1 and 2'")
                return field.between(value(low), value(high))
            case "in":
                return field.in_(map(value, self._list()))
        raise _unreadable(operator, _OPERATORS)

    def _list(self) -> list[_Token]:
        opening = self._take()
        closing = {"[": "]", "(": ")"}.get(opening.sign)
        if closing is None:
            raise _unreadable(opening, "a list, as in 'in [a, b]'")
        values: list[_Token] = []
        while True:
            token = self._take()
            _raw(token)
            values.append(token)
            token = self._take()
            if token.sign == closing:
                return values
            if token.sign != ",":
                raise _unreadable(token, f"',' or {closing!r}")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            token = _Token(word=text[start:], at=start)
            raise _unreadable(token, "words, signs such as >, and texts in closed quotes")
        kind, start = found.lastgroup, found.start(found.lastgroup)
        told = found[kind]
        if kind == "text":
            yield _Token(text=re.sub(r"\\(.)", r"\1", told[1:-1]), at=start)
        elif kind == "sign":
            yield _Token(sign=told, at=start)
        else:
            yield _Token(word=told, at=start)
        at = found.end()
    yield _Token(at=len(text))


def _field(token: _Token) -> Field:
    if token.word in _FIELDS:
        return _FIELDS[token.word]
    for prefix, metadata in _METADATA.items():
        if token.word.startswith(prefix) and token.word != prefix:
            return metadata(token.word.removeprefix(prefix))
    section, dot, rest = token.word.partition(".")
    if not (section and dot and rest) or section in ("sequence", "topic"):
        known = ", ".join([*_FIELDS, *(f"{prefix}KEY" for prefix in _METADATA), "TAG.FIELD"])
        raise _unreadable(token, f"what to compare, one of {known}")
    return Q.ontology(token.word)


def _reader_of(name: str) -> Callable[[_Token], object]:
    """Return how values of a field are written: names are texts, instants may be dates."""
    if name.endswith((".created", "timestamp_ns")) and not name.startswith(tuple(_METADATA)):
        return _instant
    return _raw if name in _FIELDS else _value


def _raw(token: _Token) -> str:
    if token.text is not None:
        return token.text
    if not token.word:
        raise _unreadable(token, "a value")
    return token.word


def _value(token: _Token) -> object:
    word = _raw(token)
    if token.text is not None:
        return word
    if word.lower() in _BOOLEANS:
        return _BOOLEANS[word.lower()]
    number = _NUMBER.fullmatch(word)
    if number is None:
        return word
    return int(word) if number[1] and not (number[2] or number[3]) else float(word)


def _instant(token: _Token) -> int:
    try:
        return parse_time_ns(_raw(token))
    except UsageError as err:
        raise _unreadable(token, "nanoseconds, or an instant such as 2026-01-02T10:00:00Z") from err


def _unreadable(token: _Token, expected: str) -> UsageError:
    return UsageError(f"Cannot read the query {token}. Expected {expected}.")
