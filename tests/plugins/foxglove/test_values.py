"""Every value of a message is found in its row, whatever its encoding."""

import itertools

import numpy as np
from foxglove_messages import make_messages
from foxglove_one_by_one import EXPECTED, expected_rows, vector


def test_values(dress, apply_mapper):
    """Each message becomes its rows: stamp and frame in the envelope, every value in its column."""
    for schema in dress.mapped(EXPECTED):
        messages = make_messages(schema)
        mapped = apply_mapper(dress.channel(schema), dress.columns(schema, messages))

        assert EXPECTED[schema][0] == mapped.claim.tag, schema
        assert list(expected_rows(schema, messages)) == mapped.batch.to_pylist(), schema


def test_nothing_is_cut_down(dress, apply_mapper):
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


def test_parts_that_are_left_out(loose, apply_mapper):
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


def test_frames_of_all_edges(dress, apply_mapper):
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
