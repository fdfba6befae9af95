"""What the ROS mapper claims, what it leaves to others, and what its rows mean."""

import numpy as np
import pyarrow as pa
import pytest
from mosaico_ingest_ontology import mosaico_ontologies
from mosaico_ingest_ros.mapping import mappers
from mosaico_ingest_ros.mapping.mapper import ImageForm, RosMapper, RosOptions, TfForm

from mosaico_ingest.errors import DecodeError, PlanError
from mosaico_ingest.plugin import Channel, Fit, MapRequest, Ontology, TimePolicy, Times


def retyped(data: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    """Return *data* with another column *name*."""
    return data.set_column(data.schema.get_field_index(name), name, column)


def claim_of(channel: Channel, columns: pa.Schema, options: object = None):
    """Return what the ROS mapper offers."""
    mapper, *_ = mappers()
    return mapper.claim(channel, columns, options)


def test_claim_is_exact_and_names_the_type(world):
    """A message that has all the fields of its type is claimed with the name of the type."""
    data = world.columns("sensor_msgs/Imu", world.messages("sensor_msgs/Imu", 2, 0))
    claim = claim_of(world.channel("sensor_msgs/Imu"), data.schema)

    assert ("imu", Fit.EXACT, ()) == (claim.tag, claim.fit, claim.losses)
    assert world.name("sensor_msgs/Imu") == claim.reason


def test_unknown_types_are_left_alone(ros2):
    """A type that the ontology has no place for is not claimed."""
    base = "sensor_msgs/Illuminance"
    data = ros2.columns(base, ros2.messages(base, 2, 0))

    assert claim_of(ros2.channel(base), data.schema) is None


def test_fields_of_a_vendor_are_not_dropped(ros2):
    """A variant with a field more than the type is left to the mapper that keeps all fields."""
    base = "sensor_msgs/Imu"
    data = ros2.columns(base, ros2.messages(base, 2, 0))
    data = data.append_column("temperature", pa.array([20.0, 21.0]))

    assert claim_of(ros2.channel(base), data.schema) is None


@pytest.mark.parametrize("name", ["orientation", "linear_acceleration_covariance", "header"])
def test_other_shapes_under_a_known_name_are_left_alone(ros2, name):
    """A field of another type than expected is not claimed, so that nothing fails at run time."""
    base = "sensor_msgs/Imu"
    data = ros2.columns(base, ros2.messages(base, 2, 0))
    data = retyped(data, name, pa.array(["text", "text"]))

    assert claim_of(ros2.channel(base), data.schema) is None


def test_wider_numbers_than_the_type_holds_are_left_alone(ros2):
    """A vendor's 64-bit ranges do not fit 32 bits, and are not rounded."""
    base = "sensor_msgs/LaserScan"
    data = ros2.columns(base, ros2.messages(base, 2, 0))
    data = retyped(data, "ranges", pa.array([[1.0], [2.0]], pa.list_(pa.float64())))

    assert claim_of(ros2.channel(base), data.schema) is None


def test_narrower_numbers_are_widened(ros2, apply_mapper):
    """A vendor's 32-bit vector fits 64 bits."""
    base = "geometry_msgs/Vector3"
    data = pa.record_batch({axis: pa.array([0.5], pa.float32()) for axis in "xyz"})

    (row,) = apply_mapper(ros2.channel(base), data).rows
    assert [0.5, 0.5, 0.5] == [row[axis] for axis in "xyz"]


def test_batteries_of_old_distributions(ros2, apply_mapper):
    """A battery without temperatures is mapped, with null for what it does not measure."""
    base = "sensor_msgs/BatteryState"
    data = ros2.columns(base, ros2.messages(base, 2, 0))
    data = data.drop_columns(["temperature", "cell_temperature"])
    mapped = apply_mapper(ros2.channel(base), data)

    assert "battery_state" == mapped.claim.tag
    assert 2 == mapped.batch.column("temperature").null_count
    assert 2 == mapped.batch.column("cell_temperature").null_count


def test_orientation_that_is_not_estimated(ros2, apply_mapper):
    """Orientation is null where the first entry of its covariance is -1, and only there."""
    first, second = ros2.messages("sensor_msgs/Imu", 2, 5)
    first.orientation_covariance = np.array([-1.0] + [0.0] * 8)
    second.orientation_covariance = np.array([0.0] * 8 + [2.0])
    data = ros2.columns("sensor_msgs/Imu", [first, second])
    rows = apply_mapper(ros2.channel("sensor_msgs/Imu"), data).rows

    assert rows[0]["orientation"] is None
    assert [0.0] * 8 + [2.0] == rows[1]["orientation"]["covariance"]


def test_unknown_covariances(ros2, apply_mapper):
    """A matrix of zeros is no covariance of an Imu, but stays one of a position fix."""
    (imu,) = ros2.messages("sensor_msgs/Imu", 1, 5)
    imu.angular_velocity_covariance = np.zeros(9)
    (fix,) = ros2.messages("sensor_msgs/NavSatFix", 1, 5)
    fix.position_covariance = np.zeros(9)
    (imu_row,) = apply_mapper(
        ros2.channel("sensor_msgs/Imu"), ros2.columns("sensor_msgs/Imu", [imu])
    ).rows
    (fix_row,) = apply_mapper(
        ros2.channel("sensor_msgs/NavSatFix"), ros2.columns("sensor_msgs/NavSatFix", [fix])
    ).rows

    assert imu_row["angular_velocity"]["covariance"] is None
    assert [0.0] * 9 == fix_row["position"]["covariance"]


@pytest.mark.parametrize(
    ("time", "expected"),
    [(TimePolicy.Header, 5_000_000_007), (TimePolicy.Log, 111), (TimePolicy.Publish, 99)],
)
def test_time_policy(ros2, apply_mapper, time, expected):
    """The policy picks the header's stamp, the log's or the publisher's clock; the log's is always kept."""
    (message,) = ros2.messages("sensor_msgs/Imu", 1, 0)
    message.header.stamp.sec, message.header.stamp.nanosec = 5, 7
    message.header.frame_id = "imu_link"
    times = Times(log_ns=pa.array([111]), publish_ns=pa.array([99]))
    data = ros2.columns("sensor_msgs/Imu", [message])
    (row,) = apply_mapper(ros2.channel("sensor_msgs/Imu"), data, times, time=time).rows

    assert (expected, 111, "imu_link", None) == (
        row["timestamp_ns"],
        row["recording_timestamp_ns"],
        row["frame_id"],
        row["sequence_id"],
    )


@pytest.mark.parametrize("time", list(TimePolicy))
def test_transforms_take_the_clock_of_their_message(ros2, apply_mapper, time):
    """Rows that a message is split into share its log and publish time."""
    base = "tf2_msgs/TFMessage"
    messages = ros2.messages(base, 9, 1)
    log_ns, publish_ns = list(range(100, 109)), list(range(200, 209))
    times = Times(log_ns=pa.array(log_ns), publish_ns=pa.array(publish_ns))
    batch = apply_mapper(ros2.channel(base), ros2.columns(base, messages), times, time=time).batch
    clocks = {
        TimePolicy.Header: [
            t.header.stamp.sec * 10**9 + t.header.stamp.nanosec
            for m in messages
            for t in m.transforms
        ],
        TimePolicy.Log: [at for m, at in zip(messages, log_ns, strict=True) for _ in m.transforms],
        TimePolicy.Publish: [
            at for m, at in zip(messages, publish_ns, strict=True) for _ in m.transforms
        ],
    }

    assert clocks[time] == batch.column("timestamp_ns").to_pylist()
    assert clocks[TimePolicy.Log] == batch.column("recording_timestamp_ns").to_pylist()


def test_transforms_as_messages(ros2, apply_mapper):
    """On request a message stays one row, and the claim says that parents and stamps are lost."""
    base = "tf2_msgs/TFMessage"
    messages = ros2.messages(base, 9, 1)
    mapped = apply_mapper(
        ros2.channel(base), ros2.columns(base, messages), options=RosOptions(tf="message")
    )
    children = [[t.child_frame_id for t in m.transforms] for m in messages]

    assert "frame_transform" == mapped.claim.tag
    assert ("parent frame and stamp of each transform",) == mapped.claim.losses
    assert children == [[t["target_frame_id"] for t in row["transforms"]] for row in mapped.rows]


def test_options_are_checked():
    """A form of transforms that does not exist is refused when the options are made."""
    assert RosOptions().tf is TfForm.Rows
    assert RosOptions().image is ImageForm.Raw
    with pytest.raises(ValueError, match="'list' is not a valid TfForm"):
        RosOptions(tf="list")


def test_type_asked_for_by_tag(ros2):
    """Whatever the options prefer, the rule for the type in the request is taken."""
    base = "tf2_msgs/TFMessage"
    data = ros2.columns(base, ros2.messages(base, 3, 1))
    (frame_transform,) = (o for o in mosaico_ontologies() if o.tag == "frame_transform")
    request = MapRequest(
        channel=ros2.channel(base),
        columns=data.schema,
        ontology=frame_transform,
        time=TimePolicy.Log,
        options=None,
    )
    rows = RosMapper().compile(request)

    assert 3 == rows(data, Times(log_ns=pa.array([1, 2, 3]))).num_rows


def test_type_that_cannot_be_made(ros2):
    """A type that no rule makes of the channel is refused when the topic is prepared."""
    base = "sensor_msgs/Imu"
    data = ros2.columns(base, ros2.messages(base, 1, 1))
    request = MapRequest(
        channel=ros2.channel(base),
        columns=data.schema,
        ontology=Ontology(tag="gps", fields=pa.schema([])),
        time=TimePolicy.Log,
        options=None,
    )

    with pytest.raises(PlanError, match=r"cannot make 'gps' of channel '/topic'"):
        RosMapper().compile(request)


def test_values_that_are_missing(ros2, apply_mapper):
    """A null where the type requires a value is told, not stored."""
    data = pa.record_batch({"data": pa.array([1.0, None])})

    with pytest.raises(DecodeError, match=r"1 rows lack 'data', which 'floating64' requires\."):
        apply_mapper(ros2.channel("std_msgs/Float64"), data)


def test_layouts_of_a_decoder(ros2, apply_mapper):
    """Views, large lists and other names of list items end in the ontology's exact types."""
    cloud = "sensor_msgs/PointCloud2"
    data = ros2.columns(cloud, ros2.messages(cloud, 3, 1))
    view = retyped(data, "data", data.column("data").cast(pa.binary_view()))
    joints = "sensor_msgs/JointState"
    states = ros2.columns(joints, ros2.messages(joints, 3, 1))
    element = pa.list_(pa.field("element", pa.float64(), nullable=False))
    odd = retyped(states, "position", states.column("position").cast(element))

    mapped = apply_mapper(ros2.channel(cloud), view)
    assert repr(apply_mapper(ros2.channel(cloud), data).rows) == repr(mapped.rows)
    assert pa.binary() == mapped.batch.column("data").type
    mapped = apply_mapper(ros2.channel(joints), odd)
    assert repr(apply_mapper(ros2.channel(joints), states).rows) == repr(mapped.rows)
    wanted = mapped.ontology.schema.field("positions").type
    assert mapped.batch.column("positions").type.equals(wanted, check_metadata=True)


def test_memory_is_shared(ros2, apply_mapper):
    """Pixels and points are not copied on their way."""
    base = "sensor_msgs/PointCloud2"
    data = ros2.columns(base, ros2.messages(base, 3, 1))
    batch = apply_mapper(ros2.channel(base), data).batch

    assert data.column("data").buffers()[2].address == batch.column("data").buffers()[2].address


def test_transforms_can_be_split_by_edge(ros2):
    """With `split`, the claim names the columns of parent and child; other types and forms are not split."""
    base = "tf2_msgs/TFMessage"
    columns = ros2.columns(base, ros2.messages(base, 1, 1)).schema
    mapper = RosMapper()

    claims = {
        form: mapper.claim(ros2.channel(base), columns, RosOptions(tf=form)).split_by
        for form in TfForm
    }

    assert {
        TfForm.Rows: (),
        TfForm.Split: ("frame_id", "target_frame_id"),
        TfForm.Message: (),
    } == claims
