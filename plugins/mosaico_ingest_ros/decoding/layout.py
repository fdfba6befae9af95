"""
The compiled form of a message: steps in wire order, and the Arrow types they end in.

Fixed-size fields that follow each other form a `Block`: where its fields lie depends only on the
alignment phase at which it starts, so all offsets are tabulated here, once per channel.

Must not know: message definitions, bytes. Next: `rows`.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["PHASES", "Block", "Items", "Leaf", "Numbers", "Program", "Step", "Struct", "Text"]

PHASES = 8  # CDR aligns to at most 8 bytes
_WORD_BYTES = 4  # every string and sequence starts with a 32-bit length


@attrs.frozen(eq=False, kw_only=True)
class Leaf:
    """
    A number, or a fixed array of numbers, inside a block.

    Args:
        path: Dotted name of the field in the message.
        dtype: Its numbers, little endian.
        arrow: Arrow type of one number.
        count: Length of the array, None for a single number.
        align: What its place is a multiple of.
        hidden: Whether it is on the wire only, like the byte that CDR gives to an empty message.
    """

    path: str
    dtype: np.dtype
    arrow: pa.DataType
    count: int | None
    align: int
    hidden: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes on the wire."""
        return self.dtype.itemsize * (1 if self.count is None else self.count)

    @cached_property
    def type(self) -> pa.DataType:
        """Arrow type of the column."""
        return self.arrow if self.count is None else pa.list_(self.arrow, self.count)


@attrs.frozen(eq=False)
class Block:
    """
    Neighbouring fields of fixed size; it starts aligned for the first of them.

    Args:
        leaves: The fields, at least one.
    """

    leaves: tuple[Leaf, ...]

    @property
    def align(self) -> int:
        """Alignment of the first field."""
        return self.leaves[0].align

    @property
    def path(self) -> str:
        """Name of the first field, for messages."""
        return self.leaves[0].path

    @property
    def min_bytes(self) -> int:
        """Bytes without padding."""
        return sum(leaf.nbytes for leaf in self.leaves)

    @property
    def max_align(self) -> int:
        """Largest alignment inside."""
        return max(leaf.align for leaf in self.leaves)

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """(phase, leaf) int64, place of each field from the start of the block."""
        return self._table[:, :-1]

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(phase,) int64, bytes up to the end of the last field."""
        return np.ascontiguousarray(self._table[:, -1])

    def stride(self, phase: int) -> int | None:
        """Return the distance of blocks in a row, None if it changes from one to the next."""
        step = int(self.sizes[phase])
        step += -(phase + step) % self.align
        return step if step % self.max_align == 0 else None

    @cached_property
    def _table(self) -> npt.NDArray[np.int64]:
        """Offsets and, in the last column, the size."""
        table = np.zeros((PHASES, len(self.leaves) + 1), np.int64)
        for phase in range(PHASES):
            at = 0
            for k, leaf in enumerate(self.leaves):
                at += -(phase + at) % leaf.align
                table[phase, k] = at
                at += leaf.nbytes
            table[phase, -1] = at
        return table


@attrs.frozen(eq=False, kw_only=True)
class Text:
    """
    A string.

    Args:
        path: Dotted name of the field in the message.
        align: Alignment of its length.
        terminated: Whether a zero byte ends it, counted in its length.
    """

    path: str
    align: int
    terminated: bool

    type = pa.string()
    min_bytes = _WORD_BYTES

    @property
    def max_align(self) -> int:
        """Alignment of its length."""
        return self.align


@attrs.frozen(eq=False, kw_only=True)
class Numbers:
    """
    A sequence of numbers.

    Args:
        path: Dotted name of the field in the message.
        item: The numbers.
        align: Alignment of the length.
        as_bytes: Whether it becomes `binary`: sequences of uint8, byte and char.
    """

    path: str
    item: Leaf
    align: int
    as_bytes: bool

    min_bytes = _WORD_BYTES

    @cached_property
    def type(self) -> pa.DataType:
        """Arrow type of the column."""
        return pa.binary() if self.as_bytes else pa.list_(self.item.arrow)

    @property
    def max_align(self) -> int:
        """The larger of both alignments."""
        return max(self.align, self.item.align)


@attrs.frozen(eq=False, kw_only=True)
class Items:
    """
    A sequence or array of strings or messages.

    Args:
        path: Dotted name of the field in the message.
        item: How one of them is read.
        count: Length of the array, None for a sequence.
        length_align: Alignment of the length of a sequence.
    """

    path: str
    item: "Program"
    count: int | None
    length_align: int

    @cached_property
    def type(self) -> pa.DataType:
        """Arrow type of the column."""
        size = -1 if self.count is None else self.count
        return pa.list_(self.item.tree.type, size)

    @property
    def align(self) -> int:
        """Alignment of what comes first."""
        return self.length_align if self.count is None else self.item.align

    @property
    def min_bytes(self) -> int:
        """Bytes of the shortest."""
        return _WORD_BYTES if self.count is None else self.count * self.item.min_bytes

    @property
    def max_align(self) -> int:
        """Largest alignment inside."""
        return max(self.length_align, self.item.max_align)


Step = Block | Text | Numbers | Items


@attrs.frozen(eq=False)
class Struct:
    """
    A nested message: named children, each a `Struct` or the column of one leaf or step.

    Args:
        names: Names of the fields.
        children: What they are made of.
    """

    names: tuple[str, ...]
    children: "tuple[Struct | Leaf | Text | Numbers | Items, ...]"

    @cached_property
    def type(self) -> pa.StructType:
        """Arrow type of the column."""
        pairs = zip(self.names, self.children, strict=True)
        return pa.struct([(name, child.type) for name, child in pairs])

    def columns(self, parts: Iterator[pa.Array], rows: int) -> list[pa.Array]:
        """Take the columns of the fields from *parts*, which come in wire order."""
        return [
            child.column(parts, rows) if isinstance(child, Struct) else next(parts)
            for child in self.children
        ]

    def column(self, parts: Iterator[pa.Array], rows: int) -> pa.Array:
        """Take one struct column of *rows* rows from *parts*."""
        children = self.columns(parts, rows)
        return pa.Array.from_buffers(self.type, rows, [None], children=children)


@attrs.frozen(eq=False)
class Program:
    """
    How one message, or one element of a sequence, is read.

    Args:
        tree: What the columns are arranged as.
        steps: What lies on the wire, in order.
    """

    tree: Struct | Text
    steps: Sequence[Step]

    @cached_property
    def align(self) -> int:
        """Alignment of the first step."""
        return self.steps[0].align if self.steps else 1

    @cached_property
    def max_align(self) -> int:
        """Largest alignment inside: places that are equal modulo this have the same layout."""
        return max((step.max_align for step in self.steps), default=1)

    @cached_property
    def min_bytes(self) -> int:
        """Bytes of the shortest."""
        return sum(step.min_bytes for step in self.steps)

    @property
    def block(self) -> Block | None:
        """The only step, if it is a block: the size is then known from the phase alone."""
        step = self.steps[0] if len(self.steps) == 1 else None
        return step if isinstance(step, Block) else None
