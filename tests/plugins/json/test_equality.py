"""Against json.loads: generated messages and schemas, and every JSON channel of the shared recordings."""

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c.d", "é", "x y", ""])
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.text(max_size=8),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
BLANKS = st.sampled_from(["", "  ", "\n"])


@st.composite
def promises(draw, depth=0):
    """Draw a schema, and a strategy for values that follow it."""
    kinds = ["integer", "number", "boolean", "string", "bytes"]
    kind = draw(st.sampled_from(kinds + ["array", "object"] * (depth < 2)))
    if kind == "bytes":
        texts = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
        return {"type": "string", "contentEncoding": "base64"}, texts
    if kind == "array":
        schema, items = draw(promises(depth + 1))
        return {"type": "array", "items": schema}, st.lists(items, max_size=3)
    if kind == "object":
        parts = draw(
            st.dictionaries(NAMES.filter(bool), promises(depth + 1), min_size=1, max_size=3)
        )
        members = {key: st.none() | values for key, (_, values) in parts.items()}
        properties = {key: schema for key, (schema, _) in parts.items()}
        return {"type": "object", "properties": properties}, st.fixed_dictionaries(
            {}, optional=members
        )
    plain = {
        "integer": st.integers(-(2**63), 2**63 - 1),
        "number": st.floats(allow_nan=False) | st.integers(-(2**53) + 1, 2**53 - 1),
        "boolean": st.booleans(),
        "string": st.text(max_size=8),
    }
    return {"type": kind}, plain[kind]


def opened(value, schema):
    """Return *value* with bytes in place of base64, as json.loads does not know it."""
    if value is None:
        return None
    if schema.get("contentEncoding"):
        return base64.b64decode(value)
    if schema["type"] == "array":
        return [opened(item, schema["items"]) for item in value]
    if schema["type"] == "object":
        return {key: opened(value.get(key), part) for key, part in schema["properties"].items()}
    return value


@settings(max_examples=200, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=6), st.integers(0, 6), BLANKS)
def test_any_messages(kit, messages, seen, blank):
    """The columns and what is left over are the message, whatever the first messages were."""
    indent = 1 if blank == "\n" else None
    payloads = [(blank + json.dumps(m, indent=indent) + blank).encode() for m in messages]
    rows = kit.rows(payloads, payloads[:seen])

    expected = [kit.message(json.loads(payload)) for payload in payloads]
    assert expected == [kit.message(row) for row in rows]


@settings(max_examples=150, deadline=None)
@given(st.data(), promises())
def test_any_schema(kit, data, promise):
    """Messages that follow their schema are equal to json.loads, without a sample and without a rest."""
    schema, values = promise
    schema = {"type": "object", "properties": {"m": schema}}
    messages = data.draw(st.lists(st.fixed_dictionaries({"m": st.none() | values}), max_size=5))
    payloads = [json.dumps(message, ensure_ascii=False).encode() for message in messages]
    rows = kit.rows(payloads, [], schema)

    assert [opened(json.loads(payload), schema) for payload in payloads] == rows


def test_all_shared_channels(shared_data, kit):
    """Every JSON channel of the shared recordings decodes to what json.loads says."""
    from mcap.reader import make_reader

    path = next(shared_data.rglob("simple-protobuf.mcap"))
    with path.open("rb") as stream:
        found = [
            (schema.data, message.data)
            for schema, channel, message in make_reader(stream).iter_messages()
            if channel.message_encoding == "json"
        ]
    payloads = [data for _, data in found]
    rows = kit.rows(payloads, payloads[:10], json.loads(found[0][0]))

    assert 292 == len(rows)
    assert [json.loads(data) for data in payloads] == rows
