"""
Recipes: how one ontology column is made of the columns of a Foxglove message.

A recipe says which columns it reads, so that a message of another shape is refused before any data
flow, and builds its column batch by batch. What a message leaves out is null where the ontology lets
it, else what Foxglove's schemas mean by leaving it out: 0, no text, no bytes, no elements.

Must not know: schemas. Next: `rule`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest_foxglove.columns import at, elements, fitted, kind_at, takes

__all__ = [
    "ByteCount",
    "Code",
    "Column",
    "Constant",
    "Each",
    "Group",
    "Matrix",
    "MisfitError",
    "PointCount",
    "Recipe",
    "Spacing",
    "Word",
]

F64, TEXT = pa.float64(), pa.string()


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
            MisfitError: One is missing, or of another family of types.
        """

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """
        Return the column of *row*, as *wanted*.

        Raises:
            ValueError: A value does not fit; Arrow's own are of this kind.
        """


def _require(row: pa.DataType, path: str, kind: pa.DataType) -> str:
    """Return *path* if the message has it, in a type of the family of *kind*."""
    found = kind_at(row, path)
    if found is None or not takes(found, kind):
        raise MisfitError(path)
    return path


@attrs.frozen
class Column:
    """The values at *path*."""

    path: str
    kind: pa.DataType = F64

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, self.kind)

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the values, shared if the type is the same."""
        return fitted(at(row, self.path), wanted)


@attrs.frozen
class Constant:
    """The same *value* in every row."""

    value: object

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield nothing."""
        yield from ()

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the repeated value."""
        return pa.repeat(pa.scalar(self.value, wanted.type), len(row))


@attrs.frozen
class Word:
    """The texts at *path*, with the ontology's word where *words* has one for it, capitals or not."""

    path: str
    words: Mapping[str, str]

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, TEXT)

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the words; Python looks at each distinct text once."""
        texts = fitted(at(row, self.path), wanted).dictionary_encode()
        distinct = texts.dictionary.to_pylist()
        words = pa.array([self.words.get(text.lower(), text) for text in distinct], TEXT)
        return words.take(texts.indices)


@attrs.frozen
class Code:
    """
    The enumerated numbers at *path* in the numbers of another enumeration.

    Args:
        path: Numbers of the schema's enumeration.
        codes: The other's number for 0, 1, …; numbers beyond stay as they are.
    """

    path: str
    codes: tuple[int, ...]

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, pa.int64())

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the other numbers."""
        numbers = fitted(at(row, self.path), pa.field("", pa.int64(), nullable=False)).to_numpy()
        last = len(self.codes) - 1
        is_known = (numbers >= 0) & (numbers <= last)
        known = np.array(self.codes)[np.clip(numbers, 0, last)]
        return pa.array(np.where(is_known, known, numbers)).cast(wanted.type)


@attrs.frozen
class Matrix:
    """
    The matrix at *path*, by rows, which may be left out: then null, or NaN where it must not be null.

    Args:
        path: A list of *size* numbers, or of none.
        size: Numbers in the matrix.
    """

    path: str
    size: int

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path."""
        yield _require(row, self.path, pa.list_(F64))

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """
        Return the matrices.

        Raises:
            ValueError: One has another number of values.
        """
        counts, values = elements(at(row, self.path))
        is_given = counts > 0
        if np.any(odd := is_given & (counts != self.size)):
            msg = f"{self.path!r} has {counts[odd][0]} values. Expected {self.size}, or none."
            raise ValueError(msg)
        values = fitted(values, pa.field("", F64))
        if pa.types.is_fixed_size_list(wanted.type):
            if not is_given.all():
                filled = np.full((len(row), self.size), np.nan)
                filled[is_given] = values.to_numpy(zero_copy_only=False).reshape(-1, self.size)
                values = pa.array(filled.ravel())
            return pa.FixedSizeListArray.from_arrays(values, type=wanted.type)
        mask = None if is_given.all() else pa.array(~is_given)
        return pa.ListArray.from_arrays(_offsets(counts), values, type=wanted.type, mask=mask)


@attrs.frozen
class Group:
    """
    A struct of columns; members that are not named become null.

    Args:
        members: Recipe per member.
        given: Path of the message that it stands for: null where that is left out.
    """

    members: Mapping[str, Recipe]
    given: str = ""

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield what the members take."""
        for member in self.members.values():
            yield from member.reads(row)

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the structs over the members' columns."""
        mask = None
        if self.given and (around := at(row, self.given)).null_count:
            mask = around.is_null()
        columns = self.columns(row, wanted.type)
        return pa.StructArray.from_arrays(columns, fields=list(wanted.type), mask=mask)

    def columns(self, row: pa.StructArray, wanted: Iterable[pa.Field]) -> list[pa.Array]:
        """Return the members apart, as the fields *wanted*."""
        return [
            self.members[field.name].build(row, field)
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

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the lists over one column of elements."""
        counts, values = elements(at(row, self.path))
        built = self.element.build(values, wanted.type.value_field)
        return pa.ListArray.from_arrays(_offsets(counts), built, type=wanted.type)


@attrs.frozen
class Spacing:
    """The angle between the elements of a list: from *first* to *last*, 0 where there are no two."""

    first: str
    last: str
    items: str

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield nothing: all three are kept in columns of their own."""
        yield from ()

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the angles."""
        number = pa.field("", F64, nullable=False)
        first, last = (fitted(at(row, path), number).to_numpy() for path in (self.first, self.last))
        counts, _ = elements(at(row, self.items))
        steps = np.maximum(counts - 1, 1)
        with np.errstate(all="ignore"):  # angles may be infinite or not a number
            return pa.array(np.where(counts > 1, (last - first) / steps, 0.0)).cast(wanted.type)


@attrs.frozen
class ByteCount:
    """The number of bytes at *path*."""

    path: str

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield nothing: the bytes are kept in a column of their own."""
        yield from ()

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the numbers."""
        data = fitted(at(row, self.path), pa.field("", pa.binary(), nullable=False))
        return pc.binary_length(data).cast(wanted.type)


@attrs.frozen
class PointCount:
    """How many points of *stride* bytes the bytes at *path* hold, 0 where the stride is 0."""

    path: str
    stride: str

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield nothing: both are kept in columns of their own."""
        yield from ()

    def build(self, row: pa.StructArray, wanted: pa.Field) -> pa.Array:
        """Return the numbers."""
        size = ByteCount(self.path).build(row, pa.field("", pa.int64())).to_numpy()
        number = pa.field("", pa.int64(), nullable=False)
        stride = fitted(at(row, self.stride), number).to_numpy()
        counts = np.where(stride > 0, size // np.maximum(stride, 1), 0)
        return pa.array(counts).cast(wanted.type)


def _offsets(counts: npt.NDArray[np.int32]) -> pa.Int32Array:
    """Return where lists of so many elements begin and end."""
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    return pa.array(offsets)
