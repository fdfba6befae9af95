"""The rows that messages of Foxglove's schemas become, computed message by message."""

import numpy as np

__all__ = ["EXPECTED", "expected_rows"]

POINT_FIELD_CODES = {
    0: 0,
    1: 2,
    2: 1,
    3: 4,
    4: 3,
    5: 6,
    6: 5,
    7: 7,
    8: 8,
}  # of sensor_msgs/PointField


def vector(values, names="xyz", covariance=None, kind=None):
    """Return a vector of the ontology; of a message that is left out, one that knows nothing."""
    return {
        "covariance": covariance,
        "covariance_type": kind,
        **{name: (values or {}).get(name) for name in names},
    }


def pose(message, covariance=None):
    """Return a pose of the ontology."""
    message = message or {"position": None, "orientation": None}
    return {
        "covariance": covariance,
        "covariance_type": None,
        "position": vector(message["position"]),
        "orientation": vector(message["orientation"], "xyzw"),
    }


def transform(message):
    """Return a transform of the ontology."""
    return {
        "covariance": None,
        "covariance_type": None,
        "translation": vector(message["translation"]),
        "rotation": vector(message["rotation"], "xyzw"),
        "target_frame_id": message["child_frame_id"],
    }


def fix(message):
    """Return a position of the ontology."""
    axes = {"x": message["latitude"], "y": message["longitude"], "z": message["altitude"]}
    covariance, kind = message["position_covariance"], message["position_covariance_type"]
    return {
        "position": vector(axes, covariance=covariance, kind=kind),
        "velocity": None,
        "status": None,
    }


def picture(message):
    """Return a compressed image of the ontology."""
    word = message["format"]
    return {"data": message["data"], "format": {"jpg": "jpeg", "h265": "hevc"}.get(word, word)}


def image(message):
    """Return an image of the ontology."""
    return {
        "data": message["data"],
        "format": "raw",
        "width": message["width"],
        "height": message["height"],
        "stride": message["step"],
        "encoding": message["encoding"],
        "is_bigendian": False,
    }


def calibration(message):
    """Return a calibration of the ontology."""
    return {
        "height": message["height"],
        "width": message["width"],
        "distortion_model": message["distortion_model"],
        "distortion_parameters": message["D"],
        "intrinsic_parameters": message["K"],
        "rectification_parameters": message["R"],
        "projection_parameters": message["P"],
        "binning": None,
        "roi": None,
    }


def cloud(message):
    """Return a packed cloud of the ontology."""
    size, stride = len(message["data"]), message["point_stride"]
    return {
        "height": 1,
        "width": size // stride if stride else 0,
        "fields": [
            {
                "name": field["name"],
                "offset": field["offset"],
                "datatype": POINT_FIELD_CODES[field["type"]],
                "count": 1,
            }
            for field in message["fields"]
        ],
        "is_bigendian": False,
        "point_step": stride,
        "row_step": size,
        "data": message["data"],
        "is_dense": False,
    }


def scan(message):
    """Return a scan of the ontology, whose numbers have 32 bits."""
    count, width = len(message["ranges"]), message["end_angle"] - message["start_angle"]
    return {
        "angle_min": np.float32(message["start_angle"]),
        "angle_max": np.float32(message["end_angle"]),
        "angle_increment": np.float32(width / (count - 1) if count > 1 else 0),
        "time_increment": 0,
        "scan_time": 0,
        "range_min": 0,
        "range_max": float("inf"),
        "ranges": [np.float32(value) for value in message["ranges"]],
        "intensities": [np.float32(value) for value in message["intensities"]],
    }


def joints(message):
    """Return joints of the ontology."""
    return {
        "names": message["name"],
        "positions": message["position"],
        "velocities": message["velocity"],
        "efforts": message["effort"],
    }


def motion(message):
    """Return a state of motion of the ontology."""
    return {
        "covariance": None,
        "covariance_type": None,
        "pose": pose(message["pose"], message["pose_covariance"]),
        "velocity": {
            "covariance": message["velocity_covariance"],
            "covariance_type": None,
            **{
                part: vector(velocity) if (velocity := message[f"{part}_velocity"]) else None
                for part in ("linear", "angular")
            },
        },
        "target_frame_id": message["child_frame_id"],
        "acceleration": None,
    }


EXPECTED = {
    "Vector2": ("vector_2_d", lambda m: vector(m, "xy")),
    "Vector3": ("vector_3_d", vector),
    "Point2": ("point_2_d", lambda m: vector(m, "xy")),
    "Point3": ("point_3_d", vector),
    "Point2InFrame": ("point_2_d", lambda m: vector(m["point"], "xy")),
    "Point3InFrame": ("point_3_d", lambda m: vector(m["point"])),
    "Quaternion": ("quaternion", lambda m: vector(m, "xyzw")),
    "Pose": ("pose", pose),
    "PoseInFrame": ("pose", lambda m: pose(m["pose"])),
    "PosesInFrame": (
        "robot_path",
        lambda m: {"poses": [{"header": None, **pose(part)} for part in m["poses"]]},
    ),
    "FrameTransform": ("transform", transform),
    "FrameTransforms": ("transform", transform),
    "LocationFix": ("gps", fix),
    "LocationFixes": ("gps", fix),
    "CompressedImage": ("compressed_image", picture),
    "CompressedVideo": ("compressed_image", picture),
    "RawImage": ("image", image),
    "CameraCalibration": ("camera_info", calibration),
    "PointCloud": ("point_cloud2", cloud),
    "LaserScan": ("laser_scan", scan),
    "JointState": ("robot_joint", joints),
    "Odometry": ("motion_state", motion),
}
ROWS = {"FrameTransforms": "transforms", "LocationFixes": "fixes"}


def expected_rows(schema, messages):
    """Return the rows of messages, in the order of the envelope's and the type's columns."""
    make = EXPECTED[schema][1]
    for log_ns, message in enumerate(messages):
        for part in message[ROWS[schema]] if schema in ROWS else [message]:
            yield {
                "timestamp_ns": part["timestamp"] if part.get("timestamp") is not None else log_ns,
                "recording_timestamp_ns": log_ns,
                "frame_id": part.get("parent_frame_id", part.get("frame_id")),
                "sequence_id": None,
                **make(part),
            }
