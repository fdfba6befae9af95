"""
Structs that are null and require something: what lies below them must be a value all the same.

Must not know: which types there are. Next: `mosaico_ingest.client.rows`.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kind

__all__ = ["fill_absent", "requires"]


def fill_absent(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """
    Return *array* with a value, of no meaning, wherever a struct that is null has null for what it requires.

    Some builders leave such nulls below; whoever stores the leaves by themselves, as Parquet does, takes them
    for missing. The same array is returned where there are none.
    """
    if not (kind.is_struct(type_) and requires(type_)):
        return array
    before = [array.field(index) for index in range(len(type_))]
    after = []
    for child, field in zip(before, type_, strict=True):
        values = fill_absent(child, field.type)
        if not field.nullable and values.null_count:
            # A builder puts an empty value into the fields of a struct that is null.
            empty = pa.array([None], pa.struct([pa.field("value", field.type)])).field(0)[0]
            values = pc.if_else(values.is_valid(), values, empty)
        after.append(values)
    if all(new is old for new, old in zip(after, before, strict=True)):
        return array
    return pa.StructArray.from_arrays(after, fields=list(type_), mask=array.is_null())


def requires(type_: pa.DataType) -> bool:
    """Tell whether something inside *type_* must not be null."""
    inner = [type_.value_field] if _is_list(type_) else list(type_)
    return any(
        not field.nullable
        or ((kind.is_struct(field.type) or _is_list(field.type)) and requires(field.type))
        for field in inner
    )


def _is_list(type_: pa.DataType) -> bool:
    return kind.is_list(type_) or kind.is_large_list(type_) or kind.is_fixed_size_list(type_)
