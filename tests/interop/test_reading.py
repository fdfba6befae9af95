"""The public SDK reads what we ingested, into its typed models."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from mosaico_ingest.run import ingest

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

pytestmark = pytest.mark.interop

DEMO = "demo"
HUSKY = "test1"
NUMPY = "test"
TURTLES = "example"
TALKER = "test_bag_end_to_end"
RERUN = "rosbag2_2025_09_10-13_03_56_0"


@pytest.fixture(scope="module")
def client(platform) -> Iterator[object]:
    """A client of the public SDK."""
    with sdk.MosaicoClient.connect(platform.server.host, platform.server.port) as client:
        yield client


def messages(path: Path, channel: str) -> list[tuple[int, object]]:
    """Return log time and message of one channel as rosbags reads them."""
    with AnyReader([path]) as reader:
        wanted = [c for c in reader.connections if c.topic == channel]
        return [
            (stamp, reader.deserialize(raw, connection.msgtype))
            for connection, stamp, raw in reader.messages(connections=wanted)
        ]


def axes(model, source, covariance=None, kind=None):
    """Return a vector, point or quaternion of the SDK; an all-zero covariance says nothing."""
    known = covariance is not None and np.any(covariance)
    return model(
        covariance=covariance.tolist() if known else None,
        covariance_type=kind,
        **{name: getattr(source, name) for name in "xyzw" if hasattr(source, name)},
    )


def imu(m):
    """sensor_msgs/Imu."""
    return sdk.IMU(
        acceleration=axes(sdk.Vector3d, m.linear_acceleration, m.linear_acceleration_covariance),
        angular_velocity=axes(sdk.Vector3d, m.angular_velocity, m.angular_velocity_covariance),
        orientation=axes(sdk.Quaternion, m.orientation, m.orientation_covariance),
    )


def gps(m):
    """sensor_msgs/NavSatFix."""
    return sdk.GPS(
        position=sdk.Point3d(
            x=m.latitude,
            y=m.longitude,
            z=m.altitude,
            covariance=m.position_covariance.tolist(),
            covariance_type=m.position_covariance_type,
        ),
        status=sdk.GPSStatus(status=m.status.status, service=m.status.service),
    )


def joints(m):
    """sensor_msgs/JointState."""
    return sdk.RobotJoint(
        names=list(m.name),
        positions=m.position.tolist(),
        velocities=m.velocity.tolist(),
        efforts=m.effort.tolist(),
    )


def image(m):
    """sensor_msgs/Image."""
    return sdk.Image(
        data=m.data.tobytes(),
        format=sdk.ImageFormat.RAW,
        width=m.width,
        height=m.height,
        stride=m.step,
        encoding=m.encoding,
        is_bigendian=bool(m.is_bigendian),
    )


def compressed_image(m):
    """sensor_msgs/CompressedImage, with `jpeg` or `png` somewhere in its format."""
    kind = next(kind for kind in ("jpeg", "png") if kind in m.format)
    return sdk.CompressedImage(data=m.data.tobytes(), format=sdk.ImageFormat(kind))


def cloud(m):
    """sensor_msgs/PointCloud2."""
    from mosaicolabs.ros_bridge.data_ontology import PointCloud2, PointField

    return PointCloud2(
        height=m.height,
        width=m.width,
        fields=[
            PointField(name=f.name, offset=f.offset, datatype=f.datatype, count=f.count)
            for f in m.fields
        ],
        is_bigendian=m.is_bigendian,
        point_step=m.point_step,
        row_step=m.row_step,
        data=m.data.tobytes(),
        is_dense=m.is_dense,
    )


def odometry(m):
    """nav_msgs/Odometry."""
    return sdk.MotionState(
        pose=sdk.Pose(
            position=axes(sdk.Point3d, m.pose.pose.position),
            orientation=axes(sdk.Quaternion, m.pose.pose.orientation),
            covariance=m.pose.covariance.tolist(),
        ),
        velocity=sdk.Velocity(
            linear=axes(sdk.Vector3d, m.twist.twist.linear),
            angular=axes(sdk.Vector3d, m.twist.twist.angular),
            covariance=m.twist.covariance.tolist(),
        ),
        target_frame_id=m.child_frame_id,
    )


def transform(t):
    """One transform of a tf/tfMessage."""
    return sdk.Transform(
        translation=axes(sdk.Vector3d, t.transform.translation),
        rotation=axes(sdk.Quaternion, t.transform.rotation),
        target_frame_id=t.child_frame_id,
    )


def velocity(m):
    """geometry_msgs/Twist."""
    return sdk.Velocity(linear=axes(sdk.Vector3d, m.linear), angular=axes(sdk.Vector3d, m.angular))


def pose(m):
    """geometry_msgs/Pose."""
    return sdk.Pose(
        position=axes(sdk.Point3d, m.position), orientation=axes(sdk.Quaternion, m.orientation)
    )


def magnetometer(m):
    """sensor_msgs/MagneticField."""
    field = axes(sdk.Vector3d, m.magnetic_field, m.magnetic_field_covariance)
    return sdk.Magnetometer(magnetic_field=field)


def joy(m):
    """sensor_msgs/Joy."""
    return sdk.Joy(axes=m.axes.tolist(), buttons=m.buttons.tolist())


def string(m):
    """std_msgs/String."""
    return sdk.String(data=m.data)


def integer(m):
    """std_msgs/Int32."""
    return sdk.Integer32(data=m.data)


CASES = [
    (DEMO, "/imu/data", imu),
    (DEMO, "/gps/fix", gps),
    (DEMO, "/joint_states", joints),
    (DEMO, "/camera/image_raw", image),
    (DEMO, "/lidar/points", cloud),
    (HUSKY, "/fix", gps),
    (HUSKY, "/husky_velocity_controller/odom", odometry),
    (TURTLES, "/tf", transform),
    (TURTLES, "/turtle1/cmd_vel", velocity),
    (NUMPY, "/image", image),
    (NUMPY, "/compressedimage", compressed_image),
    (NUMPY, "/pointcloud", cloud),
    (NUMPY, "/pose", pose),
    (RERUN, "/compressed_image", compressed_image),
    (RERUN, "/joint_state", joints),
    (RERUN, "/magnetic_field", magnetometer),
    (RERUN, "/nav_sat_fix/gps", gps),
    (RERUN, "/joy", joy),
    (TALKER, "/string_topic", string),
    (TALKER, "/int_topic", integer),
]


def name_of(value: object) -> str:
    """Return the name of a builder, or the text itself."""
    return getattr(value, "__name__", str(value))


def expected_messages(path: Path, channel: str, build) -> list:
    """Return what the SDK should read: rosbags' messages in its models, in order of time."""
    found = []
    for log_ns, message in messages(path, channel):
        for part in message.transforms if build is transform else [message]:
            header = getattr(part, "header", None)
            stamp = header and header.stamp.sec * 10**9 + header.stamp.nanosec
            found.append(
                sdk.Message(
                    timestamp_ns=log_ns if header is None else stamp,
                    recording_timestamp_ns=log_ns,
                    frame_id=header and header.frame_id,
                    sequence_id=getattr(header, "seq", None),
                    data=build(part),
                )
            )
    return sorted(found, key=lambda message: message.timestamp_ns)


def test_the_sdk_lists_what_we_ingested(client, platform):
    """Every ingested sequence is listed, once; other tests may have added their own."""
    listed = list(client.list_sequences())

    assert set(platform.sequences) <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("sequence", [DEMO, HUSKY, NUMPY, TURTLES, TALKER, RERUN])
def test_the_sdk_knows_a_sequence(client, platform, sequence):
    """Topics, time range and metadata are those that our client tells."""
    ours = platform.ours.sequence_handler(sequence)
    theirs = client.sequence_handler(sequence)

    assert sorted(ours.topics) == sorted(theirs.topics)
    assert ours.time_range_ns == (theirs.timestamp_ns_min, theirs.timestamp_ns_max)
    assert ours.user_metadata == theirs.user_metadata
    assert ours.size_bytes == theirs.total_size_bytes


@pytest.mark.parametrize(("sequence", "topic", "build"), CASES, ids=name_of)
def test_the_sdk_reads_typed_messages(client, platform, sequence, topic, build):
    """Each message that the SDK reads equals the recorded one in its own typed model."""
    path = platform.sequences[sequence]
    channel = topic if sequence != TALKER else topic.removeprefix("/")

    expected = expected_messages(path, channel, build)

    assert expected
    assert expected == list(client.topic_handler(sequence, topic).get_data_streamer())


def test_the_sdk_decodes_our_pictures(client, platform):
    """Raw pixels and compressed pictures become PIL images, with the recorded pixels."""
    path = platform.sequences[DEMO]
    raw = next(client.topic_handler(DEMO, "/camera/image_raw").get_data_streamer())
    packed = next(client.topic_handler(RERUN, "/compressed_image").get_data_streamer())
    _, recorded = messages(path, "/camera/image_raw")[0]

    pixels = np.asarray(raw.get_data(sdk.Image).to_pillow())

    assert recorded.data.tobytes() == pixels.tobytes()
    assert "RGB" == packed.get_data(sdk.CompressedImage).to_image().convert("RGB").mode


def test_the_sdk_merges_topics_in_a_window(client, platform):
    """A merged stream is in order of time, and its window is half open, as in our client."""
    topics = ["/imu/data", "/gps/fix", "/joint_states"]
    start_ns, _ = platform.ours.sequence_handler(DEMO).time_range_ns
    window = start_ns + 250_000_000, start_ns + 750_000_000
    streamer = client.sequence_handler(DEMO).get_data_streamer(topics, *window)

    read = [(message.timestamp_ns, topic) for topic, message in streamer]

    expected = [
        (stamp, topic)
        for topic in topics
        for stamp in platform.ours.topic_handler(DEMO, topic)
        .read(*window)
        .read_all()["timestamp_ns"]
        .to_pylist()
    ]
    assert 50 + 2 + 25 == len(read)
    assert sorted(expected) == sorted(read)
    assert [stamp for stamp, _ in read] == sorted(stamp for stamp, _ in read)
    assert window[0] == read[0][0]
    assert all(stamp < window[1] for stamp, _ in read)


def test_the_sdk_reads_our_notifications(client, platform, shared_data):
    """What we leave on a damaged recording is listed by the SDK, which may then delete the sequence."""
    damaged = shared_data / "ros1/DERIVED/test1_corrupt_bz2_chunk.bag"
    (report,) = ingest(damaged, client=platform.ours).recordings
    topics = {topic.name: topic for topic in report.topics}

    (notice,) = client.list_sequence_notifications(report.sequence)
    (on_imu,) = client.list_topic_notifications(report.sequence, "/imu/data")
    client.sequence_delete(report.sequence)

    assert "cannot be unpacked" in notice.message
    assert f"{topics['/imu/data'].lost:,} lost" in on_imu.message
    assert (report.sequence, "imu/data") == (on_imu.sequence_name, on_imu.topic_name.strip("/"))
    assert report.sequence not in client.list_sequences()


def test_the_sdk_is_not_told_what_it_cannot_read(client, platform):
    """Infos and warnings of a run, which the SDK has no type for, are listed to our client alone."""
    ours = platform.ours.list_topic_notifications(DEMO, "/imu/data")
    theirs = client.list_topic_notifications(DEMO, "/imu/data")

    assert ["info", "info"] == [notice.kind for notice in ours]
    assert [] == theirs
