"""
Messages per second of the columnar decoders and of rosbags' deserialiser, on the same payloads, in one run.

Run it as `python tests/plugins/ros/decoding/measure.py [NAME…]`. Payloads lie in one buffer like those of
a chunk, in batches of about 2 MiB; every figure is the best of five.
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from mosaico_ingest_ros.decoding.decoder import CdrDecoder, Ros1Decoder
from rosbags.typesys import Stores, get_typestore

from mosaico_ingest.plugin import Channel, Payloads

BATCH_BYTES = 2 << 20
STORE = get_typestore(Stores.ROS2_HUMBLE)
ROS1 = get_typestore(Stores.ROS1_NOETIC)


def make(name: str, *values, store=STORE):
    """Return one message."""
    package, _, short = name.partition("/")
    return store.types[f"{package}/msg/{short}"](*values)


def header(k: int, frame: str, store=STORE):
    """Return a header."""
    stamp = make("builtin_interfaces/Time", k, k, store=store)
    seq = [k] if store is ROS1 else []
    return make("std_msgs/Header", *seq, stamp, frame, store=store)


def vector(k: int, store=STORE):
    """Return a vector."""
    return make("geometry_msgs/Vector3", k / 3, k / 7, 9.81, store=store)


def quaternion(k: int, store=STORE):
    """Return a quaternion."""
    return make("geometry_msgs/Quaternion", 0.0, 0.0, k / 3, 1.0, store=store)


def imu(k: int, frame: str, store=STORE):
    """Return an Imu message."""
    zeros = np.zeros(9)
    parts = quaternion(k, store), zeros, vector(k, store), zeros, vector(k, store), zeros
    return make("sensor_msgs/Imu", header(k, frame, store), *parts, store=store)


def navsatfix(k: int, frame: str):
    """Return a NavSatFix message."""
    status = make("sensor_msgs/NavSatStatus", 0, 1)
    return make("sensor_msgs/NavSatFix", header(k, frame), status, 48.0, 11.0, k / 2, np.ones(9), 2)


def jointstate(k: int, frame: str, count: int = 7):
    """Return a JointState message."""
    names = [f"joint_{j}" for j in range(count)]
    return make("sensor_msgs/JointState", header(k, frame), names, *[np.arange(count) / 3] * 3)


def tf(k: int, count: int):
    """Return a TFMessage."""
    transforms = [
        make(
            "geometry_msgs/TransformStamped",
            header(k, "map" * (1 + j % 2)),
            f"link_{j * k % 200}",
            make("geometry_msgs/Transform", vector(k), quaternion(k)),
        )
        for j in range(count)
    ]
    return make("tf2_msgs/TFMessage", transforms)


def odometry(k: int, frame: str):
    """Return an Odometry message."""
    point = make("geometry_msgs/Point", k / 3, 0.0, 0.0)
    pose = make("geometry_msgs/Pose", point, quaternion(k))
    twist = make("geometry_msgs/Twist", vector(k), vector(k))
    return make(
        "nav_msgs/Odometry",
        header(k, frame),
        "base_link",
        make("geometry_msgs/PoseWithCovariance", pose, np.zeros(36)),
        make("geometry_msgs/TwistWithCovariance", twist, np.zeros(36)),
    )


def laserscan(k: int):
    """Return a LaserScan of 720 points."""
    ranges = np.arange(720, dtype=np.float32)
    return make("sensor_msgs/LaserScan", header(k, "laser"), *[0.1] * 7, ranges, ranges)


def pointcloud(k: int):
    """Return a PointCloud2 of 1 MB."""
    fields = [make("sensor_msgs/PointField", n, 4 * j, 7, 1) for j, n in enumerate("xyzi")]
    data = np.full(1_000_000, k % 256, np.uint8)
    head = header(k, "lidar")
    return make("sensor_msgs/PointCloud2", head, 1, 62500, fields, False, 16, 1_000_000, data, True)


def frame(k: int) -> str:
    """Return a name of changing length."""
    return "frame_" + "x" * (k * 7 % 23)


CASES: dict[str, tuple[str, Callable[[int], object], int]] = {
    "Imu, one layout": ("sensor_msgs/msg/Imu", lambda k: imu(k, "imu_link"), 20_000),
    "Imu, varying": ("sensor_msgs/msg/Imu", lambda k: imu(k, frame(k)), 20_000),
    "NavSatFix, one layout": ("sensor_msgs/msg/NavSatFix", lambda k: navsatfix(k, "gps"), 20_000),
    "NavSatFix, varying": ("sensor_msgs/msg/NavSatFix", lambda k: navsatfix(k, frame(k)), 20_000),
    "JointState, one layout": ("sensor_msgs/msg/JointState", lambda k: jointstate(k, ""), 12_000),
    "JointState, varying": (
        "sensor_msgs/msg/JointState",
        lambda k: jointstate(k, frame(k), 5 + k % 4),
        12_000,
    ),
    "TFMessage, one transform": ("tf2_msgs/msg/TFMessage", lambda k: tf(1, 1), 20_000),
    "TFMessage, varying": ("tf2_msgs/msg/TFMessage", lambda k: tf(k, 1 + k % 3), 20_000),
    "Odometry": ("nav_msgs/msg/Odometry", lambda k: odometry(k, "odom"), 10_000),
    "LaserScan": ("sensor_msgs/msg/LaserScan", laserscan, 2_000),
    "PointCloud2, 1 MB": ("sensor_msgs/msg/PointCloud2", pointcloud, 60),
}


def batches(payloads: list[bytes]) -> Iterator[pa.Array]:
    """Cut *payloads* to columns as the sources do: small ones contiguous, large ones views."""
    lengths = np.array([len(p) for p in payloads], np.int64)
    whole = Payloads(
        np.frombuffer(b"".join(payloads), np.uint8), np.cumsum(lengths) - lengths, lengths
    )
    count = max(1, BATCH_BYTES // int(lengths.mean()))
    for first in range(0, len(payloads), count):
        part = whole.take(np.arange(first, min(first + count, len(payloads))))
        yield part.to_view() if lengths.mean() > 4096 else part.to_binary()


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """Return the shortest of several runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def measure(label: str, type_name: str, payloads: list[bytes], decoder, encoding: str) -> None:
    """Print one line."""
    channel = Channel(id=0, topic="/t", type_name=type_name, message_encoding=encoding)
    decode, columns = decoder.compile(channel), list(batches(payloads))
    ours = seconds(lambda: [decode(column) for column in columns])
    read = STORE.deserialize_cdr if encoding == "cdr" else ROS1.deserialize_ros1
    some = payloads[: max(50, len(payloads) // 10)]
    theirs = seconds(lambda: [read(p, type_name) for p in some], 2) / len(some) * len(payloads)
    n, nbytes = len(payloads), sum(map(len, payloads))
    print(  # noqa: T201 - a script
        f"{label:26} {n / ours / 1e6:8.3f} M/s {nbytes / ours / 1e9:6.2f} GB/s"
        f"   rosbags {n / theirs / 1e3:7.1f} k/s   {theirs / ours:6.1f} x"
    )


def main(wanted: list[str]) -> None:
    """Measure all cases, or those whose label contains one of *wanted*."""
    for label, (type_name, build, count) in CASES.items():
        if not wanted or any(name in label for name in wanted):
            payloads = [bytes(STORE.serialize_cdr(build(k), type_name)) for k in range(count)]
            measure(label, type_name, payloads, CdrDecoder(), "cdr")
    if not wanted or "ROS 1" in wanted:
        name = "sensor_msgs/msg/Imu"
        for label, text in {"one layout": lambda k: "imu_link", "varying": frame}.items():
            messages = [imu(k, text(k), ROS1) for k in range(20_000)]
            payloads = [bytes(ROS1.serialize_ros1(m, name)) for m in messages]
            measure(f"ROS 1 Imu, {label}", name, payloads, Ros1Decoder(), "ros1")


if __name__ == "__main__":
    main(sys.argv[1:])
