"""Every value of a message is found in its row, whatever its encoding."""

import itertools

import numpy as np

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
    """Return a vector of the ontology."""
    return {
        "covariance": covariance,
        "covariance_type": kind,
        **{name: values[name] for name in names},
    }


def pose(message, covariance=None):
    """Return a pose of the ontology."""
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
    return {"data": message["data"], "format": message["format"]}


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
            "linear": vector(message["linear_velocity"]),
            "angular": vector(message["angular_velocity"]),
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
                "timestamp_ns": part.get("timestamp", log_ns),
                "recording_timestamp_ns": log_ns,
                "frame_id": part.get("parent_frame_id", part.get("frame_id")),
                "sequence_id": None,
                **make(part),
            }


def test_values(dress, make_messages, apply_mapper):
    """Each message becomes its rows: stamp and frame in the envelope, every value in its column."""
    for schema in dress.mapped(EXPECTED):
        messages = make_messages(schema)
        mapped = apply_mapper(dress.channel(schema), dress.columns(schema, messages))

        assert EXPECTED[schema][0] == mapped.claim.tag, schema
        assert list(expected_rows(schema, messages)) == mapped.batch.to_pylist(), schema


def test_nothing_is_cut_down(dress, make_messages, apply_mapper):
    """What a type has no room for is named by the claim, all else is mapped or the schema is left alone."""
    losses = {
        schema: apply_mapper(
            dress.channel(schema), dress.columns(schema, make_messages(schema))
        ).claim.losses
        for schema in dress.mapped(EXPECTED)
    }

    assert {
        "LocationFix": ("color of the fix on maps",),
        "LocationFixes": ("color of the fix on maps",),
        "PointCloud": ("pose of the points in frame_id",),
        "LaserScan": ("pose of the beams in frame_id", "digits that 32-bit floats do not hold"),
    } == {schema: told for schema, told in losses.items() if told}


def test_parts_that_are_left_out(loose, make_messages, apply_mapper):
    """A message that is left out gives nulls, a time the recorder's, a matrix null or NaN, numbers 0."""
    (odometry, fix_, calibration_) = (
        make_messages(schema, 1)[0] for schema in ("Odometry", "LocationFix", "CameraCalibration")
    )
    odometry |= {"timestamp": None, "pose": None, "linear_velocity": None}
    odometry["pose_covariance"] = []
    fix_["position_covariance"], calibration_["R"] = [], []
    (row,), (place,), (camera,) = (
        apply_mapper(loose.channel(schema), loose.columns(schema, [message])).batch.to_pylist()
        for schema, message in (
            ("Odometry", odometry),
            ("LocationFix", fix_),
            ("CameraCalibration", calibration_),
        )
    )

    unknown = dict.fromkeys("xyzw")
    assert 0 == row["timestamp_ns"]
    assert vector(unknown) == row["pose"]["position"]
    assert vector(unknown, "xyzw") == row["pose"]["orientation"]
    assert [None, None] == [row["pose"]["covariance"], row["velocity"]["linear"]]
    assert vector(odometry["angular_velocity"]) == row["velocity"]["angular"]
    assert place["position"]["covariance"] is None
    assert np.isnan(camera["rectification_parameters"]).all()
    assert calibration_["K"] == camera["intrinsic_parameters"]


def test_frames_of_all_edges(dress, make_messages, apply_mapper):
    """Messages with no, one or several transforms become as many rows, all parents in place."""
    messages = make_messages("FrameTransforms", 12)
    mapped = apply_mapper(
        dress.channel("FrameTransforms"), dress.columns("FrameTransforms", messages)
    )

    parts = list(itertools.chain.from_iterable(m["transforms"] for m in messages))
    assert {0, 1} < {len(m["transforms"]) for m in messages}
    assert [part["parent_frame_id"] for part in parts] == mapped.batch.column(
        "frame_id"
    ).to_pylist()
