"""
The rows of stored chunks that meet conditions: which chunks may have some, and when these rows are.

Must not know: what is done with them. Next: `places`.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from mosaico_ingest.protocol.filters import Condition, Value
from mosaico_ingest.protocol.schema import TIMESTAMP
from mosaico_ingest.server.lookup import Row
from mosaico_ingest.server.matching import TextMatch, may_hold
from mosaico_ingest.server.places import find_place, mask_at
from mosaico_ingest.server.plain import without_views
from mosaico_ingest.server.selecting import MOST_IN_SQL
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import chunks, column_bounds

__all__ = ["BoundedChunk", "find_chunks", "matching_times"]


@attrs.frozen(kw_only=True)
class BoundedChunk:
    """A chunk; *bounds* of the columns that are asked about, where they are known."""

    path: str
    min_ns: int
    max_ns: int
    bounds: dict[str, tuple[Value, Value]] = attrs.field(factory=dict)

    def allows(self, conditions: Sequence[Condition]) -> bool:
        """Say whether a row may meet all *conditions*, as far as the bounds tell."""
        known = ((one, self.bounds.get(_field(one))) for one in conditions)
        return all(bounds is None or may_hold(one, *bounds) for one, bounds in known)


def find_chunks(
    connection: sa.Connection, candidates: Sequence[Row], conditions: Sequence[Condition]
) -> list[tuple[Row, list[BoundedChunk]]]:
    """
    Return those topics that have all columns that are asked about, with their chunks.

    Args:
        candidates: Rows of `id` and `arrow_schema`.
        conditions: On rows, all of one tag.
    """
    fields = tuple(_field(one) for one in conditions)
    has = cache(_has_fields)
    able = [row for row in candidates if has(row.arrow_schema, fields)]
    held: dict[int, dict[int, BoundedChunk]] = {row.id: {} for row in able}
    every = list(held)
    for start in range(0, len(every), MOST_IN_SQL):
        ids = every[start : start + MOST_IN_SQL]
        for row in connection.execute(_chunk_query(ids, fields)):
            chunk = held[row.topic_id].get(row.id)
            if chunk is None:
                chunk = BoundedChunk(path=row.path, min_ns=row.min_ns, max_ns=row.max_ns)
                chunk.bounds[TIMESTAMP] = (row.min_ns, row.max_ns)
                held[row.topic_id][row.id] = chunk
            if row.min_number is not None:
                chunk.bounds[row.column] = (row.min_number, row.max_number)
            elif row.min_text is not None:
                chunk.bounds[row.column] = (row.min_text, row.max_text)
    return [(row, list(held[row.id].values())) for row in able]


def matching_times(
    store: Store, path: str, conditions: Sequence[Condition], texts: TextMatch
) -> Iterator[pa.ChunkedArray]:
    """
    Yield the times of the rows of the chunk at *path* that meet all *conditions*, group by group.

    Raises:
        FileNotFoundError: The topic was deleted meanwhile.
    """
    with store.open(path) as source, pq.ParquetFile(source, pre_buffer=store.is_far) as file:
        places = {one: find_place(file.schema_arrow, _field(one)) for one in conditions}
        columns = {TIMESTAMP, *(place.column for place in places.values() if place)}
        for group in range(file.num_row_groups):
            rows = without_views(file.read_row_group(group, columns=sorted(columns)))
            for condition, place in places.items():
                mask = None if place is None else mask_at(condition, rows, place, texts)
                if mask is None:
                    return
                rows = rows.filter(mask)
            if rows.num_rows:
                yield rows.column(TIMESTAMP)


def _field(condition: Condition) -> str:
    """Return the path of a condition on rows, without the tag."""
    return condition.key.partition(".")[2]


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
    return all(find_place(columns, field) is not None for field in fields)
