"""The envelope of rows."""

import pyarrow as pa
import pytest

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.batch import Times
from mosaico_ingest.model.envelope import envelope, is_header, own_header
from mosaico_ingest.model.ontology import ENVELOPE

STAMP = pa.struct([("sec", pa.int32()), ("nanosec", pa.uint32())])
TIMES = Times(log_ns=pa.array([10, 20]), publish_ns=pa.array([1, None]))


def headers(**members: pa.Array) -> pa.StructArray:
    """Return two headers, stamped one nanosecond before and after the epoch."""
    stamps = pa.array([{"sec": -1, "nanosec": 999_999_999}, {"sec": 0, "nanosec": 1}], STAMP)
    columns = {"stamp": stamps, **members}
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.struct([("stamp", STAMP)]), True),
        (pa.struct([("stamp", STAMP), ("frame_id", pa.string())]), True),
        (pa.struct([("stamp", pa.int64())]), False),
        (pa.struct([("stamp", pa.struct([("sec", pa.int32())]))]), False),
        (pa.struct([("stamp", pa.struct([("sec", pa.int64()), ("nsec", pa.int64())]))]), True),
        (pa.struct([("timestamp", STAMP), ("frame_id", pa.string())]), True),
        (pa.struct([]), False),
        (pa.string(), False),
    ],
)
def test_headers_are_known_by_their_shape(kind, expected):
    """A header has a stamp, whatever else it has."""
    assert expected is is_header(kind)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"header": pa.struct({"stamp": STAMP}), "timestamp": STAMP}, "header"),
        ({"header": pa.string(), "timestamp": STAMP}, ""),
        ({"timestamp": pa.timestamp("ns")}, ""),
        ({"timestamp": pa.int64(), "frame_id": pa.string()}, None),
        ({"stamp": STAMP, "name": pa.string()}, None),
        ({}, None),
    ],
)
def test_where_a_message_carries_its_stamp(columns, expected):
    """The header counts first, then a `timestamp` of the message itself; any other stamp is a value."""
    assert expected == own_header(pa.schema(columns))


@pytest.mark.parametrize(
    ("policy", "stamps"),
    [
        (TimePolicy.Header, [-1, 1]),
        (TimePolicy.Log, [10, 20]),
        (TimePolicy.Publish, [1, 20]),
    ],
)
def test_policy_picks_the_clock(policy, stamps):
    """The clock asked for counts, the log's where it is unknown."""
    columns = envelope(TIMES, policy, headers())

    assert [stamps, [10, 20]] == [column.to_pylist() for column in columns[:2]]


def test_without_a_header():
    """Without a header the log's clock counts, and frame and number are unknown."""
    columns = envelope(TIMES, TimePolicy.Header)

    assert [[10, 20], [10, 20], [None, None], [None, None]] == [c.to_pylist() for c in columns]


def test_frame_and_number():
    """Frame and number come from the header, in the envelope's types."""
    header = headers(
        frame_id=pa.array(["", "map"], pa.string_view()), seq=pa.array([0, 2**32 - 1], pa.uint32())
    )
    columns = envelope(TIMES, TimePolicy.Log, header)

    assert [["", "map"], [0, 2**32 - 1]] == [column.to_pylist() for column in columns[2:]]
    assert ENVELOPE.types == [column.type for column in columns]


def test_header_that_is_missing():
    """A row whose header is null falls back to the log's clock."""
    header = headers(frame_id=pa.array(["a", "b"]))
    holed = pa.StructArray.from_arrays(
        header.flatten(), fields=list(header.type), mask=pa.array([True, False])
    )
    columns = envelope(TIMES, TimePolicy.Header, holed)

    assert [[10, 1], [None, "b"]] == [columns[0].to_pylist(), columns[2].to_pylist()]


def test_message_that_is_its_own_header():
    """A message with `timestamp` and `frame_id` gives both, beside its values."""
    stamp = pa.struct({"seconds": pa.int64(), "nanos": pa.int32()})
    message = pa.array(
        [{"timestamp": {"seconds": 1, "nanos": 5}, "frame_id": "map", "x": 7}, None],
        pa.struct({"timestamp": stamp, "frame_id": pa.string(), "x": pa.int8()}),
    )
    columns = envelope(TIMES, TimePolicy.Header, message)

    assert [[1_000_000_005, 20], ["map", None]] == [columns[0].to_pylist(), columns[2].to_pylist()]


def test_slices():
    """Sliced headers give the stamps of the slice."""
    columns = envelope(
        Times(log_ns=TIMES.log_ns[1:]),
        TimePolicy.Header,
        headers(seq=pa.array([7, 8], pa.uint32()))[1:],
    )

    assert [[1], [20], [None], [8]] == [column.to_pylist() for column in columns]
