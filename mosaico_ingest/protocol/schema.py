"""
The Arrow side of the protocol: envelope columns, and the metadata that a server puts on schemas.

Must not know: ontology types (a server stores any columns), Flight. Next: `flight`.
"""

import json
from collections.abc import Mapping

import attrs
import pyarrow as pa

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import InvalidRequestError, ServerFaultError
from mosaico_ingest.protocol.wire import JsonObject, to_json

__all__ = [
    "CONTEXT",
    "PROPERTIES",
    "TIMESTAMP",
    "USER_METADATA",
    "TopicProperties",
    "check_upload_schema",
    "read_topic_properties",
    "read_user_metadata",
    "sequence_schema",
    "topic_schema",
]

TIMESTAMP = "timestamp_ns"
"""The column that every topic has, int64: its rows are read in this order."""

CONTEXT, USER_METADATA, PROPERTIES = (
    b"mosaico:context",
    b"mosaico:user_metadata",
    b"mosaico:properties",
)


@attrs.frozen
class TopicProperties:
    """What a topic was created with, beside its user metadata."""

    ontology_tag: str
    serialization_format: SerializationFormat


def check_upload_schema(schema: pa.Schema) -> None:
    """
    Accept the columns of an upload; their meaning is the client's affair.

    Raises:
        InvalidRequestError: There is no single int64 column `timestamp_ns`.
    """
    indices = schema.get_all_field_indices(TIMESTAMP)
    if len(indices) != 1 or schema.field(indices[0]).type != pa.int64():
        got = [str(schema.field(index).type) for index in indices]
        msg = f"Unsupported schema: expected one column {TIMESTAMP!r} of type int64, got {got or 'none'}"
        raise InvalidRequestError(msg)
    if len(set(schema.names)) < len(schema.names):
        msg = f"Unsupported schema: expected one column of each name, got {schema.names}"
        raise InvalidRequestError(msg)


def sequence_schema(user_metadata: JsonObject) -> pa.Schema:
    """Return the schema that stands for a sequence: no columns, only metadata."""
    return pa.schema([], metadata={CONTEXT: "sequence", USER_METADATA: to_json(user_metadata)})


def topic_schema(
    columns: pa.Schema, properties: TopicProperties, user_metadata: JsonObject
) -> pa.Schema:
    """Return *columns*, as they were uploaded, with the metadata that readers of a topic look for."""
    described = attrs.asdict(properties)
    own: Mapping[bytes, bytes] = columns.metadata or {}
    return columns.with_metadata(
        {
            **own,
            CONTEXT: b"topic",
            PROPERTIES: to_json(described).encode(),
            USER_METADATA: to_json(user_metadata).encode(),
        }
    )


def read_topic_properties(schema: pa.Schema) -> TopicProperties:
    """
    Return what a server's topic schema says about the topic.

    Raises:
        ServerFaultError: It does not.
    """
    found = _read_object(schema, PROPERTIES)
    tag, layout = found.get("ontology_tag"), found.get("serialization_format")
    if not isinstance(tag, str) or layout not in set(SerializationFormat):
        msg = (
            f"The server describes a topic by {found!r}. "
            "Expected its ontology_tag and serialization_format."
        )
        raise ServerFaultError(msg)
    return TopicProperties(tag, SerializationFormat(str(layout)))


def read_user_metadata(schema: pa.Schema) -> JsonObject:
    """
    Return the user metadata of the sequence or topic that a server's schema stands for; null counts as none.

    Raises:
        ServerFaultError: It has none.
    """
    return _read_object(schema, USER_METADATA)


def _read_object(schema: pa.Schema, key: bytes) -> JsonObject:
    text = (schema.metadata or {}).get(key)
    try:
        value = None if text is None else json.loads(text) or {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        msg = f"The server's schema has {text!r} as {key.decode()!r}. Expected a JSON object."
        raise ServerFaultError(msg)
    return value
