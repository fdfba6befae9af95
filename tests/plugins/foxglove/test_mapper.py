"""Which channels the mapper takes, and what they become."""

import json

import pyarrow as pa
import pytest
from foxglove_messages import make_messages
from mosaico_ingest_foxglove import mosaico_mappers
from mosaico_ingest_foxglove.mapper import FoxgloveMapper, FoxgloveOptions, TfForm, schema_name
from mosaico_ingest_ontology import mosaico_ontologies

from mosaico_ingest.errors import DecodeError, PlanError
from mosaico_ingest.plugin import Channel, MapRequest, TimePolicy, Times

VECTOR = pa.schema({axis: pa.float64() for axis in "xyz"})
POSE = pa.struct(
    {
        "position": pa.struct(VECTOR),
        "orientation": pa.struct({axis: pa.float64() for axis in "xyzw"}),
    }
)
STAMP = pa.struct({"seconds": pa.int64(), "nanos": pa.int32()})
IMAGE = {
    "timestamp": STAMP,
    "frame_id": pa.string(),
    "width": pa.int64(),
    "height": pa.int64(),
    "encoding": pa.string(),
    "step": pa.int64(),
    "data": pa.binary(),
}


def channel(type_name: str, schema_encoding: str = "", definition: bytes = b"") -> Channel:
    """Return a channel of the type."""
    return Channel(
        id=1,
        topic="/t",
        type_name=type_name,
        message_encoding="json",
        schema_encoding=schema_encoding,
        definition=definition,
    )


def prepare(name: str, tag: str, columns: pa.Schema):
    """Return the mapping of columns to a type."""
    (ontology,) = (ontology for ontology in mosaico_ontologies() if ontology.tag == tag)
    return FoxgloveMapper().compile(
        MapRequest(
            channel=channel(name),
            columns=columns,
            ontology=ontology,
            time=TimePolicy.Header,
            options=None,
        )
    )


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("foxglove.PointCloud", "PointCloud"),
        ("foxglove_msgs/msg/PointCloud", "PointCloud"),
        ("foxglove_msgs/PointCloud", "PointCloud"),
        ("foxglove::PointCloud", "PointCloud"),
        ("foxglove.nested.PointCloud", ""),
        ("my.foxglove.PointCloud", ""),
        ("sensor_msgs/msg/PointCloud", ""),
        ("", ""),
    ],
)
def test_names_of_schemas(type_name, expected):
    """A schema is known by its name, as protobuf, JSON, both generations of ROS and IDL spell it."""
    assert expected == schema_name(channel(type_name))


@pytest.mark.parametrize(
    ("schema_encoding", "definition", "expected"),
    [
        ("jsonschema", json.dumps({"title": "foxglove.Pose"}).encode(), "Pose"),
        ("jsonschema", json.dumps({"title": "Pose"}).encode(), ""),
        ("jsonschema", json.dumps({"title": ["foxglove.Pose"]}).encode(), ""),
        ("jsonschema", b"[]", ""),
        ("jsonschema", b"\xff{", ""),
        ("protobuf", json.dumps({"title": "foxglove.Pose"}).encode(), ""),
    ],
)
def test_titles_of_schemas(schema_encoding, definition, expected):
    """A channel with a name of its own is known by the title of its JSON Schema, whatever that holds."""
    assert expected == schema_name(channel("front", schema_encoding, definition))


@pytest.mark.parametrize(
    "columns",
    [
        VECTOR.append(pa.field("label", pa.string())),
        VECTOR.remove(0),
        VECTOR.set(0, pa.field("x", pa.string())),
        VECTOR.append(pa.field("_extra", pa.string())),
    ],
)
def test_other_columns_are_left_alone(columns):
    """A schema with a field more, a field less or of another kind is left to the fallback."""
    assert FoxgloveMapper().claim(channel("foxglove.Vector3"), columns, None) is None


@pytest.mark.parametrize(
    ("schema", "tf", "expected"),
    [
        ("FrameTransforms", TfForm.Rows, ("transform", ())),
        ("FrameTransforms", TfForm.Split, ("transform", ("frame_id", "target_frame_id"))),
        ("FrameTransforms", TfForm.Message, ("frame_transform", ())),
        ("FrameTransform", TfForm.Split, ("transform", ("frame_id", "target_frame_id"))),
        ("FrameTransform", TfForm.Message, ("transform", ())),
    ],
)
def test_forms_of_transforms(dress, schema, tf, expected):
    """Transforms are rows, rows split by edge, or the list of their message; one alone is a row always."""
    data = dress.columns(schema, make_messages(schema))
    claim = FoxgloveMapper().claim(dress.channel(schema), data.schema, FoxgloveOptions(tf=tf))

    assert expected == (claim.tag, claim.split_by)


def test_transforms_as_their_message(dress, apply_mapper):
    """The list keeps what the type has room for, and the claim names the rest."""
    messages = make_messages("FrameTransforms", 6)
    mapped = apply_mapper(
        dress.channel("FrameTransforms"),
        dress.columns("FrameTransforms", messages),
        FoxgloveOptions(tf="message"),
    )

    assert [
        [(part["child_frame_id"], part["translation"]["x"]) for part in message["transforms"]]
        for message in messages
    ] == [
        [(part["target_frame_id"], part["translation"]["x"]) for part in row["transforms"]]
        for row in mapped.batch.to_pylist()
    ]
    assert ("stamp of each transform", "parent frame of each transform") == mapped.claim.losses
    assert list(range(6)) == mapped.batch.column("timestamp_ns").to_pylist()


def test_nothing_but_nulls():
    """Columns of which only nulls were seen are taken for what they should be."""
    pose = pa.struct(
        {"position": pa.struct({axis: pa.null() for axis in "xyz"}), "orientation": POSE[1].type}
    )
    data = pa.record_batch(
        [pa.nulls(2, STAMP), pa.nulls(2), pa.nulls(2, pose)],
        names=["timestamp", "frame_id", "pose"],
    )
    rows = prepare("foxglove.PoseInFrame", "pose", data.schema)
    (_, row) = rows(data, Times(log_ns=pa.array([5, 6]))).to_pylist()

    assert (6, None) == (row["timestamp_ns"], row["frame_id"])
    assert {None} == {row["position"][axis] for axis in "xyz"}


def test_numbers_that_do_not_fit():
    """A size beyond the type's is told with the way out, not wrapped."""
    data = pa.RecordBatch.from_pylist([{"width": 2**31, "data": b""}], pa.schema(IMAGE))
    rows = prepare("foxglove.RawImage", "image", data.schema)

    with pytest.raises(DecodeError, match=r"'/t'.*2147483648.*--map /t=fallback"):
        rows(data, Times(log_ns=pa.array([5])))


def test_matrix_of_another_size():
    """A matrix with missing values is told with the way out."""
    columns = {
        **{name: IMAGE[name] for name in ("timestamp", "frame_id", "width", "height")},
        "distortion_model": pa.string(),
        **dict.fromkeys("DKRP", pa.list_(pa.float64())),
    }
    data = pa.RecordBatch.from_pylist([{"K": [1.0] * 8}], pa.schema(columns))
    rows = prepare("foxglove.CameraCalibration", "camera_info", data.schema)

    with pytest.raises(DecodeError, match=r"'K' has 8 values. Expected 9, or none.*--map /t=fall"):
        rows(data, Times(log_ns=pa.array([5])))


def test_type_that_no_rule_makes():
    """Asked for another type than the schema's, the mapper names the way out."""
    with pytest.raises(PlanError, match=r"cannot make 'pose' of channel '/t'.*--map /t=fallback"):
        prepare("foxglove.Vector3", "pose", VECTOR)


def test_pixels_are_shared():
    """Bytes of images are not copied."""
    data = pa.RecordBatch.from_pylist([{"data": bytes(100)}, {"data": b"x"}], pa.schema(IMAGE))
    rows = prepare("foxglove.RawImage", "image", data.schema)
    batch = rows(data, Times(log_ns=pa.array([5, 6])))

    assert data.column("data").buffers()[2].address == batch.column("data").buffers()[2].address


def test_words_of_formats():
    """Formats are told in the ontology's words, others as they are."""
    schema = pa.schema({name: IMAGE[name] for name in ("timestamp", "frame_id", "data")})
    words = ["jpeg", "JPG", "h265", "h264", "WebP", None, "jpeg"]
    data = pa.RecordBatch.from_pylist(
        [{"data": b"", "format": word} for word in words],
        schema.append(pa.field("format", pa.string())),
    )
    rows = prepare("foxglove.CompressedVideo", "compressed_image", data.schema)
    batch = rows(data, Times(log_ns=pa.array(range(len(words)))))

    assert ["jpeg", "jpeg", "hevc", "h264", "WebP", "", "jpeg"] == batch.column(
        "format"
    ).to_pylist()


def test_plugin():
    """The plugin hands in one mapper."""
    (mapper,) = mosaico_mappers()

    assert "foxglove" == mapper.name
