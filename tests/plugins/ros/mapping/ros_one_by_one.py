"""The rows of ROS messages, computed message by message from the objects of rosbags."""

from collections.abc import Callable
from typing import Any

__all__ = ["EXPECTED", "envelope_of", "transform"]

Row = dict[str, Any]


def vec(value: Any, axes: str = "xyz", covariance: Any = None) -> Row:
    """Return a vector as the ontology has it."""
    numbers = {axis: float(getattr(value, axis)) for axis in axes}
    return {"covariance": covariance, "covariance_type": None, **numbers}


def known(matrix: Any) -> list[float] | None:
    """Return a covariance, None if it says that nothing is known."""
    return matrix.tolist() if any(entry != 0 for entry in matrix) else None


def pose(value: Any, covariance: Any = None) -> Row:
    """Return a pose."""
    return {
        "covariance": covariance,
        "covariance_type": None,
        "position": vec(value.position),
        "orientation": vec(value.orientation, "xyzw"),
    }


def motion(value: Any, covariance: Any = None) -> Row:
    """Return a velocity or acceleration."""
    return {
        "covariance": covariance,
        "covariance_type": None,
        "linear": vec(value.linear),
        "angular": vec(value.angular),
    }


def wrench(value: Any) -> Row:
    """Return a force and a torque."""
    return {
        "covariance": None,
        "covariance_type": None,
        "force": vec(value.force),
        "torque": vec(value.torque),
    }


def transform(value: Any, target: str | None = None) -> Row:
    """Return a transform."""
    return {
        "covariance": None,
        "covariance_type": None,
        "translation": vec(value.translation),
        "rotation": vec(value.rotation, "xyzw"),
        "target_frame_id": target,
    }


def inertia(value: Any) -> Row:
    """Return an inertia."""
    tensor = [value.ixx, value.ixy, value.ixz, value.iyy, value.iyz, value.izz]
    return {"mass": value.m, "center_of_mass": vec(value.com), "inertia": tensor}


def imu(m: Any) -> Row:
    """Return an Imu message."""
    orientation = None
    if m.orientation_covariance[0] != -1:
        orientation = vec(m.orientation, "xyzw", known(m.orientation_covariance))
    acceleration = known(m.linear_acceleration_covariance)
    return {
        "acceleration": vec(m.linear_acceleration, covariance=acceleration),
        "angular_velocity": vec(
            m.angular_velocity, covariance=known(m.angular_velocity_covariance)
        ),
        "orientation": orientation,
    }


def gps(m: Any) -> Row:
    """Return a NavSatFix message."""
    return {
        "position": {
            "covariance": m.position_covariance.tolist(),
            "covariance_type": m.position_covariance_type,
            "x": m.latitude,
            "y": m.longitude,
            "z": m.altitude,
        },
        "velocity": None,
        "status": {
            "status": m.status.status,
            "service": m.status.service,
            "satellites": None,
            "hdop": None,
            "vdop": None,
        },
    }


def signed(number: int) -> int:
    """Return 32 bits as a signed number."""
    return number - 2**32 if number >= 2**31 else number


def image(m: Any) -> Row:
    """Return an Image message."""
    return {
        "data": m.data.tobytes(),
        "format": "raw",
        "width": signed(m.width),
        "height": signed(m.height),
        "stride": signed(m.step),
        "encoding": m.encoding,
        "is_bigendian": m.is_bigendian != 0,
    }


def picture(m: Any) -> Row:
    """Return a CompressedImage message; pictures are named by what they are."""
    data = m.data.tobytes()
    known = {b"\xff\xd8": "jpeg", b"\x89P": "png"}
    return {"data": data, "format": known.get(data[:2], m.format)}


def region(value: Any) -> Row:
    """Return a region of interest."""
    corner = {"x": float(value.x_offset), "y": float(value.y_offset)}
    return {
        "offset": {"covariance": None, "covariance_type": None, **corner},
        "height": value.height,
        "width": value.width,
        "do_rectify": value.do_rectify,
    }


def camera_info(m: Any) -> Row:
    """Return a CameraInfo message; ROS 1 spells its matrices in capitals."""
    d, k, r, p = (getattr(m, n, None) if hasattr(m, n) else getattr(m, n.upper()) for n in "dkrp")
    binning = {"x": float(m.binning_x), "y": float(m.binning_y)}
    return {
        "height": m.height,
        "width": m.width,
        "distortion_model": m.distortion_model,
        "distortion_parameters": d.tolist(),
        "intrinsic_parameters": k.tolist(),
        "rectification_parameters": r.tolist(),
        "projection_parameters": p.tolist(),
        "binning": {"covariance": None, "covariance_type": None, **binning},
        "roi": region(m.roi),
    }


def cloud(m: Any) -> Row:
    """Return a PointCloud2 message."""
    names = ("name", "offset", "datatype", "count")
    return {
        "height": m.height,
        "width": m.width,
        "fields": [{name: getattr(field, name) for name in names} for field in m.fields],
        "is_bigendian": m.is_bigendian,
        "point_step": m.point_step,
        "row_step": m.row_step,
        "data": m.data.tobytes(),
        "is_dense": m.is_dense,
    }


def same(*names: str) -> Callable[[Any], Row]:
    """Return columns that keep name and value."""

    def row(m: Any) -> Row:
        values = {name: getattr(m, name, None) for name in names}
        return {n: v.tolist() if hasattr(v, "tolist") else v for n, v in values.items()}

    return row


SCAN = ("angle_min", "angle_max", "angle_increment", "time_increment", "scan_time")
SCAN += ("range_min", "range_max")
BATTERY = ("voltage", "temperature", "current", "charge", "capacity", "design_capacity")
BATTERY += ("percentage", "power_supply_status", "power_supply_health", "power_supply_technology")
BATTERY += ("present", "location", "serial_number", "cell_voltage", "cell_temperature")


def multi_echo(m: Any) -> Row:
    """Return a MultiEchoLaserScan message."""
    beams = ("ranges", "intensities")
    return same(*SCAN)(m) | {n: [e.echoes.tolist() for e in getattr(m, n)] for n in beams}


def odometry(m: Any) -> Row:
    """Return an Odometry message."""
    return {
        "covariance": None,
        "covariance_type": None,
        "pose": pose(m.pose.pose, m.pose.covariance.tolist()),
        "velocity": motion(m.twist.twist, m.twist.covariance.tolist()),
        "target_frame_id": m.child_frame_id,
        "acceleration": None,
    }


def joints(m: Any) -> Row:
    """Return a JointState message."""
    return {
        "names": m.name,
        "positions": m.position.tolist(),
        "velocities": m.velocity.tolist(),
        "efforts": m.effort.tolist(),
    }


def reading(value: float, m: Any) -> Row:
    """Return one value with a variance."""
    return {"variance": m.variance, "variance_type": None, "value": value}


def range_(m: Any) -> Row:
    """Return a Range message; ROS 2 added a variance."""
    names = ("radiation_type", "field_of_view", "min_range", "max_range", "range")
    return {"variance": getattr(m, "variance", None), "variance_type": None, **same(*names)(m)}


def stamp(value: Any) -> Row:
    """Return a time or a duration."""
    return {"seconds": value.sec, "nanoseconds": value.nanosec}


def stamped_pose(value: Any) -> Row:
    """Return a pose of a path."""
    header = {
        "timestamp": stamp(value.header.stamp),
        "frame_id": value.header.frame_id,
        "sample_counter": getattr(value.header, "seq", None),
    }
    return {"header": header, **pose(value.pose)}


def map_of(value: Any) -> Row:
    """Return the facts of a map."""
    return {
        "load_time": stamp(value.map_load_time),
        "resolution": value.resolution,
        "width": value.width,
        "height": value.height,
        "origin": pose(value.origin),
    }


def cells(m: Any) -> Row:
    """Return a GridCells message."""
    return {**same("cell_width", "cell_height")(m), "cells": [vec(p) for p in m.cells]}


EXPECTED: dict[str, tuple[str, Callable[[Any], Row]]] = {
    "geometry_msgs/Vector3": ("vector_3_d", vec),
    "geometry_msgs/Vector3Stamped": ("vector_3_d", lambda m: vec(m.vector)),
    "geometry_msgs/Point": ("point_3_d", vec),
    "geometry_msgs/PointStamped": ("point_3_d", lambda m: vec(m.point)),
    "geometry_msgs/Quaternion": ("quaternion", lambda m: vec(m, "xyzw")),
    "geometry_msgs/QuaternionStamped": ("quaternion", lambda m: vec(m.quaternion, "xyzw")),
    "geometry_msgs/Pose": ("pose", pose),
    "geometry_msgs/PoseStamped": ("pose", lambda m: pose(m.pose)),
    "geometry_msgs/PoseWithCovariance": ("pose", lambda m: pose(m.pose, m.covariance.tolist())),
    "geometry_msgs/PoseWithCovarianceStamped": (
        "pose",
        lambda m: pose(m.pose.pose, m.pose.covariance.tolist()),
    ),
    "geometry_msgs/Twist": ("velocity", motion),
    "geometry_msgs/TwistStamped": ("velocity", lambda m: motion(m.twist)),
    "geometry_msgs/TwistWithCovariance": (
        "velocity",
        lambda m: motion(m.twist, m.covariance.tolist()),
    ),
    "geometry_msgs/TwistWithCovarianceStamped": (
        "velocity",
        lambda m: motion(m.twist.twist, m.twist.covariance.tolist()),
    ),
    "geometry_msgs/Accel": ("acceleration", motion),
    "geometry_msgs/AccelStamped": ("acceleration", lambda m: motion(m.accel)),
    "geometry_msgs/AccelWithCovariance": (
        "acceleration",
        lambda m: motion(m.accel, m.covariance.tolist()),
    ),
    "geometry_msgs/AccelWithCovarianceStamped": (
        "acceleration",
        lambda m: motion(m.accel.accel, m.accel.covariance.tolist()),
    ),
    "geometry_msgs/Transform": ("transform", transform),
    "geometry_msgs/TransformStamped": (
        "transform",
        lambda m: transform(m.transform, m.child_frame_id),
    ),
    "geometry_msgs/Wrench": ("force_torque", wrench),
    "geometry_msgs/WrenchStamped": ("force_torque", lambda m: wrench(m.wrench)),
    "geometry_msgs/Polygon": ("polygon", lambda m: {"points": [vec(p) for p in m.points]}),
    "geometry_msgs/PolygonStamped": (
        "polygon",
        lambda m: {"points": [vec(p) for p in m.polygon.points]},
    ),
    "geometry_msgs/Inertia": ("inertia", inertia),
    "geometry_msgs/InertiaStamped": ("inertia", lambda m: inertia(m.inertia)),
    "nav_msgs/Odometry": ("motion_state", odometry),
    "sensor_msgs/Imu": ("imu", imu),
    "sensor_msgs/MagneticField": (
        "magnetometer",
        lambda m: {
            "magnetic_field": vec(m.magnetic_field, covariance=known(m.magnetic_field_covariance))
        },
    ),
    "sensor_msgs/NavSatFix": ("gps", gps),
    "sensor_msgs/JointState": ("robot_joint", joints),
    "sensor_msgs/Image": ("image", image),
    "sensor_msgs/CompressedImage": ("compressed_image", picture),
    "sensor_msgs/CameraInfo": ("camera_info", camera_info),
    "sensor_msgs/RegionOfInterest": ("roi", region),
    "sensor_msgs/PointCloud2": ("point_cloud2", cloud),
    "sensor_msgs/LaserScan": ("laser_scan", same(*SCAN, "ranges", "intensities")),
    "sensor_msgs/MultiEchoLaserScan": ("multi_echolaser_scan", multi_echo),
    "sensor_msgs/BatteryState": ("battery_state", same(*BATTERY)),
    "sensor_msgs/Range": ("range", range_),
    "sensor_msgs/Temperature": (
        "temperature",
        lambda m: reading(m.temperature + 273.15, m),
    ),
    "sensor_msgs/FluidPressure": ("pressure", lambda m: reading(m.fluid_pressure, m)),
    "sensor_msgs/Joy": ("joy", same("axes", "buttons")),
    "sensor_msgs/NavSatStatus": (
        "gps_status",
        lambda m: same("status", "service")(m) | {"satellites": None, "hdop": None, "vdop": None},
    ),
    "builtin_interfaces/Time": ("time", stamp),
    "builtin_interfaces/Duration": ("duration", stamp),
    "std_msgs/Time": ("time", lambda m: stamp(m.data)),
    "std_msgs/Duration": ("duration", lambda m: stamp(m.data)),
    "rosgraph_msgs/Clock": ("time", lambda m: stamp(m.clock)),
    "std_msgs/Header": ("header", lambda m: {"timestamp": stamp(m.stamp)}),
    "nav_msgs/Path": ("robot_path", lambda m: {"poses": [stamped_pose(p) for p in m.poses]}),
    "nav_msgs/MapMetaData": ("map_metadata", map_of),
    "nav_msgs/OccupancyGrid": (
        "occupancy_grid",
        lambda m: {"info": map_of(m.info), "data": m.data.tolist()},
    ),
    "nav_msgs/GridCells": ("grid_cells", cells),
    "nmea_msgs/Sentence": ("nmea_sentence", same("sentence")),
    "std_msgs/Bool": ("boolean", same("data")),
    "std_msgs/Byte": ("integer8", same("data")),
    "std_msgs/Char": ("unsigned8", same("data")),
    "std_msgs/Int8": ("integer8", same("data")),
    "std_msgs/Int16": ("integer16", same("data")),
    "std_msgs/Int32": ("integer32", same("data")),
    "std_msgs/Int64": ("integer64", same("data")),
    "std_msgs/UInt8": ("unsigned8", same("data")),
    "std_msgs/UInt16": ("unsigned16", same("data")),
    "std_msgs/UInt32": ("unsigned32", same("data")),
    "std_msgs/UInt64": ("unsigned64", same("data")),
    "std_msgs/Float32": ("floating32", same("data")),
    "std_msgs/Float64": ("floating64", same("data")),
    "std_msgs/String": ("string", same("data")),
}


def envelope_of(m: Any, log_ns: int) -> Row:
    """Return the envelope of a message under the header's clock."""
    header = m if hasattr(m, "stamp") else getattr(m, "header", None)
    stamp_ns = header.stamp.sec * 10**9 + header.stamp.nanosec if header else log_ns
    return {
        "timestamp_ns": stamp_ns,
        "recording_timestamp_ns": log_ns,
        "frame_id": header.frame_id if header else None,
        "sequence_id": getattr(header, "seq", None),
    }
