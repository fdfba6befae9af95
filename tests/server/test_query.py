import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.protocol.filters import Condition, Operator, Query, Section
from mosaico_ingest.protocol.generations import find_generation
from mosaico_ingest.server import writing
from mosaico_ingest.server.pairing import catalog_url, open_catalog, open_store
from mosaico_ingest.server.query import Finder
from mosaico_ingest.server.service import MosaicoServer

IMU = pa.schema(
    [
        pa.field("timestamp_ns", pa.int64(), nullable=False),
        ("frame_id", pa.string()),
        ("acceleration", pa.struct([("x", pa.float64()), ("y", pa.float64())])),
        ("count", pa.int64()),
        ("ok", pa.bool_()),
        ("samples", pa.list_(pa.float64())),
    ]
)
BIG = 2**53
GENERATION = find_generation("0.5")


def imu(*rows):
    """Make a batch from (time, x, y, more) each."""
    return pa.RecordBatch.from_pylist(
        [
            {"timestamp_ns": t, "acceleration": None if x is None else {"x": x, "y": y}, **more}
            for t, x, y, more in rows
        ],
        schema=IMU,
    )


@pytest.fixture
def create(peer):
    """Create a topic in a session of its own, with rows if there are any."""

    def create(locator, tag="imu", batch=None, metadata=None, sequence_metadata=None):
        name = locator.partition("/")[0]
        if name not in peer.names():
            peer.act("sequence_create", locator=name, user_metadata=sequence_metadata or {})
        session = peer.act("session_create", locator=name)["uuid"]
        uuid = peer.topic(session, locator, ontology_tag=tag, user_metadata=metadata or {})
        if batch is not None:
            peer.put(uuid, batch, locator=locator, schema=batch.schema)
        return session

    return create


@pytest.fixture
def found(peer):
    """Ask, and return the locators that are answered, or their ranges where there are any."""

    def found(**query):
        items = peer.act("query", **query)["items"]
        told = [topic for item in items for topic in item["topics"]]
        assert [item["sequence"] for item in items] == sorted(
            {t["locator"].split("/")[0] for t in told}
        )
        if any("timestamp_range" in topic for topic in told):
            return {topic["locator"]: topic["timestamp_range"] for topic in told}
        return [topic["locator"] for topic in told]

    return found


@pytest.fixture
def drives(create):
    """Two sequences with three topics, the second in an open session, and one without any topic."""
    create(
        "a/imu/front",
        batch=imu(
            (10, 1.0, -1.0, {"frame_id": "base", "count": BIG, "samples": [1.0]}),
            (11, 5.0, 0.0, {"count": BIG + 1, "ok": True, "samples": [1.0, 2.0]}),
            (12, None, None, {"ok": False}),
            (13, float("nan"), 9.0, {"frame_id": "böse"}),
        ),
        metadata={"rate": 100, "calibrated": True},
        sequence_metadata={"driver": {"name": "ann", "ids": [7, 8]}, "speed": 1.5, "note": None},
    )
    create("a/note", tag="string", metadata={"rate": "50"})
    create("b/imu/front", batch=imu((20, 3.0, 3.0, {})), sequence_metadata={"driver": "bob"})


def test_answer_is_exact(peer, drives):
    """The reply has exactly the keys that clients look for."""
    answer = peer.act(
        "query", ontology={"imu.acceleration.x": {"$gt": 4}, "include_timestamp_range": True}
    )

    topic = {"locator": "a/imu/front", "ontology_tag": "imu", "timestamp_range": [11, 11]}
    assert {"items": [{"sequence": "a", "topics": [topic]}]} == answer


def test_no_condition_finds_every_topic(peer, found, drives):
    """An empty query gives all topics; a sequence without topics is never in an answer."""
    peer.act("sequence_create", locator="empty", user_metadata={})

    assert ["a/imu/front", "a/note", "b/imu/front"] == found()
    assert ["a/imu/front", "a/note", "b/imu/front"] == found(
        ontology={"include_timestamp_range": True}
    )


@pytest.mark.parametrize(
    ("section", "condition", "expected"),
    [
        ("sequence", {"locator": {"$eq": "b"}}, "b/imu/front"),
        ("sequence", {"name": {"$in": ["b", "c"]}}, "b/imu/front"),
        ("sequence", {"locator": {"$neq": "a"}}, "b/imu/front"),
        ("sequence", {"locator": {"$match": "B"}}, ""),
        ("sequence", {"locator": {"$gt": "a"}}, "b/imu/front"),
        ("sequence", {"locator": {"$nex": None}}, ""),
        ("sequence", {"created_at_ns": {"$lt": 5}}, ""),
        ("sequence", {"created_at_ns": {"$outside": [0, 5]}}, "a/imu/front a/note b/imu/front"),
        ("topic", {"locator": {"$eq": "/imu/front"}}, "a/imu/front b/imu/front"),
        ("topic", {"locator": {"$eq": "imu/front"}}, "a/imu/front b/imu/front"),
        (
            "topic",
            {"locator": {"$match": "u/f"}, "ontology_tag": {"$eq": "imu"}},
            "a/imu/front b/imu/front",
        ),
        ("topic", {"locator": {"$match": "i%u"}}, ""),
        ("topic", {"locator": {"$match": "im_"}}, ""),
        ("topic", {"ontology_tag": {"$match": "str"}}, "a/note"),
        ("topic", {"serialization_format": {"$eq": "image"}}, ""),
        (
            "topic",
            {"created_at_ns": {"$between": [0, 2**63 - 1]}},
            "a/imu/front a/note b/imu/front",
        ),
        ("topic", {"locator": {"$in": ["/note", *(f"/x{i}" for i in range(40_000))]}}, "a/note"),
    ],
)
def test_names_and_times(found, drives, section, condition, expected):
    """Names, types, formats and times of creation are compared by every operator."""
    assert expected.split() == found(**{section: condition})


@pytest.mark.parametrize(
    ("path", "operation", "expected"),
    [
        ("driver.name", {"$eq": "ann"}, True),
        ("driver.name", {"$match": "nn"}, True),
        ("driver.name", {"$neq": "ann"}, False),
        ("driver.name", {"$lt": "b"}, True),
        ("driver.ids.1", {"$eq": 8}, True),
        ("driver.ids.1", {"$eq": "8"}, True),
        ("driver.ids.2", {"$nex": None}, True),
        ("driver.ids.99999999999999999999", {"$nex": None}, True),
        ("driver.ids", {"$eq": "[7, 8]"}, True),
        ("driver.nobody", {"$neq": "x"}, False),
        ("driver", {"$ex": None}, True),
        ("note", {"$ex": None}, False),
        ("note", {"$nex": None}, True),
        ("speed", {"$between": [1, 2]}, True),
        ("speed", {"$in": [2, 1.5]}, True),
        ("speed", {"$gt": 1.5}, False),
        ("speed", {"$eq": "1.5"}, True),
        ("speed", {"$eq": True}, False),
    ],
)
def test_metadata_of_sequences(found, drives, path, operation, expected):
    """A value is compared as what the condition compares with; null and missing are one."""
    query = {"locator": {"$eq": "a"}, "user_metadata": {path: operation}}

    assert (["a/imu/front", "a/note"] if expected else []) == found(sequence=query)


def test_metadata_of_topics(found, drives):
    """Text that is a number counts as one, a boolean is found by booleans."""
    assert ["a/note"] == found(topic={"user_metadata": {"rate": {"$lt": 60}}})
    assert ["a/imu/front"] == found(topic={"user_metadata": {"calibrated": {"$eq": True}}})
    assert ["a/imu/front"] == found(topic={"user_metadata": {"calibrated": {"$eq": "true"}}})


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"acceleration.x": {"$gt": 2}}, {"a": [11, 11], "b": [20, 20]}),
        ({"acceleration.x": {"$leq": 5}}, {"a": [10, 11], "b": [20, 20]}),
        ({"acceleration.x": {"$gt": 2}, "acceleration.y": {"$lt": 0}}, {}),
        ({"acceleration.x": {"$nex": None}}, {"a": [12, 12]}),
        ({"acceleration.y": {"$eq": 9}}, {"a": [13, 13]}),
        ({"count": {"$eq": BIG + 1}}, {"a": [11, 11]}),
        ({"count": {"$lt": BIG + 1}}, {"a": [10, 10]}),
        ({"ok": {"$eq": False}}, {"a": [12, 12]}),
        ({"ok": {"$neq": False}}, {"a": [11, 11]}),
        ({"frame_id": {"$eq": "base"}}, {"a": [10, 10]}),
        ({"frame_id": {"$match": "ö"}}, {"a": [13, 13]}),
        ({"frame_id": {"$gt": "a"}}, {"a": [10, 13]}),
        ({"frame_id": {"$eq": 5}}, {}),
        ({"timestamp_ns": {"$between": [12, 20]}}, {"a": [12, 13], "b": [20, 20]}),
        ({"timestamp_ns": {"$outside": [12, 20]}}, {"a": [10, 11]}),
        ({"samples": {"$eq": 1}}, {}),
        ({"samples[?]": {"$eq": 2}}, {"a": [11, 11]}),
        ({"samples[0]": {"$eq": 1}, "acceleration.x": {"$lt": 2}}, {"a": [10, 10]}),
        ({"samples": {"$eq": [1, 2.0]}}, {"a": [11, 11]}),
        ({"nothing": {"$nex": None}}, {}),
    ],
)
def test_rows(found, drives, conditions, expected):
    """A topic matches if one row meets all conditions; its range is that of the rows that do."""
    ontology = {f"imu.{field}": operation for field, operation in conditions.items()}
    ranges = {f"{name}/imu/front": times for name, times in expected.items()}

    assert list(ranges) == found(ontology=ontology)
    assert (ranges or []) == found(ontology=ontology | {"include_timestamp_range": True})


def test_tags_intersect_sequences(create, found, drives):
    """With several tags a sequence needs a match for each; all its matching topics are told."""
    create("a/imu/rear", batch=imu((1, 8.0, 0.0, {})))
    create("a/gps", tag="gps", batch=imu((1, 0.0, 0.0, {"count": 3})))
    create("b/gps", tag="gps", batch=imu((1, 0.0, 0.0, {"count": 4})))
    query = {"imu.acceleration.x": {"$gt": 2}, "gps.count": {"$eq": 3}}

    assert ["a/gps", "a/imu/front", "a/imu/rear"] == found(ontology=query)
    assert [] == found(ontology=query, topic={"locator": {"$match": "imu"}})
    assert [] == found(ontology=query | {"unknown.x": {"$ex": None}})


def test_topics_without_data_match_no_row(create, found, drives):
    """Before its upload a topic has names and metadata, but no rows."""
    create("c/imu")

    assert ["c/imu"] == found(sequence={"locator": {"$eq": "c"}})
    assert [] == found(sequence={"locator": {"$eq": "c"}}, ontology={"imu.count": {"$nex": None}})


@pytest.mark.parametrize(("generation", "expected"), [("0.5", ["s/t"]), ("0.6", [])])
def test_what_match_means_depends_on_the_generation(place, connect, rows, generation, expected):
    """To 0.5 a pattern is a part of the text, from 0.6 on it stands for all of it."""
    with MosaicoServer(place, generation=generation) as server:
        peer = connect(server.port)
        peer.store(rows([1]), locator="s/t")
        items = peer.act("query", topic={"locator": {"$match": "t"}})["items"]
        globbed = peer.act("query", topic={"locator": {"$match": "/?"}})["items"]
        below = {"user_metadata": {"**.rate": {"$eq": 10}}}
        peer.act("sequence_create", locator="m", user_metadata={"imu": [{"rate": 10}]})
        peer.topic(peer.session("m"), "m/t")
        wild = peer.act("query", sequence=below)["items"]

    assert expected == [topic["locator"] for item in items for topic in item["topics"]]
    assert (generation == "0.6") == bool(globbed) == bool(wild)


def test_nonsense_is_refused(peer):
    """A query that makes no sense is refused with a sentence that names the key."""
    kind, message = peer.refusal(peer.act, "query", ontology={"imu.x": {"$gt": 1, "$lt": 2}})

    assert ("InvalidRequestError", True) == (kind, "`ontology.imu.x` has 2 operators" in message)


@pytest.fixture
def finder(place, server, peer, monkeypatch):
    """Give a finder on the store of a server that wrote a topic of ten chunks, 100 rows each."""
    monkeypatch.setattr(writing, "CHUNK_BYTES", 1)
    monkeypatch.setattr(writing, "ROW_GROUP_BYTES", 1)
    schema = pa.schema(
        [pa.field("timestamp_ns", pa.int64(), nullable=False), ("text", pa.string())]
    )
    session = peer.session("s")
    uuid = peer.topic(session, "s/t", ontology_tag="t")
    times = np.arange(1000).reshape(10, 100)
    batches = [
        pa.record_batch([pa.array(t), pa.array([f"{n:04}" for n in t])], schema=schema)
        for t in times
    ]
    peer.put(uuid, *batches, schema=schema)
    server.close()
    url = catalog_url(None)
    with open_store(place, url) as opened, open_catalog(opened, url) as catalog:
        yield Finder(catalog, opened)


@pytest.mark.parametrize(
    ("asked", "opened", "times"),
    [
        (("text", Operator.Eq, ("0150",)), 1, (150, 150)),
        (("text", Operator.Geq, ("0850",)), 2, (850, 999)),
        (("text", Operator.Match, ("5",)), 2, (5, 995)),
        (("text", Operator.Match, ("x",)), 10, None),
        (("text", Operator.Eq, ("x",)), 0, None),
        (("timestamp_ns", Operator.Between, (150, 820)), 2, (150, 820)),
        (("timestamp_ns", Operator.Gt, (999,)), 0, None),
    ],
)
def test_chunks_are_opened_only_where_they_matter(finder, asked, opened, times):
    """Bounds leave chunks closed, and so does the range that the outer chunks give."""
    field, operator, values = asked
    condition = Condition(
        section=Section.Ontology, key=f"t.{field}", operator=operator, values=values
    )
    findings = finder.find(Query(conditions=(condition,), with_ranges=True), GENERATION)
    some = finder.find(Query(conditions=(condition,)), GENERATION)

    assert (10, opened) == (findings.chunks, findings.opened)
    assert [times] * bool(times) == [found.times_ns for found in findings.topics]
    assert (bool(times), None) == (
        len(some.topics) == 1,
        next((f.times_ns for f in some.topics), None),
    )
    assert not times or some.opened == 1


def test_arbitrary_nonsense_is_answered(peer):
    """Keys and values of any length and kind are answered or refused, never failed on."""
    for section, fields in (
        ("sequence", {"locator": {"$match": "x" * 100_000}}),
        ("sequence", {"locator": {"$eq": "\x01'\"%"}}),
        ("topic", {"user_metadata": {"9" * 5000: {"$eq": "\\"}}}),
        ("topic", {"user_metadata": {".".join("a" * 500): {"$gt": 1e308}}}),
        ("ontology", {"t." + "x" * 100_000: {"$ex": None}}),
    ):
        assert {"items": []} == peer.act("query", **{section: fields})
