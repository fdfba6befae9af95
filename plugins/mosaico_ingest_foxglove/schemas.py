"""
The rules of Foxglove's schemas. Schemas that are not here have no type of the ontology: their columns are
kept as decoded (`Log`, `KeyValuePair`, `Grid`, `SceneUpdate`, annotations, audio, …).

Next: `mapper`.
"""

import pyarrow as pa

from mosaico_ingest_foxglove.recipes import (
    ByteCount,
    Code,
    Column,
    Constant,
    Each,
    Group,
    Matrix,
    PointCount,
    Recipe,
    Spacing,
    Word,
)
from mosaico_ingest_foxglove.rule import Rule

__all__ = ["RULES"]

Fields = dict[str, Recipe]

TEXT, BYTES, U32 = pa.string(), pa.binary(), pa.uint32()
F64S = pa.list_(pa.float64())

_WORDS = {
    **{word: word for word in ("jpeg", "png", "tiff", "h264", "hevc")},
    "jpg": "jpeg",
    "tif": "tiff",
    "h265": "hevc",
}
_POINT_FIELD_TYPES = (0, 2, 1, 4, 3, 6, 5, 7, 8)  # signed before unsigned in ROS, after it here


def _axes(path: str, names: str) -> Fields:
    return {name: Column(f"{path}.{name}" if path else name) for name in names}


def _vector(path: str, names: str = "xyz") -> Group:
    return Group(_axes(path, names))


def _pose(path: str) -> Fields:
    under = f"{path}." if path else ""
    return {
        "position": _vector(f"{under}position"),
        "orientation": _vector(f"{under}orientation", "xyzw"),
    }


def _plain(tag: str, path: str, names: str) -> Rule:
    return Rule(tag=tag, fields=_axes(path, names))


def _lost_pose(what: str) -> dict[str, str]:
    return {"pose": f"pose of the {what} in frame_id"}


def _location(*, each: str = "") -> Rule:
    return Rule(
        tag="gps",
        each=each,
        fields={
            "position": Group(
                {
                    "x": Column("latitude"),
                    "y": Column("longitude"),
                    "z": Column("altitude"),
                    "covariance": Matrix("position_covariance", 9),
                    "covariance_type": Column("position_covariance_type", pa.int16()),
                }
            )
        },
        losses={"color": "color of the fix on maps", "metadata": "metadata of the fix"},
    )


def _transform() -> Fields:
    return {
        "translation": _vector("translation"),
        "rotation": _vector("rotation", "xyzw"),
        "target_frame_id": Column("child_frame_id", TEXT),
    }


def _velocity(path: str) -> Group:
    return Group(_axes(path, "xyz"), given=path)


_PICTURE = Rule(
    tag="compressed_image",
    fields={"data": Column("data", BYTES), "format": Word("format", _WORDS)},
)

_TRANSFORMS = Rule(tag="transform", fields=_transform(), frame="parent_frame_id", each="transforms")
_TRANSFORMS_WHOLE = Rule(
    tag="frame_transform",
    fields={"transforms": Each("transforms", Group(_transform()))},
    losses={
        "transforms.timestamp": "stamp of each transform",
        "transforms.parent_frame_id": "parent frame of each transform",
    },
)


def _calibration(d: str, k: str, r: str, p: str) -> Rule:
    return Rule(
        tag="camera_info",
        fields={
            "height": Column("height", U32),
            "width": Column("width", U32),
            "distortion_model": Column("distortion_model", TEXT),
            "distortion_parameters": Column(d, F64S),
            "intrinsic_parameters": Matrix(k, 9),
            "rectification_parameters": Matrix(r, 9),
            "projection_parameters": Matrix(p, 12),
        },
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "Vector2": (_plain("vector_2_d", "", "xy"),),
    "Vector3": (_plain("vector_3_d", "", "xyz"),),
    "Point2": (_plain("point_2_d", "", "xy"),),
    "Point3": (_plain("point_3_d", "", "xyz"),),
    "Point2InFrame": (_plain("point_2_d", "point", "xy"),),
    "Point3InFrame": (_plain("point_3_d", "point", "xyz"),),
    "Quaternion": (_plain("quaternion", "", "xyzw"),),
    "Pose": (Rule(tag="pose", fields=_pose("")),),
    "PoseInFrame": (Rule(tag="pose", fields=_pose("pose")),),
    "PosesInFrame": (Rule(tag="robot_path", fields={"poses": Each("poses", Group(_pose("")))}),),
    "FrameTransform": (Rule(tag="transform", fields=_transform(), frame="parent_frame_id"),),
    "FrameTransforms": (_TRANSFORMS, _TRANSFORMS_WHOLE),
    "LocationFix": (_location(),),
    "LocationFixes": (_location(each="fixes"),),
    "CompressedImage": (_PICTURE,),
    "CompressedVideo": (_PICTURE,),
    "RawImage": (
        Rule(
            tag="image",
            fields={
                "data": Column("data", BYTES),
                "format": Constant("raw"),
                "width": Column("width", U32),
                "height": Column("height", U32),
                "stride": Column("step", U32),
                "encoding": Column("encoding", TEXT),
                "is_bigendian": Constant(False),  # the schema knows no other order
            },
        ),
    ),
    "CameraCalibration": (_calibration(*"DKRP"), _calibration(*"dkrp")),  # ROS 2 has no capitals
    "PointCloud": (
        Rule(
            tag="point_cloud2",
            fields={
                "height": Constant(1),
                "width": PointCount("data", "point_stride"),
                "fields": Each(
                    "fields",
                    Group(
                        {
                            "name": Column("name", TEXT),
                            "offset": Column("offset", U32),
                            "datatype": Code("type", _POINT_FIELD_TYPES),
                            "count": Constant(1),
                        }
                    ),
                ),
                "is_bigendian": Constant(False),
                "point_step": Column("point_stride", U32),
                "row_step": ByteCount("data"),
                "data": Column("data", BYTES),
                "is_dense": Constant(False),  # points without a value are allowed
            },
            losses=_lost_pose("points"),
        ),
    ),
    "LaserScan": (
        Rule(
            tag="laser_scan",
            fields={
                "angle_min": Column("start_angle"),
                "angle_max": Column("end_angle"),
                "angle_increment": Spacing("start_angle", "end_angle", "ranges"),
                # The schema does not state them: all beams at once, at any distance.
                "time_increment": Constant(0.0),
                "scan_time": Constant(0.0),
                "range_min": Constant(0.0),
                "range_max": Constant(float("inf")),
                "ranges": Column("ranges", F64S),
                "intensities": Column("intensities", F64S),
            },
            losses=_lost_pose("beams") | {"ranges": "digits that 32-bit floats do not hold"},
        ),
    ),
    "JointState": (
        Rule(
            tag="robot_joint",
            fields={
                "names": Column("name", pa.list_(TEXT)),
                "positions": Column("position", F64S),
                "velocities": Column("velocity", F64S),
                "efforts": Column("effort", F64S),
            },
        ),
    ),
    "Odometry": (
        Rule(
            tag="motion_state",
            fields={
                "pose": Group({**_pose("pose"), "covariance": Matrix("pose_covariance", 36)}),
                "velocity": Group(
                    {
                        "linear": _velocity("linear_velocity"),
                        "angular": _velocity("angular_velocity"),
                        "covariance": Matrix("velocity_covariance", 36),
                    }
                ),
                "target_frame_id": Column("child_frame_id", TEXT),
            },
        ),
    ),
}
