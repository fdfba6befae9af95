"""
Columns without views: Arrow stores and casts view types, but cannot put them in order or filter them.

Must not know: files, the catalog. Next: `statistics`.
"""

import pyarrow as pa

__all__ = ["without_views"]

_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


def without_views(rows: pa.Table) -> pa.Table:
    """Return *rows* with texts and bytes that are no views, at whatever depth; most are as they are."""
    schema = pa.schema([_plain_field(field) for field in rows.schema], rows.schema.metadata)
    return rows if schema == rows.schema else rows.cast(schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([_plain_field(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_plain_field(kind.key_field), _plain_field(kind.item_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain_field(kind.value_field), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_plain_field(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_field(kind.value_field))
    return _PLAIN.get(kind, kind)


def _plain_field(field: pa.Field) -> pa.Field:
    return field.with_type(_plain(field.type))
