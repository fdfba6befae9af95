"""Tests of the sink that is a server: how it recognises what is stored, whoever stored it."""

import os
import socket
from uuid import uuid4

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import FlightAction, SessionLevelErrorPolicy
from mosaico_ingest.errors import InvalidRequestError, PlanError
from mosaico_ingest.model.batch import ArrowBatch
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.protocol.messages import ResourceRequest
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.sinks import FlightSink, _FlightTopic
from mosaico_ingest.testing.recordings import write_demo

KIND = Ontology(tag="number", fields=pa.schema([pa.field("data", pa.float64(), nullable=False)]))


class CountingClient(MosaicoClient):
    """Remembers the sequences that it was asked to describe."""

    def sequence_handler(self, name):
        vars(self).setdefault("described", []).append(name)
        return super().sequence_handler(name)


class UnqueriedClient(CountingClient):
    """Stands for the client of a server that answers no query."""

    def query(self, *_, **__):
        raise InvalidRequestError("no available action for string `query`.")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server; each test brings fingerprints of its own."""
    with serve(tmp_path_factory.mktemp("sinks") / "store") as server:
        yield server


@pytest.fixture(params=[CountingClient, UnqueriedClient])
def client(request, server):
    """A client, and one without queries."""
    with request.param.connect(server.url) as client:
        yield client


@pytest.fixture
def mark():
    """A fingerprint that no other test has."""
    return uuid4().hex


@pytest.fixture
def leave(client, mark):
    """`leave(name, topics, complete)`: a sequence with this test's fingerprint; returns its name."""

    def create(suffix, *, topics, complete=False, **origin):
        name = f"{mark}_{suffix}"
        writer = client.sequence_create(name, {"mosaico_ingest": {"fingerprint": mark} | origin})
        writer.open()
        for number in range(topics):
            writer.topic_create(f"/t{number}", ontology=KIND)
        if complete:
            writer.finalize()
        return name

    return create


@pytest.fixture
def sink(client):
    """`sink()`: a new sink on the server, as a new run has it."""

    def make():
        vars(client)["described"] = []
        return FlightSink(client, SessionLevelErrorPolicy.Report, "here")

    return make


def test_a_complete_recording_is_found(client, leave, sink, mark):
    """The complete sequence with the fingerprint is found, by one question where queries are answered."""
    with client.sequence_create(f"{mark}_other") as other:
        other.topic_create("/t", ontology=KIND)
    name = leave("whole", topics=2, complete=True)

    assert name == sink().find(mark)
    assert sink().find(f"{mark}?") is None
    if not isinstance(client, UnqueriedClient):
        sink().find(mark)
        assert f"{mark}_other" not in vars(client)["described"]


@pytest.mark.parametrize("topics", [0, 2])
def test_what_a_killed_run_left_is_deleted(client, leave, sink, mark, topics):
    """A sequence that was never completed is deleted, also one without any topic; its name is free again."""
    name = leave("half", topics=topics)
    new = sink()

    assert name in new.names()
    assert new.find(mark) is None
    assert name not in client.list_sequences()
    assert name not in new.names()


def test_what_another_run_writes_now_is_left_alone(client, leave, sink, mark):
    """A sequence whose writer is alive is not touched."""
    writer = {"host": socket.gethostname(), "pid": os.getppid()}
    name = leave("live", topics=1, writer=writer)

    with pytest.raises(PlanError, match="Another run is writing the same recording"):
        sink().find(mark)

    assert name in client.list_sequences()


def test_what_another_machine_writes_is_left_alone(client, leave, sink, mark):
    """Whether a writer elsewhere lives cannot be known: nothing is deleted, the remedy is told."""
    name = leave("far", topics=1, writer={"host": "elsewhere", "pid": 1})

    with pytest.raises(PlanError, match=f"on 'elsewhere' began .*`mosaico-ingest rm {name}`"):
        sink().find(mark)

    assert name in client.list_sequences()


def test_what_came_after_the_first_look_is_found(client, leave, sink, mark):
    """Where queries are answered, what another run completes meanwhile is recognised."""
    new = sink()
    new.names()
    name = leave("late", topics=1, complete=True)

    found = new.find(mark)

    assert (None if isinstance(client, UnqueriedClient) else name) == found


def test_a_row_too_large_for_the_server_is_rejected_alone(client):
    """What the server does not take in one message is counted with its reason; its neighbours are stored."""
    client._layers.control._message_limit = 17 * 1024 * 1024  # stands for a server that takes less
    kind = Ontology(tag="blob", fields=pa.schema([pa.field("data", pa.binary(), nullable=False)]))
    rows = [{"timestamp_ns": i, "data": b"x" * (i * 9 * 1024 * 1024)} for i in range(3)]
    writer = client.sequence_create(f"s{uuid4().hex}")
    writer.open()
    topic = _FlightTopic(writer.topic_create("/t", ontology=kind))
    batch = ArrowBatch(
        topic="/t", seq=0, data=pa.RecordBatch.from_pylist(rows, kind.schema), messages=3
    )

    receipt = topic.write(batch)
    topic.close()
    writer.finalize()

    assert (2, 2, {"larger than the server takes in one message": 1}) == (
        receipt.messages,
        receipt.rows,
        receipt.refused,
    )
    stored = client.topic_handler(writer.name, "/t").read().read_all()
    assert [0, 1] == stored["timestamp_ns"].to_pylist()


def test_a_topic_that_somebody_deletes_costs_no_other(client, mark):
    """A topic deleted while it is written is given up like any that fails; the sequence is completed."""
    writer = client.sequence_create(mark)
    writer.open()
    gone = writer.topic_create("/gone", ontology=KIND)
    writer.topic_create("/kept", ontology=KIND)
    topic = _FlightTopic(gone)
    locator = ResourceRequest(f"{mark}/gone")
    client._layers.control.ask(FlightAction.TopicDelete, locator)
    topic.abort("deleted")
    writer.finalize()

    assert ["/kept"] == list(client.sequence_handler(mark).topics)


@pytest.fixture
def broken(tmp_path):
    """A recording with a chunk that cannot be unpacked."""
    path = tmp_path / f"broken_{uuid4().hex}.mcap"
    write_demo(path, seconds=2)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("keeps", [("error", "warning", "info"), ()])
def test_a_run_tells_what_the_server_keeps(server, broken, keeps):
    """Start and counts of each topic where infos are kept; where not, losses and damage alone."""
    with MosaicoClient.connect(server.url) as client:
        control = client._layers.control
        control._server = attrs.evolve(control._server, notification_types=keeps)
        (recording,) = ingest(broken, client=client, settings=Settings(again=True)).recordings
    with MosaicoClient.connect(server.url) as client:
        told = {
            topic.name: client.list_topic_notifications(recording.sequence, topic.name)
            for topic in recording.topics
        }
        (damage,) = client.list_sequence_notifications(recording.sequence)

    expected = {
        topic.name: (["info"] if keeps else [])
        + (["error"] if topic.lost else ["info"] if keeps else [])
        for topic in recording.topics
    }
    assert any(topic.lost for topic in recording.topics)
    assert expected == {name: [notice.kind for notice in notices] for name, notices in told.items()}
    assert "The recording is damaged" in damage.text
