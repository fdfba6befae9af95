"""
Whether values meet a condition: one value, the bounds of a column, or all rows of a column at once.

Numbers are compared exactly. A column holds whole numbers, or those that a float64 can hold; every comparison
with any number becomes closed spans of values that the column can hold, so that nothing is ever rounded.

Must not know: the catalog, files. Next: `query`.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import InvalidRequestError
from mosaico_ingest.protocol.filters import Condition, Operator, Value

__all__ = ["COMPARISONS", "TextMatch", "mask_of", "may_hold", "test_value"]

_MOST_CHARACTERS = 256  # of a pattern with wildcards

Number = int | float
Span = tuple[Number | None, Number | None]

COMPARISONS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.Eq: operator.eq,
    Operator.Neq: operator.ne,
    Operator.Lt: operator.lt,
    Operator.Leq: operator.le,
    Operator.Gt: operator.gt,
    Operator.Geq: operator.ge,
}
"""Comparisons with one value: of two values, and of a column in SQL with a value."""

_ARROW_ORDERS = {
    Operator.Lt: pc.less,
    Operator.Leq: pc.less_equal,
    Operator.Gt: pc.greater,
    Operator.Geq: pc.greater_equal,
}


@attrs.frozen(kw_only=True)
class TextMatch:
    """
    What `$match` means.

    Args:
        with_globs: Whether the pattern stands for the whole text, with `*`, `?`, `#` (a digit) and `[…]`;
            else it is a part of the text.
    """

    with_globs: bool

    def test(self, pattern: str, text: str) -> bool:
        """Say whether *text* matches."""
        if not self.with_globs:
            return pattern in text
        return bool(self.mask(pattern, pa.array([text])).to_pylist()[0])

    def mask(self, pattern: str, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
        """Say of each text of *column* whether it matches."""
        if not self.with_globs:
            return pc.match_substring(column, pattern)
        try:  # Arrow's expressions take linear time, whatever the pattern
            return pc.match_substring_regex(column, _expression(pattern))
        except pa.ArrowInvalid as err:
            msg = f"$match has the pattern {pattern!r}, expected one without a range such as [z-a]"
            raise InvalidRequestError(msg) from err


def test_value(condition: Condition, value: Value, texts: TextMatch) -> bool:
    """Say whether *value*, of the kind that *condition* compares with, meets it."""
    found = condition.operator
    if found in COMPARISONS:
        return bool(COMPARISONS[found](value, condition.value))
    if found is Operator.In:
        return value in condition.values
    if found is Operator.Match:
        return texts.test(str(condition.value), str(value))
    if found in (Operator.Between, Operator.Outside):
        low, high = condition.values
        return _ordered(low, value, high) is (found is Operator.Between)
    return found is Operator.Exists


def may_hold(condition: Condition, low: Value, high: Value) -> bool:
    """
    Say whether a column whose values lie between *low* and *high* can have one that meets *condition*.

    The bounds may be wider than the values; nulls and NaN are outside of them.
    """
    found, values = condition.operator, condition.values
    if values and isinstance(values[0], str) is not isinstance(low, str):
        return False
    if found in (Operator.Eq, Operator.In):
        return any(_ordered(low, value, high) for value in values)
    if found in (Operator.Lt, Operator.Leq, Operator.Gt, Operator.Geq):
        nearest = low if found in (Operator.Lt, Operator.Leq) else high
        return bool(COMPARISONS[found](nearest, values[0]))
    if found is Operator.Between:
        return _ordered(values[0], high) and _ordered(low, values[1])
    if found is Operator.Outside:
        return not (_ordered(values[0], low) and _ordered(high, values[1]))
    return True


def mask_of(
    condition: Condition, column: pa.ChunkedArray, texts: TextMatch
) -> pa.ChunkedArray | None:
    """
    Say of each row of *column* whether it meets *condition*; a null does not.

    Returns:
        One boolean per row; None where values of the column cannot be compared with those of the condition.
    """
    if condition.operator is Operator.Exists:
        return pc.is_valid(column)
    if condition.operator is Operator.Missing:
        return pc.is_null(column)
    column = _plain(column)
    value, kind = condition.value, column.type
    found: pa.ChunkedArray | None = None
    if isinstance(value, bool):
        if pa.types.is_boolean(kind):
            found = _members(condition, column, condition.values)
    elif isinstance(value, str):
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            found = _text_mask(condition, column, texts)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        found = _number_mask(condition, column)
    return None if found is None else pc.fill_null(found, False)


def _expression(pattern: str) -> str:
    if len(pattern) > _MOST_CHARACTERS:
        msg = f"$match has {len(pattern)} characters, expected at most {_MOST_CHARACTERS}"
        raise InvalidRequestError(msg)
    words = {"*": ".*", "?": ".", "#": "[0-9]"}
    parts, at = [], 0
    while at < len(pattern):
        end = pattern.find("]", at + 2) if pattern[at] == "[" else -1
        if end > 0:
            inside, negated = pattern[at + 1 : end], pattern[at + 1] in "!^"
            inside = re.sub(r"([\[\]\\^&])", r"\\\1", inside[negated:])
            parts.append(f"[{'^' if negated else ''}{inside}]" if inside else re.escape("[!]"))
            at = end + 1
            continue
        parts.append(words.get(pattern[at]) or re.escape(pattern[at]))
        at += 1
    return rf"(?s)\A{''.join(parts)}\z"


def _ordered(*values: Any) -> bool:
    return all(a <= b for a, b in pairwise(values))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* as one of the kinds that are compared: whole numbers, float64, text, booleans."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    return column


def _members(
    condition: Condition, column: pa.ChunkedArray, values: Sequence[Value]
) -> pa.ChunkedArray:
    inside = pc.is_in(column, pa.array(values, column.type))
    if condition.operator is Operator.Neq:
        return pc.and_(pc.is_valid(column), pc.invert(inside))
    return inside


def _text_mask(condition: Condition, column: pa.ChunkedArray, texts: TextMatch) -> pa.ChunkedArray:
    if condition.operator is Operator.Match:
        return texts.mask(str(condition.value), column)
    if condition.operator in _ARROW_ORDERS:
        return _ARROW_ORDERS[condition.operator](column, pa.scalar(condition.value, column.type))
    return _members(condition, column, condition.values)


def _number_mask(condition: Condition, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    low: Number = -math.inf
    high: Number = math.inf
    if pa.types.is_integer(kind):
        grid, bits = _WHOLE, kind.bit_width
        signed = pa.types.is_signed_integer(kind)
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    else:
        grid = _REAL
    spans = [
        (low if first is None else max(first, low), high if last is None else min(last, high))
        for first, last in _spans(condition, grid)
    ]
    held = [(first, last) for first, last in spans if first <= last]
    if condition.operator in (Operator.Eq, Operator.Neq, Operator.In):
        points = [first for first, _ in held]
        if grid is _REAL and 0 in points:  # a set tells the two zeros apart
            points += [0.0, -0.0]
        return _members(condition, column, points)
    mask = pa.chunked_array([pa.repeat(pa.scalar(value=False), len(column))])
    for first, last in held:
        above = pc.greater_equal(column, pa.scalar(first, kind))
        mask = pc.or_(mask, pc.and_(above, pc.less_equal(column, pa.scalar(last, kind))))
    return mask


@attrs.frozen
class _Grid:
    """The numbers that a column can hold: the greatest not above a number, and the greatest below it."""

    at_most: Callable[[Number], Number]
    below: Callable[[Number], Number]

    def at_least(self, value: Number) -> Number:
        return -self.at_most(-value)

    def above(self, value: Number) -> Number:
        return -self.below(-value)


def _float_at_most(value: Number) -> float:
    near = float(value)
    return near if near <= value else math.nextafter(near, -math.inf)


def _float_below(value: Number) -> float:
    near = _float_at_most(value)
    return near if near < value else math.nextafter(near, -math.inf)


_WHOLE = _Grid(math.floor, lambda value: math.ceil(value) - 1)
_REAL = _Grid(_float_at_most, _float_below)


_SPANS: Mapping[Operator, Callable[[_Grid, Number, Number], list[Span]]] = {
    Operator.Lt: lambda grid, value, _: [(None, grid.below(value))],
    Operator.Leq: lambda grid, value, _: [(None, grid.at_most(value))],
    Operator.Gt: lambda grid, value, _: [(grid.above(value), None)],
    Operator.Geq: lambda grid, value, _: [(grid.at_least(value), None)],
    Operator.Between: lambda grid, low, high: [(grid.at_least(low), grid.at_most(high))],
    Operator.Outside: lambda grid, low, high: [(None, grid.below(low)), (grid.above(high), None)],
}


def _spans(condition: Condition, grid: _Grid) -> list[Span]:
    numbers = [value for value in condition.values if not isinstance(value, str)]
    spans = _SPANS.get(condition.operator)
    if spans is not None:
        return spans(grid, numbers[0], numbers[-1])
    return [(grid.at_least(value), grid.at_most(value)) for value in numbers]
