"""The public SDK's queries, answered by our server: each section, each operator; ours find the same."""

from collections.abc import Iterator

import pytest

from mosaico_ingest.client import MosaicoClient, Q
from mosaico_ingest.run import serve

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

pytestmark = pytest.mark.interop

START_NS = 1_700_000_000_000_000_000
BIG = 2**53


def imu(n):
    """Acceleration x counts up, y down."""
    zero = sdk.Vector3d(x=0.0, y=0.0, z=0.0)
    return sdk.IMU(
        acceleration=sdk.Vector3d(x=float(n), y=float(-n), z=9.81), angular_velocity=zero
    )


TOPICS = {
    "/imu/front": ("IMU", imu),
    "/note": ("String", lambda n: sdk.String(data=f"word {n}")),
    "/flag": ("Boolean", lambda n: sdk.Boolean(data=n == 3)),
    "/count": ("Integer64", lambda n: sdk.Integer64(data=BIG + n)),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with `drive_1`, five rows per topic, and `drive_2` with one topic of ten rows, by the SDK."""
    with serve(tmp_path_factory.mktemp("queried") / "store") as server:
        with sdk.MosaicoClient.connect(server.host, server.port) as client:
            metadata = {"driver": {"name": "ann", "age": 41}, "wet": True}
            with client.sequence_create("drive_1", metadata) as sequence:
                for name, (model, build) in TOPICS.items():
                    write(sequence, name, model, build, 5)
            with client.sequence_create("drive_2", {"driver": {"name": "bob"}}) as sequence:
                write(sequence, "/imu/front", "IMU", imu, 10)
        yield server


def write(sequence, name, model, build, rows):
    """Write one topic; its metadata names its model."""
    topic = sequence.topic_create(name, {"model": model, "rows": rows}, getattr(sdk, model))
    for n in range(rows):
        topic.push(
            sdk.Message(timestamp_ns=START_NS + n, frame_id="base", sequence_id=n, data=build(n))
        )


@pytest.fixture
def client(server) -> Iterator[object]:
    """A client of the public SDK."""
    with sdk.MosaicoClient.connect(server.host, server.port) as client:
        yield client


def found(response):
    """Return sequence, topic and range, counted from the start, of each topic in a response."""
    return {
        (item.sequence.name, topic.name): topic.timestamp_range
        and (topic.timestamp_range.start - START_NS, topic.timestamp_range.end - START_NS)
        for item in response
        for topic in item.topics
    }


FRONT_1, FRONT_2 = ("drive_1", "/imu/front"), ("drive_2", "/imu/front")
ONE = [("drive_1", name) for name in sorted(TOPICS)]
X = sdk.IMU.Q.acceleration.x


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([X.eq(7)], {FRONT_2: (7, 7)}),
        ([X.neq(0)], {FRONT_1: (1, 4), FRONT_2: (1, 9)}),
        ([X.gt(3)], {FRONT_1: (4, 4), FRONT_2: (4, 9)}),
        ([X.geq(4.5)], {FRONT_2: (5, 9)}),
        ([X.lt(1)], {FRONT_1: (0, 0), FRONT_2: (0, 0)}),
        ([X.leq(1)], {FRONT_1: (0, 1), FRONT_2: (0, 1)}),
        ([X.between([3, 6])], {FRONT_1: (3, 4), FRONT_2: (3, 6)}),
        ([X.in_([4.0, 8.0])], {FRONT_1: (4, 4), FRONT_2: (4, 8)}),
        ([X.gt(2), sdk.IMU.Q.acceleration.y.gt(-3)], {}),
        ([X.gt(2), sdk.IMU.Q.acceleration.y.gt(-4)], {FRONT_1: (3, 3), FRONT_2: (3, 3)}),
        ([sdk.IMU.Q.timestamp_ns.geq(START_NS + 6)], {FRONT_2: (6, 9)}),
        (
            [sdk.IMU.Q.sequence_id.eq(2), sdk.IMU.Q.frame_id.eq("base")],
            {FRONT_1: (2, 2), FRONT_2: (2, 2)},
        ),
        ([sdk.String.Q.data.match("ord 2")], {("drive_1", "/note"): (2, 2)}),
        ([sdk.String.Q.data.eq("word 3")], {("drive_1", "/note"): (3, 3)}),
        ([sdk.String.Q.data.lt("word 2")], {("drive_1", "/note"): (0, 1)}),
        ([sdk.String.Q.data.in_(["word 1", "x"])], {("drive_1", "/note"): (1, 1)}),
        ([sdk.Boolean.Q.data.eq(True)], {("drive_1", "/flag"): (3, 3)}),
        ([sdk.Integer64.Q.data.gt(BIG + 2)], {("drive_1", "/count"): (3, 4)}),
        ([sdk.Integer64.Q.data.eq(BIG + 1)], {("drive_1", "/count"): (1, 1)}),
        ([X.gt(3), sdk.Boolean.Q.data.eq(True)], {FRONT_1: (4, 4), ("drive_1", "/flag"): (3, 3)}),
        ([X.gt(100)], {}),
    ],
)
def test_rows(client, expressions, expected):
    """Each operator on rows, several fields of a type, several types; with the range of the rows."""
    query = sdk.QueryOntologyCatalog(*expressions, include_timestamp_range=True)
    bare = sdk.QueryOntologyCatalog(*expressions)

    assert expected == found(client.query(query))
    assert dict.fromkeys(expected) == found(client.query(bare))


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: sdk.QuerySequence().with_name("drive_2"), [FRONT_2]),
        (lambda: sdk.QuerySequence().with_name_match("ive_1"), ONE),
        (lambda: sdk.QuerySequence().with_user_metadata("driver.name", eq="ann"), ONE),
        (lambda: sdk.QuerySequence().with_user_metadata("driver.name", neq="ann"), [FRONT_2]),
        (lambda: sdk.QuerySequence().with_user_metadata("driver.age", between=[40, 42]), ONE),
        (lambda: sdk.QuerySequence().with_user_metadata("driver.age", gt=41), []),
        (lambda: sdk.QuerySequence().with_user_metadata("driver.age", ex=False), [FRONT_2]),
        (lambda: sdk.QuerySequence().with_user_metadata("wet", eq=True), ONE),
        (lambda: sdk.QuerySequence().with_user_metadata("wet", ex=True), ONE),
        (
            lambda: sdk.QuerySequence().with_created_timestamp(sdk.Time.from_float(1.0)),
            [*ONE, FRONT_2],
        ),
        (lambda: sdk.QuerySequence().with_created_timestamp(None, sdk.Time.from_float(1.0)), []),
        (lambda: sdk.QueryTopic().with_name("/imu/front"), [FRONT_1, FRONT_2]),
        (lambda: sdk.QueryTopic().with_name_match("not"), [("drive_1", "/note")]),
        (lambda: sdk.QueryTopic().with_ontology_tag("boolean"), [("drive_1", "/flag")]),
        (lambda: sdk.QueryTopic().with_user_metadata("rows", leq=5), ONE),
        (lambda: sdk.QueryTopic().with_user_metadata("model", eq="IMU"), [FRONT_1, FRONT_2]),
    ],
)
def test_names_and_metadata(client, build, expected):
    """Each condition on sequences and topics; without rows there is no range."""
    assert dict.fromkeys(expected) == found(client.query(build()))


def test_sections_are_joined(client):
    """Conditions on sequence, topic and rows hold together."""
    response = client.query(
        sdk.QuerySequence().with_name_match("drive"),
        sdk.QueryTopic().with_user_metadata("rows", gt=5),
        sdk.QueryOntologyCatalog(X.gt(3), include_timestamp_range=True),
    )

    assert {FRONT_2: (4, 9)} == found(response)


def test_results_are_asked_further(client):
    """The SDK makes a query of a response, by sequence and by topic."""
    response = client.query(sdk.QueryOntologyCatalog(X.gt(5)))

    assert {FRONT_2: None} == found(client.query(response.to_query_sequence()))
    assert {FRONT_1: None, FRONT_2: None} == found(client.query(response.to_query_topic()))


def test_our_client_finds_the_same(server):
    """Our client asks the same of what the SDK wrote, and reads just the matching windows."""
    with MosaicoClient.connect(server.host, server.port) as ours:
        result = ours.query(Q.ontology("imu.acceleration.x") > 3.0, Q.sequence.name.match("drive"))
        read = {topic.sequence: reader.read_all() for topic, reader in result.read()}

    assert {"drive_1": 1, "drive_2": 6} == {name: len(rows) for name, rows in read.items()}
