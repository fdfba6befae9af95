"""
When rows of a topic meet conditions, as spans of time; and when those of several topics do together.

Rows that meet the conditions and follow each other closely enough are one span. Spans are kept as two sorted
arrays, first and last times, both inside; they never hold more than the rows of a row group beside.

Must not know: Flight, how values are compared. Next: `scanning`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import InvalidRequestError, NotFoundError
from mosaico_ingest.protocol.filters import Condition, Section, read_query
from mosaico_ingest.protocol.generations import Generation
from mosaico_ingest.protocol.manifests import TimeSpan
from mosaico_ingest.protocol.messages import (
    Cluster,
    QueryRequest,
    TopicClusterize,
    TopicFilter,
    TopicIntersect,
)
from mosaico_ingest.protocol.names import LocatorKind
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import expect, find_topic
from mosaico_ingest.server.matching import TextMatch
from mosaico_ingest.server.reading import Window
from mosaico_ingest.server.scanning import find_chunks, matching_times
from mosaico_ingest.server.store import Store

__all__ = ["Clusterer", "Spans", "intersect_spans", "join_spans"]

_MOST_TOPICS = 64
_LAST_NS = np.int64(2**63 - 1)

Spans = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


class Clusterer:
    """
    Answers `topic_filter_clusterize` and `topic_filter_intersect`.

    Thread: any.
    """

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog = catalog
        self._store = store

    def clusterize(self, request: TopicClusterize, generation: Generation) -> Iterator[Cluster]:
        """
        Return the clusters of one topic.

        Raises:
            NotFoundError: There is no such topic.
            InvalidRequestError: The conditions make no sense for it.
        """
        asked = request.timestamp_range
        window = Window() if asked is None else Window(asked.start_ns, asked.end_ns)
        return _clusters(self._spans(request, window, generation))

    def intersect(self, request: TopicIntersect, generation: Generation) -> Iterator[Cluster]:
        """
        Return when all topics have a cluster.

        Raises:
            NotFoundError: There is no such topic.
            InvalidRequestError: There are too few or too many, or of several sequences, or the conditions of
                one make no sense for it.
        """
        gap_ns = _check_gap("intersect_dt_ns", request.intersect_dt_ns)
        if not 2 <= len(request.topics) <= _MOST_TOPICS:
            msg = f"Bad request: {len(request.topics)} topics, expected 2 to {_MOST_TOPICS}"
            raise InvalidRequestError(msg)
        if len({expect(one.locator, LocatorKind.Topic).sequence for one in request.topics}) > 1:
            msg = "Bad request: topics of several sequences, expected those of one"
            raise InvalidRequestError(msg)
        spans = [self._spans(one, Window(), generation) for one in request.topics]
        return _clusters(intersect_spans(spans, gap_ns))

    def _spans(self, request: TopicFilter, window: Window, generation: Generation) -> Spans:
        locator = expect(request.locator, LocatorKind.Topic)
        gap_ns = _check_gap("clustering_dt_ns", request.clustering_dt_ns) or None
        conditions = read_query(QueryRequest(ontology=request.ontology)).of(Section.Ontology)
        texts = TextMatch(with_globs=generation.matches_globs)
        with self._catalog.read() as connection:
            topic = find_topic(connection, locator)
            _check_tags(conditions, topic.ontology_tag)
            found = find_chunks(connection, [topic], conditions)
        spans: list[Spans] = [_spans_of(np.empty(0, np.int64), gap_ns)]
        for chunk in (chunk for _, chunks in found for chunk in chunks):
            if not (window.touches(chunk.min_ns, chunk.max_ns) and chunk.allows(conditions)):
                continue
            try:
                spans += (
                    _spans_of(window.within(times.to_numpy()), gap_ns)
                    for times in matching_times(self._store, chunk.path, conditions, texts)
                )
            except FileNotFoundError as err:
                msg = f"{locator} not found: it was deleted while it was being read"
                raise NotFoundError(msg) from err
        return join_spans(spans, gap_ns)


def join_spans(spans: Sequence[Spans], gap_ns: int | None) -> Spans:
    """
    Return *spans* as few as possible: those with no more than *gap_ns* between are one; None joins all.

    Args:
        spans: In any order; they may overlap.
        gap_ns: From the last time of a span to the first of the next.
    """
    starts = np.concatenate([one[0] for one in spans])
    ends = np.concatenate([one[1] for one in spans])
    if not len(starts):
        return starts, ends
    if gap_ns is None:
        return starts.min(keepdims=True), ends.max(keepdims=True)
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    # The difference of two int64 may need 64 bits without a sign.
    gaps = (starts[1:] - reach[:-1]).view(np.uint64)
    breaks = np.flatnonzero((starts[1:] > reach[:-1]) & (gaps > np.uint64(gap_ns)))
    return starts[np.append(0, breaks + 1)], reach[np.append(breaks, len(reach) - 1)]


def intersect_spans(topics: Sequence[Spans], gap_ns: int) -> Spans:
    """
    Return when every one of *topics* has a span; one counts for *gap_ns* after its end as well.

    Where the spans do overlap, the answer is what they share. Where they only do by *gap_ns*, it is the gap
    between them: from the last time before it to the first one after it.
    """
    joined = [join_spans([spans], gap_ns) for spans in topics]
    starts = np.concatenate([one[0] for one in joined])
    ends = np.concatenate([one[1] for one in joined])
    until = np.where(ends > _LAST_NS - gap_ns, _LAST_NS, ends + gap_ns)
    is_end = np.repeat([False, True], len(starts))
    order = np.lexsort((is_end, np.concatenate([starts, until])))
    depth = np.cumsum(np.where(is_end[order], -1, 1))
    times = np.concatenate([starts, ends])[order]
    # A topic's spans are apart, so that what follows a time at which all have one is the end of one.
    first = np.flatnonzero(depth == len(topics))
    begin, end = times[first], times[first + 1]
    return np.minimum(begin, end), np.maximum(begin, end)


def _spans_of(times: npt.NDArray[np.int64], gap_ns: int | None) -> Spans:
    return join_spans([(times, times)], gap_ns)


def _clusters(spans: Spans) -> Iterator[Cluster]:
    for number, (start, end) in enumerate(zip(*spans, strict=True)):
        yield Cluster(ts=TimeSpan(start_ns=int(start), end_ns=int(end)), id=number)


def _check_gap(name: str, gap_ns: int) -> int:
    if gap_ns < 0:
        msg = f"Bad request: {name} is {gap_ns}, expected 0 or more nanoseconds"
        raise InvalidRequestError(msg)
    return gap_ns


def _check_tags(conditions: Sequence[Condition], tag: str) -> None:
    if not conditions:
        msg = (
            'Bad request: no conditions, expected some such as {"IMU.acceleration.x": {"$gt": 0.5}}'
        )
        raise InvalidRequestError(msg)
    for condition in conditions:
        found = condition.key.partition(".")[0]
        if found != tag:
            msg = f"Bad request: a condition on {found[:64]!r}, but the topic is of type {tag!r}"
            raise InvalidRequestError(msg)
