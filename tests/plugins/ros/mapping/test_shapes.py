"""Looking into nested columns, and what holds what."""

import pyarrow as pa
import pytest
from mosaico_ingest_ros.mapping.shapes import at, elements, kind_at, leaves, retyped, widens

POINT = pa.struct([("x", pa.float32()), ("tag", pa.string())])
MESSAGE = pa.struct(
    [
        ("header", pa.struct([("stamp", pa.int64())])),
        ("points", pa.list_(POINT)),
        ("data", pa.binary()),
    ]
)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (pa.uint8(), pa.int16(), True),
        (pa.uint8(), pa.int8(), False),
        (pa.uint32(), pa.int32(), False),
        (pa.int8(), pa.uint64(), False),
        (pa.uint32(), pa.uint32(), True),
        (pa.uint32(), pa.float64(), True),
        (pa.int32(), pa.float32(), False),
        (pa.int64(), pa.float64(), False),
        (pa.uint64(), pa.float64(), False),
        (pa.float32(), pa.float64(), True),
        (pa.float64(), pa.float32(), False),
        (pa.float32(), pa.int64(), False),
        (pa.bool_(), pa.bool_(), True),
        (pa.bool_(), pa.uint8(), False),
        (pa.string_view(), pa.string(), True),
        (pa.string(), pa.binary(), False),
        (pa.binary_view(), pa.binary(), True),
        (pa.list_(pa.uint8()), pa.binary(), False),
        (pa.list_(pa.float32()), pa.list_(pa.float64()), True),
        (pa.list_(pa.float64()), pa.list_(pa.float32()), False),
        (pa.list_(pa.float64(), 9), pa.list_(pa.float64()), True),
        (pa.list_(pa.float64(), 9), pa.list_(pa.float64(), 9), True),
        (pa.list_(pa.float64(), 8), pa.list_(pa.float64(), 9), False),
        (pa.list_(pa.float64()), pa.list_(pa.float64(), 9), False),
        (pa.float64(), pa.list_(pa.float64()), False),
        (POINT, pa.float64(), False),
    ],
)
def test_widening(source, target, expected):
    """A type widens to another only if no value of it is changed."""
    assert expected is widens(source, target)


def test_leaves():
    """Leaves are the values that are not structs, inside lists of structs too."""
    assert ["header.stamp", "points.x", "points.tag", "data"] == list(leaves(MESSAGE))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("header.stamp", pa.int64()),
        ("points", pa.list_(POINT)),
        ("points.x", None),
        ("data.x", None),
        ("x", None),
    ],
)
def test_kind_at(path, kind):
    """A path leads through structs; where it leads nowhere there is no type."""
    assert kind == kind_at(MESSAGE, path)


def test_slices_keep_their_place():
    """Columns of sliced structs and values of sliced lists are those of the slice."""
    points = [[{"x": 1.0, "tag": "a"}], [], [{"x": 2.0, "tag": "b"}, {"x": 3.0, "tag": "c"}]]
    row = pa.array(
        [{"points": value} for value in points], pa.struct([("points", pa.list_(POINT))])
    )
    offsets, values = elements(at(row[1:], "points"))

    assert [0, 0, 2] == offsets.to_pylist()
    assert ["b", "c"] == at(values, "tag").to_pylist()


def test_list_items_are_named_as_wanted():
    """Lists that differ by the name of their items alone are not the same type on the wire."""
    wanted = pa.list_(pa.float64())
    array = pa.array([[1.0]], pa.list_(pa.field("element", pa.float64())))

    assert retyped(array, wanted).type.equals(wanted, check_metadata=True)
    assert retyped(pa.array([[1.0]]), wanted).to_pylist() == [[1.0]]
