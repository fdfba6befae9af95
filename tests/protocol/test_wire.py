"""JSON to attrs and back: strict about names and types."""

import json

import pytest

from mosaico_ingest.errors import InvalidRequestError, ServerFaultError
from mosaico_ingest.protocol.messages import SequenceCreate, SessionDelete, TopicCreate
from mosaico_ingest.protocol.wire import dump, load_request, load_response, to_json

TOPIC = {
    "session_uuid": "u",
    "locator": "s/t",
    "serialization_format": "ragged",
    "ontology_tag": "imu",
    "user_metadata": {"unit": "m/s2", "deep": {"k": [1, None, 2.5]}},
}


def test_round_trip():
    """What is read is written again with the same keys and values."""
    assert TOPIC == json.loads(dump(load_request(TopicCreate, json.dumps(TOPIC).encode())))


def test_unknown_keys_are_ignored():
    """A client may say more than the server knows."""
    body = json.dumps({**TOPIC, "new": 1}).encode()

    assert "imu" == load_request(TopicCreate, body).ontology_tag


@pytest.mark.parametrize("key", TOPIC)
def test_missing_key(key):
    """Each key is required, and the refusal names it."""
    body = json.dumps({k: v for k, v in TOPIC.items() if k != key}).encode()

    with pytest.raises(InvalidRequestError, match=key):
        load_request(TopicCreate, body)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("locator", 1),
        ("locator", None),
        ("locator", "\ud800"),
        ("serialization_format", "exotic"),
        ("user_metadata", None),
        ("user_metadata", [1]),
    ],
)
def test_wrong_type(key, value):
    """A value of another type is refused, never converted."""
    with pytest.raises(InvalidRequestError, match=key):
        load_request(TopicCreate, json.dumps({**TOPIC, key: value}).encode())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"x": NaN}', b"\xff", b"[" * 100_000]
)
def test_no_json_object(body):
    """A body that is no JSON object is refused."""
    with pytest.raises(InvalidRequestError, match="body deserialization error"):
        load_request(SequenceCreate, body)


def test_responses_blame_the_server():
    """What a server sends wrongly is the server's fault, not the caller's."""
    with pytest.raises(ServerFaultError, match="locator"):
        load_response(SessionDelete, b'{"locator": 1}')


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": object()}, {1, 2}])
def test_only_json_is_written(value):
    """Metadata that JSON cannot carry is refused before it is sent."""
    with pytest.raises(InvalidRequestError, match="Cannot write"):
        to_json(value)
