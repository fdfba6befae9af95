"""Values of recordings that nobody here wrote, read back from the server, against rosbags' own reading."""

import shutil
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

DEMO = "mcap/reductstore+reductstore_agent/testdata/demo.mcap"
HUSKY = "ros1/cra-ros-pkg+robot_localization/test/test1.bag"
TURTLES = "ros1/foxglove+rosbag/example.bag"
NUMPY = "ros1/eric-wieser+ros_numpy/test/test.bag"
LETTERS = "ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag"


def messages(path: Path, channel: str) -> list[tuple[int, object]]:
    """Return log time and message of one channel as rosbags reads them."""
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        wanted = [c for c in reader.connections if c.topic == channel]
        return [
            (stamp, reader.deserialize(raw, connection.msgtype))
            for connection, stamp, raw in reader.messages(connections=wanted)
        ]


def stamped(log_ns: int, header: object, **fields: object) -> dict[str, object]:
    """Return a row with the envelope that a message with *header* gets."""
    return {
        "timestamp_ns": header.stamp.sec * 10**9 + header.stamp.nanosec,
        "recording_timestamp_ns": log_ns,
        "frame_id": header.frame_id,
        "sequence_id": getattr(header, "seq", None),
        **fields,
    }


def xyz(vector: object, covariance: object = None, kind: int | None = None) -> dict[str, object]:
    """Return a vector or quaternion as the ontology has it; an all-zero covariance says nothing."""
    known = covariance is not None and np.any(covariance)
    return {
        "covariance": covariance.tolist() if known else None,
        "covariance_type": kind,
        **{name: getattr(vector, name) for name in "xyzw" if hasattr(vector, name)},
    }


def in_order(rows: list[dict]) -> list[dict]:
    """Return rows as a server gives them: by time, those of one time as they were written."""
    return sorted(rows, key=lambda row: row["timestamp_ns"])


def test_imu_comes_back_as_recorded(archive):
    """Imu: each row equals rosbags' message, an all-zero covariance is none."""
    expected = [
        stamped(
            log_ns,
            m.header,
            acceleration=xyz(m.linear_acceleration, m.linear_acceleration_covariance),
            angular_velocity=xyz(m.angular_velocity, m.angular_velocity_covariance),
            orientation=xyz(m.orientation, m.orientation_covariance),
        )
        for log_ns, m in messages(archive.data / DEMO, "/nissan/gps/duro/imu")
    ]

    assert in_order(expected) == archive.rows(DEMO, "/nissan/gps/duro/imu")


def test_nav_sat_fix_comes_back_as_recorded(archive):
    """NavSatFix: position with covariance and its type, and the status."""
    expected = [
        stamped(
            log_ns,
            m.header,
            position={
                "covariance": m.position_covariance.tolist(),
                "covariance_type": m.position_covariance_type,
                "x": m.latitude,
                "y": m.longitude,
                "z": m.altitude,
            },
            velocity=None,
            status={
                "status": m.status.status,
                "service": m.status.service,
                "satellites": None,
                "hdop": None,
                "vdop": None,
            },
        )
        for log_ns, m in messages(archive.data / HUSKY, "/fix")
    ]

    assert in_order(expected) == archive.rows(HUSKY, "/fix")


def test_odometry_comes_back_as_recorded(archive):
    """Odometry: pose and twist keep their covariances, the child frame is the target."""
    channel = "/husky_velocity_controller/odom"
    expected = [
        stamped(
            log_ns,
            m.header,
            covariance=None,
            covariance_type=None,
            pose={
                "covariance": m.pose.covariance.tolist(),
                "covariance_type": None,
                "position": xyz(m.pose.pose.position),
                "orientation": xyz(m.pose.pose.orientation),
            },
            velocity={
                "covariance": m.twist.covariance.tolist(),
                "covariance_type": None,
                "linear": xyz(m.twist.twist.linear),
                "angular": xyz(m.twist.twist.angular),
            },
            target_frame_id=m.child_frame_id,
            acceleration=None,
        )
        for log_ns, m in messages(archive.data / HUSKY, channel)
    ]

    assert in_order(expected) == archive.rows(HUSKY, channel)


def test_transforms_come_back_one_by_one(archive):
    """TFMessage: a row per transform, with its own stamp, its parent and its child frame."""
    expected = [
        stamped(
            log_ns,
            t.header,
            covariance=None,
            covariance_type=None,
            translation=xyz(t.transform.translation),
            rotation=xyz(t.transform.rotation),
            target_frame_id=t.child_frame_id,
        )
        for log_ns, message in messages(archive.data / TURTLES, "/tf")
        for t in message.transforms
    ]

    assert in_order(expected) == archive.rows(TURTLES, "/tf")


def test_strings_of_a_split_bag_come_back_as_recorded(archive, tmp_path):
    """String: the rows of five files are one topic, in the order of the log's clock."""
    copied = shutil.copytree(
        archive.data / LETTERS, tmp_path / "wbag"
    )  # rosbags opens WAL files for writing
    tmp_path.joinpath("wbag").chmod(0o755)
    expected = [
        {
            "timestamp_ns": log_ns,
            "recording_timestamp_ns": log_ns,
            "frame_id": None,
            "sequence_id": None,
            "data": message.data,
        }
        for log_ns, message in messages(copied, "AAA")
    ]

    assert in_order(expected) == archive.rows(LETTERS, "AAA")


def test_types_without_an_ontology_come_back_as_recorded(archive):
    """A type that no ontology type fits keeps its fields as columns, with the log's clock."""
    expected = [
        {
            "timestamp_ns": log_ns,
            "recording_timestamp_ns": log_ns,
            "frame_id": None,
            "sequence_id": None,
            **{
                name: getattr(m, name)
                for name in ("x", "y", "theta", "linear_velocity", "angular_velocity")
            },
        }
        for log_ns, m in messages(archive.data / TURTLES, "/turtle1/pose")
    ]

    assert in_order(expected) == archive.rows(TURTLES, "/turtle1/pose")


def test_images_come_back_as_recorded(archive):
    """Image: raw pixels stay raw."""
    expected = [
        stamped(
            log_ns,
            m.header,
            data=m.data.tobytes(),
            format="raw",
            width=m.width,
            height=m.height,
            stride=m.step,
            encoding=m.encoding,
            is_bigendian=bool(m.is_bigendian),
        )
        for log_ns, m in messages(archive.data / NUMPY, "/image")
    ]

    assert in_order(expected) == archive.rows(NUMPY, "/image")
