"""Schemas: what an upload must have, what readers find in the metadata."""

import pyarrow as pa
import pytest

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import InvalidRequestError, ServerFaultError
from mosaico_ingest.protocol.schema import (
    TopicProperties,
    check_upload_schema,
    read_topic_properties,
    read_user_metadata,
    sequence_schema,
    topic_schema,
)

COLUMNS = pa.schema(
    [
        pa.field("timestamp_ns", pa.int64(), nullable=False, metadata={"description": "time"}),
        pa.field("l", pa.list_(pa.field("element", pa.float32(), nullable=False))),
    ]
)


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([]),
        pa.schema([("timestamp_ns", pa.timestamp("ns"))]),
        pa.schema([("timestamp_ns", pa.int64()), ("timestamp_ns", pa.int64())]),
    ],
)
def test_upload_needs_its_clock(schema):
    """An upload has exactly one int64 column `timestamp_ns`."""
    with pytest.raises(InvalidRequestError, match="Unsupported schema"):
        check_upload_schema(schema)


def test_topic_schema_keeps_the_columns():
    """Names, types, nullability, item names and field metadata of an upload stay as they are."""
    schema = topic_schema(COLUMNS, TopicProperties("imu", SerializationFormat.Ragged), {})

    check_upload_schema(schema)
    assert COLUMNS.equals(schema.remove_metadata(), check_metadata=True)


def test_topic_metadata_round_trip():
    """A reader finds the properties and the user metadata that the topic was created with."""
    properties, user = TopicProperties("imu", SerializationFormat.Image), {"é": [1, None]}
    schema = topic_schema(COLUMNS, properties, user)

    assert (properties, user) == (read_topic_properties(schema), read_user_metadata(schema))


def test_sequence_metadata_round_trip():
    """A sequence's schema has no columns and carries its user metadata."""
    schema = sequence_schema({"driver": "a"})

    assert (0, {"driver": "a"}) == (len(schema), read_user_metadata(schema))


@pytest.mark.parametrize("text", [b"null", b"{}"])
def test_null_metadata_counts_as_none(text):
    """A server that says null means no metadata."""
    assert {} == read_user_metadata(pa.schema([], metadata={"mosaico:user_metadata": text}))


@pytest.mark.parametrize("metadata", [None, {"mosaico:properties": "imu"}])
def test_schema_without_properties(metadata):
    """A server's schema that does not describe its topic is the server's fault."""
    with pytest.raises(ServerFaultError, match="mosaico:properties"):
        read_topic_properties(pa.schema([], metadata=metadata))
