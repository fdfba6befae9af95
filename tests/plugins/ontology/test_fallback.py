"""What no other mapper knows is kept, under a tag of its own."""

from collections.abc import Mapping

import attrs
import pyarrow as pa
import pytest
from mosaico_ingest_ontology import mosaico_mappers, mosaico_ontologies
from mosaico_ingest_ontology.fallback import FallbackMapper, derive_tag

from mosaico_ingest.plugin import RAW_BYTES, Channel, Fit, Mapper, MapRequest, TimePolicy, Times
from mosaico_ingest.testing.mapper import MapperContract, MapperSample

STAMP = pa.struct([("sec", pa.int32()), ("nanosec", pa.uint32())])
HEADER = pa.struct([("seq", pa.uint32()), ("stamp", STAMP), ("frame_id", pa.string())])


def channel(type_name: str, encoding: str = "cdr", topic: str = "/topic") -> Channel:
    """Return a channel of the type."""
    return Channel(id=1, topic=topic, type_name=type_name, message_encoding=encoding)


def keep(
    data: pa.RecordBatch, times: Times, type_name: str = "a_msgs/msg/Thing", time=TimePolicy.Header
) -> pa.RecordBatch:
    """Return the rows of columns that are kept."""
    mapper = FallbackMapper()
    claim = mapper.claim(channel(type_name), data.schema, None)
    request = MapRequest(
        channel=channel(type_name),
        columns=data.schema,
        ontology=claim.ontology,
        time=time,
        options=None,
    )
    rows = mapper.compile(request)(data, times)
    rows.validate(full=True)
    return rows


@pytest.mark.parametrize(
    ("type_name", "encoding", "tag"),
    [
        ("diagnostic_msgs/msg/DiagnosticArray", "cdr", "diagnostic_msgs_diagnostic_array"),
        ("diagnostic_msgs/DiagnosticArray", "ros1", "diagnostic_msgs_diagnostic_array"),
        ("sensor_msgs/msg/PointCloud2", "cdr", "sensor_msgs_point_cloud2"),
        ("gps_common/msg/GPSFix", "cdr", "gps_common_gps_fix"),
        (
            "nav2_msgs/action/NavigateToPose_FeedbackMessage",
            "cdr",
            "nav2_msgs_navigate_to_pose_feedback_message",
        ),
        ("foxglove.PoseInFrame", "protobuf", "foxglove_pose_in_frame"),
        ("msg/Thing", "cdr", "msg_thing"),
        ("Configuration", "cdr", "cdr_configuration"),
        ("Image", "json", "json_image"),
        ("camera/Info", "json", "json_camera_info"),
        ("Imu", "", "unknown_imu"),
        ("Imu", "application/JSON", "application_json_imu"),
    ],
)
def test_tags(type_name, encoding, tag):
    """A tag is the type's name in snake case, package first; the encoding leads where that is too little."""
    assert tag == derive_tag(channel(type_name, encoding))


def test_tag_without_a_type():
    """Columns without a type's name are named by their topic."""
    assert "arrow_imu_raw_data" == derive_tag(channel("", "arrow", "/imu/rawData"))
    assert "arrow" == derive_tag(channel("", "arrow", "/"))


def test_tags_never_meet_the_platform():
    """No name that is made of a type of the platform gives that type's tag."""
    tags = {ontology.tag for ontology in mosaico_ontologies()}
    names = {f"{separator}".join(tag.split("_")) for tag in tags for separator in ("/", ".", "")}

    assert set() == tags & {derive_tag(channel(name, "json")) for name in names}


def test_columns_are_kept():
    """Decoded columns come back as they were, with the header's stamp, frame and number before them."""
    header = {"seq": 3, "stamp": {"sec": 2, "nanosec": 1}, "frame_id": "map"}
    data = pa.record_batch(
        {
            "header": pa.array([header], HEADER),
            "points": pa.array([[{"x": 1.5}, {"x": 2.5}]]),
        }
    )
    rows = keep(data, Times(log_ns=pa.array([9])))

    assert [
        {
            "timestamp_ns": 2_000_000_001,
            "recording_timestamp_ns": 9,
            "frame_id": "map",
            "sequence_id": 3,
            **data.to_pylist()[0],
        }
    ] == rows.to_pylist()


def test_claim_is_the_last_resort():
    """The claim stands behind all others, and brings its type along."""
    claim = FallbackMapper().claim(channel("a_msgs/Thing"), pa.schema([("x", pa.int8())]), None)

    assert (Fit.FALLBACK, ("a_msgs_thing", ["x"])) == (
        claim.fit,
        (claim.ontology.tag, claim.ontology.fields.names),
    )


def test_names_of_the_envelope_are_left_to_it():
    """A column that is named like one of the envelope's gets an underscore, or as many as it takes."""
    data = pa.record_batch({"frame_id": ["a"], "frame_id_": ["b"], "timestamp_ns": [1.5]})
    rows = keep(data, Times(log_ns=pa.array([9])))

    assert ["frame_id__", "frame_id_", "timestamp_ns_"] == rows.schema.names[4:]
    assert [9, "a", "b", 1.5] == [
        rows.column(name)[0].as_py()
        for name in ("timestamp_ns", "frame_id__", "frame_id_", "timestamp_ns_")
    ]


def test_messages_without_fields():
    """A message that says nothing but that it came is a row of its envelope."""
    rows = keep(pa.RecordBatch.from_arrays([], names=[]), Times(log_ns=pa.array([5, 6])))

    assert [5, 6] == rows.column("timestamp_ns").to_pylist()
    assert 4 == rows.num_columns


def test_payloads_that_nothing_decodes():
    """Payloads as recorded are kept byte for byte."""
    data = pa.record_batch({"payload": pa.array([b"\x00\x01", b""], pa.binary_view())})
    rows = keep(data, Times(log_ns=pa.array([5, 6])))

    assert rows.schema == RAW_BYTES.schema
    assert [b"\x00\x01", b""] == rows.column("payload").to_pylist()


def test_timestamp_of_the_message():
    """A message without a header gives its own `timestamp` and `frame_id`, and keeps them as columns."""
    stamp = pa.struct({"seconds": pa.int64(), "nanos": pa.int32()})
    data = pa.record_batch(
        {
            "timestamp": pa.array([(1, 5), None], stamp),
            "frame_id": ["map", "odom"],
            "value": [1, 2],
        }
    )
    rows = keep(data, Times(log_ns=pa.array([10, 20])))

    assert [1_000_000_005, 20] == rows.column("timestamp_ns").to_pylist()
    assert ["map", "odom"] == rows.column("frame_id").to_pylist()
    assert ["map", "odom"] == rows.column("frame_id_").to_pylist()
    assert [{"seconds": 1, "nanos": 5}, None] == rows.column("timestamp").to_pylist()


def test_clock_of_a_table():
    """The source of typed columns has chosen their clock; a column `timestamp` does not override it."""
    data = pa.record_batch({"timestamp": pa.array([5, 6], pa.timestamp("ns"))})
    table = attrs.evolve(channel("", "arrow"), columns=data.schema)
    mapper = FallbackMapper()
    request = MapRequest(
        channel=table,
        columns=data.schema,
        ontology=mapper.claim(table, data.schema, None).ontology,
        time=TimePolicy.Header,
        options=None,
    )
    rows = mapper.compile(request)(data, Times(log_ns=pa.array([10, 20])))

    assert [10, 20] == rows.column("timestamp_ns").to_pylist()


def test_header_of_another_shape():
    """A header without a stamp of seconds and nanoseconds is a column like any other."""
    data = pa.record_batch({"header": pa.array([{"stamp": 1.5, "frame_id": "map"}])})
    rows = keep(data, Times(log_ns=pa.array([9])))

    assert [9] == rows.column("timestamp_ns").to_pylist()
    assert [None] == rows.column("frame_id").to_pylist()


class TestFallbackMapper(MapperContract):
    """The contract, on shapes that other mappers would not touch."""

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The fallback."""
        (mapper,) = mosaico_mappers()
        return mapper

    @pytest.fixture
    def samples(self) -> Mapping[str, MapperSample]:
        """Messages with and without header, of odd types, without fields, and raw payloads."""
        header = {"seq": 3, "stamp": {"sec": -2, "nanosec": 2**32 - 1}, "frame_id": ""}
        odd = pa.record_batch(
            {
                "nothing": pa.nulls(3),
                "empty": pa.array([{}, None, {}], pa.struct([])),
                "empties": pa.array([[{}], None, [{}, {}]], pa.list_(pa.struct([]))),
                "views": pa.array([["a"], [], ["b" * 20]], pa.list_(pa.string_view())),
                "pairs": pa.array([[{}, {}], None, [{}, {}]], pa.list_(pa.struct([]), 2)),
            }
        )
        batches = {
            "header": pa.record_batch({"header": pa.array([header] * 3, HEADER), "x": [1, 2, 3]}),
            "odd": odd,
            "no fields": pa.RecordBatch.from_arrays([], names=[]),
            "payload": pa.record_batch({"payload": pa.array([b"a", b"", b"c" * 30])}),
        }
        return {
            name: MapperSample(
                channel=channel("a_msgs/msg/Thing"), data=data, has_header=name == "header"
            )
            for name, data in batches.items()
        }
