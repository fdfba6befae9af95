from datetime import UTC, datetime

import numpy as np
import pytest

from mosaico_ingest.client import MosaicoClient, Q
from mosaico_ingest.errors import InvalidRequestError, UsageError
from mosaico_ingest.protocol.messages import QueriedSequence, QueriedTopic, QueryAnswer

LAST_NS = 2**63 - 1


@pytest.fixture
def answered(server):
    """Let the server find `drive/imu` from 5 to 7, and `walk/imu` without a range."""
    drive = QueriedTopic(locator="drive/imu", ontology_tag="point", timestamp_range=(5, 7))
    walk = QueriedTopic(locator="walk/imu", ontology_tag="point")
    server.answers["query"] = QueryAnswer(
        [
            QueriedSequence(sequence="walk", topics=[walk]),
            QueriedSequence(sequence="drive", topics=[drive]),
        ]
    )


@pytest.fixture
def asked(client, server, answered):
    """Ask, and return the body that the server got."""

    def asked(*conditions, **options):
        client.query(*conditions, **options)
        return server.log[-1][1]

    return asked


@pytest.mark.parametrize(
    ("condition", "body"),
    [
        (Q.sequence.name.match("drive"), {"sequence": {"locator": {"$match": "drive"}}}),
        (Q.sequence.created > 5, {"sequence": {"created_at_ns": {"$gt": 5}}}),
        (
            Q.sequence.created.between(datetime(1970, 1, 1, 0, 0, 1, 2, UTC), 2_000_000_000),
            {"sequence": {"created_at_ns": {"$between": [1_000_002_000, 2_000_000_000]}}},
        ),
        (
            Q.sequence.metadata("a.b").exists(),
            {"sequence": {"user_metadata": {"a.b": {"$ex": None}}}},
        ),
        (Q.topic.name == "/imu", {"topic": {"locator": {"$eq": "/imu"}}}),
        (
            Q.topic.ontology.in_(["imu", "gps"]),
            {"topic": {"ontology_tag": {"$in": ["imu", "gps"]}}},
        ),
        (Q.topic.format != "image", {"topic": {"serialization_format": {"$neq": "image"}}}),
        (Q.topic.created <= np.int64(7), {"topic": {"created_at_ns": {"$leq": 7}}}),
        (Q.topic.metadata("a").missing(), {"topic": {"user_metadata": {"a": {"$nex": None}}}}),
    ],
)
def test_conditions_on_names_and_metadata(asked, condition, body):
    """Each comparison is one operator of the protocol; no range is asked for where there are no rows."""
    assert body == asked(condition)


@pytest.mark.parametrize(
    ("condition", "operation"),
    [
        (Q.ontology("point.x") > 5.0, {"$gt": 5.0}),
        (Q.ontology("point.x") >= np.float32(0.5), {"$geq": 0.5}),
        (Q.ontology("point.x") < 5, {"$lt": 5}),
        (Q.ontology("point.x").outside(1, 2), {"$outside": [1, 2]}),
    ],
)
def test_conditions_on_rows(asked, condition, operation):
    """Rows are asked about with their time ranges, unless these are not wanted."""
    ranges = {"include_timestamp_range": True}

    assert {"ontology": {"point.x": operation} | ranges} == asked(condition)
    assert {"ontology": {"point.x": operation}} == asked(condition, time_ranges=False)


@pytest.mark.parametrize(
    ("generation", "key"), [("0.5", "locator"), ("0.6", "name"), ("0.7", "name")]
)
def test_names_are_spelled_as_the_server_does(start_server, generation, key):
    """A server ignores what it does not know: names are asked for in the words of its generation."""
    server = start_server(generation=generation)
    server.answers["query"] = QueryAnswer([])
    with MosaicoClient.connect(server.url) as client:
        client.query(Q.sequence.name == "a", Q.topic.name == "/b")

    assert {"sequence": {key: {"$eq": "a"}}, "topic": {key: {"$eq": "/b"}}} == server.log[-1][1]


def test_several_conditions_are_one_query(asked):
    """Conditions are given side by side; without any, all is asked for."""
    body = asked(Q.sequence.name == "a", Q.topic.name == "/b", Q.ontology("point.label").match("c"))

    assert ["sequence", "topic", "ontology"] == list(body)
    assert {} == asked()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: (Q.ontology("point.y") > 1,), r"no field 'y'. Near are x, .*\.$"),
        (lambda: (Q.ontology("point.labels") == "a",), r"Near are label"),
        (lambda: (Q.ontology("point.pose.zz") > 1,), r"Near are pose.z"),
        (
            lambda: (Q.ontology("point.x") == "a",),
            r"is double, and 'a' was given. Expected a number",
        ),
        (lambda: (Q.ontology("point.x") == True,), r"Expected a number"),  # noqa: E712 - the point
        (lambda: (Q.ontology("point.label") > 1,), r"Expected a text"),
        (lambda: (Q.ontology("point.pose.ids") == 1,), r"Expected exists\(\) or missing\(\) only"),
        (lambda: (Q.topic.name == 1,), r"expected text\.$"),
        (lambda: (Q.topic.created > 1.5,), "whole nanoseconds"),
        (lambda: (Q.ontology("point.x").between(2, 1),), "empty range"),
        (lambda: (Q.ontology("point") == 1,), "names no field"),
        (lambda: (Q.sequence.created > datetime(2026, 1, 1),), "no time zone"),  # noqa: DTZ001 - the point
        (lambda: (Q.ontology("x.a") == None,), "expected a number, text"),  # noqa: E711 - the point
        (lambda: (Q.ontology("x.a") > 1, Q.ontology("x.a") < 3), r"between\(low, high\)"),
        (lambda: ("sequence.name = 'a'",), "is no condition"),
        (lambda: (1 < Q.ontology("x.a") < 3,), r"between\(low, high\)"),
        (lambda: (Q.topic.name == "a" and Q.topic.name == "b",), "as arguments"),
    ],
)
def test_what_cannot_be_asked_is_said_before_the_server_is(client, server, answered, make, words):
    """A mistake is an error of the caller that says what to write instead; nothing is sent."""
    with pytest.raises(UsageError, match=words):
        client.query(*make())

    assert [] == server.log


def test_types_that_are_not_installed_are_asked_about(asked):
    """A server may have types that this client does not know."""
    assert {"ontology": {"lidar.x": {"$eq": 1}}} == asked(
        Q.ontology("lidar.x") == 1, time_ranges=False
    )


def test_result_lists_sequences_and_topics(client, answered):
    """A result has sequences in order, their topics, and the range of the matching rows."""
    result = client.query(Q.ontology("point.x") > 5)

    assert (2, ["drive", "walk"]) == (len(result), [found.name for found in result])
    assert [(5, 7), None] == [found.time_range_ns for found in result]
    assert [("drive", "/imu", "point", 5), ("walk", "/imu", "point", None)] == [
        (topic.sequence, topic.name, topic.ontology_tag, topic.start_ns) for topic in result.topics
    ]


@pytest.fixture
def walks(client, point, points):
    """The sequences `drive` and `walk`, with three rows in `/imu` each."""
    for name in ("drive", "walk"):
        with client.sequence_create(name) as sequence:
            sequence.topic_create("/imu", ontology=point).write(points(3))


@pytest.mark.parametrize(("last", "end"), [(7, 8), (LAST_NS, None)])
def test_read_fetches_the_windows(client, server, walks, last, end):
    """The last matching row is in the window, whose end is not; without a range all is read."""
    topics = [
        QueriedTopic(locator="drive/imu", timestamp_range=(5, last)),
        QueriedTopic(locator="walk/imu"),
    ]
    server.answers["query"] = QueryAnswer(
        [QueriedSequence(sequence=topic.locator[:-4], topics=[topic]) for topic in topics]
    )
    result = client.query(Q.ontology("point.x") > 0)
    server.log.clear()
    rows = {topic.sequence: reader.read_all().num_rows for topic, reader in result.read()}
    windows = [body for word, body in server.log if word == "get"]

    assert {"drive": 3, "walk": 3} == rows  # this server knows no windows
    window = {"resource_locator": "drive/imu", "timestamp_ns_start": 5}
    assert [
        window | ({"timestamp_ns_end": end} if end else {}),
        {"resource_locator": "walk/imu"},
    ] == windows


def test_a_server_without_queries_says_so(client, server, refused):
    """A refusal is raised as it came."""
    server.refusals["query"] = refused(InvalidRequestError("no available action"))

    with pytest.raises(InvalidRequestError, match="no available action"):
        client.query()


def test_without_types_no_field_is_checked(server, answered):
    """A client that was given no types leaves the judgement to the server."""
    with MosaicoClient.connect(server.url) as client:
        client.query(Q.ontology("point.nothing") > 1)

    assert "point.nothing" in server.log[-1][1]["ontology"]
