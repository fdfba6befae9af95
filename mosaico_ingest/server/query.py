"""
Queries: which topics meet conditions on names, metadata and rows.

The catalog answers what it can. Of the topics that are left, chunks are opened whose bounds allow a match,
and of these only the columns that are asked about are read: a topic matches if one row meets all conditions
on its tag.

Must not know: Flight, how values are compared. Next: `selecting`, then `scanning`.
"""

from collections.abc import Sequence

import attrs
import pyarrow.compute as pc

from mosaico_ingest.protocol.filters import Condition, Query, Section, read_query
from mosaico_ingest.protocol.generations import Generation
from mosaico_ingest.protocol.messages import (
    QueriedSequence,
    QueriedTopic,
    QueryAnswer,
    QueryRequest,
)
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import Row
from mosaico_ingest.server.matching import TextMatch
from mosaico_ingest.server.scanning import BoundedChunk, find_chunks, matching_times
from mosaico_ingest.server.selecting import select_topics
from mosaico_ingest.server.store import Store

__all__ = ["Finder", "Findings", "Found"]


@attrs.frozen(kw_only=True)
class Found:
    """A topic that matches, with the first and the last time of its matching rows where they were sought."""

    sequence: str
    topic: str
    ontology_tag: str
    times_ns: tuple[int, int] | None = None


@attrs.frozen(kw_only=True)
class Findings:
    """What a query found; of the *chunks* that hold rows of the tags in question, so many were *opened*."""

    topics: tuple[Found, ...]
    chunks: int = 0
    opened: int = 0


class Finder:
    """
    Answers queries.

    Thread: any.
    """

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog = catalog
        self._store = store

    def answer(self, request: QueryRequest, generation: Generation) -> QueryAnswer:
        """
        Return the sequences, and of them the topics, that meet all conditions.

        Args:
            request: The query.
            generation: What `$match` and paths mean depends on it.

        Raises:
            InvalidRequestError: The request is no query.
        """
        items: dict[str, list[QueriedTopic]] = {}
        for found in self.find(read_query(request), generation).topics:
            told = QueriedTopic(
                locator=found.sequence + found.topic,
                ontology_tag=found.ontology_tag,
                timestamp_range=found.times_ns,
            )
            items.setdefault(found.sequence, []).append(told)
        return QueryAnswer(
            [QueriedSequence(sequence=name, topics=told) for name, told in items.items()]
        )

    def find(self, query: Query, generation: Generation) -> Findings:
        """Carry *query* out; the topics are in order of their locators."""
        texts = TextMatch(with_globs=generation.matches_globs)
        by_tag: dict[str, list[Condition]] = {}
        for condition in query.of(Section.Ontology):
            by_tag.setdefault(condition.key.partition(".")[0], []).append(condition)
        with self._catalog.read() as connection:
            candidates = select_topics(connection, query, by_tag, texts)
            if not by_tag:
                return Findings(topics=tuple(_found(row) for row in candidates))
            stored = {
                tag: find_chunks(
                    connection, [row for row in candidates if row.tag == tag], conditions
                )
                for tag, conditions in by_tag.items()
            }
        search = _Search(self._store, texts, query.with_ranges)
        matches: list[Found] = []
        common = {row.sequence for row in candidates}
        for tag, conditions in by_tag.items():
            here = [
                attrs.evolve(_found(row), times_ns=times if query.with_ranges else None)
                for row, held in stored[tag]
                if row.sequence in common and (times := search.times_of(held, conditions))
            ]
            common = {found.sequence for found in here}
            matches += here
        matches = [found for found in matches if found.sequence in common]
        matches.sort(key=lambda found: (found.sequence, found.topic))
        total = sum(len(held) for topics_of in stored.values() for _, held in topics_of)
        return Findings(topics=tuple(matches), chunks=total, opened=search.opened)


class _Search:
    """Looks into chunks, and counts those that it opens."""

    def __init__(self, store: Store, texts: TextMatch, with_ranges: bool) -> None:
        self._store = store
        self._texts = texts
        self._with_ranges = with_ranges
        self.opened = 0

    def times_of(
        self, held: Sequence[BoundedChunk], conditions: Sequence[Condition]
    ) -> tuple[int, int] | None:
        """
        Return the first and the last time of the rows that meet all *conditions*, None if none does.

        Without ranges, any row will do.
        """
        found: tuple[int, int] | None = None
        pending = sorted(
            (chunk for chunk in held if chunk.allows(conditions)), key=lambda one: one.min_ns
        )
        while pending:
            # Once the first rows are known the last ones are sought: what lies between changes nothing.
            chunk = pending.pop(-1 if found else 0)
            if found and found[0] <= chunk.min_ns and chunk.max_ns <= found[1]:
                continue
            try:
                times = self._times_in(chunk, conditions)
            except FileNotFoundError:  # the topic was deleted meanwhile
                return None
            if times:
                found = _joined(found, times)
                if not self._with_ranges:
                    return found
        return found

    def _times_in(
        self, chunk: BoundedChunk, conditions: Sequence[Condition]
    ) -> tuple[int, int] | None:
        self.opened += 1
        found: list[int] = []
        for times in matching_times(self._store, chunk.path, conditions, self._texts):
            span = pc.min_max(times)
            found += [span["min"].as_py(), span["max"].as_py()]
            if not self._with_ranges:
                break
        return (min(found), max(found)) if found else None


def _joined(one: tuple[int, int] | None, other: tuple[int, int]) -> tuple[int, int]:
    return (min(one[0], other[0]), max(one[1], other[1])) if one else other


def _found(row: Row) -> Found:
    return Found(sequence=row.sequence, topic=row.topic, ontology_tag=row.tag)
