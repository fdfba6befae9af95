"""Records larger than a message: sent alone as far as the server takes them, refused with a reason beyond."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.stream import rows_above
from mosaico_ingest.enum import TopicWriterStatus
from mosaico_ingest.errors import RecordTooLargeError
from mosaico_ingest.protocol.messages import GrpcLimits, SemVer, ServerInfo
from mosaico_ingest.server.runner import serve

MIB = 1024 * 1024


def record(time_ns, mebibytes):
    """Return a record of so many MiB."""
    return {"timestamp_ns": time_ns, "x": 0.0, "label": "x" * (mebibytes * MIB)}


def test_the_embedded_server_takes_huge_records_and_says_how_huge(place, point):
    """60 MiB come back as they were; one byte too many is refused at once, and the topic goes on."""
    with serve(place) as server, MosaicoClient.connect(server.url) as client:
        with client.sequence_create("s") as sequence:
            topic = sequence.topic_create("/t", ontology=point)
            topic.push(record(1, 60))
            with pytest.raises(
                RecordTooLargeError, match=r"Row 0 .* 268,435,\d+ bytes, more than the 268,435,456"
            ):
                topic.push(record(2, 256))
            raised = topic.status
            topic.push(record(3, 1))
        rows = client.topic_handler("s", "/t").read().read_all()

    assert (TopicWriterStatus.RaisedException, TopicWriterStatus.Finalized) == (
        raised,
        topic.status,
    )
    assert [1, 3] == rows["timestamp_ns"].to_pylist()
    assert [60 * MIB, MIB] == pa.compute.binary_length(rows["label"]).to_pylist()


@pytest.mark.parametrize(("told", "refused"), [(20, 20), (None, 50)])
def test_a_server_is_asked_what_it_takes(client, server, point, told, refused):
    """The limit is what `info` tells or, with servers that do not know it, 50 MiB; it is asked for once."""
    if told:
        server.answers["info"] = ServerInfo(
            version="0.7.0",
            semver=SemVer(major=0, minor=7, patch=0),
            config=GrpcLimits(grpc_max_decode_message_size=told * MIB),
        )
    with client.sequence_create("s") as sequence:
        topic = sequence.topic_create("/t", ontology=point)
        small = "info" in server.words
        topic.push([record(0, 1), record(1, refused - 1)])
        with pytest.raises(RecordTooLargeError, match="Row 1 "):
            topic.push([record(2, 1), record(3, refused)])
        with pytest.raises(RecordTooLargeError):
            topic.write(pa.RecordBatch.from_pylist([record(4, refused)], point.schema))

    assert (False, 1) == (small, server.words.count("info"))
    assert [0, 1] == server.rows("s/t")["timestamp_ns"].to_pylist()
    assert 1 == server.topic("s/t").batches[-1].num_rows


@given(lengths=st.lists(st.integers(0, 50), max_size=30), limit=st.integers(17, 60))
def test_rows_above_a_limit_are_found(lengths, limit):
    """Exactly the rows that alone are larger are found; offsets of text count too."""
    batch = pa.record_batch({"v": pa.array(["x" * n for n in lengths], pa.string())})

    expected = [i for i in range(len(lengths)) if batch.slice(i, 1).nbytes > limit]
    assert expected == list(rows_above(batch, limit))
