"""
The client against a server that replays what was captured on the wire of the public platform, as text.

None of the package's own protocol code is on the server's side: requests must equal the captured ones byte by
byte, replies must be understood as they were captured.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from mosaico_ingest.client import MosaicoClient, Q
from mosaico_ingest.enum import (
    APIKeyPermissionEnum,
    NotificationType,
    SerializationFormat,
    SessionLevelErrorPolicy,
)
from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.model.ontology import Ontology

SESSION = "0a5107ed-ff7f-420a-9249-7820392c58d7"
TOPIC = "ff6ab258-fa28-4a69-81e2-6c4c88c418d1"


def captured(section: str) -> dict[str, str]:
    """Return the bodies of one section of `captured.txt` by their names."""
    text = (Path(__file__).parent / "captured.txt").read_text()
    lines = text.partition(f"[{section}]\n")[2].partition("\n\n")[0].splitlines()
    return {name: body for name, _, body in (line.partition("  ") for line in lines)}


REQUESTS, REPLIES, TOLD = map(captured, ("requests", "replies", "descriptions"))
SEQUENCE_SCHEMA = {
    "mosaico:context": "sequence",
    "mosaico:user_metadata": '{"driver": "jon", "nested": {"k": [1, 2]}, "n": 1.5}',
}
TOPIC_SCHEMA = {
    "mosaico:context": "topic",
    "mosaico:properties": '{"ontology_tag": "imu", "serialization_format": "default"}',
    "mosaico:user_metadata": '{"unit": "m/s2"}',
}

VECTOR = pa.struct([pa.field("x", pa.float64())])
IMU = Ontology(tag="imu", fields=pa.schema([pa.field("acceleration", VECTOR, nullable=False)]))
ROWS = pa.RecordBatch.from_pylist(
    [{"timestamp_ns": t, "acceleration": {"x": t / 2}} for t in (1000, 1001, 1002)], IMU.schema
)


class Replayer(fl.FlightServerBase):
    """
    Replays replies, and keeps what it was asked.

    Args:
        replies: Body of the Result of each action; an action without one has no Result.
        sequence, topic: What it tells about a sequence and a topic.
        is_described: Whether schemas say what they stand for, as they do up to 0.6.
    """

    def __init__(self, replies=REPLIES, sequence="sequence", topic="topic", is_described=True):
        super().__init__("grpc://127.0.0.1:0")
        self.replies = replies
        self.sequence, self.endpoint = TOLD[sequence], TOLD[topic]
        self.sequence_schema = SEQUENCE_SCHEMA if is_described else None
        self.topic_schema = TOPIC_SCHEMA if is_described else None
        self.asked = []

    def do_action(self, context, action):
        self.asked.append((action.type, action.body.to_pybytes().decode()))
        reply = self.replies.get(action.type, "")
        return [reply.encode()] if reply else []

    def list_flights(self, context, criteria):
        assert criteria in (b"", b"/")
        endpoint = fl.FlightEndpoint(b"seq_a", [])
        yield fl.FlightInfo(
            pa.schema([]), fl.FlightDescriptor.for_path("seq_a"), [endpoint], -1, -1
        )

    def get_flight_info(self, context, descriptor):
        self.asked.append(("info", descriptor.command.decode()))
        is_topic = "/" in json.loads(descriptor.command)["resource_locator"]
        columns = IMU.schema if is_topic else pa.schema([])
        metadata = self.topic_schema if is_topic else self.sequence_schema
        endpoint = fl.FlightEndpoint(
            b"\x00opaque", ["mosaico:seq_a/imu/front"], None, self.endpoint
        )
        return fl.FlightInfo(
            columns.with_metadata(metadata) if metadata else pa.schema([]),
            descriptor,
            [endpoint],
            -1,
            -1,
            app_metadata=b"" if is_topic else self.sequence.encode(),
        )

    def get_schema(self, context, descriptor):
        self.asked.append(("schema", descriptor.command.decode()))
        return fl.SchemaResult(IMU.schema)

    def do_get(self, context, ticket):
        self.asked.append(("get", ticket.ticket))
        rows = pa.Table.from_batches([ROWS.replace_schema_metadata(self.topic_schema)])
        return fl.RecordBatchStream(rows, options=pa.ipc.IpcWriteOptions(compression="lz4"))

    def do_put(self, context, descriptor, reader, writer):
        table = reader.read_all()
        self.asked.append(("put", descriptor.command.decode()))
        self.asked.append(("rows", table))


@pytest.fixture
def replay():
    """`replay(**options)`: a client of a replaying server, and the server."""
    opened = []

    def start(**options):
        server = Replayer(**options)
        client = MosaicoClient.connect("127.0.0.1", server.port, ontologies={"imu": IMU}.get)
        opened.append((client, server))
        assert [("version", REQUESTS["version"])] == server.asked
        server.asked.clear()
        return client, server

    yield start
    for client, server in opened:
        client.close()
        server.shutdown()


def test_an_upload(replay):
    """A sequence is written in the captured words, the rows as plain batches without schema metadata."""
    client, server = replay()
    metadata = {"driver": "jon", "nested": {"k": [1, 2]}, "n": 1.5}

    with client.sequence_create("seq_a", metadata) as sequence:
        sequence.topic_create("/imu/front", {"unit": "m/s2"}, ontology="imu").push(ROWS)

    words = ("sequence_create", "session_create", "topic_create", "put", "session_finalize")
    rows = dict(server.asked).pop("rows")
    assert [(word, REQUESTS[word]) for word in words] == [
        entry for entry in server.asked if entry[0] != "rows"
    ]
    assert (None, pa.Table.from_batches([ROWS])) == (rows.schema.metadata, rows)


@pytest.mark.parametrize(
    ("reply", "request_name"),
    [
        (REPLIES["session_create"], "session_delete"),
        (f'{{"action": "session_create", "response": {{"uuid": "{SESSION}"}}}}', "session_delete to 0.4"),
    ],
    ids=["0.5", "0.4"],
)  # fmt: skip
def test_a_deletion(replay, reply, request_name):
    """A session that is given up is deleted by its locator or, where the server told none, by its uuid."""
    client, server = replay(replies=REPLIES | {"session_create": reply})
    writer = client.sequence_create("seq_a", on_error=SessionLevelErrorPolicy.Delete)
    writer.open()

    writer.fail("boom")

    assert [
        ("session_delete", REQUESTS[request_name]),
        ("sequence_delete", REQUESTS["sequence_delete"]),
    ] == server.asked[-2:]


def test_notifications(replay):
    """Notifications are left, listed and cleared in the captured words; none but errors are sent."""
    client, server = replay()
    writer = client.sequence_create("seq_a")
    writer.open()
    server.asked.clear()

    writer.notify("boom")
    writer.notify("boom", topic="/imu/front")
    writer.notify("fine", kind=NotificationType.Info)
    none = client.list_sequence_notifications("seq_a")
    (one,) = client.list_topic_notifications("seq_a", "/imu/front")
    client.clear_sequence_notifications("seq_a")
    client.clear_topic_notifications("seq_a", "/imu/front")

    assert [
        (action, REQUESTS[action])
        for verb in ("create", "list", "purge")
        for action in (f"sequence_notification_{verb}", f"topic_notification_{verb}")
    ] == server.asked
    assert ([], "seq_a", "/imu/front", "error", "boom") == (
        none,
        one.sequence,
        one.topic,
        one.kind,
        one.text,
    )
    assert 1_767_323_045_123_456_000 == one.created_ns


def test_keys(replay):
    """Keys are made, asked about and revoked in the captured words."""
    client, server = replay()

    token = client.api_key_create(APIKeyPermissionEnum.Write, "desc")
    client.api_key_create(APIKeyPermissionEnum.Read, "desc2", 123)
    status = client.api_key_status("624d474c")
    client.api_key_revoke("624d474c")

    names = ("api_key_create", "api_key_create that ends", "api_key_status", "api_key_revoke")
    assert [(name.split()[0], REQUESTS[name]) for name in names] == server.asked
    assert "msco_s3l8gcdwuadege3pkhou0k0n2t5omfij_f9010b9e" == token
    assert ("624d474c", "desc", 1735689600000000000, None) == (
        status.fingerprint,
        status.description,
        status.created_ns,
        status.expires_ns,
    )


def test_a_query(replay):
    """A query with every section is written as captured; its answer leads to topics with their range."""
    client, server = replay()

    result = client.query(
        Q.sequence.name.match("seq"),
        Q.sequence.metadata("nested.k") == 3,
        Q.topic.ontology == "imu",
        Q.topic.name == "/imu/front",
        Q.topic.metadata("unit") == "m/s2",
        Q.ontology("imu.acceleration.x").between(0, 5),
        Q.ontology("imu.timestamp_ns") >= 1000,
    )

    (topic,) = result.topics
    assert ("query", REQUESTS["query"]) == server.asked[-1]
    assert ("seq_a", "/imu/front", "imu", 1000, 1002) == (
        topic.sequence,
        topic.name,
        topic.ontology_tag,
        topic.start_ns,
        topic.end_ns,
    )


def test_reading(replay):
    """Sequence and topic are described and read in the captured words, windows by their bounds."""
    client, server = replay()

    names, sequence = client.list_sequences(), client.sequence_handler("seq_a")
    topic = client.topic_handler("seq_a", "/imu/front")
    rows = topic.read().read_all()
    topic.read(1001, 1002).read_all()
    topic.read(1001).read_all()

    assert [
        ("info", REQUESTS["info of a sequence"]),
        ("info", REQUESTS["info of a topic"]),
        ("get", b"\x00opaque"),
        ("info", REQUESTS["info of a window"]),
        ("get", b"\x00opaque"),
        ("info", REQUESTS["info from an instant"]),
        ("get", b"\x00opaque"),
    ] == server.asked
    (session,) = sequence.sessions
    assert (["seq_a"], True, {"driver": "jon", "nested": {"k": [1, 2]}, "n": 1.5}) == (
        names,
        sequence.complete,
        sequence.user_metadata,
    )
    assert ("seq_a:01JGX3V8ZK6Q2M4T7R9B5C1D0E", ("/imu/front", "/note")) == (
        session.locator,
        session.topics,
    )
    assert ("imu", {"unit": "m/s2"}, SerializationFormat.Default) == (
        topic.ontology_tag,
        topic.user_metadata,
        topic.serialization_format,
    )
    assert (1, 895, 1000, 1002, None) == (
        topic.info.chunks,
        topic.info.size_bytes,
        topic.info.start_ns,
        topic.info.end_ns,
        topic.info.rows,
    )
    assert pa.Table.from_batches([ROWS]) == rows


def test_a_server_of_04(replay):
    """An older server names sessions by uuid and says nothing about a topic whose upload has not ended."""
    client, _ = replay(sequence="sequence of 0.4", topic="topic of 0.4, uploading")

    sequence = client.sequence_handler("seq_a")
    info = client.topic_handler("seq_a", "imu/front").info

    assert (False, "9b1d") == (sequence.complete, sequence.sessions[0].locator)
    assert (False, 0, 0, None) == (info.locked, info.chunks, info.size_bytes, info.start_ns)


def test_a_server_of_07(replay):
    """A newer server describes a topic beside its ticket, and tells its columns when asked for them."""
    client, server = replay(topic="topic of 0.7", is_described=False)

    sequence = client.sequence_handler("seq_a")
    topic = client.topic_handler("seq_a", "/imu/front")
    rows = topic.read().read_all()

    assert ("schema", REQUESTS["info of a topic"]) in server.asked
    assert ({"driver": "jon"}, "IMU", {"unit": "m/s2"}) == (
        sequence.user_metadata,
        topic.ontology_tag,
        topic.user_metadata,
    )
    assert (3, 1, 895, 1000, 1002) == (
        topic.info.rows,
        topic.info.chunks,
        topic.info.size_bytes,
        topic.info.start_ns,
        topic.info.end_ns,
    )
    assert pa.Table.from_batches([ROWS]) == rows


@pytest.mark.parametrize("reply", ["", "{}", '{"action":"empty"}', '{"action":"x","response":{}}'])
def test_an_answer_without_data(replay, reply):
    """All forms of no answer are good where none is needed, and the server's fault where one is."""
    client, _ = replay(replies=REPLIES | {"sequence_delete": reply, "session_create": reply})

    client.sequence_delete("seq_a")
    with pytest.raises(ServerFaultError, match="gave no answer to 'session_create'"):
        client.sequence_create("seq_a").open()
