"""Tests of mosaico_ingest_json.decoder and batches: columns, and what becomes of messages that do not fit."""

import json

import pyarrow as pa
import pytest

FREE = [b'{"n": 1, "x": 0.5, "s": "a", "in": {"b": true}}'] * 2


def test_columns_without_a_schema_are_those_of_the_first_messages(kit):
    """Types come from the sample; the plan is told where they are from and what becomes of the rest."""
    decode = kit.compile([b'{"n": 1, "x": 1}', b'{"x": 0.5, "l": [null, {"s": "t"}]}'])

    expected = [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("l", pa.list_(pa.struct([("s", pa.string())]))),
        ("_extra", pa.string()),
    ]
    assert pa.schema(expected) == decode.schema
    assert (
        "columns inferred from the first 2 messages; what does not fit them is kept as text in '_extra'"
        == decode.note
    )


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (b'{"v": 0}', pa.float64()),
        (b'{"v": 0, "w": 1}', pa.int64()),
        (b'{"v": 0, "w": 0.5}', pa.float64()),
        (b'{"v": [0, 0]}', pa.list_(pa.float64())),
        (b'{"v": null}', pa.null()),
        (b'{"v": 9223372036854775808}', pa.null()),
        (b'{"v": "2026-01-01T00:00:00Z"}', pa.string()),
    ],
)
def test_types_of_values_that_say_little(sample, expected, kit):
    """Zeros alone are floats, beside integers integers; dates stay text."""
    assert expected == kit.compile([sample]).schema.field("v").type


def test_values_of_no_one_type_have_no_column(kit):
    """What is text here and a number there is kept as JSON text."""
    payloads = [b'{"v": 1, "w": 1}', b'{"v": "x", "w": 1}']

    expected = [{"w": 1, "_extra": '{"v":1}'}, {"w": 1, "_extra": '{"v":"x"}'}]
    assert expected == kit.rows(payloads)


@pytest.mark.parametrize(
    ("payload", "row"),
    [
        (b'{"n": 1.5}', {"_extra": '{"n":1.5}'}),
        (b'{"n": 2.0}', {"n": 2}),
        (b'{"n": 9223372036854775808}', {"_extra": '{"n":9223372036854775808}'}),
        (b'{"n": true}', {"_extra": '{"n":true}'}),
        (b'{"x": 9007199254740993}', {"_extra": '{"x":9007199254740993}'}),
        (b'{"x": 1e300}', {"x": 1e300}),
        (b'{"x": Infinity}', {"x": float("inf")}),
        (b'{"x": "0.5"}', {"_extra": '{"x":"0.5"}'}),
        (b'{"s": "\\ud800"}', {"_extra": '{"s":"\\ud800"}'}),
        (b'{"s": "\\u0000"}', {"s": "\0"}),
        (b'{"in": {"b": true, "c": [1]}}', {"in": {"b": True}, "_extra": '{"in":{"c":[1]}}'}),
        (b'{"in": 7}', {"_extra": '{"in":7}'}),
        ('{"né": "ü"}'.encode(), {"_extra": '{"né":"ü"}'}),
        (b'\xef\xbb\xbf{"n": 1}', {"n": 1}),
        (b'{\n"s"\r\n:\t"a b"}\n', {"s": "a b"}),
        (b"{}", {}),
        (b'{"n": null}', {}),
    ],
)
def test_what_does_not_fit_a_column_is_kept_as_text(payload, row, kit):
    """The columns and the text beside them are the message; nothing is rounded or cut."""
    empty = dict.fromkeys(["n", "x", "s", "in", "_extra"])
    around = kit.rows([FREE[0], payload, FREE[1]], FREE)

    assert [json.loads(FREE[0]) | {"_extra": None}, empty | row] == around[:2]
    assert around[0] == around[2]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "The payload is empty."),
        (b" \n", "The payload is empty."),
        (b'{"n": 1}{"n": 2}', "The payload is not JSON (Extra data)."),
        (b'{"n": 1', "The payload is not JSON (Expecting ',' delimiter)."),
        (b'{"s": "a\nb"}', "The payload is not JSON (Invalid control character at)."),
        (b'{"s": "\xff"}', "The payload is not UTF-8."),
        ('{"n": 1}'.encode("utf-16"), "The payload is not UTF-8."),
        (b'{"n": 1, "n": 2}', "The payload has two members of one name."),
        (b'{"o": {"n": 1, "n": 2}}', "The payload has two members of one name."),
        (b"[1]", "The payload is not a JSON object, as others of its channel are."),
        (b"null", "The payload is not a JSON object, as others of its channel are."),
        (b'{"q":' * 100_000, "The payload is nested too deeply to be parsed."),
        (b'{"n": 1%s}' % (b"0" * 5000), "The payload holds a number of too many digits."),
    ],
)
def test_what_is_no_message_is_rejected_alone(payload, reason, kit):
    """Broken texts, and texts that say one thing twice, are told with a reason."""
    assert {reason: [1]} == kit.rejects([FREE[0], payload, FREE[1]], FREE)


def test_texts_that_complete_each_other_are_no_messages(kit):
    """Two halves and two wholes are not three rows."""
    payloads = [b'{"n": 1,', b'"x": 2.0}', b'{"n": 1}{"n": 2}', FREE[0]]
    rejects = kit.rejects(payloads, FREE)

    assert [0, 1, 2] == sorted(row for rows in rejects.values() for row in rows)


def test_many_misfits_among_many(kit):
    """Whole halves are tried before single messages, and order is kept."""
    payloads = [
        b'{"n": %d.5}' % k if k % 97 == 0 else b'{"n": %d, "x": 1}' % k for k in range(1000)
    ]
    rows = kit.rows(payloads, payloads[1:50])

    assert [json.loads(payload) for payload in payloads] == [kit.message(row) for row in rows]


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize(
    "new", ['"new": %d', '"in": {"c": [%d]}', '"l": [{}, {"b": 1, "d": %d}]', '"z": null, "y": %d']
)
def test_new_members_among_many(new, every, kit):
    """Messages with members that are no columns are found wherever these are; the others keep theirs."""
    payloads = [
        b'{"n": %d, %s}' % (k, (new % k).encode() if k % every == 0 else b'"in": {"b": true}')
        for k in range(300)
    ]
    sample = [b'{"n": 1, "in": {"b": true}, "l": [{"b": 1}]}']
    rows = kit.rows(payloads, sample)

    assert [kit.message(json.loads(p)) for p in payloads] == [kit.message(row) for row in rows]


def test_large_numbers_among_many(kit):
    """Floats beyond 2^53 stay what they are, integers there are kept as text, in lists as well."""
    large = [b"1.7976931348623157e308", b"9007199254740993", b"-1e300", b"0.25"]
    payloads = [b'{"x": %s, "l": [0.5, %s]}' % (large[k % 5 % 4], large[k % 4]) for k in range(600)]
    rows = kit.rows(payloads, [b'{"x": 0.5, "l": [0.5]}'])

    assert [json.loads(payload) for payload in payloads] == [kit.message(row) for row in rows]


@pytest.mark.parametrize(
    ("payloads", "kind"),
    [
        ([b"1", b"-2"], pa.int64()),
        ([b'"a"', b'"b"'], pa.string()),
        ([b"[[0.5], []]", b"null"], pa.list_(pa.list_(pa.float64()))),
    ],
)
def test_messages_that_are_no_objects(payloads, kind, kit):
    """Lists and plain values are the column `value`; a text that ends it early is not one."""
    decode = kit.compile(payloads)
    forged = b'1, "value": 2'

    expected = [{"value": json.loads(payload), "_extra": None} for payload in payloads]
    assert kind == decode.schema.field("value").type
    assert expected == kit.rows(payloads)
    assert {"The payload is not JSON (Extra data).": [1]} == kit.rejects(
        [payloads[0], forged], payloads
    )


def test_no_messages_to_infer_from(kit):
    """Without a sample and a schema the whole message is kept as text."""
    assert [{"_extra": '{"a":[1]}'}] == kit.rows([b'{"a": [1]}'], [])


def test_the_name_of_the_last_column_is_free(kit):
    """A message with a member `_extra` of its own keeps it."""
    rows = kit.rows([b'{"_extra": 1}', b'{"_extra": 1, "b": 2}'], [b'{"_extra": 1}'])

    assert [{"_extra": 1, "_extra_": None}, {"_extra": 1, "_extra_": '{"b":2}'}] == rows


def test_names_that_no_column_can_have(kit):
    """Members without a printable name are kept as text."""
    assert [{"a": 1, "_extra": '{"":2,"b\\n":3}'}] == kit.rows([b'{"a": 1, "": 2, "b\\n": 3}'])


def test_deep_messages(kit):
    """What lies deeper than columns go is kept as text."""
    payload = b'{"a":' * 100 + b"1" + b"}" * 100
    (row,) = kit.rows([payload])

    assert json.loads(payload) == kit.message(row)


def test_a_large_message(kit):
    """A message of tens of megabytes is one row."""
    payload = b'{"n": 1, "x": 0.5, "s": "%s"}' % (b"a" * (32 << 20))
    (row,) = kit.rows([payload], FREE)

    assert 32 << 20 == len(row["s"])
