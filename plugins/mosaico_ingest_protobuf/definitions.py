"""
Descriptor sets to shapes, by the protobuf library, and the message class that reads what is rare.

Must not know: payloads. Next: `wire`.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import DecodeError
from mosaico_ingest_protobuf.shape import FIXED32, FIXED64, LENGTH, VARINT, Field, Kind, Shape

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

__all__ = ["Definition", "compile_definition"]

_MAX_DEFINITION_BYTES = 16 << 20
_MAX_FIELDS = 10_000  # messages inside messages can multiply to any number
_MAX_DEPTH = 64
_WELL_KNOWN = "any api duration empty field_mask source_context struct timestamp type wrappers"
_GROUP, _MESSAGE, _STRING, _ENUM = 10, 11, 9, 14

_BYTES = Kind(LENGTH, pa.binary())
_KINDS = {  # by the number that descriptors have for a type
    1: Kind(FIXED64, pa.float64(), np.dtype("<f8")),
    2: Kind(FIXED32, pa.float32(), np.dtype("<f4")),
    3: Kind(VARINT, pa.int64(), np.dtype("<i8")),
    4: Kind(VARINT, pa.uint64(), np.dtype("<u8")),
    5: Kind(VARINT, pa.int32(), np.dtype("<i4")),
    6: Kind(FIXED64, pa.uint64(), np.dtype("<u8")),
    7: Kind(FIXED32, pa.uint32(), np.dtype("<u4")),
    8: Kind(VARINT, pa.bool_(), np.dtype("?")),
    9: Kind(LENGTH, pa.string()),
    10: _BYTES,
    11: _BYTES,
    12: _BYTES,
    13: Kind(VARINT, pa.uint32(), np.dtype("<u4")),
    14: Kind(VARINT, pa.int32(), np.dtype("<i4")),
    15: Kind(FIXED32, pa.int32(), np.dtype("<i4")),
    16: Kind(FIXED64, pa.int64(), np.dtype("<i8")),
    17: Kind(VARINT, pa.int32(), np.dtype("<i4"), True),
    18: Kind(VARINT, pa.int64(), np.dtype("<i8"), True),
}


@attrs.frozen(eq=False)
class Definition:
    """
    A compiled message type.

    Args:
        shape: What its messages look like.
        message: The library's class.
    """

    shape: Shape
    message: "type[Message]"


@lru_cache(maxsize=128)
def compile_definition(definition: bytes, type_name: str) -> Definition:
    """
    Compile the message *type_name* of a binary `FileDescriptorSet`.

    A channel is compiled for its plan and again for its flow; the result holds nothing that changes.

    Raises:
        DecodeError: The set cannot be read, lacks the message, or holds what cannot be decoded.
    """
    from google.protobuf.message_factory import GetMessageClass

    if len(definition) > _MAX_DEFINITION_BYTES:
        msg = (
            f"The definition of {type_name!r} has {len(definition)} bytes; at most "
            f"{_MAX_DEFINITION_BYTES} are read. Its payloads are kept as bytes."
        )
        raise DecodeError(msg)
    pool = _pool(definition, type_name)
    try:
        descriptor = pool.FindMessageTypeByName(type_name)
    except KeyError:
        msg = (
            f"The descriptors of the channel do not define {type_name!r}, the type that its schema "
            "names. Its payloads are kept as bytes."
        )
        raise DecodeError(msg) from None
    return Definition(_Compiler(pool).shape(descriptor, ""), GetMessageClass(descriptor))


def _pool(definition: bytes, type_name: str) -> "DescriptorPool":
    """Return a pool of the files in *definition*, whatever their order."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import DecodeError as NoSetError

    pool = DescriptorPool()
    try:
        files = {file.name: file for file in FileDescriptorSet.FromString(definition).file}
        for file in _in_order(files):
            pool.Add(file)
    except (NoSetError, TypeError, ValueError, KeyError, UnicodeError) as err:
        reason = " ".join(str(err).split())[:160].rstrip(".") or type(err).__name__
        msg = (
            f"The definition of {type_name!r} is no usable set of file descriptors ({reason}). "
            "Its payloads are kept as bytes."
        )
        raise DecodeError(msg) from err
    return pool


def _in_order(files: "dict[str, FileDescriptorProto]") -> "list[FileDescriptorProto]":
    """Return *files* so that each comes after what it imports; the well-known ones may be left out."""
    ordered: dict[str, FileDescriptorProto] = {}
    waiting = [(name, False) for name in reversed(files)]
    entered: set[str] = set()
    while waiting:
        name, is_done = waiting.pop()
        if is_done:
            ordered[name] = files[name]
        elif name not in entered:
            entered.add(name)
            if name not in files:
                known = _well_known(name)
                if known is None:
                    continue  # the pool names what is missing
                files[name] = known
            waiting.append((name, True))
            waiting += [(imported, False) for imported in files[name].dependency]
    return list(ordered.values())


def _well_known(name: str) -> "FileDescriptorProto | None":
    """Return a file that comes with the library, None if *name* is none of them."""
    from importlib import import_module

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    short = name.removeprefix("google/protobuf/").removesuffix(".proto")
    if name != f"google/protobuf/{short}.proto" or short not in _WELL_KNOWN.split():
        return None
    copy = FileDescriptorProto()
    import_module(f"google.protobuf.{short}_pb2").DESCRIPTOR.CopyToProto(copy)
    return copy


@attrs.define(eq=False)
class _Compiler:
    """
    Turns descriptors into shapes.

    Args:
        pool: Where extensions are found.
        fields: Fields so far.
        inside: Names of the messages around the one at hand.
    """

    pool: "DescriptorPool"
    fields: int = 0
    inside: list[str] = attrs.field(factory=list)

    def shape(self, message: "Descriptor", path: str) -> Shape:
        """Compile *message*, which is at *path*."""
        if message.GetOptions().message_set_wire_format:
            msg = f"{message.full_name!r} is a message set, which is not decoded. Payloads are kept as bytes."
            raise DecodeError(msg)
        found = [*message.fields, *self._extensions(message)]
        self.fields += len(found)
        if self.fields > _MAX_FIELDS or len(self.inside) > _MAX_DEPTH:
            msg = (
                f"The definition has more than {_MAX_FIELDS} fields or {_MAX_DEPTH} levels at "
                f"{path or message.full_name!r}. Its payloads are kept as bytes."
            )
            raise DecodeError(msg)
        self.inside.append(message.full_name)
        fields = [self._field(field, path) for field in found]
        self.inside.pop()
        return Shape(message.full_name, fields, message.GetOptions().map_entry)

    def _extensions(self, message: "Descriptor") -> "Iterable[FieldDescriptor]":
        """Return the extensions of *message*, by number."""
        if not message.is_extendable:
            return ()
        return sorted(self.pool.FindAllExtensions(message), key=lambda field: field.number)

    def _field(self, field: "FieldDescriptor", around: str) -> Field:
        """Compile one field."""
        name = f"[{field.full_name}]" if field.is_extension else field.name
        path = f"{around}.{name}" if around else name
        message = field.message_type
        is_opaque = message is not None and message.full_name in self.inside
        has_default = field.has_default_value and not field.containing_oneof
        is_entry = field.containing_type.GetOptions().map_entry
        kind = _KINDS[field.type]
        default = field.default_value if kind.dtype or field.type == _STRING else b""
        return Field(
            name=name,
            path=path,
            number=field.number,
            kind=kind,
            is_repeated=field.is_repeated,
            is_map=message is not None and message.GetOptions().map_entry,
            is_nullable=field.has_presence and not has_default and not is_entry,
            default=field.default_value if has_default else default,
            oneof=field.containing_oneof.name if field.containing_oneof else "",
            is_checked_text=field.type == _STRING and (is_entry or _checks_text(field)),
            shape=None if message is None or is_opaque else self.shape(message, path),
            is_opaque=is_opaque,
            is_group=field.type == _GROUP,
            is_closed=field.type == _ENUM and field.enum_type.is_closed,
            names={value.name: value.number for value in field.enum_type.values}
            if field.type == _ENUM
            else {},
        )


def _checks_text(field: "FieldDescriptor") -> bool:
    """Say whether the library refuses text of *field* that is not UTF-8."""
    from google.protobuf.descriptor_pb2 import FeatureSet

    return field._GetFeatures().utf8_validation == FeatureSet.VERIFY  # noqa: SLF001 - no public way
