import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.client.merging import merge
from mosaico_ingest.errors import NotFoundError, UsageError

SCHEMA = pa.schema([pa.field("timestamp_ns", pa.int64(), nullable=False), ("owner", pa.string())])


def reader(name, batches):
    """Make a reader of batches with these times."""
    made = [
        pa.record_batch([pa.array(times, pa.int64()), pa.array([name] * len(times))], schema=SCHEMA)
        for times in batches
    ]
    return pa.RecordBatchReader.from_batches(SCHEMA, iter(made))


@st.composite
def streams(draw):
    """Draw a few topics: ascending times, cut into batches, some of them empty."""
    topics = {}
    for name in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        times = sorted(draw(st.lists(st.integers(0, 30), max_size=20)))
        cuts = sorted(draw(st.lists(st.integers(0, len(times)), max_size=4)))
        topics[name] = [list(part) for part in np.split(np.array(times, np.int64), cuts)]
    return topics


@given(streams())
def test_rows_come_in_order_of_time(topics):
    """All rows come, each once, in order of time; those of a topic in their order."""
    merged = list(merge({name: reader(name, batches) for name, batches in topics.items()}))
    times = [t for _, rows in merged for t in rows["timestamp_ns"].to_pylist()]

    assert sorted(t for batches in topics.values() for times in batches for t in times) == times
    assert all({name} == set(rows["owner"].to_pylist()) for name, rows in merged)


def test_slices_are_as_long_as_they_can_be():
    """Rows of one batch between which no other topic has one are one slice, not copied."""
    merged = merge({"a": reader("a", [range(100)]), "b": reader("b", [[50]])})

    assert [("a", 51), ("b", 1), ("a", 49)] == [(name, rows.num_rows) for name, rows in merged]


def test_giving_up_closes_the_readers():
    """What was opened is closed when no more is wanted."""
    closed = []

    def batches():
        try:
            yield pa.record_batch([pa.array([1]), pa.array(["a"])], schema=SCHEMA)
            yield pa.record_batch([pa.array([2]), pa.array(["a"])], schema=SCHEMA)
        finally:
            closed.append(True)

    merged = merge({"a": pa.RecordBatchReader.from_batches(SCHEMA, batches())})
    next(merged)
    merged.close()

    assert [True] == closed


@pytest.fixture
def drive(client, point, points):
    """A sequence with two topics that alternate every ten rows, and one without an upload."""
    with client.sequence_create("drive") as sequence:
        for name, start in (("/a", 0), ("/b", 10)):
            topic = sequence.topic_create(name, ontology=point)
            for begin in (start, start + 20):
                topic.write(points(10, start=begin))
        sequence.topic_create("/c", ontology=point)
    return client.sequence_handler("drive")


def test_sequence_is_read_in_order_of_time(drive):
    """A sequence's handler merges its topics; one without rows is in nobody's way."""
    told = [(name, rows["timestamp_ns"][0].as_py(), len(rows)) for name, rows in drive.read()]

    assert [("/a", 0, 10), ("/b", 10, 10), ("/a", 20, 10), ("/b", 30, 10)] == told


def test_some_topics_are_read(drive, server):
    """Topics are chosen by name; the window goes to the server."""
    names = [name for name, _ in drive.read(["b"], 5, 9)]

    assert {"/b"} == set(names)
    assert {"timestamp_ns_start": 5, "timestamp_ns_end": 9} == {
        key: value for key, value in server.log[-1][1].items() if key != "resource_locator"
    }


def test_what_cannot_be_read_is_said_at_once(drive):
    """A missing topic and an empty window are errors before the first row."""
    with pytest.raises(NotFoundError, match=r"drive/x not found\.$"):
        drive.read(["/x"])
    with pytest.raises(UsageError, match="is empty"):
        drive.read(start_ns=2, end_ns=1)
