"""
Arrow types that files and peers can hold, for decoded columns of any shape.

Parquet has no struct without members and peers know little of views and untyped nulls. They become
their plain siblings; a struct without members becomes a flag that says the value was there.

Must not know: channels, tags.
"""

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["storable", "storable_type"]

_PLAIN = {
    pa.null(): pa.bool_(),
    pa.struct([]): pa.bool_(),
    pa.binary_view(): pa.binary(),
    pa.string_view(): pa.string(),
}


def storable_type(kind: pa.DataType) -> pa.DataType:
    """Return *kind*, with the types that cannot be stored replaced at any depth."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if pa.types.is_struct(kind):
        return pa.struct([_storable_field(field) for field in kind])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_storable_field(kind.value_field), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_storable_field(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_storable_field(kind.value_field))
    return kind


def storable(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return *array* as *wanted*, its `storable_type`; the array itself where nothing changes."""
    kind = array.type
    if kind.equals(wanted, check_metadata=True):
        return array
    if kind == pa.struct([]):
        return array.is_valid()
    mask = array.is_null() if array.null_count else None
    if pa.types.is_struct(kind):
        members = [storable(array.field(k), field.type) for k, field in enumerate(wanted)]
        return pa.StructArray.from_arrays(members, fields=list(wanted), mask=mask)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        values = array.values.slice(array.offset * size, len(array) * size)
        return pa.FixedSizeListArray.from_arrays(
            storable(values, wanted.value_type), type=wanted, mask=mask
        )
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets = array.offsets
        values = array.values.slice(offsets[0].as_py(), offsets[-1].as_py() - offsets[0].as_py())
        rebased = pc.subtract(offsets, offsets[0])
        lists = pa.ListArray if pa.types.is_list(kind) else pa.LargeListArray
        return lists.from_arrays(
            rebased, storable(values, wanted.value_type), type=wanted, mask=mask
        )
    return array.cast(wanted)


def _storable_field(field: pa.Field) -> pa.Field:
    return field.with_type(storable_type(field.type))
