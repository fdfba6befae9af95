"""
Queries: which topics meet conditions on names, metadata and rows.

The catalog answers what it can. Of the topics that are left, chunks are opened whose bounds allow a match,
and of these only the columns that are asked about are read: a topic matches if one row meets all conditions
on its tag.

Must not know: Flight, how values are compared. Next: `selecting`, then `matching`.
"""

from collections.abc import Sequence
from functools import cache

import attrs
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from mosaico_ingest.protocol.filters import Condition, Query, Section, Value, read_query
from mosaico_ingest.protocol.generations import Generation
from mosaico_ingest.protocol.messages import (
    QueriedSequence,
    QueriedTopic,
    QueryAnswer,
    QueryRequest,
)
from mosaico_ingest.protocol.schema import TIMESTAMP
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import Row
from mosaico_ingest.server.matching import TextMatch, find_field, mask_of, may_hold
from mosaico_ingest.server.selecting import MOST_IN_SQL, select_topics
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import chunks, column_bounds

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


@attrs.frozen(kw_only=True)
class _Chunk:
    """A chunk; *bounds* of the columns that are asked about, where they are known."""

    path: str
    min_ns: int
    max_ns: int
    bounds: dict[str, tuple[Value, Value]] = attrs.field(factory=dict)


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
                tag: _stored(connection, [row for row in candidates if row.tag == tag], conditions)
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
        self, held: Sequence[_Chunk], conditions: Sequence[Condition]
    ) -> tuple[int, int] | None:
        """
        Return the first and the last time of the rows that meet all *conditions*, None if none does.

        Without ranges, any row will do.
        """
        found: tuple[int, int] | None = None
        pending = sorted(
            (chunk for chunk in held if _allows(chunk, conditions)), key=lambda one: one.min_ns
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

    def _times_in(self, chunk: _Chunk, conditions: Sequence[Condition]) -> tuple[int, int] | None:
        self.opened += 1
        found: list[int] = []
        with self._store.open(chunk.path) as source, pq.ParquetFile(source) as file:
            paths = {one: find_field(file.schema_arrow, _field(one)) for one in conditions}
            if None in paths.values():
                return None
            columns = [TIMESTAMP, *(_field(one) for one in conditions)]
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=sorted(set(columns)))
                for condition, path in paths.items():
                    mask = mask_of(condition, _column(rows, path or ()), self._texts)
                    if mask is None:
                        return None
                    rows = rows.filter(mask)
                times = rows.column(TIMESTAMP)
                if len(times):
                    span = pc.min_max(times)
                    found += [span["min"].as_py(), span["max"].as_py()]
                    if not self._with_ranges:
                        break
        return (min(found), max(found)) if found else None


def _joined(one: tuple[int, int] | None, other: tuple[int, int]) -> tuple[int, int]:
    return (min(one[0], other[0]), max(one[1], other[1])) if one else other


def _found(row: Row) -> Found:
    return Found(sequence=row.sequence, topic=row.topic, ontology_tag=row.tag)


def _field(condition: Condition) -> str:
    """Return the path of a condition on rows, without the tag."""
    return condition.key.partition(".")[2]


def _column(rows: pa.Table, path: Sequence[str]) -> pa.ChunkedArray:
    column = rows.column(path[0])
    return pc.struct_field(column, list(path[1:])) if path[1:] else column


def _allows(chunk: _Chunk, conditions: Sequence[Condition]) -> bool:
    return all(
        may_hold(one, *chunk.bounds[_field(one)])
        for one in conditions
        if _field(one) in chunk.bounds
    )


def _stored(
    connection: sa.Connection, candidates: Sequence[Row], conditions: Sequence[Condition]
) -> list[tuple[Row, list[_Chunk]]]:
    """Return the candidates whose columns are all there, with their chunks."""
    fields = tuple(_field(one) for one in conditions)
    has = cache(_has_fields)
    able = [row for row in candidates if has(row.arrow_schema, fields)]
    held: dict[int, dict[int, _Chunk]] = {row.id: {} for row in able}
    every = list(held)
    for start in range(0, len(every), MOST_IN_SQL):
        ids = every[start : start + MOST_IN_SQL]
        for row in connection.execute(_chunk_query(ids, fields)):
            chunk = held[row.topic_id].get(row.id)
            if chunk is None:
                chunk = _Chunk(path=row.path, min_ns=row.min_ns, max_ns=row.max_ns)
                chunk.bounds[TIMESTAMP] = (row.min_ns, row.max_ns)
                held[row.topic_id][row.id] = chunk
            if row.min_number is not None:
                chunk.bounds[row.column] = (row.min_number, row.max_number)
            elif row.min_text is not None:
                chunk.bounds[row.column] = (row.min_text, row.max_text)
    return [(row, list(held[row.id].values())) for row in able]


def _chunk_query(ids: Sequence[int], fields: Sequence[str]) -> sa.Select[tuple[object, ...]]:
    bounds = sa.and_(column_bounds.c.chunk_id == chunks.c.id, column_bounds.c.column.in_(fields))
    return (
        sa.select(
            chunks.c.id,
            chunks.c.topic_id,
            chunks.c.path,
            chunks.c.min_ns,
            chunks.c.max_ns,
            column_bounds.c.column,
            column_bounds.c.min_number,
            column_bounds.c.max_number,
            column_bounds.c.min_text,
            column_bounds.c.max_text,
        )
        .outerjoin_from(chunks, column_bounds, bounds)
        .where(chunks.c.topic_id.in_(ids))
    )


def _has_fields(schema: bytes | None, fields: Sequence[str]) -> bool:
    if schema is None:  # nothing was uploaded yet
        return False
    columns = pa.ipc.read_schema(pa.py_buffer(schema))
    return all(find_field(columns, field) is not None for field in fields)
