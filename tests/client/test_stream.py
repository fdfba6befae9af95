import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.connections import ConnectionPool
from mosaico_ingest.client.rows import conform
from mosaico_ingest.client.stream import MESSAGE_BYTES, UploadStream, split
from mosaico_ingest.errors import PreconditionError, StateError
from mosaico_ingest.protocol.flight import PutCommand


@pytest.fixture
def upload(client, server, point):
    """An upload to the topic `s/t`, made by hand beside `client`."""
    sequence = client.sequence_create("s")
    sequence.open()
    sequence.topic_create("/t", ontology=point)
    pool = ConnectionPool(Address.parse(server.url), 1)
    command = PutCommand("s/t", server.topic("s/t").uuid)
    server.log.clear()
    yield UploadStream(pool[0], command, point.schema)
    pool.close()


def test_rows_arrive_in_order(upload, server, points):
    """What is written arrives complete, once the upload is finished."""
    written = upload.write(points(3)) + upload.write(points(2, start=3))
    upload.finish()

    assert [0, 1, 2, 3, 4] == server.rows("s/t")["timestamp_ns"].to_pylist()
    assert points(5).nbytes == pytest.approx(written, abs=64)
    assert server.topic("s/t").locked


def test_upload_without_rows_is_complete(upload, server, point):
    """An upload that nothing was written to still tells its schema and completes the topic."""
    upload.finish()
    upload.finish()

    assert (point.schema, [("put", "s/t")]) == (server.topic("s/t").schema, server.log)


def test_broken_off_upload_stays_incomplete(upload, server, points):
    """Breaking off keeps the topic from counting as complete, and may be asked for twice."""
    upload.write(points(3))

    upload.break_off()
    upload.break_off()

    assert (["put broken"], False) == (server.words, server.topic("s/t").locked)


def test_unopened_upload_breaks_off_in_silence(upload, server):
    """Where nothing was written, nothing is sent."""
    upload.break_off()

    assert [] == server.log


def test_nothing_follows_the_end(upload, points):
    """An upload that has ended takes no more."""
    upload.finish()

    with pytest.raises(StateError, match="has ended"):
        upload.write(points(1))


def test_finish_tells_that_it_was_broken_off(upload, points):
    """An upload that was broken off never claims to be complete."""
    upload.write(points(1))
    upload.break_off()

    with pytest.raises(StateError, match="broken off"):
        upload.finish()


def test_refusal_shows_at_the_end_at_the_latest(upload, server, points, refused):
    """What a server has against an upload is raised with its own sentence."""
    server.refusals["put s/t"] = refused(
        PreconditionError("Topic `s/t` is already uploading data.")
    )

    with pytest.raises(PreconditionError, match=r"^Topic `s/t` is already uploading data\.$"):
        upload.finish()


def test_broken_upload_repeats_its_reason(upload, server, points, refused):
    """Once refused, every further write and the end raise the same reason."""
    server.refusals["put s/t"] = refused(PreconditionError("no."))

    def write_on():
        while True:
            upload.write(points(1000))

    for call in (write_on, write_on, upload.finish):
        with pytest.raises(PreconditionError, match=r"^no\.$"):
            call()
    assert isinstance(upload.failure, PreconditionError)


def test_large_batch_is_split_to_what_servers_take(upload, server, point):
    """A batch above the size of a message goes in several, none of them larger."""
    n = 2 * MESSAGE_BYTES // 8
    times = pa.array(range(n))
    batch = conform(pa.record_batch({"timestamp_ns": times, "x": times}), point.schema, "/t")

    upload.write(batch)
    upload.finish()

    sizes = [part.nbytes for part in server.topic("s/t").batches]
    assert len(sizes) > 1
    assert max(sizes) <= MESSAGE_BYTES
    assert server.rows("s/t")["timestamp_ns"].combine_chunks().equals(times)


def test_record_above_the_limit_goes_alone(upload, server, point):
    """A single row that is larger than a message is sent by itself, never dropped."""
    text = "x" * (MESSAGE_BYTES + 1)
    rows = [{"timestamp_ns": i, "x": 0.0, "label": text if i == 1 else None} for i in range(3)]

    upload.write(pa.RecordBatch.from_pylist(rows, schema=point.schema))
    upload.finish()

    assert [1, 1, 1] == [part.num_rows for part in server.topic("s/t").batches]


@given(lengths=st.lists(st.integers(0, 50), max_size=30), limit=st.integers(1, 200))
def test_split_keeps_every_row_in_order(lengths, limit):
    """Pieces put together are the batch; each is within the limit or one row; none is empty."""
    batch = pa.record_batch({"v": pa.array(["x" * n for n in lengths], pa.string())})

    parts = list(split(batch, limit))

    assert batch["v"].to_pylist() == [v for part in parts for v in part["v"].to_pylist()]
    assert all(part.num_rows == 1 or (part.num_rows and part.nbytes <= limit) for part in parts)
