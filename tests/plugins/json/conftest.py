"""Channels of JSON, and what json.loads says of their messages."""

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from mosaico_ingest_json.decoder import JsonDecoder

from mosaico_ingest.plugin import Channel


class Kit:
    """Shortcuts to the decoder."""

    def channel(
        self, sample: Sequence[bytes] = (), schema: object = None, topic: str = "/j"
    ) -> Channel:
        """Return a channel with its first messages, and a schema."""
        return Channel(
            id=1,
            topic=topic,
            type_name="robot.State",
            message_encoding="json",
            schema_encoding="" if schema is None else "jsonschema",
            definition=b"" if schema is None else json.dumps(schema).encode(),
            sample=tuple(sample),
        )

    def compile(self, sample: Sequence[bytes] = (), schema: object = None):
        """Return the decoding of such a channel."""
        return JsonDecoder().compile(self.channel(sample, schema))

    def rows(self, payloads: Sequence[bytes], sample=None, schema: object = None) -> list[object]:
        """Return rows; the sample is all payloads unless another is given."""
        decode = self.compile(payloads if sample is None else sample, schema)
        decoded = decode(pa.array(payloads, pa.binary()))
        decoded.data.validate(full=True)
        assert decode.schema == decoded.data.schema
        return decoded.data.to_pylist()

    def rejects(self, payloads: Sequence[bytes], sample=None, schema: object = None):
        """Return which payloads are rejected, by reason."""
        decode = self.compile(payloads if sample is None else sample, schema)
        decoded = decode(pa.array(payloads, pa.binary()))
        told = {reject.reason: reject.rows.tolist() for reject in decoded.rejects}
        assert len(payloads) == decoded.data.num_rows + sum(map(len, told.values()))
        return told

    def message(self, row: dict[str, object], extra: str = "_extra") -> object:
        """Return the message that a row and what was left over are together, without nulls."""
        rest = row.get(extra)
        columns = {key: value for key, value in row.items() if key != extra}
        return bare(joined(columns, json.loads(rest) if isinstance(rest, str) else {}))


def joined(one: object, other: object) -> object:
    """Return two parts of a value as one; lists and plain values are in one of them only."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: joined(one.get(key), other[key]) if key in other else one[key]
            for key in [*one, *(key for key in other if key not in one)]
        }
    assert one is None
    return other


def bare(value: object) -> object:
    """Return a value without the members that are null: to columns they are as absent ones."""
    if isinstance(value, dict):
        return {key: bare(member) for key, member in value.items() if member is not None}
    return [bare(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def kit() -> Kit:
    """Shortcuts to the decoder."""
    return Kit()
