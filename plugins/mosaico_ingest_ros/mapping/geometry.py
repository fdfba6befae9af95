"""
Rules for `geometry_msgs`, odometry and transforms.

Next: `navigation`.
"""

from collections.abc import Callable

import pyarrow as pa

from mosaico_ingest_ros.mapping.recipes import Column, Covariance, Each, Group, Interleaved, Recipe
from mosaico_ingest_ros.mapping.rule import Rule

__all__ = ["GEOMETRY", "TF_MESSAGES", "TF_ROWS", "TF_WHOLE", "axes", "pose", "vector"]

Fields = dict[str, Recipe]

F64, TEXT = pa.float64(), pa.string()
_TWIST_SIZE = 36  # 6 x 6, by rows


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def axes(path: str, names: str = "xyz") -> Fields:
    """Return the components of a vector or quaternion at *path*."""
    return {name: Column(_under(path, name), F64) for name in names}


def vector(path: str, names: str = "xyz") -> Group:
    """Return a vector or quaternion at *path*, without covariance."""
    return Group(axes(path, names))


def _quaternion(path: str) -> Fields:
    return axes(path, "xyzw")


def pose(path: str) -> Fields:
    """Return position and orientation of the pose at *path*, without covariance."""
    return {
        "position": vector(_under(path, "position")),
        "orientation": vector(_under(path, "orientation"), "xyzw"),
    }


def _motion(path: str) -> Fields:
    return {name: vector(_under(path, name)) for name in ("linear", "angular")}


def _wrench(path: str) -> Fields:
    return {name: vector(_under(path, name)) for name in ("force", "torque")}


def _transform(path: str) -> Fields:
    return {
        "translation": vector(_under(path, "translation")),
        "rotation": vector(_under(path, "rotation"), "xyzw"),
    }


def _polygon(path: str) -> Fields:
    return {"points": Each(_under(path, "points"), vector(""))}


def _inertia(path: str) -> Fields:
    return {
        "mass": Column(_under(path, "m"), F64),
        "center_of_mass": vector(_under(path, "com")),
        "inertia": Interleaved(
            tuple(_under(path, name) for name in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz"))
        ),
    }


def _stamped_transform() -> Fields:
    return _transform("transform") | {"target_frame_id": Column("child_frame_id", TEXT)}


def _with_covariance(fields: Callable[[str], Fields], path: str, inner: str) -> Fields:
    """Return *fields* of a message that wraps them, at *inner*, together with their covariance."""
    matrix = Covariance(_under(path, "covariance"), _TWIST_SIZE)
    return fields(_under(path, inner)) | {"covariance": matrix}


def _plain(name: str, tag: str, inner: str, fields: Callable[[str], Fields]) -> dict[str, Rule]:
    """Return the rules of a message and its stamped form, which holds it at *inner*."""
    return {
        f"geometry_msgs/{name}": Rule(tag=tag, fields=fields("")),
        f"geometry_msgs/{name}Stamped": Rule(tag=tag, fields=fields(inner)),
    }


def _uncertain(name: str, tag: str, inner: str, fields: Callable[[str], Fields]) -> dict[str, Rule]:
    """Return the rules of a message in its four forms: stamped or not, with covariance or not."""
    return _plain(name, tag, inner, fields) | {
        f"geometry_msgs/{name}WithCovariance": Rule(
            tag=tag, fields=_with_covariance(fields, "", inner)
        ),
        f"geometry_msgs/{name}WithCovarianceStamped": Rule(
            tag=tag, fields=_with_covariance(fields, inner, inner)
        ),
    }


GEOMETRY = {
    **_plain("Vector3", "vector_3_d", "vector", axes),
    **_plain("Point", "point_3_d", "point", axes),
    **_plain("Quaternion", "quaternion", "quaternion", _quaternion),
    **_plain("Wrench", "force_torque", "wrench", _wrench),
    **_plain("Polygon", "polygon", "polygon", _polygon),
    **_plain("Inertia", "inertia", "inertia", _inertia),
    **_uncertain("Pose", "pose", "pose", pose),
    **_uncertain("Twist", "velocity", "twist", _motion),
    **_uncertain("Accel", "acceleration", "accel", _motion),
    "geometry_msgs/Transform": Rule(tag="transform", fields=_transform("")),
    "geometry_msgs/TransformStamped": Rule(tag="transform", fields=_stamped_transform()),
    "nav_msgs/Odometry": Rule(
        tag="motion_state",
        fields={
            "pose": Group(_with_covariance(pose, "pose", "pose")),
            "velocity": Group(_with_covariance(_motion, "twist", "twist")),
            "target_frame_id": Column("child_frame_id", TEXT),
        },
    ),
}

TF_MESSAGES = ("tf2_msgs/TFMessage", "tf/tfMessage")
TF_ROWS = Rule(tag="transform", fields=_stamped_transform(), each="transforms")
TF_WHOLE = Rule(
    tag="frame_transform",
    fields={"transforms": Each("transforms", Group(_stamped_transform()))},
    losses={"transforms.header": "parent frame and stamp of each transform"},
)
