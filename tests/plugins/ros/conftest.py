"""The oracle: rosbags' own serialisers, and its objects as the Python values of our columns."""

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from mosaico_ingest_ros.decoding.decoder import CdrDecoder, Ros1Decoder
from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from mosaico_ingest.plugin import Channel, Decode

sys.path.insert(0, str(Path(__file__).parent))  # for recorded_channels

from recorded_channels import Stored, stored_channels

_AS_BYTES = {"uint8", "byte", "char"}
_PLACEHOLDER = "structure_needs_at_least_one_member"


class Oracle:
    """Messages of one type, as rosbags writes and reads them."""

    def __init__(self, types: Mapping[str, object], name: str) -> None:
        self.store = Typestore()
        self.store.register(dict(types))
        self.name = name

    def fields(self, name: str | None = None) -> list[tuple[str, tuple]]:
        """Return the fields of a message."""
        return self.store.fielddefs[name or self.name][1]

    def read(self, payload: bytes, encoding: str) -> dict[str, object]:
        """Return one payload as our column values."""
        read = self.store.deserialize_cdr if encoding == "cdr" else self.store.deserialize_ros1
        return self._message(read(payload, self.name), self.name)

    def _message(self, message: object, name: str) -> dict[str, object]:
        shown = [(key, desc) for key, desc in self.fields(name) if key != _PLACEHOLDER]
        keys = self.store.get_msgdef(name).fields
        real = [key for key, _ in keys if key != _PLACEHOLDER]
        return {
            key: self._value(getattr(message, attribute), desc)
            for (key, desc), attribute in zip(shown, real, strict=True)
        }

    def _value(self, value: object, desc: tuple) -> object:
        kind, arg = desc
        if kind == Nodetype.BASE:
            return value
        if kind == Nodetype.NAME:
            return self._message(value, arg)
        item, _ = arg
        if item[0] == Nodetype.NAME:
            return [self._message(element, item[1]) for element in value]
        if kind == Nodetype.SEQUENCE and item[1][0] in _AS_BYTES:
            return np.asarray(value).tobytes()
        if item[1][0] == "bool":
            return [bool(element) for element in np.asarray(value).view(np.uint8)]
        return value if isinstance(value, list) else value.tolist()


def comparable(value: object) -> object:
    """Replace NaN, which is not equal to itself."""
    if isinstance(value, dict):
        return {key: comparable(element) for key, element in value.items()}
    if isinstance(value, list):
        return [comparable(element) for element in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else value


class Kit:
    """What the tests of the decoders share."""

    Oracle = Oracle
    comparable = staticmethod(comparable)

    @staticmethod
    def compile(
        encoding: str, type_name: str, definition: bytes = b"", schema_encoding: str = ""
    ) -> Decode:
        """Compile the decoder of a type."""
        decoder = CdrDecoder() if encoding == "cdr" else Ros1Decoder()
        ordinary = {"cdr": "ros2msg", "ros1": "ros1msg"}[encoding] if definition else ""
        channel = Channel(
            id=0,
            topic="/t",
            type_name=type_name,
            message_encoding=encoding,
            schema_encoding=schema_encoding or ordinary,
            definition=definition,
        )
        assert decoder.claim(channel) is not None
        return decoder.compile(channel)

    @staticmethod
    def rows(decode: Decode, payloads: Iterable[bytes]) -> list[object]:
        """Decode payloads that must all be good, and give them as comparable values."""
        decoded = decode(pa.array(list(payloads), pa.binary()))
        decoded.data.validate(full=True)
        assert decoded.rejects == ()
        assert decoded.kept is None
        assert decoded.data.schema == decode.schema
        return comparable(decoded.data.to_struct_array().to_pylist())

    @staticmethod
    def expected(oracle: Oracle, payloads: Iterable[bytes], encoding: str) -> list[object]:
        """Read payloads with the oracle, as comparable values."""
        return [comparable(oracle.read(payload, encoding)) for payload in payloads]


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    """What the tests of the decoders share."""
    return Kit


@pytest.fixture(scope="session")
def recorded(shared_data, tmp_path_factory) -> list[Stored]:
    """Every channel of every ROS recording of public projects; read once, as it takes seconds."""
    return list(stored_channels(shared_data, tmp_path_factory.mktemp("recorded")))
