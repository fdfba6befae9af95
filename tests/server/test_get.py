"""What readers are told, and the rows they get."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import flight

from mosaico_ingest.server import reading, writing
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.reading import StoredChunk, Window, read_rows
from mosaico_ingest.server.writing import ChunkWriter, MemoryShare

SCALARS = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()),
    *(pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.string()),
    *(pa.large_string(), pa.binary(), pa.large_binary(), pa.timestamp("ns", "UTC"), pa.date32()),
]


def times_of(peer, **window):
    return peer.read(**window)["timestamp_ns"].to_pylist()


def test_every_sequence_is_listed(peer):
    """Listing names all sequences, in order, also empty ones; the endpoint's ticket is the name."""
    for name in ("b", "a"):
        peer.act("sequence_create", locator=name, user_metadata={})
    listed = list(peer.flight.list_flights())

    assert ["a", "b"] == peer.names()
    assert b"a" == listed[0].endpoints[0].ticket.ticket
    assert ["a", "b"] == [i.descriptor.path[0].decode() for i in peer.flight.list_flights(b"/")]


def test_other_criteria(peer):
    """Listing by anything else is refused."""
    kind, _ = peer.refusal(lambda: list(peer.flight.list_flights(b"name=a")))

    assert "InvalidRequestError" == kind


def test_sequence_manifest(peer, rows):
    """A sequence tells of all its sessions and topics, and each topic is an endpoint."""
    peer.store(rows([1]), locator="s/imu/front")
    open_session = peer.session()
    peer.topic(open_session, "s/gps", user_metadata={"unit": "m"})
    info, manifest = peer.info("s"), peer.manifest()

    assert [(True, ["s/imu/front"]), (False, ["s/gps"])] == [
        (session["locked"], session["topics"]) for session in manifest["sessions"]
    ]
    assert open_session == manifest["sessions"][1]["uuid"]
    assert manifest["sessions"][1]["locator"].startswith("s:")
    assert ["mosaico:s/imu/front", "mosaico:s/gps"] == [
        endpoint.locations[0].uri.decode() for endpoint in info.endpoints
    ]
    gps = json.loads(info.endpoints[1].app_metadata)
    assert (
        {"unit": "m"},
        "floating64",
        {"chunks_number": 0, "total_bytes": 0, "timestamp": None},
    ) == (
        gps["user_metadata"],
        gps["ontology_tag"],
        gps["info"],
    )
    assert {
        b"mosaico:context": b"sequence",
        b"mosaico:user_metadata": b"{}",
    } == info.schema.metadata


def test_schema_of_a_sequence(peer):
    """GetSchema of a sequence has no columns, and its user metadata; of a session there is none."""
    peer.act("sequence_create", locator="s", user_metadata={"driver": "jon"})
    schema, session, path = (
        flight.FlightDescriptor.for_command(b'{"resource_locator": "s"}'),
        flight.FlightDescriptor.for_command(
            b'{"resource_locator": "s:01ARZ3NDEKTSV4RRFFQ69G5FAV"}'
        ),
        flight.FlightDescriptor.for_path("s"),
    )
    found = peer.flight.get_schema(schema).schema

    assert ([], {"driver": "jon"}) == (
        found.names,
        json.loads(found.metadata[b"mosaico:user_metadata"]),
    )
    for descriptor, words in (
        (session, "not a valid topic locator"),
        (path, "Unsupported descriptor"),
    ):
        with pytest.raises(
            pa.ArrowException, match=words
        ) as caught:  # pyarrow loses the class here
            peer.flight.get_schema(descriptor)

        assert not {"Traceback", ".py"} & set(str(caught.value).replace('"', " ").split())
        assert "server/service" not in str(caught.value)


def test_topic_schema_metadata(peer, rows):
    """Info, schema and rows of a topic all carry what readers look for."""
    session = peer.session()
    peer.put(peer.topic(session, user_metadata={"unit": "é"}), rows([1]))
    command = flight.FlightDescriptor.for_command(b'{"resource_locator": "s/t"}')
    schemas = [peer.info("s/t").schema, peer.flight.get_schema(command).schema, peer.read().schema]

    for schema in schemas:
        assert b"topic" == schema.metadata[b"mosaico:context"]
        assert {"unit": "é"} == json.loads(schema.metadata[b"mosaico:user_metadata"])
        assert {"ontology_tag": "floating64", "serialization_format": "default"} == json.loads(
            schema.metadata[b"mosaico:properties"]
        )
        assert schema.equals(schemas[0])


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (b'{"resource_locator": "gone"}', "NotFoundError"),
        (b'{"resource_locator": "s/gone"}', "NotFoundError"),
        (b'{"resource_locator": "s:01"}', "InvalidRequestError"),
        (b'{"resource_locator": "a b"}', "InvalidRequestError"),
        (b'{"resource_locator": "s", "timestamp_ns_start": "1"}', "InvalidRequestError"),
        (
            b'{"resource_locator": "s", "timestamp_ns_end": 9223372036854775808}',
            "InvalidRequestError",
        ),
        (b"", "InvalidRequestError"),
    ],
)
def test_info_refused(peer, command, kind):
    """A question must be well-formed and about something that exists."""
    peer.session()
    descriptor = flight.FlightDescriptor.for_command(command)

    assert kind == peer.refusal(peer.flight.get_flight_info, descriptor)[0]


@pytest.mark.parametrize("ticket", [b"s", b"\xff", b'{"resource_locator": "s"}', b"{}"])
def test_foreign_ticket(peer, ticket):
    """A ticket that names no topic is refused."""
    peer.session()

    assert "InvalidRequestError" == peer.refusal(peer.flight.do_get, flight.Ticket(ticket))[0]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [10, 20, 20, 30]),
        (20, None, [20, 20, 30]),
        (None, 20, [10]),
        (20, 30, [20, 20]),
        (11, 20, []),
        (31, None, []),
        (None, 10, []),
        (30, 10, []),
        (-(2**63), 2**63 - 1, [10, 20, 20, 30]),
    ],
)
def test_window(peer, rows, start, end, expected):
    """A window holds its start and not its end; open sides are open."""
    peer.store(rows([30, 20]), rows([10, 20]))
    asked = {"timestamp_ns_start": start, "timestamp_ns_end": end}
    window = {key: value for key, value in asked.items() if value is not None}

    assert expected == times_of(peer, **window)


def test_facts_are_those_of_the_whole_topic(peer, rows):
    """The range that a topic tells is not narrowed by the window."""
    peer.store(rows([10, 20, 30]))
    info = peer.info("s/t", timestamp_ns_start=20)

    assert {"start_ns": 10, "end_ns": 30} == json.loads(info.endpoints[0].app_metadata)["info"][
        "timestamp"
    ]


def test_equal_times_keep_their_order(peer, rows):
    """Rows of one instant that were uploaded together come as they were."""
    peer.store(rows([5, 5, 1], np.array([0.0, 1.0, 2.0])), rows([5, 1], np.array([3.0, 4.0])))

    assert [2.0, 4.0, 0.0, 1.0, 3.0] == peer.read()["data"].to_pylist()


@pytest.mark.parametrize("kind", SCALARS, ids=str)
def test_columns_come_back_as_they_were(peer, kind):
    """Every kind of column survives, in a struct, in lists, alone, and with nulls."""
    item = pa.field("element", kind, nullable=False)
    schema = pa.schema(
        [
            pa.field("timestamp_ns", pa.int64(), nullable=False, metadata={"description": "t"}),
            pa.field("a", kind),
            pa.field("s", pa.struct([pa.field("x", kind, nullable=False), ("y", pa.list_(kind))])),
            pa.field("l", pa.list_(item), nullable=False),
            pa.field("f", pa.list_(pa.field("item", kind), 2)),
        ]
    )
    first = 1000 if pa.types.is_timestamp(kind) else 1  # a whole microsecond, as Python shows times
    value = (
        pa.array([first, 0], pa.int64() if kind.bit_width == 64 else pa.int32()).cast(kind)
        if not _is_text(kind)
        else pa.array(["a", ""]).cast(kind)
    )
    one, two = value.to_pylist()
    batch = pa.record_batch(
        [
            pa.array([1, 2]),
            pa.array([one, None], kind),
            pa.array([{"x": one, "y": [two, None]}, None], schema.types[2]),
            pa.array([[], [one, two]], schema.types[3]),
            pa.array([[one, two], None], schema.types[4]),
        ],
        schema=schema,
    )
    peer.store(batch, schema=schema)
    read = peer.read()

    assert schema.equals(read.schema.remove_metadata(), check_metadata=False)
    assert [field.metadata for field in schema] == [field.metadata for field in read.schema]
    assert batch.to_pylist() == read.to_pylist()


def _is_text(kind):
    return any(word in str(kind) for word in ("string", "binary"))


def test_deleted_while_reading(peer, rows, server):
    """A reader of a topic that is deleted before its first row gets an error, not a shorter topic."""
    peer.store(rows([1]))
    ticket = peer.info("s/t").endpoints[0].ticket
    server._store.discard(server._store.names())
    kind, _ = peer.refusal(lambda: peer.flight.do_get(ticket).read_all())

    assert "NotFoundError" == kind


@pytest.fixture
def store(tmp_path):
    """Give an empty store."""
    with FolderStore(tmp_path / "store") as store:
        yield store


def write(store, monkeypatch, batches, group_rows, chunk_groups):
    """Write batches with row groups of *group_rows* rows and chunks of *chunk_groups* groups."""
    monkeypatch.setattr(writing, "ROW_GROUP_BYTES", group_rows * 16)
    monkeypatch.setattr(writing, "CHUNK_BYTES", group_rows * 16 * chunk_groups)
    writer = ChunkWriter(store, MemoryShare(), "session/topic", batches[0].schema)
    for batch in batches:
        writer.add(batch)
    return [
        StoredChunk(path=one.path, min_ns=one.facts.min_ns, max_ns=one.facts.max_ns)
        for one in writer.finish()
    ]


@pytest.mark.parametrize(
    "order", ["ascending", "jitter", "reversed", "shuffled", "one instant", "two"]
)
@pytest.mark.parametrize("slice_bytes", [400, 1 << 26])
def test_order_of_time(store, monkeypatch, rows, order, slice_bytes):
    """Rows come back complete and ascending, however they were uploaded, with much memory or little."""
    rng = np.random.default_rng(1)
    count = 1000
    times = {
        "ascending": np.arange(count),
        "jitter": np.arange(count) + rng.integers(0, 50, count),
        "reversed": np.arange(count)[::-1],
        "shuffled": rng.permutation(count),
        "one instant": np.full(count, 7),
        "two": np.repeat([9, 3], count // 2),
    }[order]
    data = rng.random(count)
    batches = [rows(times[at : at + 20], data[at : at + 20]) for at in range(0, count, 20)]
    chunks = write(store, monkeypatch, batches, group_rows=40, chunk_groups=3)
    window = Window(int(np.quantile(times, 0.1)), int(times.max()))
    for asked in (Window(), window):
        parts = read_rows(store, chunks, batches[0].schema, asked, slice_bytes=slice_bytes)
        read = pa.Table.from_batches(parts, schema=batches[0].schema)
        inside = times >= (asked.start_ns or 0)
        if asked.end_ns is not None:
            inside &= times < asked.end_ns

        assert np.sort(times[inside]).tolist() == read["timestamp_ns"].to_pylist()
        assert sorted(data[inside]) == sorted(read["data"].to_pylist())


def test_merging_holds_a_slice_at_a_time(store, monkeypatch, rows):
    """Overlapping chunks are merged in slices of about the size allowed."""
    times = np.random.default_rng(2).permutation(20_000)
    batches = [rows(times[at : at + 100]) for at in range(0, len(times), 100)]
    chunks = write(store, monkeypatch, batches, group_rows=1000, chunk_groups=5)
    sizes = [
        part.nbytes
        for part in read_rows(store, chunks, batches[0].schema, Window(), slice_bytes=20_000)
    ]

    assert 20_000 * 16 == sum(sizes)
    assert max(sizes) < 60_000


def test_only_what_touches_the_window_is_opened(store, monkeypatch, rows):
    """Chunks outside the window are not even opened."""
    chunks = write(store, monkeypatch, [rows(range(at, at + 10)) for at in (0, 10, 20)], 10, 1)
    store.discard([chunks[0].path, chunks[2].path])
    read = list(read_rows(store, chunks, rows([]).schema, Window(10, 20)))

    assert list(range(10, 20)) == pa.Table.from_batches(read)["timestamp_ns"].to_pylist()


def test_large_topics_come_in_batches(peer, monkeypatch, rows):
    """A topic is sent in batches of a bounded size."""
    monkeypatch.setattr(reading, "BATCH_BYTES", 1600)
    peer.store(rows(range(1000)))
    batches = list(peer.flight.do_get(peer.info("s/t").endpoints[0].ticket))

    assert 10 <= len(batches) <= 12
    assert 1000 == sum(chunk.data.num_rows for chunk in batches)
