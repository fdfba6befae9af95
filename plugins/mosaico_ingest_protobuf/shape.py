"""
What the messages of a channel look like: fields with their kinds, and the tags that lead to them.

Must not know: payloads, the protobuf library. Next: `definitions`.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["FIXED32", "FIXED64", "LENGTH", "VARINT", "Field", "Kind", "Shape", "Slot", "tag_width"]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""How a value lies on the wire, as the last three bits of its tag say."""

_SKIPPED = {VARINT, FIXED64, LENGTH, FIXED32}  # kinds of unknown fields that a walk can pass over
_MAX_ONE_BYTE = 0x7F


@attrs.frozen
class Kind:
    """
    How one value is written.

    Args:
        wire: How it lies on the wire.
        type: The Arrow type of one value.
        dtype: The numpy type, None for texts, bytes and messages.
        is_zigzag: Whether the sign is in the lowest bit.
    """

    wire: int
    type: pa.DataType
    dtype: np.dtype | None = None
    is_zigzag: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Field:
    """
    One field of a message.

    Args:
        name: Its column.
        path: Where it is, for messages to people.
        number: Its number on the wire.
        kind: How a value is written; of a group or a message `shape` says the rest.
        is_repeated: Whether it is a list, or a map.
        is_map: Whether its elements are entries of a map.
        is_nullable: Whether absence is told from the default.
        default: What stands where it is absent.
        oneof: Name of the oneof that it is a member of, empty for none.
        is_checked_text: Whether text that is not UTF-8 makes the payload wrong.
        shape: The message, None for numbers, texts, and messages kept as bytes.
        is_opaque: Whether it is a message kept as bytes.
        is_group: Whether it lies between two tags; such payloads are left to the library.
        names: Names of the numbers of an enum.
        is_closed: Whether an enum has no other numbers; to the library, such fields are unknown ones.
    """

    name: str
    path: str
    number: int
    kind: Kind
    is_repeated: bool = False
    is_map: bool = False
    is_nullable: bool = False
    default: object = None
    oneof: str = ""
    is_checked_text: bool = False
    shape: "Shape | None" = None
    is_opaque: bool = False
    is_group: bool = False
    names: Mapping[str, int] = attrs.field(factory=dict)
    is_closed: bool = False

    @cached_property
    def item_type(self) -> pa.DataType:
        """The Arrow type of one value."""
        return self.kind.type if self.shape is None else self.shape.type

    @cached_property
    def column(self) -> pa.Field:
        """The column, with what the definition says besides."""
        kind = pa.list_(self.item_type) if self.is_repeated else self.item_type
        told = {"enum": json.dumps(self.names)} if self.names else None
        return pa.field(self.name, kind, self.is_nullable, told)


@attrs.frozen
class Slot:
    """
    A tag that a field may have.

    Args:
        tag: Number and wire kind.
        field: Index of the field in its shape.
    """

    tag: int
    field: int

    @property
    def wire(self) -> int:
        """How the value lies behind it."""
        return self.tag & 7

    @property
    def width(self) -> int:
        """Bytes of the tag."""
        return tag_width(self.tag)


@attrs.frozen(eq=False)
class Shape:
    """
    A message: its fields in the order of the definition.

    Places of a walk stand at a *slot*: an index in `slots`, or one of the numbers behind. The smallest is
    read first, so that messages written in order keep in step.

    Args:
        name: Full name of the message.
        fields: Its fields.
        is_entry: Whether it is the entry of a map.
    """

    name: str
    fields: Sequence[Field]
    is_entry: bool = False

    @cached_property
    def type(self) -> pa.StructType:
        """The Arrow type of its column."""
        return pa.struct([field.column for field in self.fields])

    @cached_property
    def has_groups(self) -> bool:
        """Whether fields at any depth are groups."""
        return any(f.is_group or (f.shape is not None and f.shape.has_groups) for f in self.fields)

    @cached_property
    def leaves(self) -> int:
        """Columns without columns below them."""
        return sum(1 if field.shape is None else field.shape.leaves for field in self.fields)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All tags, ascending; a repeated number may come packed or not."""
        found = []
        for k, field in enumerate(self.fields):
            if field.is_group:
                continue
            found.append(Slot(field.number << 3 | field.kind.wire, k))
            if field.is_repeated and field.kind.dtype is not None:
                found.append(Slot(field.number << 3 | LENGTH, k))
        return tuple(sorted(found, key=lambda slot: slot.tag))

    @property
    def unknown(self) -> int:
        """The slot of a field that the definition does not know."""
        return len(self.slots)

    @property
    def odd(self) -> int:
        """The slot of a tag that is left to the library."""
        return len(self.slots) + 1

    @property
    def long(self) -> int:
        """The slot of a tag of several bytes, before it is looked up."""
        return len(self.slots) + 2

    @property
    def end(self) -> int:
        """The slot of the end of the message."""
        return len(self.slots) + 3

    @cached_property
    def by_byte(self) -> npt.NDArray[np.uint16]:
        """(256,) uint16, the slot that a tag's first byte means."""
        table = np.full(256, self.long, np.uint16)
        for tag in range(_MAX_ONE_BYTE + 1):
            is_plain = tag >> 3 > 0 and tag & 7 in _SKIPPED
            table[tag] = self.unknown if is_plain else self.odd
        for k, slot in enumerate(self.slots):
            if slot.tag <= _MAX_ONE_BYTE:
                table[slot.tag] = k
        return table

    @cached_property
    def long_tags(self) -> npt.NDArray[np.uint64]:
        """Tags of several bytes, ascending; their slots are the last ones of `slots`."""
        return np.array([s.tag for s in self.slots if s.tag > _MAX_ONE_BYTE], np.uint64)


def tag_width(tag: int) -> int:
    """Return the bytes of the shortest way to write *tag*."""
    return max(1, -(-tag.bit_length() // 7))
