"""Stamps of messages."""

import pyarrow as pa
import pytest

from mosaico_ingest.model.stamp import is_stamp, stamp_ns, stamp_parts

ROS = pa.struct({"sec": pa.int32(), "nanosec": pa.uint32()})
JSON = pa.struct({"sec": pa.int64(), "nsec": pa.int64()})
PROTOBUF = pa.struct({"seconds": pa.int64(), "nanos": pa.int32()})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ROS, ("sec", "nanosec")),
        (JSON, ("sec", "nsec")),
        (PROTOBUF, ("seconds", "nanos")),
        (pa.struct({"sec": pa.float64(), "nsec": pa.int64()}), None),
        (pa.struct({"sec": pa.int64()}), None),
        (pa.int64(), None),
    ],
)
def test_parts_of_a_stamp(kind, expected):
    """A stamp of two parts has whole seconds and nanoseconds, under the names of its encoding."""
    assert expected == stamp_parts(kind)
    assert (expected is not None) is is_stamp(kind)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (pa.array([(-1, 999_999_999), (2**31 - 1, 0), None], ROS), [-1, 2147483647 * 10**9, None]),
        (pa.array([(1, 5), (None, 5)], JSON), [1_000_000_005, None]),
        (pa.array([(9_000_000_000, 1)], PROTOBUF), [9_000_000_000_000_000_001]),
        (pa.array([1, None], pa.timestamp("us", "UTC")), [1_000, None]),
    ],
)
def test_stamps_become_nanoseconds(stamps, expected):
    """Every form counts nanoseconds since the epoch; what is null stays null."""
    assert expected == stamp_ns(stamps).to_pylist()


@pytest.mark.parametrize("seconds", [253_402_300_799, -62_135_596_800, 2**63 - 1, -(2**63)])
def test_stamps_beyond_the_count_are_unknown(seconds):
    """The years 1 and 9999 of protobuf do not wrap into another time."""
    stamps = pa.array([(seconds, 0), (3, 0)], PROTOBUF)

    assert [None, 3_000_000_000] == stamp_ns(stamps).to_pylist()
