import json
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.server.clustering import intersect_spans, join_spans
from mosaico_ingest.server.service import MosaicoServer

ENDS = [-(2**63), 2**63 - 1]
TIMES = st.lists(st.integers(-40, 40) | st.sampled_from(ENDS), max_size=12)


@pytest.fixture
def ask(peer):
    """Carry out a filter action; return first time, last time and number of every page."""

    def ask(action, **request):
        pages = peer.flight.do_action((f"topic_filter_{action}", json.dumps(request).encode()))
        bodies = [page.body.to_pybytes() for page in pages]
        assert all(body.endswith(b"\n") for body in bodies)
        told = [json.loads(body) for body in bodies]
        assert {f"topic_filter_{action}"} >= {page["action"] for page in told}
        return [
            (
                page["response"]["ts"]["start_ns"],
                page["response"]["ts"]["end_ns"],
                page["response"]["id"],
            )
            for page in told
        ]

    return ask


def where(**more):
    return {
        "locator": "s/t",
        "clustering_dt_ns": 5,
        "ontology": {"floating64.data": {"$gt": 0}},
    } | more


@pytest.fixture
def stored(peer, rows):
    """Two topics of one sequence; rows of the first match at 0, 5, 11, 30, 36 and 40."""
    times = [0, 5, 7, 11, 30, 36, 40]
    peer.store(rows(times, np.array([1.0, 1, 0, 1, 1, 1, 1])))
    peer.store(rows([3, 13, 45], np.array([1.0, 1, 1])), locator="s/u")


def test_gaps_part_clusters(ask, stored):
    """Matching rows further apart than the limit begin a new cluster; 0 makes one of all."""
    assert [(0, 5, 0), (11, 11, 1), (30, 30, 2), (36, 40, 3)] == ask("clusterize", **where())
    assert [(0, 11, 0), (30, 40, 1)] == ask("clusterize", **where(clustering_dt_ns=6))
    assert [(0, 40, 0)] == ask("clusterize", **where(clustering_dt_ns=0))
    assert [] == ask("clusterize", **where(ontology={"floating64.data": {"$gt": 1}}))
    assert [] == ask("clusterize", **where(ontology={"floating64.none": {"$gt": 1}}))


def test_window(ask, stored):
    """Of a window, the start is inside and the end is not."""
    window = {"start_ns": 5, "end_ns": 36}

    assert [(5, 11, 0), (30, 30, 1)] == ask(
        "clusterize", **where(clustering_dt_ns=6, timestamp_range=window)
    )
    assert [(0, 40, 0)] == ask("clusterize", **where(clustering_dt_ns=0, timestamp_range=None))


def test_intersection(ask, stored):
    """Told is what all topics' clusters share, and gaps between them that are small enough."""
    topics = [where(clustering_dt_ns=6), where(locator="s/u", clustering_dt_ns=10)]

    assert [(3, 11, 0)] == ask("intersect", topics=topics, intersect_dt_ns=0)
    assert [(3, 11, 0)] == ask("intersect", topics=topics, intersect_dt_ns=4)
    assert [(3, 11, 0), (40, 45, 1)] == ask("intersect", topics=topics, intersect_dt_ns=5)


@pytest.mark.parametrize(
    ("action", "request_", "refusal"),
    [
        ("clusterize", where(locator="s/none"), ("NotFoundError", "s/none not found")),
        ("clusterize", where(locator="s"), ("InvalidRequestError", "not a valid topic locator")),
        ("clusterize", where(clustering_dt_ns=-1), ("InvalidRequestError", "is -1, expected 0")),
        ("clusterize", where(ontology={}), ("InvalidRequestError", "no conditions")),
        ("clusterize", where(ontology={"imu.x": {"$gt": 1}}), ("InvalidRequestError", "of type")),
        (
            "intersect",
            {"topics": [where()], "intersect_dt_ns": 0},
            ("InvalidRequestError", "1 topics"),
        ),
        (
            "intersect",
            {"topics": [where(), where(locator="other/t")], "intersect_dt_ns": 0},
            ("InvalidRequestError", "several sequences"),
        ),
        (
            "intersect",
            {"topics": "s/t", "intersect_dt_ns": 0},
            ("InvalidRequestError", "deserialization"),
        ),
    ],
)
def test_refused(peer, stored, action, request_, refusal):
    """What makes no sense is refused with a sentence that says why."""
    kind, message = peer.refusal(peer.act, f"topic_filter_{action}", **request_)

    assert (refusal[0], True) == (kind, refusal[1] in message)


def spans_of(times, gap_ns):
    """Cluster by hand: one row after the other."""
    spans = []
    for time in sorted(times):
        if spans and time - spans[-1][1] <= gap_ns:
            spans[-1][1] = time
        else:
            spans.append([time, time])
    return [tuple(span) for span in spans]


def arrays(spans):
    return tuple(np.array([span[side] for span in spans], np.int64) for side in (0, 1))


@given(st.lists(TIMES, min_size=1, max_size=4), st.integers(0, 20) | st.sampled_from([ENDS[1]]))
def test_parts_join_to_the_whole(parts, gap_ns):
    """Clusters of parts, joined, are those of all rows together, in any order and to the ends of time."""
    found = join_spans([arrays(spans_of(part, gap_ns)) for part in parts], gap_ns)

    assert spans_of(chain(*parts), gap_ns) == list(zip(*(a.tolist() for a in found), strict=True))


@given(st.lists(st.lists(st.integers(0, 40), max_size=8), min_size=2, max_size=4))
def test_shared_time(topics):
    """Without tolerance, an instant is told exactly if it lies in a span of every topic."""
    spans = [spans_of(times, 3) for times in topics]
    found = intersect_spans([arrays(one) for one in spans], 0)
    inside = {t for t in range(41) if all(any(a <= t <= b for a, b in one) for one in spans)}

    assert inside == {t for a, b in zip(*found, strict=True) for t in range(a, b + 1)}


def test_chunks_and_windows_of_a_topic_in_many_chunks(place, connect, rows, monkeypatch):
    """Clusters and counts go across chunks that overlap in time."""
    monkeypatch.setattr("mosaico_ingest.server.writing.CHUNK_BYTES", 1)
    monkeypatch.setattr("mosaico_ingest.server.writing.ROW_GROUP_BYTES", 1)
    with MosaicoServer(place, generation="0.7") as server:
        peer = connect(server.port)
        peer.store(rows([1, 4, 90]), rows([3, 60, 95]), rows([2, 61]))
        request = where(clustering_dt_ns=1, ontology={"floating64.data": {"$gt": 0}})
        pages = list(
            peer.flight.do_action(("topic_filter_clusterize", json.dumps(request).encode()))
        )
        spans = [json.loads(page.body.to_pybytes())["response"]["ts"] for page in pages]
        windows = [
            json.loads(peer.info(where_, timestamp_ns_start=3, **end).endpoints[0].app_metadata)[
                "time_window_info"
            ]
            for where_, end in (
                ("s/t", {"timestamp_ns_end": 61}),
                ("s", {}),
                ("s", {"timestamp_ns_end": 3}),
            )
        ]
        without = peer.facts()["time_window_info"]

    assert [(1, 4), (60, 61), (90, 90), (95, 95)] == [(s["start_ns"], s["end_ns"]) for s in spans]
    assert [
        {"interval": {"start_ns": 3, "end_ns": 60}, "row_count": 3},
        {"interval": {"start_ns": 3, "end_ns": 95}, "row_count": 6},
        {"interval": None, "row_count": 0},
    ] == windows
    assert without is None
