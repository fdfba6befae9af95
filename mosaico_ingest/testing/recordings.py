"""
Recordings made on the spot, the same bytes for the same arguments: for the demo, tests and benchmarks.

Each is a ROS 2 recording in one MCAP file, as `ros2 bag record -s mcap` writes it, with the values of a small
robot that drives a circle. Must not know: hosts, servers, plugins.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

__all__ = [
    "START_NS",
    "Stream",
    "write_demo",
    "write_imu",
    "write_mix",
    "write_pointclouds",
    "write_ros2_mcap",
]

START_NS = 1_735_689_600_000_000_000
"""The first stamp of every recording: 2025-01-01 00:00:00 UTC."""

_LATENCY_NS = 1_500_000
_MEBI = 1024 * 1024

Build = Callable[["Typestore", Any, float], Any]
"""Typestore, header and seconds since the start to one message."""


@attrs.frozen(kw_only=True)
class Stream:
    """
    One topic of a recording.

    Args:
        topic: Its name.
        type_name: Its message type (`sensor_msgs/msg/Imu`).
        messages: How many messages it gets.
        hz: Messages per second.
        frame: Frame of reference in the header.
        build: Makes the message of one moment.
        distinct: How many different messages are made, over and over with new stamps; 0 makes each anew.
    """

    topic: str
    type_name: str
    messages: int
    hz: float
    frame: str
    build: Build
    distinct: int = 0


def write_ros2_mcap(
    path: Path, streams: Sequence[Stream], *, compression: str = "zstd", chunk_bytes: int = _MEBI
) -> int:
    """
    Write *streams*, merged by time, into an MCAP file with an index, and return the number of messages.

    Args:
        path: The file, overwritten.
        streams: The topics.
        compression: `zstd`, `lz4` or `none`.
        chunk_bytes: Size from which a chunk is closed.
    """
    from mcap.writer import CompressionType, Writer
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    with path.open("wb") as file:
        writer: Any = Writer(
            file, chunk_size=chunk_bytes, compression=CompressionType[compression.upper()]
        )
        writer.start(profile="ros2", library="mosaico-ingest")
        channels = [_register(writer, types, stream) for stream in streams]
        messages = [
            _messages(types, stream, channel)
            for stream, channel in zip(streams, channels, strict=True)
        ]
        for stamp_ns, channel, sequence, payload in heapq.merge(*messages):
            writer.add_message(
                channel,
                log_time=stamp_ns + _LATENCY_NS,
                data=payload,
                publish_time=stamp_ns + _LATENCY_NS // 2,
                sequence=sequence,
            )
        writer.finish()
    return sum(stream.messages for stream in streams)


def write_demo(path: Path, *, seconds: int = 10, seed: int = 7) -> int:
    """
    Write ten seconds of a small robot: IMU, GPS, joints, a camera and a lidar.

    Args:
        path: The file, overwritten.
        seconds: How long it lasts.
        seed: Of the sensors' noise.
    """
    noise = np.random.default_rng(seed)
    return write_ros2_mcap(
        path,
        [
            _imu(noise, messages=100 * seconds, hz=100),
            _gps(noise, messages=5 * seconds, hz=5),
            _joints(noise, messages=50 * seconds, hz=50),
            _camera(noise, messages=10 * seconds, hz=10, width=160, height=120),
            _lidar(noise, messages=10 * seconds, hz=10, rings=16, steps=180),
        ],
    )


def write_imu(
    path: Path, messages: int, *, hz: float = 200, compression: str = "zstd", seed: int = 7
) -> int:
    """Write *messages* Imu messages, each with its own values."""
    noise = np.random.default_rng(seed)
    return write_ros2_mcap(path, [_imu(noise, messages=messages, hz=hz)], compression=compression)


def write_pointclouds(
    path: Path,
    messages: int,
    *,
    points: int = _MEBI // 16,
    compression: str = "zstd",
    seed: int = 7,
) -> int:
    """Write *messages* point clouds of 16 bytes per point; eight different clouds take turns."""
    noise = np.random.default_rng(seed)
    rings = 64
    lidar = _lidar(
        noise, messages=messages, hz=10, rings=rings, steps=max(1, points // rings), distinct=8
    )
    return write_ros2_mcap(path, [lidar], compression=compression, chunk_bytes=4 * _MEBI)


def write_mix(path: Path, seconds: int, *, compression: str = "zstd", seed: int = 7) -> int:
    """Write what a robot's ten topics give in *seconds*: about 1,270 messages and 21 MB each second."""
    noise = np.random.default_rng(seed)

    def times(hz: int) -> int:
        return hz * seconds

    return write_ros2_mcap(
        path,
        [
            _imu(noise, messages=times(400), hz=400),
            _imu(noise, messages=times(200), hz=200, topic="/imu/lidar"),
            _imu(noise, messages=times(200), hz=200, topic="/imu/camera"),
            _gps(noise, messages=times(10), hz=10),
            _joints(noise, messages=times(200), hz=200),
            _joints(noise, messages=times(200), hz=200, topic="/gripper/joint_states"),
            _camera(noise, messages=times(15), hz=15, width=640, height=480, distinct=8),
            _camera(
                noise,
                messages=times(15),
                hz=15,
                width=320,
                height=240,
                topic="/camera/rear/image_raw",
                distinct=8,
            ),
            _lidar(noise, messages=times(10), hz=10, rings=32, steps=512, distinct=8),
            _lidar(
                noise,
                messages=times(20),
                hz=20,
                rings=16,
                steps=180,
                topic="/lidar/rear/points",
                distinct=8,
            ),
        ],
        compression=compression,
        chunk_bytes=4 * _MEBI,
    )


def _register(writer: Any, types: "Typestore", stream: Stream) -> int:
    """Announce the message definition and the channel of *stream*."""
    definition, _ = types.generate_msgdef(stream.type_name, ros_version=2)
    schema = writer.register_schema(
        name=stream.type_name, encoding="ros2msg", data=definition.encode()
    )
    return int(writer.register_channel(stream.topic, message_encoding="cdr", schema_id=schema))


def _messages(
    types: "Typestore", stream: Stream, channel: int
) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield stamp, channel, sequence number and payload of each message of *stream*."""
    made: list[bytes] = []
    for number in range(stream.messages):
        elapsed_s = number / stream.hz
        stamp_ns = START_NS + round(elapsed_s * 1e9)
        if not stream.distinct or number < stream.distinct:
            header = _header(types, stamp_ns, stream.frame)
            message = stream.build(types, header, elapsed_s)
            payload = bytes(types.serialize_cdr(message, stream.type_name))
            made[number:] = [payload] if stream.distinct else []
        else:
            payload = _restamp(made[number % stream.distinct], stamp_ns)
        yield stamp_ns, channel, number, payload


def _restamp(payload: bytes, stamp_ns: int) -> bytes:
    """Replace the header's stamp, which follows the four bytes of CDR encapsulation."""
    stamp = np.array(divmod(stamp_ns, 1_000_000_000), "<u4").tobytes()
    return payload[:4] + stamp + payload[12:]


def _header(types: "Typestore", stamp_ns: int, frame: str) -> Any:
    """Make a `std_msgs/msg/Header`."""
    seconds, rest_ns = divmod(stamp_ns, 1_000_000_000)
    stamp = types.types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=rest_ns)
    return types.types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)


def _imu(
    noise: np.random.Generator, *, messages: int, hz: float, topic: str = "/imu/data"
) -> Stream:
    """Gravity, a steady turn and the noise of a cheap sensor."""
    covariance = np.diag([1e-4, 1e-4, 1e-4]).ravel()

    def build(types: "Typestore", header: Any, elapsed_s: float) -> Any:
        vector = types.types["geometry_msgs/msg/Vector3"]
        yaw = 0.2 * elapsed_s
        jitter = noise.normal(0, 0.01, 6)
        return types.types["sensor_msgs/msg/Imu"](
            header=header,
            orientation=types.types["geometry_msgs/msg/Quaternion"](
                x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2)
            ),
            orientation_covariance=covariance,
            angular_velocity=vector(x=jitter[0], y=jitter[1], z=0.2 + jitter[2]),
            angular_velocity_covariance=covariance,
            linear_acceleration=vector(x=jitter[3], y=0.4 + jitter[4], z=9.81 + jitter[5]),
            linear_acceleration_covariance=covariance,
        )

    return Stream(
        topic=topic,
        type_name="sensor_msgs/msg/Imu",
        messages=messages,
        hz=hz,
        frame="imu_link",
        build=build,
    )


def _gps(
    noise: np.random.Generator, *, messages: int, hz: float, topic: str = "/gps/fix"
) -> Stream:
    """A fix that drifts by centimetres around a circle of ten metres."""

    def build(types: "Typestore", header: Any, elapsed_s: float) -> Any:
        yaw = 0.2 * elapsed_s
        east_m, north_m = 10 * np.array([math.sin(yaw), math.cos(yaw)]) + noise.normal(0, 0.02, 2)
        return types.types["sensor_msgs/msg/NavSatFix"](
            header=header,
            status=types.types["sensor_msgs/msg/NavSatStatus"](status=0, service=1),
            latitude=45.4642 + north_m / 111_320,
            longitude=9.19 + east_m / (111_320 * math.cos(math.radians(45.4642))),
            altitude=122.0 + noise.normal(0, 0.05),
            position_covariance=np.diag([4e-4, 4e-4, 25e-4]).ravel(),
            position_covariance_type=2,
        )

    return Stream(
        topic=topic,
        type_name="sensor_msgs/msg/NavSatFix",
        messages=messages,
        hz=hz,
        frame="gps",
        build=build,
    )


def _joints(
    noise: np.random.Generator, *, messages: int, hz: float, topic: str = "/joint_states"
) -> Stream:
    """Six joints of an arm that swings."""
    names = [f"joint_{number}" for number in range(1, 7)]
    phases = np.arange(6) * 0.5

    def build(types: "Typestore", header: Any, elapsed_s: float) -> Any:
        return types.types["sensor_msgs/msg/JointState"](
            header=header,
            name=names,
            position=np.sin(elapsed_s + phases),
            velocity=np.cos(elapsed_s + phases),
            effort=noise.normal(0, 0.1, 6),
        )

    return Stream(
        topic=topic,
        type_name="sensor_msgs/msg/JointState",
        messages=messages,
        hz=hz,
        frame="base_link",
        build=build,
    )


def _camera(
    noise: np.random.Generator,
    *,
    messages: int,
    hz: float,
    width: int,
    height: int,
    topic: str = "/camera/image_raw",
    distinct: int = 0,
) -> Stream:
    """A bright square that wanders over a gradient, in rgb8."""
    gradient = np.broadcast_to(
        np.linspace(0, 200, width, dtype=np.uint8)[None, :, None], (height, width, 3)
    )
    side = height // 4

    def build(types: "Typestore", header: Any, elapsed_s: float) -> Any:
        pixels = gradient + noise.integers(0, 8, (height, width, 1), dtype=np.uint8)
        left = int((width - side) * (0.5 + 0.5 * math.sin(elapsed_s)))
        pixels[side : 2 * side, left : left + side] = 255
        return types.types["sensor_msgs/msg/Image"](
            header=header,
            height=height,
            width=width,
            encoding="rgb8",
            is_bigendian=0,
            step=3 * width,
            data=pixels.ravel(),
        )

    return Stream(
        topic=topic,
        type_name="sensor_msgs/msg/Image",
        messages=messages,
        hz=hz,
        frame="camera",
        build=build,
        distinct=distinct,
    )


def _lidar(
    noise: np.random.Generator,
    *,
    messages: int,
    hz: float,
    rings: int,
    steps: int,
    topic: str = "/lidar/points",
    distinct: int = 0,
) -> Stream:
    """A round room seen by a turning lidar: x, y, z and intensity as float32."""
    azimuth, elevation = np.meshgrid(
        np.linspace(0, 2 * np.pi, steps, endpoint=False), np.linspace(-0.26, 0.26, rings)
    )
    rays = np.stack(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ],
        axis=-1,
    ).reshape(-1, 3)

    def build(types: "Typestore", header: Any, elapsed_s: float) -> Any:
        cloud: npt.NDArray[np.float32] = np.empty((len(rays), 4), np.float32)
        ranges_m = 5 + math.sin(elapsed_s) + noise.normal(0, 0.02, (len(rays), 1))
        cloud[:, :3] = rays * ranges_m
        cloud[:, 3] = noise.integers(0, 256, len(rays))
        field = types.types["sensor_msgs/msg/PointField"]
        names = ("x", "y", "z", "intensity")
        return types.types["sensor_msgs/msg/PointCloud2"](
            header=header,
            height=1,
            width=len(rays),
            fields=[
                field(name=name, offset=4 * number, datatype=7, count=1)
                for number, name in enumerate(names)
            ],
            is_bigendian=False,
            point_step=16,
            row_step=16 * len(rays),
            data=cloud.view(np.uint8).ravel(),
            is_dense=True,
        )

    return Stream(
        topic=topic,
        type_name="sensor_msgs/msg/PointCloud2",
        messages=messages,
        hz=hz,
        frame="lidar",
        build=build,
        distinct=distinct,
    )
