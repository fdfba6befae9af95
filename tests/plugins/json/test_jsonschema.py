"""Tests of mosaico_ingest_json.jsonschema: columns that a schema promises, and messages that break it."""

import base64

import attrs
import pyarrow as pa
import pytest
from mosaico_ingest_json.decoder import JsonDecoder

TIME = {"type": "object", "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}}}
STAMP = pa.struct([("sec", pa.int64()), ("nsec", pa.int64())])


def promise(**members):
    """Return the schema of an object."""
    return {"type": "object", "properties": members}


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ({"type": "boolean"}, pa.bool_()),
        ({"type": "integer", "minimum": 0}, pa.int64()),
        ({"type": "number"}, pa.float64()),
        ({"type": ["number", "null"]}, pa.float64()),
        ({"type": ["integer", "number"]}, pa.float64()),
        ({"type": "string", "format": "date-time"}, pa.string()),
        ({"type": "string", "contentEncoding": "base64"}, pa.binary()),
        ({"enum": ["a", "b", None]}, pa.string()),
        ({"const": 0}, pa.int64()),
        ({"oneOf": [{"title": "UNKNOWN", "const": 0}, {"const": 1}]}, pa.int64()),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}, {"const": 0.5}]}, pa.float64()),
        ({"type": "array", "items": {"type": "integer"}}, pa.list_(pa.int64())),
        ({"prefixItems": [{"type": "integer"}, {"type": "number"}], "type": "array"}, pa.list_(pa.float64())),
        ({"$ref": "#/$defs/a~1time%20"}, STAMP),
        ({"allOf": [promise(sec={"type": "integer"}), promise(nsec={"type": "integer"})]}, STAMP),
    ],
)  # fmt: skip
def test_types(member, kind, kit):
    """Every word that fixes a type makes a column, and a whole schema needs no column for the rest."""
    schema = promise(m=member) | {"$defs": {"a/time ": TIME}}
    decode = kit.compile((), schema)

    assert pa.schema([("m", kind)]) == decode.schema
    assert decode.note == ""


@pytest.mark.parametrize(
    "member",
    [
        True,
        {},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/properties/m"},
        {"$ref": "#/nowhere"},
    ],
)
def test_what_a_schema_leaves_open_is_inferred(member, kit):
    """Parts without a type are those of the first messages."""
    payloads = [b'{"m": {"a": 1}}', b'{"m": {"a": 2, "b": 3}}']
    rows = kit.rows(payloads, payloads[:1], promise(m=member))

    assert [
        {"m": {"a": 1}, "_extra": None},
        {"m": {"a": 2}, "_extra": '{"m":{"b":3}}'},
    ] == rows


def test_types_that_exclude_each_other_have_no_column(kit):
    """A member that may be text or a number is kept as text."""
    schema = promise(m={"oneOf": [{"type": "string"}, {"type": "number"}]}, n={"type": "number"})

    assert [{"n": 1.0, "_extra": '{"m":"a"}'}] == kit.rows([b'{"m": "a", "n": 1}'], schema=schema)


def test_messages_that_break_a_promise_are_rejected(kit):
    """A schema that the first messages keep is a contract: later ones that break it are kept as bytes."""
    schema = promise(a={"type": "integer"}, o=promise(b={"type": "string"}))
    payloads = [
        b'{"a": 1, "o": {"b": "x"}}',
        b'{"a": 1.5}',
        b'{"c": 1}',
        b'{"o": {"b": 1}}',
        b'{"o": {"d": 1}}',
    ]

    expected = {
        "The value of 'a' does not fit the schema.": [1],
        "The message has members that its schema does not name.": [2, 4],
        "The value of 'o.b' does not fit the schema.": [3],
    }
    assert expected == kit.rejects(payloads, payloads[:1], schema)


def test_first_messages_that_go_beyond_their_schema(kit):
    """New members and fractions have columns too, what is of another kind is kept; a note says so."""
    schema = promise(a={"type": "integer"}, t={"type": "string"})
    payloads = [b'{"a": 1.5, "b": "x"}', b'{"a": 1, "b": "y", "t": 2}']

    expected = [
        {"a": 1.5, "t": None, "b": "x", "_extra": None},
        {"a": 1.0, "t": None, "b": "y", "_extra": '{"t":2}'},
    ]
    assert expected == kit.rows(payloads, schema=schema)
    assert "its JSON Schema and of the first 2 messages" in kit.compile(payloads, schema).note


@pytest.mark.parametrize("padding", range(4))
def test_base64(padding, kit):
    """Bytes of every length, null and nothing come back, alone and in lists."""
    schema = promise(
        d={"type": "string", "contentEncoding": "base64"},
        l={"type": "array", "items": {"type": "string", "contentEncoding": "base64"}},
    )
    data = bytes(range(padding, 30))
    text = base64.b64encode(data)
    payloads = [
        b'{"d": "%s", "l": ["", "%s"]}' % (text, text),
        b'{"d": null}',
        b'{"d": "", "l": [null, "AA=="]}',
    ]

    expected = [
        {"d": data, "l": [b"", data]},
        {"d": None, "l": None},
        {"d": b"", "l": [None, b"\0"]},
    ]
    assert expected == kit.rows(payloads, schema=schema)


@pytest.mark.parametrize("text", ["A", "AA", "AA=A", "=AAA", "A===", "AA==AAAA", "A-_A", "A A="])
def test_what_is_not_base64(text, kit):
    """Text that does not follow the promised encoding is not guessed at."""
    schema = promise(d={"type": "string", "contentEncoding": "base64"})
    payloads = [b'{"d": "AAAA"}', b'{"d": "%s"}' % text.encode()]

    assert {"The value of 'd' does not fit the schema.": [1]} == kit.rejects(
        payloads, payloads[:1], schema
    )


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (b"{", "The JSON Schema is not JSON"),
        (b"[" * 100_000, "The JSON Schema is not JSON"),
        (b"7", "The JSON Schema is neither an object nor a boolean"),
        (b" " * (1 << 20) + b"{}", "The JSON Schema has 1048578 bytes; at most 1048576 are read"),
    ],
)
def test_schemas_that_cannot_be_used(definition, reason, kit):
    """The columns are inferred instead, and the note says why."""
    channel = attrs.evolve(kit.channel([b'{"a": 1}'], {}), definition=definition)
    decode = JsonDecoder().compile(channel)

    assert ["a", "_extra"] == decode.schema.names
    assert decode.note.startswith(f"{reason}; columns inferred")


def test_references_without_end_cost_nothing(kit):
    """References that multiply are followed up to a bound."""
    levels = {
        f"l{k}": promise(a={"$ref": f"#/$defs/l{k + 1}"}, b={"$ref": f"#/$defs/l{k + 1}"})
        for k in range(30)
    }
    decode = kit.compile((), {"$ref": "#/$defs/l0", "$defs": levels})

    assert ["a", "b", "_extra"] == decode.schema.names
