"""
What a caller pushes, as batches of exactly a topic's columns; nothing is narrowed, guessed or dropped.

`batches_of` reads any accepted form, `check_columns` compares names and types before anything is done,
`conform` converts the values, which may take a while and therefore runs in the background.

Must not know: servers, queues. Next: `topic`.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
from pyarrow import types as kind

from mosaico_ingest.errors import SchemaMismatchError, UsageError
from mosaico_ingest.model.absent import fill_absent, requires

__all__ = ["batches_of", "check_columns", "check_nulls", "conform"]

_RECORDS_PER_BATCH = 4096


def batches_of(data: object, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """
    Yield *data* as batches.

    Args:
        data: A RecordBatch, a Table, anything with `__arrow_c_stream__` or `__arrow_c_array__`, one
            record as a mapping, or an iterable of those.
        schema: The topic's columns; only the floats of mappings look at it, since Python has one width.

    Raises:
        SchemaMismatchError: The records hold values of different types under one name.
        UsageError: It is none of these.
    """
    if isinstance(data, pa.RecordBatch):
        yield data
    elif isinstance(data, pa.Table):
        yield from data.to_batches()
    elif hasattr(data, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(data)
    elif hasattr(data, "__arrow_c_array__"):
        yield pa.record_batch(data)
    elif isinstance(data, Mapping):
        yield _records([data], schema)
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes):
        records = iter(data)
        while some := list(itertools.islice(records, _RECORDS_PER_BATCH)):
            yield _records(some, schema)
    else:
        raise UsageError(_unusable(data))


def check_columns(source: pa.Schema, target: pa.Schema, topic: str) -> None:
    """
    Accept *source* if its columns can become those of *target* without loss.

    Raises:
        SchemaMismatchError: A column is unknown, missing though required, twice there, or of another type.
    """
    _check_fields(list(source), list(target), _place(topic), "")


def conform(batch: pa.RecordBatch, target: pa.Schema, topic: str) -> pa.RecordBatch:
    """
    Return *batch*, which passed `check_columns`, with exactly the columns of *target*.

    Columns of the right type are taken as they are, missing ones become null.

    Raises:
        SchemaMismatchError: A value does not fit, such as 300 in uint8, or a required one is null.
    """
    if not batch.schema.equals(target):
        columns = [_column(batch, field, _place(topic)) for field in target]
        batch = pa.RecordBatch.from_arrays(columns, schema=target)
    check_nulls(batch, topic)
    columns = batch.columns
    filled = [
        fill_absent(column, field.type) for column, field in zip(columns, target, strict=True)
    ]
    if any(new is not old for new, old in zip(filled, columns, strict=True)):
        batch = pa.RecordBatch.from_arrays(filled, schema=target)
    return batch


def check_nulls(batch: pa.RecordBatch, topic: str) -> None:
    """
    Accept *batch* if what its schema requires is there, also inside structs and lists.

    Raises:
        SchemaMismatchError: It is not.
    """
    for field, column in zip(batch.schema, batch.columns, strict=True):
        _check_nulls(column, field, 0, field.name, _place(topic))


def _records(records: list[object], schema: pa.Schema) -> pa.RecordBatch:
    """Return one row per mapping, its types found in the values."""
    rows = [record for record in records if isinstance(record, Mapping)]
    if len(rows) < len(records):
        raise UsageError(_unusable(next(r for r in records if not isinstance(r, Mapping))))
    names = dict.fromkeys(name for row in rows for name in row)
    columns = []
    for name in names:
        field = schema.field(name) if name in schema.names else None
        try:
            column = pa.array([row.get(name) for row in rows])
        except (pa.ArrowException, OverflowError, TypeError) as err:
            expected = str(field.type) if field else "no such column"
            raise _mismatch(str(name), expected, f"values that do not agree: {err}") from err
        fitting = _narrow_floats(column.type, field.type) if field else column.type
        columns.append(column if fitting == column.type else column.cast(fitting))
    return pa.RecordBatch.from_arrays(columns, names=[str(name) for name in names])


def _narrow_floats(found: pa.DataType, wanted: pa.DataType) -> pa.DataType:
    """Return *found* with the width of *wanted* where a Python float could have had either."""
    if kind.is_floating(found) and kind.is_floating(wanted):
        return wanted
    if _is_list(found) and _is_list(wanted):
        return pa.list_(_narrow_floats(found.value_type, wanted.value_type))
    if kind.is_struct(found) and kind.is_struct(wanted):
        known = {field.name: field.type for field in wanted}
        return pa.struct(
            [
                field.with_type(_narrow_floats(field.type, known.get(field.name, field.type)))
                for field in found
            ]
        )
    return found


def _column(batch: pa.RecordBatch, field: pa.Field, where: str) -> pa.Array:
    """Return the values of *batch* for one column of its topic."""
    index = batch.schema.get_field_index(field.name)
    if index < 0:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(index)
    if column.type == field.type:
        return column
    try:
        # Nulls where none may be are found by path, which Arrow's cast would not tell.
        values = column.cast(_relaxed(field.type))
        _check_nulls(values, field, 0, field.name, where)
        return values.cast(field.type)
    except pa.ArrowException as err:
        raise _mismatch(field.name, str(field.type), str(err), where) from err


def _relaxed(type_: pa.DataType) -> pa.DataType:
    """Return *type_* with nulls allowed at all depths."""
    if kind.is_struct(type_):
        return pa.struct([pa.field(field.name, _relaxed(field.type)) for field in type_])
    if kind.is_list(type_):
        item = type_.value_field
        return pa.list_(pa.field(item.name, _relaxed(item.type)))
    return type_


def _check_fields(source: list[pa.Field], target: list[pa.Field], where: str, path: str) -> None:
    """Compare the columns of a topic, or the fields of a struct; *path* ends with a dot if any."""
    known = {field.name: field for field in target}
    for field in source:
        if field.name not in known:
            raise _mismatch(
                path + field.name, f"one of {', '.join(known)}", f"unknown in {where}", where
            )
    given = [field.name for field in source]
    for field in target:
        if field.name not in given and not field.nullable:
            raise _mismatch(path + field.name, str(field.type), "nothing", where)
        if given.count(field.name) > 1:
            raise _mismatch(path + field.name, "it once", "it several times", where)
    for field in source:
        _check_type(field.type, known[field.name].type, where, path + field.name)


def _check_type(source: pa.DataType, target: pa.DataType, where: str, path: str) -> None:
    """Accept types whose values all fit, or are checked one by one when they are cast."""
    if kind.is_dictionary(source):
        source = source.value_type
    if kind.is_struct(source) and kind.is_struct(target):
        _check_fields(list(source), list(target), where, f"{path}.")
    elif _is_list(source) and _is_list(target):
        _check_type(source.value_type, target.value_type, where, f"{path}[]")
    elif not (source == target or _fits(source, target)):
        raise _mismatch(path, str(target), str(source), where)


def _fits(source: pa.DataType, target: pa.DataType) -> bool:
    """Tell whether casting *source* to *target* keeps every value or fails."""
    if kind.is_null(source):
        return True
    if kind.is_integer(source):
        return kind.is_integer(target) or kind.is_floating(target)
    if kind.is_floating(source):
        return kind.is_floating(target) and source.bit_width <= target.bit_width
    return (_is_text(source) and _is_text(target)) or (_is_bytes(source) and _is_bytes(target))


def _is_text(type_: pa.DataType) -> bool:
    return kind.is_string(type_) or kind.is_large_string(type_) or kind.is_string_view(type_)


def _is_bytes(type_: pa.DataType) -> bool:
    return (
        kind.is_binary(type_)
        or kind.is_large_binary(type_)
        or kind.is_binary_view(type_)
        or kind.is_fixed_size_binary(type_)
    )


def _is_list(type_: pa.DataType) -> bool:
    return kind.is_list(type_) or kind.is_large_list(type_) or kind.is_fixed_size_list(type_)


def _check_nulls(array: pa.Array, field: pa.Field, absent: int, path: str, where: str) -> None:
    """Check one array whose nulls include the *absent* ones of the struct around it."""
    if not field.nullable and array.null_count > absent:
        raise _mismatch(path, f"{field.type}, not null", "null", where)
    if kind.is_struct(field.type) and requires(field.type):
        # flatten() hands the nulls of the struct down to its fields.
        for child, values in zip(field.type, array.flatten(), strict=True):
            _check_nulls(values, child, array.null_count, f"{path}.{child.name}", where)
    elif _is_list(field.type) and requires(field.type):
        _check_nulls(array.flatten(), field.type.value_field, 0, f"{path}[]", where)


def _place(topic: str) -> str:
    return f"topic {topic!r}"


def _mismatch(field: str, expected: str, got: str, where: str = "the topic") -> SchemaMismatchError:
    """Say which column of which topic does not fit, and how."""
    got = got.removesuffix(".")
    msg = f"Column {field!r} does not fit {where}: expected {expected}, got {got}."
    return SchemaMismatchError(msg, field=field, expected=expected, got=got)


def _unusable(data: object) -> str:
    """Say what can be pushed."""
    return (
        f"Cannot push {type(data).__name__}. Expected a RecordBatch, a Table, an object with "
        "__arrow_c_stream__, a record as a mapping, or an iterable of such records."
    )
