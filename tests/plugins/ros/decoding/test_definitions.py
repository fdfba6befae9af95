"""Definitions become the right columns, or a reason why not."""

import pyarrow as pa
import pytest
from mosaico_ingest_ros.decoding.decoder import CdrDecoder, Ros1Decoder

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.plugin import Channel

LINE = "=" * 80 + "\n"


def schema(kit, definition: str, encoding: str = "cdr", schema_encoding: str = "") -> pa.Schema:
    """Return the columns of the message `p/msg/M`."""
    return kit.compile(encoding, "p/msg/M", definition.encode(), schema_encoding).schema


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("bool", pa.bool_()),
        ("byte", pa.int8()),
        ("char", pa.uint8()),
        ("uint64", pa.uint64()),
        ("float32", pa.float32()),
        ("string", pa.string()),
        ("string<=5", pa.string()),
        ("uint8[]", pa.binary()),
        ("byte[]", pa.binary()),
        ("char[<=4]", pa.binary()),
        ("int8[]", pa.list_(pa.int8())),
        ("uint8[4]", pa.list_(pa.uint8(), 4)),
        ("float64[9]", pa.list_(pa.float64(), 9)),
        ("float64[]", pa.list_(pa.float64())),
        ("string[]", pa.list_(pa.string())),
        ("string[2]", pa.list_(pa.string(), 2)),
        ("time", pa.struct([("sec", pa.int32()), ("nanosec", pa.uint32())])),
        ("duration", pa.struct([("sec", pa.int32()), ("nanosec", pa.uint32())])),
        ("std_msgs/Empty[]", pa.list_(pa.struct([]))),
    ],
)
def test_types(field, column, kit):
    """Every kind of field has its Arrow type."""
    assert pa.schema([("x", column)]) == schema(kit, f"{field} x\n")


def test_header(kit):
    """A header has a sequence number in ROS 1, and none in ROS 2."""
    stamp = ("stamp", pa.struct([("sec", pa.int32()), ("nanosec", pa.uint32())]))
    frame = ("frame_id", pa.string())
    ros1 = kit.compile("ros1", "std_msgs/Header").schema
    ros2 = kit.compile("cdr", "std_msgs/msg/Header").schema

    assert pa.schema([("seq", pa.uint32()), stamp, frame]) == ros1
    assert pa.schema([stamp, frame]) == ros2


def test_message_without_fields(kit):
    """An empty message has no columns, but a row per message."""
    decode = kit.compile("ros1", "std_msgs/Empty")
    decoded = decode(pa.array([b"", b""], pa.binary()))

    assert pa.schema([]) == decode.schema
    assert (2, 0) == decoded.data.shape


def test_missing_parts_are_taken_from_ros(kit):
    """A message that the text leaves out is taken from what ROS ships."""
    assert ["x", "y", "z"] == [f.name for f in schema(kit, "geometry_msgs/Vector3 v\n")[0].type]


def test_embedded_parts_win(kit):
    """A message that the text holds is not taken from elsewhere, even under a longer name."""
    text = f"rmw_dds_common/msg/Gid g\n{LINE}MSG: fastdds/rmw_dds_common/msg/Gid\nuint8[3] data\n"

    assert pa.list_(pa.uint8(), 3) == schema(kit, text)[0].type["data"].type


def test_windows_line_ends(kit):
    """Line ends of other systems, and blanks behind a separator, change nothing."""
    text = f"p/N n\r\n{LINE.strip()} \r\nMSG: p/N\r\nint32 x\r\n"

    assert pa.schema([("n", pa.struct([("x", pa.int32())]))]) == schema(kit, text)


@pytest.mark.parametrize("prefix", ["", f"{LINE}IDL: p/msg/M\n"])
def test_ros2idl(prefix, kit):
    """IDL is read with and without the separators of rosbag2."""
    idl = "module p { module msg { struct M { double x; sequence<octet> data; }; }; };\n"

    assert pa.schema([("x", pa.float64()), ("data", pa.binary())]) == schema(
        kit, prefix + idl, schema_encoding="ros2idl"
    )


def test_idl_name_with_colons(kit):
    """DDS recorders name a type by its scope."""
    idl = b"module a { struct Other { long z; }; struct Name { long x; }; };"

    assert ["x"] == kit.compile("cdr", "a::Name", idl, "omgidl").schema.names


@pytest.mark.parametrize(
    ("definition", "schema_encoding", "reason"),
    [
        ("this is: no definition", "ros2msg", "cannot be parsed"),
        ("wstring x\n", "ros2msg", "'x' is a wstring"),
        ("nowhere/Thing x\n", "ros2msg", "'nowhere/msg/Thing' is neither"),
        ("M x\n", "ros2msg", "contains itself"),
        ("int32 x\nint8 x\n", "ros2msg", "two fields of one name"),
        ("int32[0] x\n", "ros2msg", "array 'x' of 0"),
        ("int32[3000000000] x\n", "ros2msg", "array 'x' of 3000000000"),
        ("struct M { wstring x; };", "omgidl", "'x' is a wstring"),
        ("struct M { long double x; };", "omgidl", "'x' is a float128"),
        ("union M switch(long) { case 1: long x; };", "omgidl", "cannot be parsed"),
        ("struct N { long x; };", "omgidl", "does not contain it"),
        ("struct M { @optional long x; };", "omgidl", "has optional members"),
        ("@mutable struct M { long x; };", "omgidl", "has mutable structs"),
        ("@extensibility( MUTABLE ) struct M { long x; };", "omgidl", "has mutable structs"),
        ("@bit_bound(8) enum E { A }; struct M { E e; };", "omgidl", "has enums of fewer bits"),
        ("struct M { sequence<sequence<long> > x; };", "omgidl", "has sequences of sequences"),
    ],
)
def test_refused(definition, schema_encoding, reason, kit):
    """What cannot be decoded is refused with the name of what stands in the way."""
    with pytest.raises(DecodeError, match=r"\.$") as caught:
        schema(kit, definition, schema_encoding=schema_encoding)

    assert reason in caught.value.reason


def test_unknown_type_without_definition(kit):
    """A name alone is enough for what ROS ships only."""
    with pytest.raises(DecodeError, match="'mine/msg/Own' is neither in the recording nor"):
        kit.compile("cdr", "mine/msg/Own")


def test_items_without_bytes(kit):
    """A sequence of empty messages in ROS 1 is refused: its length says nothing about its payload."""
    with pytest.raises(DecodeError, match="have no bytes"):
        schema(kit, "std_msgs/Empty[] x\n", "ros1")


@pytest.mark.parametrize(
    ("decoder", "message", "schema_encoding", "type_name", "is_claimed"),
    [
        (CdrDecoder(), "cdr", "ros2msg", "p/msg/M", True),
        (CdrDecoder(), "cdr", "ros2idl", "p/msg/M", True),
        (CdrDecoder(), "cdr", "omgidl", "M", True),
        (CdrDecoder(), "cdr", "jsonschema", "M", False),
        (CdrDecoder(), "ros1", "ros1msg", "p/M", False),
        (Ros1Decoder(), "ros1", "ros1msg", "p/M", True),
        (Ros1Decoder(), "cdr", "ros1msg", "p/M", False),
        (Ros1Decoder(), "ros1", "protobuf", "p/M", False),
    ],
)
def test_claims(decoder, message, schema_encoding, type_name, is_claimed):
    """A claim rests on the encodings of message and definition together."""
    channel = Channel(
        id=0,
        topic="/t",
        type_name=type_name,
        message_encoding=message,
        schema_encoding=schema_encoding,
        definition=b"x",
    )

    assert is_claimed == (decoder.claim(channel) is not None)


@pytest.mark.parametrize(("type_name", "is_claimed"), [("p/msg/M", True), ("M", False)])
def test_claims_without_definition(type_name, is_claimed):
    """Without a definition, only what is named like a ROS type is claimed."""
    channel = Channel(id=0, topic="/t", type_name=type_name, message_encoding="cdr")

    assert is_claimed == (CdrDecoder().claim(channel) is not None)


@pytest.mark.parametrize("suffix", ["", "[]", "[3]"])
def test_messages_that_multiply(suffix, kit):
    """A short definition of astronomically many fields is refused, not unfolded."""
    levels = [
        f"{LINE}MSG: p/M{k}\n" + "".join(f"M{k + 1}{suffix} f{j}\n" for j in range(10))
        for k in range(12)
    ]
    text = "M0 x\n" + "".join(levels) + f"{LINE}MSG: p/M12\nint32 x\n"

    with pytest.raises(DecodeError, match="more than 10000 fields"):
        schema(kit, text)


def test_messages_in_many_levels(kit):
    """A definition that nests without end is refused."""
    levels = [f"{LINE}MSG: p/M{k}\nM{k + 1} x\n" for k in range(300)]
    text = "M0 x\n" + "".join(levels) + f"{LINE}MSG: p/M300\nint32 x\n"

    with pytest.raises(DecodeError, match="64 levels"):
        schema(kit, text)


@pytest.mark.parametrize(
    ("distro", "has_variance"), [("jazzy", True), ("humble", False), ("", False)]
)
def test_the_distribution_decides_where_definitions_differ(distro, has_variance):
    """A type without a definition is the one of the distribution named; Range got a field with Jazzy."""
    channel = Channel(
        id=0,
        topic="/t",
        type_name="sensor_msgs/msg/Range",
        message_encoding="cdr",
        metadata={"ros_distro": distro},
    )

    assert has_variance == ("variance" in CdrDecoder().compile(channel).schema.names)


def test_a_definition_that_would_take_long_to_parse_is_refused():
    """A definition of more than a megabyte costs its own channel, and is not parsed."""
    channel = Channel(
        id=0,
        topic="/t",
        type_name="p/msg/T",
        message_encoding="cdr",
        schema_encoding="ros2msg",
        definition=b"float64 x\n" * 200_000,
    )

    with pytest.raises(DecodeError, match=r"2000000 bytes.*kept as bytes"):
        CdrDecoder().compile(channel)
