"""
What JSON values look like: a shape is read from values or from a schema, merged, and becomes an Arrow type.

Must not know: payloads, JSON Schema. Next: `jsonschema`.
"""

from collections.abc import Mapping
from enum import Enum, auto
from functools import reduce

import attrs
import pyarrow as pa

__all__ = [
    "MAX_DEPTH",
    "OPEN",
    "Kind",
    "Shape",
    "arrow_type",
    "has_gaps",
    "merge",
    "merge_all",
    "object_of",
    "overlay",
    "settle",
    "shape_of",
]

MAX_DEPTH = 32
_MAX_MEMBERS = 1_000  # of one object: what has more is a table of keys, not a record
_INT64 = range(-(2**63), 2**63)


class Kind(Enum):
    """What a value is, as far as is known."""

    UNKNOWN = auto()  # nothing but null was seen
    BOOL = auto()
    ZERO = auto()  # as integers and short floats are both written
    INTEGER = auto()
    NUMBER = auto()
    TEXT = auto()
    BYTES = auto()  # in base64
    MANY = auto()
    OBJECT = auto()
    MIXED = auto()  # no one type


_NUMBERS = (Kind.ZERO, Kind.INTEGER, Kind.NUMBER)  # each holds those before it
_PLAIN = {bool: Kind.BOOL, float: Kind.NUMBER, str: Kind.TEXT}
_ARROW = {
    Kind.UNKNOWN: pa.null(),
    Kind.BOOL: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.BYTES: pa.binary(),
}


@attrs.frozen
class Shape:
    """
    The kind of a value, and of what is inside it.

    Args:
        kind: What it is.
        members: Of an object, in the order in which they were met.
        item: Of `MANY`.
    """

    kind: Kind
    members: Mapping[str, "Shape"] = attrs.field(factory=dict)
    item: "Shape | None" = None


OPEN = Shape(Kind.UNKNOWN)
_MIXED = Shape(Kind.MIXED)


def shape_of(value: object, depth: int = 0) -> Shape:
    """Return the shape of one value that a parser gave."""
    if isinstance(value, list) and depth <= MAX_DEPTH:
        return Shape(Kind.MANY, item=merge_all(*(shape_of(item, depth + 1) for item in value)))
    if isinstance(value, dict) and depth <= MAX_DEPTH:
        return object_of({key: shape_of(member, depth + 1) for key, member in value.items()})
    if isinstance(value, int) and not isinstance(value, bool):
        # What no column holds says nothing of those that one does.
        is_known, kind = value in _INT64, Kind.INTEGER if value else Kind.ZERO
        return Shape(kind) if is_known else OPEN
    return Shape(_PLAIN.get(type(value), Kind.UNKNOWN))


def merge(one: Shape, other: Shape) -> Shape:
    """Return the shape that holds the values of both, `MIXED` if no one type does."""
    if other == one or other.kind is Kind.UNKNOWN:
        return one
    if one.kind is Kind.UNKNOWN:
        return other
    if one.kind in _NUMBERS and other.kind in _NUMBERS:
        return max(one, other, key=lambda shape: _NUMBERS.index(shape.kind))
    if one.kind is not other.kind:
        return _MIXED
    if one.kind is Kind.MANY:
        return Shape(Kind.MANY, item=merge(one.item or OPEN, other.item or OPEN))
    return object_of(
        {
            key: merge(one.members.get(key, OPEN), other.members.get(key, OPEN))
            for key in [*one.members, *(key for key in other.members if key not in one.members)]
        }
    )


def merge_all(*shapes: Shape) -> Shape:
    """Return the shape that holds the values of all."""
    return reduce(merge, shapes, OPEN)


def overlay(declared: Shape, seen: Shape) -> Shape:
    """Return *declared*, with what it leaves open as in *seen*, and integers as wide as they are there."""
    if declared.kind is Kind.UNKNOWN:
        return seen
    if declared.kind in _NUMBERS and seen.kind in _NUMBERS:
        return merge(declared, seen)
    if declared.kind is not seen.kind:
        return declared
    if declared.kind is Kind.MANY:
        return Shape(Kind.MANY, item=overlay(declared.item or OPEN, seen.item or OPEN))
    if declared.kind is Kind.OBJECT:
        known = {
            key: overlay(shape, seen.members.get(key, OPEN))
            for key, shape in declared.members.items()
        }
        return object_of(known | {k: v for k, v in seen.members.items() if k not in known})
    return declared


def settle(shape: Shape) -> Shape:
    """
    Decide what zeros are: integers beside other integers, else floats, which hold both.

    Programs write the float 0.0 as `0`, and many things begin at zero. A list whose items have no one type
    has none either.
    """
    kinds = {member.kind for member in shape.members.values()}
    is_integer = Kind.INTEGER in kinds and Kind.NUMBER not in kinds
    zero = Shape(Kind.INTEGER if is_integer else Kind.NUMBER)
    if shape.kind is Kind.ZERO:
        return Shape(Kind.NUMBER)
    if shape.kind is Kind.MANY:
        item = settle(shape.item or OPEN)
        return _MIXED if item.kind is Kind.MIXED else Shape(Kind.MANY, item=item)
    members = {
        key: zero if member.kind is Kind.ZERO else settle(member)
        for key, member in shape.members.items()
    }
    return Shape(shape.kind, members)


def has_gaps(shape: Shape) -> bool:
    """Whether values may have this shape and yet no column for all of them."""
    if shape.kind is Kind.MANY:
        return has_gaps(shape.item or OPEN)
    if shape.kind is Kind.OBJECT:
        return not shape.members or any(map(has_gaps, shape.members.values()))
    return shape.kind in (Kind.UNKNOWN, Kind.MIXED)


def arrow_type(shape: Shape, text: pa.DataType | None = None) -> pa.DataType | None:
    """
    Return the type of the column for a settled *shape*, None if there can be none.

    Args:
        text: What stands for `BYTES` instead of binary.
    """
    if shape.kind is Kind.MANY:
        item = arrow_type(shape.item or OPEN, text)
        return None if item is None else pa.list_(item)
    if shape.kind is Kind.OBJECT:
        pairs = [(key, arrow_type(member, text)) for key, member in shape.members.items()]
        return pa.struct([(key, kind) for key, kind in pairs if kind is not None])
    if shape.kind is Kind.BYTES and text is not None:
        return text
    return _ARROW.get(shape.kind)


def object_of(members: Mapping[str, Shape]) -> Shape:
    """Return an object's shape; names that no column can have are none of its members."""
    if len(members) > _MAX_MEMBERS:
        return _MIXED
    return Shape(Kind.OBJECT, {k: v for k, v in members.items() if k and k.isprintable()})
