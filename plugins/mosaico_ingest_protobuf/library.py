"""
The protobuf library, for what is rare: it reads message by message, and its verdict counts.

Must not know: the wire. Next: `decoder`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import pyarrow as pa

from mosaico_ingest_protobuf.definitions import Definition
from mosaico_ingest_protobuf.shape import Field, Shape

__all__ = ["Reading", "read_messages", "refuses"]


@attrs.frozen(eq=False)
class Reading:
    """
    What the library makes of payloads.

    Args:
        column: The messages that it takes, as structs.
        is_taken: Whether it takes each payload.
        has_unknown: Whether each has fields that the definition does not know.
    """

    column: pa.StructArray
    is_taken: Sequence[bool]
    has_unknown: Sequence[bool]


def refuses(definition: Definition, payload: bytes) -> bool:
    """Say whether the library refuses *payload*."""
    from google.protobuf.message import DecodeError as NoMessageError

    try:
        definition.message.FromString(payload)
    except NoMessageError:
        return True
    return False


def read_messages(definition: Definition, payloads: Iterable[bytes]) -> Reading:
    """Read *payloads* one by one."""
    from google.protobuf.message import DecodeError as NoMessageError

    rows, is_taken, has_unknown = [], [], []
    for payload in payloads:
        try:
            message = definition.message.FromString(payload)
            rows.append(_row(definition.shape, message))
        except (
            NoMessageError,
            UnicodeDecodeError,
        ):  # the latter of keys that proto2 does not check
            is_taken.append(False)
            has_unknown.append(False)
        else:
            is_taken.append(True)
            has_unknown.append(_has_unknown(message))
    return Reading(pa.array(rows, definition.shape.type), is_taken, has_unknown)


def _row(shape: Shape, message: Any) -> dict[str, object]:
    """Return the columns of one message."""
    return {field.name: _column(field, message) for field in shape.fields}


def _column(field: Field, message: Any) -> object:
    """Return the value of one field of *message*."""
    if field.name.startswith("["):
        extension = message.DESCRIPTOR.file.pool.FindExtensionByName(field.name[1:-1])
        value, is_set = message.Extensions[extension], None
        if field.is_nullable:
            is_set = message.HasExtension(extension)
    else:
        value = getattr(message, field.name)
        is_set = message.HasField(field.name) if field.is_nullable else None
    if is_set is False:
        return None
    if field.is_map:
        return _entries(field, value)
    return [_value(field, item) for item in value] if field.is_repeated else _value(field, value)


def _entries(field: Field, value: Mapping[Any, Any]) -> list[dict[str, object]]:
    """Return a map as its entries."""
    if field.shape is None:
        return []
    key, item = field.shape.fields
    return [{"key": _value(key, k), "value": _value(item, value[k])} for k in value]


def _value(field: Field, value: Any) -> object:
    """Return one value as its column holds it."""
    if field.shape is not None:
        return _row(field.shape, value)
    if field.is_opaque:
        return value.SerializePartialToString()
    if field.kind.type == pa.string() and isinstance(value, bytes):
        return value.decode("latin-1")  # text that the library does not check, and that is no UTF-8
    return value


def _has_unknown(message: Any) -> bool:
    """Say whether *message*, or one inside of it, has fields that the definition does not know."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)):
        return True
    return any(
        _has_unknown(part) for field, value in message.ListFields() for part in _parts(field, value)
    )


def _parts(field: Any, value: Any) -> Iterable[Any]:
    """Return the messages in a field's value."""
    if field.message_type is None:
        return ()
    if not field.is_repeated:
        return (value,)
    if field.message_type.GetOptions().map_entry:
        has_messages = field.message_type.fields_by_name["value"].message_type is not None
        return value.values() if has_messages else ()
    return value
