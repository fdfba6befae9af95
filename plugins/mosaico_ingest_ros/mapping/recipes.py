"""
Recipes: how one ontology column is made of decoded columns.

A recipe says which columns it reads, so that a rule can refuse a message of another shape before
any data flow, and builds its column batch by batch. Values are shared with the decoded columns
wherever their layout allows; the type wanted comes from the ontology.

Decoded ROS columns hold no null: a message has every field.

Must not know: message types. Next: `rules`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest_ros.mapping.shapes import at, elements, kind_at, retyped, widens

__all__ = [
    "Bits",
    "Column",
    "Constant",
    "Covariance",
    "Each",
    "Flag",
    "Group",
    "Interleaved",
    "MisfitError",
    "Recipe",
    "Shifted",
]

F64 = pa.float64()


class MisfitError(Exception):
    """The message has another shape than a recipe needs; names the path."""


class Recipe(Protocol):
    """
    How one column is made.

    Thread: any; pure.
    """

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """
        Yield the paths that it takes from messages of type *row*.

        Raises:
            MisfitError: One is missing, or of a type that cannot be taken without loss.
        """

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the column of *row*, as *wanted*."""


def _require(row: pa.DataType, path: str, kind: pa.DataType) -> str:
    """Return *path* if the message has it, in a type that *kind* can hold."""
    found = kind_at(row, path)
    if found is None or not widens(found, kind):
        raise MisfitError(path)
    return path


@attrs.frozen
class Column:
    """The values at *path*, as they are or in a wider type; nulls if *is_optional* and absent."""

    path: str
    kind: pa.DataType
    is_optional: bool = False

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        if not self.is_optional or kind_at(row, self.path) is not None:
            yield _require(row, self.path, self.kind)

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the values, shared if the type is the same."""
        if kind_at(row.type, self.path) is None:
            return pa.nulls(len(row), wanted)
        return retyped(at(row, self.path), wanted)


@attrs.frozen
class Shifted:
    """The numbers at *path* plus *offset*: another zero of the same scale."""

    path: str
    offset: float

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, F64)

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the sums."""
        return pc.add(retyped(at(row, self.path), wanted), pa.scalar(self.offset, wanted))


@attrs.frozen
class Bits:
    """The unsigned 32-bit numbers at *path* as signed ones, bit by bit: sizes beyond 2³¹ do not exist."""

    path: str

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, pa.uint32())

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the same memory."""
        return retyped(at(row, self.path), pa.uint32()).view(wanted)


@attrs.frozen
class Flag:
    """Whether the number or boolean at *path* is not zero."""

    path: str

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        found = kind_at(row, self.path)
        if found is None or not (pa.types.is_boolean(found) or pa.types.is_integer(found)):
            raise MisfitError(self.path)
        yield self.path

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the flags."""
        return retyped(at(row, self.path), wanted)


@attrs.frozen
class Constant:
    """The same *value* in every row."""

    value: object

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield nothing."""
        yield from ()

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the repeated value."""
        return pa.repeat(pa.scalar(self.value, wanted), len(row))


@attrs.frozen
class Covariance:
    """
    The matrix at *path* as a list.

    Args:
        path: A fixed array of *size* numbers.
        size: Numbers in the matrix.
        zero_is_unknown: Whether a matrix of zeros says that nothing is known, and becomes null.
    """

    path: str
    size: int
    zero_is_unknown: bool = False

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, pa.list_(F64, self.size))

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the lists; their values are shared."""
        values = retyped(at(row, self.path).flatten(), wanted.value_type)
        offsets = pa.array(np.arange(len(row) + 1, dtype=np.int32) * np.int32(self.size))
        mask = None
        if self.zero_is_unknown:
            known = _has_nonzero(values.to_numpy().reshape(-1, self.size))
            mask = None if known.all() else pa.array(~known)
        return pa.ListArray.from_arrays(offsets, values, type=wanted, mask=mask)


def _has_nonzero(matrices: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """
    Say which of *matrices* are not all zero; NaN is not zero.

    Args:
        matrices: (n, size) float64, row = matrix.

    Returns:
        (n,) bool.
    """
    found: npt.NDArray[np.bool_] = matrices[:, 0] != 0
    for entry in matrices.T[1:]:
        if found.all():  # the diagonal's first entry settles nearly all matrices
            break
        found |= entry != 0
    return found


@attrs.frozen
class Interleaved:
    """The numbers at several *paths* as a list of fixed size, in their order."""

    paths: tuple[str, ...]

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the paths."""
        for path in self.paths:
            yield _require(row, path, F64)

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the lists."""
        columns = [retyped(at(row, path), wanted.value_type).to_numpy() for path in self.paths]
        values = pa.array(np.stack(columns, axis=1).ravel())
        return pa.FixedSizeListArray.from_arrays(values, type=wanted)


@attrs.frozen
class Group:
    """
    A struct of columns; members that are not named become null.

    Args:
        members: Recipe per member.
        unless: Path of a matrix whose first entry is -1 where the whole struct is not known.
    """

    members: Mapping[str, Recipe]
    unless: str = ""

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield what the members take."""
        for member in self.members.values():
            yield from member.reads(row)

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the structs over the members' columns."""
        mask = None
        if self.unless:
            first = pc.list_element(at(row, self.unless), 0)
            absent = pc.equal(first, pa.scalar(-1, first.type))
            mask = absent if pc.any(absent).as_py() else None
        columns = self.columns(row, wanted)
        return pa.StructArray.from_arrays(columns, fields=list(wanted), mask=mask)

    def columns(self, row: pa.StructArray, wanted: Iterable[pa.Field]) -> list[pa.Array]:
        """Return the members apart, as the fields *wanted*."""
        return [
            self.members[field.name].build(row, field.type)
            if field.name in self.members
            else pa.nulls(len(row), field.type)
            for field in wanted
        ]


@attrs.frozen
class Each:
    """
    A list with *element* made of every element of the list at *path*.

    Args:
        path: A list of structs.
        element: Recipe of one element.
    """

    path: str
    element: Recipe

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield what the elements take."""
        found = kind_at(row, self.path)
        if found is None or not pa.types.is_list(found):
            raise MisfitError(self.path)
        for path in self.element.reads(found.value_type):
            yield f"{self.path}.{path}"

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the lists over one column of elements."""
        offsets, values = elements(at(row, self.path))
        return pa.ListArray.from_arrays(
            offsets, self.element.build(values, wanted.value_type), type=wanted
        )
