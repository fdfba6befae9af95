"""
A small Flight server that keeps everything in memory and records what reaches it, in order.

It knows just enough of the protocol to be talked to, and refuses on demand; the rules of the platform are
tested against the embedded server.
"""

import json
import threading
from collections.abc import Iterator

import attrs
import pyarrow as pa
import pyarrow.flight as fl
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import FlightAction, SerializationFormat
from mosaico_ingest.errors import (
    AlreadyExistsError,
    NotFoundError,
    PreconditionError,
    RemoteError,
    ServerFaultError,
    UnauthorizedError,
)
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.protocol import messages
from mosaico_ingest.protocol.actions import envelope
from mosaico_ingest.protocol.faults import fault_text
from mosaico_ingest.protocol.generations import find_generation
from mosaico_ingest.protocol.schema import TopicProperties, sequence_schema, topic_schema


@attrs.define
class StoredTopic:
    """What the server holds of one topic."""

    uuid: str
    session: str
    tag: str
    metadata: dict
    schema: pa.Schema = attrs.field(factory=lambda: pa.schema([]))
    batches: list = attrs.field(factory=list)
    locked: bool = False


@attrs.define
class StoredSequence:
    """What the server holds of one sequence."""

    metadata: dict
    sessions: dict = attrs.field(factory=dict)  # uuid -> locked
    topics: dict = attrs.field(factory=dict)  # locator -> StoredTopic


class RecordingServer(fl.FlightServerBase):
    """
    Records the actions and the ends of uploads in `log`.

    Args:
        generation: What `session_create` is answered like.
        api_key: The only key that is good, None for no keys.
    """

    def __init__(self, generation: str = "0.5", api_key: str | None = None) -> None:
        middleware = {"key": _KeyFactory(api_key)} if api_key else None
        super().__init__("grpc://127.0.0.1:0", middleware=middleware)
        self.url = f"grpc://127.0.0.1:{self.port}"
        self.generation = find_generation(generation)
        self.log: list[tuple[str, object]] = []
        self.sequences: dict[str, StoredSequence] = {}
        self.notices: list[messages.Notification] = []
        self.refusals: dict[str, Exception] = {}  # action, or "put LOCATOR" -> what is raised
        self.answers: dict[str, object] = {}  # action -> what it is answered with
        self.gate = threading.Event()  # uploads are read while it is set
        self.gate.set()
        self._ids = iter(range(1, 1000))

    @property
    def words(self) -> list[str]:
        """The log without bodies."""
        return [word for word, _ in self.log]

    def topic(self, locator: str) -> StoredTopic:
        """Return what is held of a topic."""
        return self.sequences[locator.partition("/")[0]].topics[locator]

    def rows(self, locator: str) -> pa.Table:
        """Return all rows of a topic, in the order of their arrival."""
        topic = self.topic(locator)
        return pa.Table.from_batches(topic.batches, topic.schema)

    def do_action(self, context, action):
        body = json.loads(action.body.to_pybytes())
        self.log.append((action.type, body))
        refusal = self.refusals.get(action.type)
        if refusal is not None:
            raise refusal
        answer = self.answers.get(action.type) or self._act(FlightAction(action.type), body)
        return [envelope(FlightAction(action.type), answer)]

    def _act(self, action, body):
        if "notification" in action:
            return self._notify(action, body)
        locator = body.get("locator", "")
        match action:
            case FlightAction.Version:
                return self.generation.version
            case FlightAction.SequenceCreate:
                if locator in self.sequences:
                    raise refused(AlreadyExistsError(f"{locator} already exists"))
                self.sequences[locator] = StoredSequence(body["user_metadata"])
            case FlightAction.SequenceDelete:
                self._sequence(locator)
                del self.sequences[locator]
            case FlightAction.SessionCreate:
                return self._create_session(locator)
            case FlightAction.SessionFinalize:
                self._finalize(body["session_uuid"])
            case FlightAction.TopicCreate:
                return self._create_topic(body)
            case FlightAction.TopicDelete:
                del self._sequence(locator.partition("/")[0]).topics[locator]
        return None

    def _notify(self, action, body):
        name = body["locator"]
        if action.endswith("create"):
            told = {"notification_type": body["notification_type"], "msg": body["msg"]}
            when = "2026-01-02 03:04:05.123456 UTC"
            self.notices.append(messages.Notification(name=name, created_datetime=when, **told))
        elif action.endswith("purge"):
            self.notices = [notice for notice in self.notices if notice.name != name]
        else:
            return messages.NotificationList([n for n in self.notices if n.name == name])
        return None

    def _create_session(self, name):
        uuid = f"uuid-{next(self._ids)}"
        self._sequence(name).sessions[uuid] = False
        if not self.generation.session_has_locator:
            return messages.UuidOnly(uuid)
        return messages.SessionCreated(uuid=uuid, locator=f"{name}:{uuid}")

    def _sequence(self, name):
        if name not in self.sequences:
            raise refused(NotFoundError(f"{name} not found"))
        return self.sequences[name]

    def _finalize(self, uuid):
        sequence = next(s for s in self.sequences.values() if uuid in s.sessions)
        topics = [t for t in sequence.topics.items() if t[1].session == uuid]
        if not topics:
            raise refused(PreconditionError(f"Session `{uuid}` is empty."))
        for locator, topic in topics:
            if not topic.locked:
                raise refused(PreconditionError(f"DoPut not called for topic `{locator}`."))
        sequence.sessions[uuid] = True

    def _create_topic(self, body):
        locator = body["locator"]
        sequence = self._sequence(locator.partition("/")[0])
        if locator in sequence.topics:
            raise refused(AlreadyExistsError(f"{locator} already exists"))
        uuid = f"uuid-{next(self._ids)}"
        sequence.topics[locator] = StoredTopic(
            uuid, body["session_uuid"], body["ontology_tag"], body["user_metadata"]
        )
        return messages.TopicCreated(uuid)

    def do_put(self, context, descriptor, reader, writer):
        command = json.loads(descriptor.command)
        locator = command["resource_locator"]
        topic = self.topic(locator)
        topic.schema = reader.schema
        refusal = self.refusals.get(f"put {locator}")
        try:
            if refusal is not None:
                raise refusal
            assert topic.uuid == command["topic_uuid"]
            for chunk in reader:
                self.gate.wait(30)
                if chunk.data is None:
                    raise refused(ServerFaultError("Unsupported stream message"))
                topic.batches.append(chunk.data)
        except BaseException:
            self.log.append(("put broken", locator))
            raise
        topic.locked = True
        self.log.append(("put", locator))

    def list_flights(self, context, criteria):
        for name in self.sequences:
            endpoint = fl.FlightEndpoint(name.encode(), [])
            yield fl.FlightInfo(pa.schema([]), fl.FlightDescriptor.for_path(name), [endpoint])

    def get_flight_info(self, context, descriptor):
        self.log.append(("info", json.loads(descriptor.command)))
        locator = json.loads(descriptor.command)["resource_locator"]
        name = locator.partition("/")[0]
        sequence = self._sequence(name)
        if locator == name:
            schema = sequence_schema(sequence.metadata)
            told = [self._endpoint(key, descriptor) for key in sequence.topics]
            about = {
                "created_at_ns": 1,
                "resource_locator": name,
                "sessions": [
                    {
                        "uuid": uuid,
                        "locator": f"{name}:{uuid}",
                        "created_at_ns": 2,
                        "completed_at_ns": 3 if locked else None,
                        "locked": locked,
                        "topics": [k for k, t in sequence.topics.items() if t.session == uuid],
                    }
                    for uuid, locked in sequence.sessions.items()
                ],
            }
        else:
            if locator not in sequence.topics:
                raise refused(NotFoundError(f"{locator} not found"))
            schema = self._schema(sequence.topics[locator])
            told, about = [self._endpoint(locator, descriptor)], {}
        return fl.FlightInfo(
            schema, descriptor, told, -1, -1, app_metadata=json.dumps(about).encode()
        )

    def _endpoint(self, locator, descriptor):
        topic = self.topic(locator)
        rows = sum(batch.num_rows for batch in topic.batches)
        times = [t for b in topic.batches for t in b.column("timestamp_ns").to_pylist()]
        about = {
            "created_at_ns": 4,
            "completed_at_ns": 5 if topic.locked else None,
            "locked": topic.locked,
            "resource_locator": locator,
            "ontology_tag": topic.tag,
            "data_info": {
                "interval": {"start_ns": min(times), "end_ns": max(times)} if rows else None,
                "total_row_count": rows,
                "total_bytes": 100 * rows,
                "total_chunks_count": len(topic.batches),
            },
        }
        ticket = json.dumps(json.loads(descriptor.command) | {"resource_locator": locator})
        return fl.FlightEndpoint(ticket.encode(), [], app_metadata=json.dumps(about).encode())

    def _schema(self, topic):
        properties = TopicProperties(topic.tag, SerializationFormat.Default)
        return topic_schema(topic.schema, properties, topic.metadata)

    def do_get(self, context, ticket):
        self.log.append(("get", json.loads(ticket.ticket)))
        locator = json.loads(ticket.ticket)["resource_locator"]
        topic = self.topic(locator)
        schema = self._schema(topic)

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in topic.batches:
                yield batch.replace_schema_metadata(schema.metadata)
            if f"get {locator}" in self.refusals:
                raise self.refusals[f"get {locator}"]

        return fl.GeneratorStream(schema, batches())


class _KeyFactory(fl.ServerMiddlewareFactory):
    """Lets calls with the right key through."""

    def __init__(self, key):
        super().__init__()
        self._key = key

    def start_call(self, info, headers):
        given = headers.get("mosaico-api-key-token")
        if given is None:
            raise fl.FlightUnauthorizedError("Missing API key in request header")
        if given != [self._key]:
            raise fl.FlightUnauthorizedError("Unauthorized: unknown API key")


def refused(error: RemoteError) -> fl.FlightError:
    """Return what a server written with pyarrow raises in the place of *error*."""
    kind = (
        fl.FlightUnauthorizedError if isinstance(error, UnauthorizedError) else fl.FlightServerError
    )
    return kind(fault_text(error))


POINT = Ontology(
    tag="point",
    fields=pa.schema(
        [
            pa.field("x", pa.float64(), nullable=False),
            pa.field("label", pa.string()),
            pa.field(
                "pose",
                pa.struct(
                    [
                        pa.field("z", pa.float32(), nullable=False),
                        pa.field("ids", pa.list_(pa.field("element", pa.uint8()))),
                    ]
                ),
            ),
        ]
    ),
)


def points(n: int, start: int = 0) -> pa.RecordBatch:
    """Return *n* rows of the type `point`, in its exact columns."""
    rows = [{"timestamp_ns": t, "x": float(t)} for t in range(start, start + n)]
    return pa.RecordBatch.from_pylist(rows, schema=POINT.schema)


@pytest.fixture(name="points")
def points_fixture():
    """`points(n, start)`: exact rows of the type `point`."""
    return points


@pytest.fixture
def point() -> Ontology:
    """An ontology type with a required column and a nested one."""
    return POINT


@pytest.fixture(name="refused")
def refused_fixture():
    """`refused(error)`: what a server raises to make a client see *error*."""
    return refused


@pytest.fixture
def start_server():
    """`start_server(**options)`: start a recording server; all are stopped at the end."""
    servers: list[RecordingServer] = []

    def start(**options) -> RecordingServer:
        servers.append(RecordingServer(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.gate.set()
        server.shutdown()


@pytest.fixture
def server(start_server) -> RecordingServer:
    """A recording server of generation 0.5 without keys."""
    return start_server()


@pytest.fixture
def client(server) -> Iterator[MosaicoClient]:
    """A client of `server` with two connections; its greeting is not in the log."""
    tags = {"point": POINT}
    with MosaicoClient.connect(server.url, connections=2, ontologies=tags.get) as client:
        server.log.clear()
        yield client
