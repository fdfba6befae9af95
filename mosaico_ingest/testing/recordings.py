"""
Recordings made on the spot, the same bytes for the same arguments: for the demo, tests and benchmarks.

Each is a ROS 2 recording in one MCAP file, as `ros2 bag record -s mcap` writes it, with the values of a small
robot that drives a circle. Must not know: hosts, servers, plugins.
"""

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mosaico_ingest.testing.robot import Stream, camera, gps, imu, joints, lidar

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
            imu(noise, messages=100 * seconds, hz=100),
            gps(noise, messages=5 * seconds, hz=5),
            joints(noise, messages=50 * seconds, hz=50),
            camera(noise, messages=10 * seconds, hz=10, width=160, height=120),
            lidar(noise, messages=10 * seconds, hz=10, rings=16, steps=180),
        ],
    )


def write_imu(
    path: Path, messages: int, *, hz: float = 200, compression: str = "zstd", seed: int = 7
) -> int:
    """Write *messages* Imu messages, each with its own values."""
    noise = np.random.default_rng(seed)
    return write_ros2_mcap(path, [imu(noise, messages=messages, hz=hz)], compression=compression)


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
    clouds = lidar(
        noise, messages=messages, hz=10, rings=rings, steps=max(1, points // rings), distinct=8
    )
    return write_ros2_mcap(path, [clouds], compression=compression, chunk_bytes=4 * _MEBI)


def write_mix(path: Path, seconds: int, *, compression: str = "zstd", seed: int = 7) -> int:
    """Write what a robot's ten topics give in *seconds*: about 1,270 messages and 21 MB each second."""
    noise = np.random.default_rng(seed)

    def times(hz: int) -> int:
        return hz * seconds

    return write_ros2_mcap(
        path,
        [
            imu(noise, messages=times(400), hz=400),
            imu(noise, messages=times(200), hz=200, topic="/imu/lidar"),
            imu(noise, messages=times(200), hz=200, topic="/imu/camera"),
            gps(noise, messages=times(10), hz=10),
            joints(noise, messages=times(200), hz=200),
            joints(noise, messages=times(200), hz=200, topic="/gripper/joint_states"),
            camera(noise, messages=times(15), hz=15, width=640, height=480, distinct=8),
            camera(
                noise,
                messages=times(15),
                hz=15,
                width=320,
                height=240,
                topic="/camera/rear/image_raw",
                distinct=8,
            ),
            lidar(noise, messages=times(10), hz=10, rings=32, steps=512, distinct=8),
            lidar(
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
