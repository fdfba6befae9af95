"""A real server on a free port, and a bare Flight client that speaks the protocol in a few words."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import flight

from mosaico_ingest.protocol.faults import read_fault
from mosaico_ingest.server.service import MosaicoServer

ROWS = pa.schema([pa.field("timestamp_ns", pa.int64(), nullable=False), ("data", pa.float64())])


class _KeyHeader(flight.ClientMiddleware):
    def __init__(self, token):
        super().__init__()
        self._token = token

    def sending_headers(self):
        return {"mosaico-api-key-token": self._token}


class _KeyHeaders(flight.ClientMiddlewareFactory):
    def __init__(self, token):
        super().__init__()
        self._token = token

    def start_call(self, info):
        return _KeyHeader(self._token)


class Peer:
    """A client without manners: each method is one call on the wire, with a key if it has one."""

    def __init__(self, port, token=None):
        middleware = None if token is None else [_KeyHeaders(token)]
        self.flight = flight.connect(f"grpc://127.0.0.1:{port}", middleware=middleware)

    def close(self):
        self.flight.close()

    def act(self, action, **request):
        bodies = [
            r.body.to_pybytes()
            for r in self.flight.do_action((action, json.dumps(request).encode()))
        ]
        answer = json.loads(b"".join(bodies))
        assert action == answer["action"]
        return answer["response"]

    def refusal(self, call, *args, **kwargs):
        """Return the class name and message of the error that *call* ends with."""
        with pytest.raises(flight.FlightError) as caught:
            call(*args, **kwargs)
        kind, message = read_fault(str(caught.value), caught.value.extra_info)
        assert "Traceback" not in str(caught.value)
        return kind.__name__, message

    def session(self, sequence="s"):
        """Create a sequence if it is missing, and a session in it; return the uuid."""
        if sequence not in self.names():
            self.act("sequence_create", locator=sequence, user_metadata={})
        return self.act("session_create", locator=sequence)["uuid"]

    def topic(self, session, locator="s/t", **more):
        request = {
            "session_uuid": session,
            "locator": locator,
            "serialization_format": "default",
            "ontology_tag": "floating64",
            "user_metadata": {},
        }
        return self.act("topic_create", **(request | more))["uuid"]

    def open(self, uuid, locator="s/t", schema=ROWS):
        command = json.dumps({"resource_locator": locator, "topic_uuid": uuid}).encode()
        writer, _ = self.flight.do_put(flight.FlightDescriptor.for_command(command), schema)
        return writer

    def await_upload(self, session):
        """Return when the server takes the only upload of *session*: to open one is not to wait."""
        while (
            "already uploading"
            not in self.refusal(self.act, "session_finalize", session_uuid=session)[1]
        ):
            pass

    def put(self, uuid, *batches, locator="s/t", schema=ROWS):
        writer = self.open(uuid, locator, schema)
        try:
            for batch in batches:
                writer.write_batch(batch)
        finally:
            writer.close()

    def store(self, *batches, locator="s/t", schema=ROWS):
        """Create, upload and finalize one topic in its own session."""
        session = self.session(locator.partition("/")[0])
        self.put(self.topic(session, locator), *batches, locator=locator, schema=schema)
        self.act("session_finalize", session_uuid=session)

    def info(self, locator, **window):
        command = json.dumps({"resource_locator": locator, **window}).encode()
        return self.flight.get_flight_info(flight.FlightDescriptor.for_command(command))

    def manifest(self, sequence="s"):
        return json.loads(self.info(sequence).app_metadata)

    def facts(self, locator="s/t"):
        return json.loads(self.info(locator).endpoints[0].app_metadata)

    def read(self, locator="s/t", **window):
        return self.flight.do_get(self.info(locator, **window).endpoints[0].ticket).read_all()

    def names(self):
        return [info.descriptor.path[0].decode() for info in self.flight.list_flights()]


def make_rows(times, data=None):
    times = np.asarray(times, np.int64)
    data = times * 0.5 if data is None else data
    return pa.record_batch([pa.array(times), pa.array(data)], schema=ROWS)


@pytest.fixture(name="rows")
def fixture_rows():
    """Make a batch of rows from times, and values if they matter."""
    return make_rows


@pytest.fixture
def server(place):
    """Give a server on an empty store."""
    with MosaicoServer(place) as server:
        yield server


@pytest.fixture
def peer(server):
    """Give a client of `server`, closed before it."""
    peer = Peer(server.port)
    yield peer
    peer.close()


@pytest.fixture
def connect():
    """Connect to the server on a port, with a key or none; closed at the end."""
    peers = []

    def connect(port, token=None):
        peers.append(Peer(port, token))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()
