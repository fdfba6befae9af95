"""Every value of a message is found in its row, whatever its encoding."""

import itertools

import numpy as np
from foxglove_messages import make_messages
from foxglove_one_by_one import EXPECTED, expected_rows


def test_values(dress, apply_mapper):
    """Each message becomes its rows: stamp and frame in the envelope, every value in its column."""
    for schema in dress.mapped(EXPECTED):
        messages = make_messages(schema)
        mapped = apply_mapper(dress.channel(schema), dress.columns(schema, messages))

        assert EXPECTED[schema][0] == mapped.claim.tag, schema
        assert list(expected_rows(schema, messages)) == mapped.batch.to_pylist(), schema


def test_messages_that_are_left_out(loose, apply_mapper):
    """A message that is left out gives nulls, and a time that is left out gives way to the recorder's."""
    for schema in EXPECTED:
        messages = make_messages(schema, 30, seed=len(schema), gaps=0.3)
        mapped = apply_mapper(loose.channel(schema), loose.columns(schema, messages))

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


def test_matrices_that_are_left_out(loose, apply_mapper):
    """A covariance that is left out is null, a matrix that may not be null is NaN."""
    places, cameras = (make_messages(name, 2) for name in ("LocationFix", "CameraCalibration"))
    places[0]["position_covariance"], cameras[0]["R"] = [], []
    fixes, calibrations = (
        apply_mapper(loose.channel(schema), loose.columns(schema, told)).batch.to_pylist()
        for schema, told in (("LocationFix", places), ("CameraCalibration", cameras))
    )

    assert [None, places[1]["position_covariance"]] == [
        row["position"]["covariance"] for row in fixes
    ]
    assert np.isnan(calibrations[0]["rectification_parameters"]).all()
    assert cameras[1]["R"] == calibrations[1]["rectification_parameters"]
    assert [camera["K"] for camera in cameras] == [
        row["intrinsic_parameters"] for row in calibrations
    ]


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
