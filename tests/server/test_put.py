"""DoPut: what is taken, what is refused, and that nothing half-made is left."""

import json
import subprocess
import sys
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import flight

from mosaico_ingest.server.security import Security
from mosaico_ingest.server.service import MosaicoServer

CLOCK = pa.field("timestamp_ns", pa.int64())


def files(server):
    return [name for name in server._store.names() if not name.endswith(".json")]


def test_upload_without_batches(peer):
    """A schema without batches is a complete upload, and readers get the schema."""
    peer.store()
    facts = peer.facts()

    assert (True, {"chunks_number": 0, "total_bytes": 0, "timestamp": None}) == (
        facts["locked"],
        facts["info"],
    )
    assert ["timestamp_ns", "data"] == peer.read().column_names
    assert 0 == peer.read().num_rows


def test_empty_batches_make_no_chunk(peer, rows):
    """Batches without rows are passed over, by the store and on the way back."""
    peer.store(rows([]), rows([7]), rows([]))
    batches = list(peer.flight.do_get(peer.info("s/t").endpoints[0].ticket))

    assert (1, [1]) == (
        peer.facts()["info"]["chunks_number"],
        [chunk.data.num_rows for chunk in batches],
    )


def test_facts_of_a_topic(peer, server, rows):
    """Range, rows, bytes and chunks are those of what was uploaded."""
    peer.store(rows([30, 10]), rows([20]))
    facts = peer.facts()
    size = sum(server._store.size(name) for name in files(server))

    assert {"start_ns": 10, "end_ns": 30} == facts["info"]["timestamp"]
    assert {
        "interval": {"start_ns": 10, "end_ns": 30},
        "total_row_count": 3,
        "total_bytes": size,
        "total_chunks_count": 1,
    } == facts["data_info"]


def test_running_upload_is_visible_but_open(peer, rows):
    """While it runs, a topic is listed, unlocked and without rows."""
    session = peer.session()
    writer = peer.open(peer.topic(session))
    writer.write_batch(rows([1]))
    peer.await_upload(session)
    facts = peer.facts()
    writer.close()

    assert (False, None, 0) == (
        facts["locked"],
        facts["completed_at_ns"],
        facts["data_info"]["total_row_count"],
    )
    assert True is peer.facts()["locked"]


def test_second_upload(peer, rows):
    """A topic is uploaded once."""
    session = peer.session()
    uuid = peer.topic(session)
    peer.put(uuid, rows([1]))

    assert (
        "PreconditionError",
        "Topic `s/t` has already been uploaded and finalized.",
    ) == peer.refusal(peer.put, uuid, rows([2]))
    assert [1] == peer.read()["timestamp_ns"].to_pylist()


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (b"nonsense", "InvalidRequestError"),
        (b'{"resource_locator": "s/t"}', "InvalidRequestError"),
        (b'{"resource_locator": "s/t", "topic_uuid": "x"}', "InvalidRequestError"),
        (b'{"resource_locator": "s", "topic_uuid": "x"}', "InvalidRequestError"),
        (b'{"resource_locator": "../t", "topic_uuid": "x"}', "InvalidRequestError"),
        (b'{"resource_locator": "s/gone", "topic_uuid": "x"}', "NotFoundError"),
        (
            json.dumps({"resource_locator": "s/t", "topic_uuid": str(uuid4())}).encode(),
            "UnauthorizedError",
        ),
    ],
)
def test_command_refused(peer, command, kind):
    """A command must be well-formed, name a topic that exists, and hold its uuid."""
    uuid = peer.topic(peer.session())

    descriptor = flight.FlightDescriptor.for_command(command)
    writer, _ = peer.flight.do_put(descriptor, pa.schema([CLOCK]))

    assert kind == peer.refusal(writer.close)[0]
    peer.put(uuid)


def test_path_descriptor(peer):
    """A descriptor with a path is no command."""
    writer, _ = peer.flight.do_put(flight.FlightDescriptor.for_path("s"), pa.schema([CLOCK]))

    assert ("InvalidRequestError", "Unsupported descriptor.") == peer.refusal(writer.close)


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("data", pa.int64())]),
        pa.schema([("timestamp_ns", pa.timestamp("ns"))]),
        pa.schema([CLOCK, CLOCK]),
        pa.schema([CLOCK, ("data", pa.int8()), ("data", pa.int8())]),
    ],
)
def test_schema_refused(peer, schema):
    """Columns without one int64 clock are refused, and the topic can still be uploaded."""
    uuid = peer.topic(peer.session())
    kind, message = peer.refusal(peer.put, uuid, schema=schema)

    assert ("InvalidRequestError", True) == (kind, message.startswith("Unsupported schema"))
    peer.put(uuid)


def test_column_without_parquet_form(peer, server):
    """Columns that Parquet cannot hold are refused with their type."""
    schema = pa.schema([CLOCK, ("data", pa.month_day_nano_interval())])
    batch = pa.record_batch([pa.array([1]), pa.array([(1, 2, 3)], schema.types[1])], schema=schema)
    kind, message = peer.refusal(peer.put, peer.topic(peer.session()), batch, schema=schema)

    assert ("InvalidRequestError", True, []) == (kind, "month_day_nano" in message, files(server))


def test_row_without_time(peer, server, rows):
    """A row without a time is refused with the whole upload."""
    batch = pa.record_batch({"timestamp_ns": pa.array([1, None])})
    uuid = peer.topic(peer.session())

    assert ("InvalidRequestError", "Bad request: column 'timestamp_ns' has nulls.") == peer.refusal(
        peer.put, uuid, batch, schema=batch.schema
    )
    assert [] == files(server)


def test_null_where_none_may_be(peer, server):
    """A null in a column that is declared without is refused."""
    schema = pa.schema([CLOCK, pa.field("data", pa.int64(), nullable=False)])
    batch = pa.record_batch([pa.array([1]), pa.array([None], pa.int64())], schema=schema)
    kind, message = peer.refusal(peer.put, peer.topic(peer.session()), batch, schema=schema)

    assert ("InvalidRequestError", True, []) == (kind, "non-nullable" in message, files(server))


def test_columns_that_arrow_cannot_sort(peer):
    """Views are stored in order of time as all else, and can be asked about."""
    schema = pa.schema([CLOCK, ("data", pa.string_view()), ("l", pa.list_(pa.binary_view()))])
    columns = [pa.array([2, 1]), pa.array(["b", "a"], schema.types[1])]
    batch = pa.record_batch([*columns, pa.array([[b"b"], [b"a"]], schema.types[2])], schema=schema)
    peer.put(peer.topic(peer.session()), batch, schema=schema)
    found = peer.act("query", ontology={"floating64.data": {"$eq": "b"}})["items"]

    assert (schema.types, [[1, "a", [b"a"]], [2, "b", [b"b"]]], 1) == (
        peer.read().schema.types,
        [list(row.values()) for row in peer.read().to_pylist()],
        len(found),
    )


def test_dates_that_python_has_not(peer):
    """A day millions of years away is stored and read as any other."""
    schema = pa.schema([CLOCK, ("data", pa.date32())])
    days = pa.array([2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32())
    peer.put(
        peer.topic(peer.session()),
        pa.record_batch([pa.array([1, 2]), days], schema=schema),
        schema=schema,
    )

    assert [2**31 - 1, -(2**31)] == peer.read()["data"].cast(pa.int32()).to_pylist()


@pytest.mark.parametrize(
    "kind", [pa.dictionary(pa.int8(), pa.string()), pa.list_(pa.dictionary(pa.int8(), pa.string()))]
)
def test_dictionaries(peer, kind):
    """A topic with dictionaries is read as all others, also while it has no rows."""
    schema = pa.schema([CLOCK, ("data", kind)])
    value = "a" if pa.types.is_dictionary(kind) else ["a", None]
    batches = [
        pa.record_batch([pa.array([time]), pa.array([value], kind)], schema=schema)
        for time in (2, 1)
    ]
    peer.store(schema=schema)
    peer.store(*batches, locator="s/u", schema=schema)

    assert (0, kind) == (peer.read().num_rows, peer.read().schema.field("data").type)
    assert [{"timestamp_ns": t, "data": value} for t in (1, 2)] == peer.read("s/u").to_pylist()


def test_types_of_no_size(peer):
    """What Parquet cannot hold is the fault of the upload, not the server's."""
    schema = pa.schema([CLOCK, ("data", pa.binary(0))])
    batch = pa.record_batch([pa.array([1]), pa.array([b""], schema.types[1])], schema=schema)
    kind, message = peer.refusal(peer.put, peer.topic(peer.session()), batch, schema=schema)

    assert ("InvalidRequestError", True) == (kind, "Unsupported schema" in message)


def test_batch_too_large(peer, server, rows, monkeypatch):
    """A batch beyond the limit is refused with both sizes, and leaves nothing."""
    monkeypatch.setattr("mosaico_ingest.server.put.LARGEST_MESSAGE_BYTES", 100)
    uuid = peer.topic(peer.session())

    assert (
        "InvalidRequestError",
        "Bad request: a batch of 112 bytes, expected at most 100; send fewer rows in one.",
    ) == peer.refusal(peer.put, uuid, rows(range(7)))
    assert [] == files(server)


def test_broken_buffers(peer, server):
    """Offsets that point outside their buffer are refused before anything follows them."""
    offsets = pa.py_buffer(np.array([0, 9, 3, 5], np.int32))
    text = pa.Array.from_buffers(pa.binary(), 3, [None, offsets, pa.py_buffer(b"short")])
    batch = pa.record_batch([pa.array([1, 2, 3]), text], names=["timestamp_ns", "data"])
    kind, _ = peer.refusal(peer.put, peer.topic(peer.session()), batch, schema=batch.schema)

    assert ("InvalidRequestError", []) == (kind, files(server))


@pytest.mark.parametrize("action", ["topic_delete", "sequence_delete"])
def test_deleted_while_uploading(peer, server, rows, action):
    """An upload whose topic is deleted meanwhile fails and leaves no file."""
    session = peer.session()
    writer = peer.open(peer.topic(session))
    writer.write_batch(rows([1]))
    peer.await_upload(session)
    peer.act(action, locator="s/t" if action == "topic_delete" else "s")

    assert (
        "PreconditionError",
        "Topic `s/t` was deleted while it was being uploaded.",
    ) == peer.refusal(writer.close)
    assert [] == files(server)


def test_client_that_dies(peer, server, place):
    """An upload that ends with its client's death is not taken for complete."""
    session = peer.session()
    uuid = peer.topic(session)
    code = """
import os, sys, pyarrow as pa, pyarrow.flight as fl
client = fl.connect(sys.argv[1])
batch = pa.record_batch({"timestamp_ns": range(1_000_000)})
writer, reader = client.do_put(fl.FlightDescriptor.for_command(sys.argv[2].encode()), batch.schema)
for _ in range(10):
    writer.write_batch(batch)
os.kill(os.getpid(), 9)
"""
    command = json.dumps({"resource_locator": "s/t", "topic_uuid": uuid})
    address = f"grpc://127.0.0.1:{server.port}"
    subprocess.run([sys.executable, "-c", code, address, command], check=False)
    # The stream's end reaches the server when it closes, at the latest.
    peer.close()
    server.close()
    with MosaicoServer(place) as again:
        assert [] == files(again)


def test_many_open_streams(peer, rows):
    """Three hundred uploads run side by side."""
    session = peer.session()
    names = [f"s/t{number}" for number in range(300)]
    writers = [peer.open(peer.topic(session, name), name) for name in names]
    for step in range(2):
        for number, writer in enumerate(writers):
            writer.write_batch(rows([number + 1000 * step]))
    for writer in writers:
        writer.close()
    peer.act("session_finalize", session_uuid=session)

    assert [17, 1017] == peer.read("s/t17")["timestamp_ns"].to_pylist()
    assert 300 == len(peer.manifest()["sessions"][0]["topics"])
    assert {True} == {
        json.loads(endpoint.app_metadata)["locked"] for endpoint in peer.info("s").endpoints
    }


def test_closing_server_breaks_uploads_off(place, connect, rows):
    """A server that ends refuses the next batch, and the topic is not there as complete."""
    server = MosaicoServer(place)
    peer = connect(server.port)
    writer = peer.open(peer.topic(peer.session()))
    writer.write_batch(rows([1]))
    server._stopping.set()
    writer.write_batch(rows([2]))

    kind, message = peer.refusal(writer.close)

    assert ("UnreachableError", True) == (kind, "stopping" in message)
    peer.close()
    server.close()
    with MosaicoServer(place) as again:
        assert False is connect(again.port).facts()["locked"]


def test_more_uploads_than_are_taken(place, connect, rows):
    """An upload too many is refused before anything of it is read, and can be made when there is room."""
    with MosaicoServer(place, security=Security(max_uploads=2)) as server:
        peer = connect(server.port)
        session = peer.session()
        uuids = {name: peer.topic(session, name) for name in ("s/a", "s/b", "s/c")}
        writers = [peer.open(uuids[name], name) for name in ("s/a", "s/b")]
        while (
            server._service._receiver._places._value
        ):  # a call that asks would take a place itself
            pass
        kind, message = peer.refusal(peer.put, uuids["s/c"], rows([1]), locator="s/c")
        for writer in writers:
            writer.close()
        peer.put(uuids["s/c"], rows([1]), locator="s/c")
        peer.act("session_finalize", session_uuid=session)

    assert ("UnreachableError", True) == (kind, "takes 2 uploads at the same time" in message)
