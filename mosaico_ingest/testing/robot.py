"""
The sensors of a small robot that drives a circle, as streams of ROS 2 messages.

Must not know: files. Next: `recordings`.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

__all__ = ["Stream", "camera", "gps", "imu", "joints", "lidar"]

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


def imu(
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


def gps(noise: np.random.Generator, *, messages: int, hz: float, topic: str = "/gps/fix") -> Stream:
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


def joints(
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


def camera(
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


def lidar(
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
