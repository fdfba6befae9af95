"""
The small language of mappings: arithmetic, comparison and functions over the columns of a message.

::

    -imu_ax * 9.80665          speed > 0.5 and status != "idle"        pose.position.x
    `Gyroscope X (deg/s)`      if_else(valid, range, null)             ranges[0]        id in [1, 2]

Text becomes a tree here, with the place of every part for messages. Nothing is evaluated, least of all by
Python.

Must not know: columns, Arrow. Next: `evaluation`.
"""

import re
from collections.abc import Callable, Iterator

import attrs

from mosaico_ingest.errors import ExpressionError

__all__ = ["Call", "Index", "Literal", "Name", "Node", "Operation", "parse"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![A-Za-z_]))
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<quoted>`[^`]+`)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign>\*\*|==|!=|<=|>=|[-+*/<>()\[\],.])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_WORDS = {"and", "or", "not", "in", "is", "null", "true", "false"}
_CONSTANTS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
_ESCAPE = re.compile(r"\\(.)")
# Reading, checking and evaluating go down the tree by calls: these keep them far from Python's limit.
_MOST_CHARACTERS, _MOST_TOKENS, _DEEPEST = 4000, 256, 30


@attrs.frozen(kw_only=True)
class Node:
    """A part of an expression, and the column of its first character, from 0."""

    at: int


@attrs.frozen(kw_only=True)
class Literal(Node):
    """A number, a text, true, false or null."""

    value: int | float | str | bool | None


@attrs.frozen(kw_only=True)
class Name(Node):
    """A column, or a member of one: the parts between dots."""

    parts: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Index(Node):
    """An element of a list, counted from 0."""

    value: Node
    index: int


@attrs.frozen(kw_only=True)
class Operation(Node):
    """An operator with its operands; `in` has the choices after the value."""

    sign: str
    operands: tuple[Node, ...]


@attrs.frozen(kw_only=True)
class Call(Node):
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]


@attrs.frozen
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """
    Read an expression.

    Raises:
        ExpressionError: It cannot be read; the message shows where.

    Example:
        >>> parse("a.x + 1").sign
        '+'
    """
    if len(text) > _MOST_CHARACTERS:
        raise ExpressionError(text, 0, f"is longer than {_MOST_CHARACTERS} characters")
    parser = _Parser(text)
    node = parser.disjunction()
    parser.expect_end()
    return node


class _Parser:
    """One pass over the tokens; each method reads what its name says."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        if len(self._tokens) > _MOST_TOKENS:
            what = f"has more than {_MOST_TOKENS} words and signs"
            raise ExpressionError(text, self._tokens[_MOST_TOKENS].at, what)
        self._next = 0
        self._depth = 0

    def disjunction(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            what = f"is nested deeper than {_DEEPEST} levels"
            raise self._error(what)
        node = self._chain(self._conjunction, "or")
        self._depth -= 1
        return node

    def expect_end(self) -> None:
        if self._token.kind != "end":
            what = f"expected an operator, found {self._token.text!r}"
            raise self._error(what)

    def _conjunction(self) -> Node:
        return self._chain(self._negation, "and")

    def _negation(self) -> Node:
        at = self._token.at
        if self._take("not"):
            return Operation(at=at, sign="not", operands=(self._negation(),))
        return self._comparison()

    def _comparison(self) -> Node:
        node = self._sum()
        token = self._token
        if self._take(*_COMPARISONS):
            return Operation(at=token.at, sign=token.text, operands=(node, self._sum()))
        if self._take("is"):
            sign = "is not null" if self._take("not") else "is null"
            self._expect("null")
            return Operation(at=token.at, sign=sign, operands=(node,))
        if self._take("in"):
            self._expect("[")
            choices = self._list("]")
            if not all(isinstance(choice, Literal) for choice in choices):
                raise self._error("expected numbers and texts after 'in'")
            return Operation(at=token.at, sign="in", operands=(node, *choices))
        return node

    def _sum(self) -> Node:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Node:
        return self._chain(self._signed, "*", "/")

    def _signed(self) -> Node:
        at = self._token.at
        if self._take("-"):
            operand = self._signed()
            if isinstance(operand, Literal) and isinstance(operand.value, int | float):
                return Literal(at=at, value=-operand.value)
            return Operation(at=at, sign="neg", operands=(operand,))
        return self._power()

    def _power(self) -> Node:
        node = self._element()
        token = self._token
        if self._take("**"):
            return Operation(at=token.at, sign="**", operands=(node, self._signed()))
        return node

    def _element(self) -> Node:
        node = self._atom()
        while self._token.text == "[" and self._token.kind == "sign":
            at = self._token.at
            self._take("[")
            number = self._token
            self._advance()
            if number.kind != "number" or not number.text.isdigit():
                raise self._error("expected the number of an element", number.at)
            self._expect("]")
            node = Index(at=at, value=node, index=int(number.text))
        return node

    def _atom(self) -> Node:
        token = self._token
        self._advance()
        if token.kind == "number":
            return Literal(at=token.at, value=_number(token.text))
        if token.kind == "text":
            return Literal(at=token.at, value=_ESCAPE.sub(r"\1", token.text[1:-1]))
        if token.text in _CONSTANTS and token.kind == "word":
            return Literal(at=token.at, value=_CONSTANTS[token.text])
        if token.kind == "quoted" or (token.kind == "word" and token.text not in _WORDS):
            return self._name_or_call(token)
        if token.kind == "sign" and token.text == "(":
            node = self.disjunction()
            self._expect(")")
            return node
        what = f"expected a value, found {_shown(token)}"
        raise self._error(what, token.at)

    def _name_or_call(self, token: _Token) -> Node:
        if token.kind == "word" and self._take("("):
            return Call(at=token.at, name=token.text, arguments=tuple(self._list(")")))
        parts = [token.text.strip("`")]
        while self._take("."):
            part = self._token
            self._advance()
            if part.kind not in ("word", "quoted"):
                raise self._error("expected the name of a member after '.'", part.at)
            parts.append(part.text.strip("`"))
        return Name(at=token.at, parts=tuple(parts))

    def _list(self, end: str) -> list[Node]:
        """Read expressions up to the sign *end*; the one that begins it was read."""
        nodes: list[Node] = []
        if self._take(end):
            return nodes
        while True:
            nodes.append(self.disjunction())
            if self._take(end):
                return nodes
            self._expect(",")

    def _chain(self, operand: Callable[[], Node], *signs: str) -> Node:
        """Read operands between operators of one rank, from the left."""
        node = operand()
        while True:
            token = self._token
            if not self._take(*signs):
                return node
            node = Operation(at=token.at, sign=token.text, operands=(node, operand()))

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _advance(self) -> None:
        self._next = min(self._next + 1, len(self._tokens) - 1)

    def _take(self, *texts: str) -> bool:
        """Pass over the next token if it is one of *texts*, and say whether it was."""
        if self._token.kind in ("sign", "word") and self._token.text in texts:
            self._advance()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            what = f"expected {text!r}, found {_shown(self._token)}"
            raise self._error(what)

    def _error(self, what: str, at: int | None = None) -> ExpressionError:
        return ExpressionError(self._text, self._token.at if at is None else at, what)


def _tokens(text: str) -> Iterator[_Token]:
    """Cut *text* into tokens, the last of kind `end`."""
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionError(text, start, f"cannot read {text[start : start + 10]!r}")
        kind = match.lastgroup
        yield _Token(kind, match[kind], match.start(kind))
        if kind == "end":
            return
        at = match.end()


def _shown(token: _Token) -> str:
    """Say what was found."""
    return repr(token.text) if token.text else "its end"


def _number(text: str) -> int | float:
    """Read a number as what it looks like."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    return int(text) if text.isdigit() else float(text)
