"""
Looking into nested columns by dotted path, and which types another holds without loss.

Must not know: messages, ontology types.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["at", "elements", "kind_at", "leaves", "retyped", "widens"]

_TEXTS = (pa.string(), pa.large_string(), pa.string_view())
_BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())
_MANTISSA_BITS = {16: 11, 32: 24, 64: 53}


def kind_at(row: pa.DataType, path: str) -> pa.DataType | None:
    """Return the type at *path* of a struct type, None if there is nothing."""
    for name in path.split("."):
        index = row.get_field_index(name) if pa.types.is_struct(row) else -1
        if index < 0:
            return None
        row = row.field(index).type
    return row


def at(row: pa.StructArray, path: str) -> pa.Array:
    """Return the column at *path*, sliced and masked like *row*."""
    return pc.struct_field(row, path.split("."))


def leaves(kind: pa.DataType, path: str = "") -> Iterator[str]:
    """Yield the paths of all values in *kind* that are not structs; lists of structs are looked into."""
    inner = kind.value_type if _is_list(kind) else kind
    if not pa.types.is_struct(inner):
        yield path
        return
    for field in inner:
        yield from leaves(field.type, f"{path}.{field.name}" if path else field.name)


def elements(lists: pa.ListArray) -> tuple[pa.Int32Array, pa.Array]:
    """Return the offsets, from 0, and the values of *lists*, sliced or not, which holds no null."""
    offsets = lists.offsets
    values = lists.values
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    if first:
        offsets = pc.subtract(offsets, first)
    return offsets, values.slice(first, last - first)


def widens(source: pa.DataType, target: pa.DataType) -> bool:
    """Say whether every value of *source* is one of *target* too."""
    for family in (_TEXTS, _BYTES):
        if target in family:
            return source in family
    if _is_list(source) and _is_list(target):
        if pa.types.is_fixed_size_list(target) and _size(source) != target.list_size:
            return False
        return widens(source.value_type, target.value_type)
    if pa.types.is_integer(source):
        return _holds_integers(target, source.bit_width, pa.types.is_signed_integer(source))
    if pa.types.is_floating(source):
        return pa.types.is_floating(target) and source.bit_width <= target.bit_width
    return source == target


def _holds_integers(target: pa.DataType, bits: int, is_signed: bool) -> bool:
    """Say whether *target* holds every integer of *bits* bits."""
    if pa.types.is_floating(target):
        return bits - is_signed <= _MANTISSA_BITS[target.bit_width]
    if pa.types.is_signed_integer(target):
        return bits + (not is_signed) <= target.bit_width
    return pa.types.is_unsigned_integer(target) and not is_signed and bits <= target.bit_width


def retyped(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return *array* as *wanted*, names of list items included; itself where nothing changes."""
    if array.type.equals(wanted, check_metadata=True):
        return array
    return array.cast(wanted)


def _size(kind: pa.DataType) -> int | None:
    return kind.list_size if pa.types.is_fixed_size_list(kind) else None


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
