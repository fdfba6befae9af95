"""The oracle: the protobuf library's own reading of payloads, as the Python values of our columns."""

import math
from collections.abc import Iterable

import pyarrow as pa
import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from mosaico_ingest_protobuf.decoder import ProtobufDecoder

from mosaico_ingest.plugin import Channel, Decode

TYPES = {
    name.removeprefix("TYPE_").lower(): number for name, number in FieldDescriptorProto.Type.items()
}


class Definition:
    """
    Files of messages, the last of which holds the type of the channel.

    Fields are written as `("repeated", "int32", "name", 7)`; of messages and enums the full name stands for
    the type.
    """

    def __init__(self, name: str, *, syntax: str = "proto3") -> None:
        self.files = FileDescriptorSet()
        self.file = self.files.file.add(name="test.proto", package="t", syntax=syntax)
        self.name = f"t.{name}"

    def message(self, name: str, *fields: tuple, within=None):
        """Add a message."""
        into = self.file.message_type if within is None else within.nested_type
        message = into.add(name=name)
        for field in fields:
            self.field(message, *field)
        return message

    def field(self, message, label: str, kind: str, name: str, number: int, **more):
        """Add a field; *label* may be `presence` (proto3 optional) or the name of a oneof."""
        labels = {"repeated": 3, "required": 2}
        field = message.field.add(name=name, number=number, label=labels.get(label, 1), **more)
        if kind.startswith("enum "):
            field.type, field.type_name = TYPES["enum"], f".t.{kind[5:]}"
        elif kind.startswith("group "):
            field.type, field.type_name = TYPES["group"], f".t.{kind[6:]}"
        elif kind in TYPES:
            field.type = TYPES[kind]
        else:
            field.type = TYPES["message"]
            field.type_name = kind if kind.startswith(".") else f".t.{kind}"
        if label not in {"repeated", "required", "optional", ""}:
            self._into_oneof(message, field, label)
        return field

    def _into_oneof(self, message, field, label: str) -> None:
        """Make *field* a member of a oneof, one of its own for `presence`."""
        name = f"_{field.name}" if label == "presence" else label
        names = [oneof.name for oneof in message.oneof_decl]
        if name not in names and label != "presence":  # those of presence come behind all others
            real = [other for other in names if not other.startswith("_")]
            for other in message.field:
                if other.proto3_optional:
                    other.oneof_index += 1
            names.insert(len(real), name)
        elif name not in names:
            names.append(name)
        del message.oneof_decl[:]
        for every in names:
            message.oneof_decl.add(name=every)
        field.oneof_index = names.index(name)
        field.proto3_optional = label == "presence"

    def map(self, message, key: str, value: str, name: str, number: int) -> None:
        """Add a map."""
        entry = f"{name.title()}Entry"
        nested = self.message(entry, ("", key, "key", 1), ("", value, "value", 2), within=message)
        nested.options.map_entry = True
        self.field(message, "repeated", f"{message.name}.{entry}", name, number)

    def enum(self, name: str, **values: int) -> None:
        """Add an enum."""
        enum = self.file.enum_type.add(name=name)
        for key, number in values.items():
            enum.value.add(name=key, number=number)


class Oracle:
    """Messages of one type as the library reads them."""

    def __init__(self, definition: bytes, name: str) -> None:
        self.pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(definition).file:
            self.pool.Add(file)
        self.descriptor = self.pool.FindMessageTypeByName(name)
        self.message = GetMessageClass(self.descriptor)

    def read(self, payload: bytes) -> dict[str, object] | None:
        """Return one payload as our column values, None if the library refuses it."""
        try:
            return self.row(self.message.FromString(payload), ())
        except (DecodeError, UnicodeDecodeError):
            return None

    def row(self, message, inside: tuple[str, ...]) -> dict[str, object]:
        """Return the fields of *message*, which is inside of others."""
        inside = (*inside, message.DESCRIPTOR.full_name)
        return {
            field.name: self.value(message, field, inside) for field in message.DESCRIPTOR.fields
        }

    def value(self, message, field, inside: tuple[str, ...]) -> object:
        """Return one field."""
        value = getattr(message, field.name)
        is_default = field.has_default_value and not field.containing_oneof
        if field.has_presence and not is_default and not message.HasField(field.name):
            return None
        if field.message_type and field.message_type.GetOptions().map_entry:
            of = field.message_type.fields_by_name["value"]
            pairs = [(key, self.item(value[key], of, inside)) for key in value]
            return sorted(pairs, key=repr)
        if field.is_repeated:
            return [self.item(item, field, inside) for item in value]
        return self.item(value, field, inside)

    def item(self, value, field, inside: tuple[str, ...]) -> object:
        """Return one value."""
        if field.message_type is None:
            return (
                value.decode("latin-1") if isinstance(value, bytes) and field.type == 9 else value
            )
        if field.message_type.full_name in inside:
            return self.opaque(value)
        return self.row(value, inside)

    def opaque(self, message) -> object:
        """Return a message that is kept as bytes, as far as the library gives its values out."""
        try:
            return self.row(message, ())
        except UnicodeDecodeError:  # keys of maps, which proto2 does not check
            return "not UTF-8"

    def ours(self, value: object, descriptor=None, inside: tuple[str, ...] = ()) -> object:
        """Return a value of our columns so that it compares: maps sorted, opaque messages read."""
        descriptor = descriptor or self.descriptor
        inside = (*inside, descriptor.full_name)
        return {
            field.name: self._ours(value[field.name], field, inside) for field in descriptor.fields
        }

    def _ours(self, value, field, inside: tuple[str, ...]) -> object:
        if value is None or field.message_type is None:
            return value
        if field.message_type.GetOptions().map_entry:
            of = field.message_type.fields_by_name["value"]
            pairs = [(v["key"], self._our_item(v["value"], of, inside)) for v in value]
            return sorted(pairs, key=repr)
        if field.is_repeated:
            return [self._our_item(v, field, inside) for v in value]
        return self._our_item(value, field, inside)

    def _our_item(self, value, field, inside: tuple[str, ...]) -> object:
        if field.message_type is None:
            return value
        if isinstance(value, bytes):
            return self.opaque(GetMessageClass(field.message_type).FromString(value))
        return self.ours(value, field.message_type, inside)


def comparable(value: object) -> object:
    """Replace NaN, which is not equal to itself."""
    if isinstance(value, dict):
        return {key: comparable(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(element) for element in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else value


class Kit:
    """What the tests of the decoder share."""

    Definition = Definition
    Oracle = Oracle

    @staticmethod
    def channel(definition: bytes, type_name: str) -> Channel:
        """Return a channel."""
        return Channel(
            id=0,
            topic="/t",
            type_name=type_name,
            message_encoding="protobuf",
            schema_encoding="protobuf",
            definition=definition,
        )

    @classmethod
    def compile(cls, definition: Definition) -> Decode:
        """Compile the decoder of a type."""
        channel = cls.channel(definition.files.SerializeToString(), definition.name)
        decoder = ProtobufDecoder()
        assert decoder.claim(channel) is not None
        return decoder.compile(channel)

    @classmethod
    def message(cls, definition: Definition):
        """Return the library's class."""
        return Oracle(definition.files.SerializeToString(), definition.name).message

    @classmethod
    def compare(
        cls, definition: Definition | tuple[bytes, str], payloads: Iterable[bytes]
    ) -> tuple[int, int]:
        """
        Decode payloads and hold every row and every reject against the library.

        Returns:
            How many were decoded and rejected.
        """
        if isinstance(definition, Definition):
            definition = definition.files.SerializeToString(), definition.name
        oracle, payloads = Oracle(*definition), list(payloads)
        decode = ProtobufDecoder().compile(cls.channel(*definition))
        decoded = decode(pa.array(payloads, pa.binary()))
        decoded.data.validate(full=True)
        assert decoded.data.schema == decode.schema
        rows = [oracle.ours(row) for row in decoded.data.to_struct_array().to_pylist()]
        expected = [oracle.read(payload) for payload in payloads]
        kept = [k for k, row in enumerate(expected) if row is not None]
        refused = sorted(row for reject in decoded.rejects for row in reject.rows.tolist())

        every = list(range(len(payloads)))
        assert kept == (every if decoded.kept is None else decoded.kept.tolist())
        assert [k for k in every if k not in set(kept)] == refused
        assert comparable([expected[k] for k in kept]) == comparable(rows)
        return len(kept), len(refused)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    """What the tests of the decoder share."""
    return Kit
