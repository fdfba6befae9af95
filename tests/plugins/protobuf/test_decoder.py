"""What becomes of fields, of what is rare in payloads, and of what is wrong with them."""

import json

import pyarrow as pa
import pytest
from google.protobuf import timestamp_pb2

from mosaico_ingest.errors import DecodeError


def decoded(kit, definition, *payloads: bytes):
    """Decode payloads."""
    return kit.compile(definition)(pa.array(payloads, pa.binary()))


def rows(kit, definition, *payloads: bytes) -> list[dict]:
    """Decode payloads that are good."""
    result = decoded(kit, definition, *payloads)
    assert result.rejects == ()
    return result.data.to_pylist()


def reasons(kit, definition, payload: bytes) -> list[str]:
    """Decode a payload that is broken."""
    return [reject.reason for reject in decoded(kit, definition, payload).rejects]


def test_presence(kit):
    """A field without presence has its default where it is absent, one with presence is null."""
    definition = kit.Definition("M")
    definition.message("Part", ("", "bool", "on", 1))
    definition.message(
        "M",
        ("", "int32", "plain", 1),
        ("presence", "int32", "optional", 2),
        ("", "Part", "part", 3),
        ("choice", "string", "text", 4),
        ("repeated", "float", "list", 5),
    )

    assert rows(kit, definition, b"", b"\x10\x00\x1a\x00\x22\x00") == [
        {"plain": 0, "optional": None, "part": None, "text": None, "list": []},
        {"plain": 0, "optional": 0, "part": {"on": False}, "text": "", "list": []},
    ]
    assert [False, True, True, True, False] == [
        field.nullable for field in kit.compile(definition).schema
    ]


def test_defaults_of_proto2(kit):
    """A default that the definition states stands where the field is absent; without one it is null."""
    definition = kit.Definition("M", syntax="proto2")
    message = definition.message("M", ("optional", "int32", "none", 1))
    definition.field(message, "optional", "double", "gain", 2, default_value="1.5")
    definition.field(message, "optional", "string", "frame", 3, default_value="map")

    assert rows(kit, definition, b"", b"\x1a\x03abc") == [
        {"none": None, "gain": 1.5, "frame": "map"},
        {"none": None, "gain": 1.5, "frame": "abc"},
    ]


def test_enums(kit):
    """An enum is its number, also one without a name; the names are told with the column."""
    definition = kit.Definition("M")
    definition.enum("Level", LOW=0, HIGH=7)
    definition.message("M", ("", "enum Level", "level", 1))

    assert [7, 9] == [row["level"] for row in rows(kit, definition, b"\x08\x07", b"\x08\x09")]
    told = kit.compile(definition).schema.field("level").metadata[b"enum"]
    assert {"LOW": 0, "HIGH": 7} == json.loads(told)


def test_merging(kit):
    """The last of several numbers counts, a message in parts is put together, of a oneof the last stays."""
    definition = kit.Definition("M")
    definition.message("Part", ("", "int32", "a", 1), ("", "int32", "b", 2))
    definition.message(
        "M",
        ("", "int32", "n", 1),
        ("", "Part", "part", 2),
        ("one", "int32", "x", 3),
        ("one", "int32", "y", 4),
    )
    payload = b"\x08\x01\x08\x02" + b"\x12\x02\x08\x05\x12\x02\x10\x06" + b"\x18\x01\x20\x02"

    assert rows(kit, definition, payload) == [{"n": 2, "part": {"a": 5, "b": 6}, "x": None, "y": 2}]


def test_groups_and_extensions(kit):
    """Groups are structs, and told to be slow; extensions are columns named in brackets."""
    definition = kit.Definition("M", syntax="proto2")
    message = definition.message("M")
    definition.message("G", ("optional", "int32", "n", 1), within=message)
    definition.field(message, "optional", "group M.G", "g", 1)
    message.extension_range.add(start=100, end=200)
    definition.file.extension.add(name="extra", number=100, type=5, label=1, extendee=".t.M")

    assert rows(kit, definition, b"\x0b\x08\x05\x0c\xa0\x06\x09", b"\xa0\x06\x08") == [
        {"g": {"n": 5}, "[t.extra]": 9},
        {"g": None, "[t.extra]": 8},
    ]
    assert kit.compile(definition).note == "groups are read message by message"


def test_messages_inside_themselves(kit):
    """A message inside one of its own type is kept as bytes, and refused with them if they are broken."""
    definition = kit.Definition("M")
    definition.message("M", ("", "int32", "n", 1), ("", "M", "below", 2))

    assert [{"n": 1, "below": b"\x08\x02"}] == rows(kit, definition, b"\x08\x01\x12\x02\x08\x02")
    assert ["The payload is no valid t.M."] == reasons(kit, definition, b"\x12\x01\x08")


def test_long_lists(kit):
    """Lists of thousands of elements, of any size and beside others, are read whole."""
    definition = kit.Definition("M")
    definition.message("Point", ("", "double", "x", 1), ("", "string", "name", 2))
    definition.message("M", ("", "int32", "n", 1), ("repeated", "Point", "points", 20))
    write = kit.message(definition)
    points = [
        [{"x": j % 3, "name": "p" * (j % 300)} for j in range(n)]
        for n in (0, 5, 3000, 17, *[30] * 250)
    ]
    payloads = [write(n=7, points=some).SerializeToString() for some in points]

    assert points == [row["points"] for row in rows(kit, definition, *payloads)]


@pytest.mark.parametrize("turn", [1, 20])
def test_lists_that_take_turns(kit, turn):
    """Elements of two lists that follow each other by turns, which no library writes, are read whole."""
    definition = kit.Definition("M")
    definition.message("M", ("repeated", "string", "a", 1), ("repeated", "string", "b", 2))
    payload = (b"\x0a\x01x" * turn + b"\x12\x01y") * 2000

    assert rows(kit, definition, payload) == [{"a": ["x"] * turn * 2000, "b": ["y"] * 2000}]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x0a\x05ab", "The payload ends inside 'text'."),
        (b"\x0a\x01\xff", "The payload has text in 'text' that is not UTF-8."),
        (b"\x12\x02\x80\x80", "The payload has numbers in 'list' that are cut off."),
        (b"\x00\x01", "The payload has a tag that begins no field."),
        (b"\x1a\x02\x09\x00", "The payload ends inside 'part.x'."),
    ],
)
def test_reasons(kit, payload, reason):
    """What is broken is told by the field, and keeps nothing else from being decoded."""
    definition = kit.Definition("M")
    definition.message("Part", ("", "double", "x", 1))
    definition.message(
        "M", ("", "string", "text", 1), ("repeated", "int32", "list", 2), ("", "Part", "part", 3)
    )

    assert [reason] == reasons(kit, definition, payload)


def test_well_known_files_may_be_left_out(kit):
    """Descriptors that import a well-known file without carrying it are understood."""
    definition = kit.Definition("M")
    definition.file.dependency.append("google/protobuf/timestamp.proto")
    definition.message("M", ("", ".google.protobuf.Timestamp", "stamp", 1))
    stamp = timestamp_pb2.Timestamp(seconds=5, nanos=6).SerializeToString()

    assert [{"stamp": {"seconds": 5, "nanos": 6}}] == rows(
        kit, definition, b"\x0a" + bytes([len(stamp)]) + stamp
    )


@pytest.mark.parametrize("name", ["t.Other", ""])
def test_a_type_that_is_not_defined(kit, name):
    """Descriptors without the type of the channel are refused with its name."""
    definition = kit.Definition("M")
    definition.message("M")
    definition.name = name or "t"

    with pytest.raises(DecodeError, match=f"do not define '{definition.name}'"):
        kit.compile(definition)


def test_unknown_fields(kit):
    """Messages with fields that the definition does not know are counted, at every level and in any shape."""
    definition = kit.Definition("M", syntax="proto2")
    definition.enum("Closed", ZERO=0)
    definition.message("Part", ("optional", "int32", "n", 1))
    definition.message("M", ("optional", "Part", "part", 1), ("optional", "enum Closed", "enum", 2))
    plain, above, below = b"\x0a\x02\x08\x01", b"\x18\x01", b"\x0a\x02\x18\x01"
    group, unnamed, wrong_kind = b"\x1b\x1c", b"\x10\x07", b"\x08\x01"
    payloads = [plain, above, above * 3, below, group, unnamed, wrong_kind, plain]

    assert {"fields that the definition does not know are left out": 6} == decoded(
        kit, definition, *payloads
    ).findings


def test_more_elements_than_columns_can_hold(kit):
    """A list of empty elements of a very wide type is refused alone, before its columns take memory."""
    definition = kit.Definition("M")
    definition.message("Wide", *[("", "double", f"f{k}", k) for k in range(1, 4001)])
    definition.message("M", ("repeated", "Wide", "list", 1))
    good, bomb = b"\x0a\x00" * 3, b"\x0a\x00" * 50_000

    result = decoded(kit, definition, good, bomb, good)

    assert [3, 3] == [len(row) for row in result.data.column("list").to_pylist()]
    assert [([1], "The payload has too many elements in 'list' for their columns.")] == [
        (reject.rows.tolist(), reject.reason) for reject in result.rejects
    ]
