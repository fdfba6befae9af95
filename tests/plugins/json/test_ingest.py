"""Channels of JSON all the way into a store."""

import json

import pytest
from mcap.writer import Writer

import mosaico_ingest as mi

SECOND = 1_000_000_000
LOGGED = 1_700_000_000 * SECOND


@pytest.fixture
def write(tmp_path):
    """`write(payloads, schema)`: path of an MCAP recording with them as the channel `/state`."""

    def make(payloads, schema=None):
        path = tmp_path / "run.mcap"
        with path.open("wb") as stream:
            writer = Writer(stream)
            writer.start()
            number = 0
            if schema is not None:
                number = writer.register_schema(
                    "robot.State", "jsonschema", json.dumps(schema).encode()
                )
            channel = writer.register_channel("/state", "json", number)
            for k, payload in enumerate(payloads):
                writer.add_message(channel, LOGGED + k, payload, LOGGED + k)
            writer.finish()
        return path

    return make


def ingested(tmp_path, path, *topics, **settings):
    """Return the report on the only topic, and the rows of *topics* as they are stored."""
    with (
        mi.serve(tmp_path / "store") as server,
        mi.MosaicoClient.connect(server.host, server.port) as client,
    ):
        report = mi.ingest([path], client=client, settings=mi.Settings(**settings))
        stored = [client.topic_handler("run", topic).read().read_all() for topic in topics]
    (topic,) = report.recordings[0].topics
    return topic, *(table.to_pylist() for table in stored)


def test_messages_without_a_schema(tmp_path, write):
    """Columns are planned from the first messages; what comes later loses nothing, and all adds up."""
    early = [b'{"timestamp": {"sec": %d, "nsec": 5}, "v": 1.5}' % k for k in range(1, 400)]
    late = [b'{"timestamp": {"sec": 400, "nsec": 5}, "v": "off", "why": [1]}', b"{broken"]
    path = write(early + late)
    topic, rows, kept = ingested(tmp_path, path, "/state", "/state/_rejected")

    assert (401, 400, 1, 0) == (topic.declared, topic.stored, topic.rejected, topic.lost)
    assert [k * SECOND + 5 for k in range(1, 401)] == [row["timestamp_ns"] for row in rows]
    assert [1.5] * 399 + [None] == [row["v"] for row in rows]
    assert [None] * 399 + ['{"v":"off","why":[1]}'] == [row["_extra"] for row in rows]
    assert [b"{broken"] == [row["payload"] for row in kept]


def test_a_time_written_as_text(tmp_path, write):
    """`--time` takes a field of text; a row whose text is no time gets the recorder's clock."""
    path = write([b'{"at": "1970-01-01T00:00:07.5Z"}', b'{"at": "soon"}'])
    _, rows = ingested(tmp_path, path, "/state", clocks={"/state": "at"})

    times = {row["at"]: row["timestamp_ns"] for row in rows}
    assert {"1970-01-01T00:00:07.5Z": 7_500_000_000, "soon": LOGGED + 1} == times


def test_the_plan_says_where_columns_are_from(write):
    """A schema that messages keep needs no word; without one the note tells of the sample."""
    schema = {"type": "object", "properties": {"v": {"type": "number"}}}
    promised = mi.plan([write([b'{"v": 1}'], schema)])[0].plan.topics[0]
    inferred = mi.plan([write([b'{"v": 1}'])])[0].plan.topics[0]

    assert ("json", "", ["v"]) == (
        promised.decoder,
        promised.note,
        promised.ontology.fields.names,
    )
    assert ["v", "_extra"] == inferred.ontology.fields.names
    assert inferred.note.startswith("columns inferred from the first message")
