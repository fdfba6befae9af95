"""
Nulls below nulls: what is left out where its surroundings are left out already.

A struct that is null may have members that must not be null, and in Arrow they may then hold anything, nulls
too. Parquet's writer takes those for nulls out of place. They get a value that nobody sees.

Must not know: files, the catalog. Next: `writing`.
"""

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["without_hidden_nulls"]


def without_hidden_nulls(rows: pa.Table) -> pa.Table:
    """Return *rows* with no null below a null where none may be; most are as they are."""
    for k, field in enumerate(rows.schema):
        if not pa.types.is_nested(field.type):
            continue
        old = rows.column(k).chunks
        chunks = [_shown(chunk) for chunk in old]
        if any(a is not b for a, b in zip(chunks, old, strict=True)):
            rows = rows.set_column(k, field, pa.chunked_array(chunks, field.type))
    return rows


def _shown(array: pa.Array) -> pa.Array:
    """Return *array* with a value for each member that must not be null, where a struct around it is."""
    kind = array.type
    if pa.types.is_struct(kind):
        old = [array.field(k) for k in range(kind.num_fields)]
        hidden = array.is_null() if array.null_count else None
        new = [
            _shown(member if hidden is None else _filled(member, field, hidden))
            for member, field in zip(old, kind, strict=True)
        ]
        if all(a is b for a, b in zip(new, old, strict=True)):
            return array
        return pa.StructArray.from_arrays(new, fields=list(kind), mask=hidden)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        items = array.values
        values = _shown(items)
        if values is items:
            return array
        offsets = pa.array(array.offsets.to_numpy())  # a mask goes with offsets that are no slice
        mask = array.is_null() if array.null_count else None
        return type(array).from_arrays(offsets, values, type=kind, mask=mask)
    return array


def _filled(member: pa.Array, field: pa.Field, hidden: pa.BooleanArray) -> pa.Array:
    """Return *member* with a value where it is *hidden*, if it must not be null."""
    if field.nullable or not member.null_count:
        return member
    default = pa.array([None], pa.struct([field])).field(0)[0]  # Arrow's own, valid at any depth
    return pc.if_else(hidden, default, member)
