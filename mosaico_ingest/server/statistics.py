"""
What a chunk holds, by column, without opening it: taken from the footer that Parquet writes anyway.

Must not know: files, the catalog. Next: `store`.
"""

import math
from collections import Counter
from collections.abc import Iterator

import attrs
import pyarrow.parquet as pq

from mosaico_ingest.protocol.schema import TIMESTAMP

__all__ = ["Bounds", "ChunkFacts", "read_facts"]

_TEXT_LIMIT = 256
_TEMPORAL = frozenset({"DATE", "TIME", "TIMESTAMP"})


@attrs.frozen(kw_only=True)
class Bounds:
    """
    The least and the greatest value of a column; numbers are rounded outwards where a float cannot hold them.

    Args:
        column: Dotted path, such as `acceleration.x`.
        min_number, max_number: For numbers and booleans.
        min_text, max_text: For text.
        has_nulls: Whether a value is missing.
    """

    column: str
    min_number: float | None = None
    max_number: float | None = None
    min_text: str | None = None
    max_text: str | None = None
    has_nulls: bool


@attrs.frozen(kw_only=True)
class ChunkFacts:
    """Rows, time range (both ends inside) and column bounds of one chunk."""

    rows: int
    min_ns: int
    max_ns: int
    bounds: tuple[Bounds, ...]


def read_facts(footer: pq.FileMetaData) -> ChunkFacts:
    """Return what *footer* says; columns in lists, and those without statistics, are left out."""
    leaves = footer.schema
    paths = Counter(leaves.column(index).path for index in range(len(leaves)))
    bounds: list[Bounds] = []
    span = (0, 0)
    for index in range(len(leaves)):
        leaf = leaves.column(index)
        if leaf.max_repetition_level or paths[leaf.path] > 1:  # `x.y` may be a name, or y in x
            continue
        if (
            leaf.logical_type.type in _TEMPORAL
        ):  # instants that Python cannot hold are an error to read
            continue
        known = list(_statistics(footer, index))
        if leaf.path == TIMESTAMP:
            span = min(one.min for one in known), max(one.max for one in known)
        elif known and len(known) == footer.num_row_groups and (found := _merge(leaf.path, known)):
            bounds.append(found)
    return ChunkFacts(rows=footer.num_rows, min_ns=span[0], max_ns=span[1], bounds=tuple(bounds))


def _statistics(footer: pq.FileMetaData, index: int) -> Iterator[pq.Statistics]:
    for group in range(footer.num_row_groups):
        column = footer.row_group(group).column(index)
        if column.is_stats_set:
            yield column.statistics


def _merge(column: str, known: list[pq.Statistics]) -> Bounds | None:
    has_nulls = any(one.null_count for one in known)
    ranges = [one for one in known if one.has_min_max]
    if not ranges:
        return None
    low, high = min(one.min for one in ranges), max(one.max for one in ranges)
    if isinstance(low, str):
        # Parquet keeps no bounds of long texts: a row group without any may hold one, unless it is empty.
        unknown = any(one.num_values for one in known if not one.has_min_max)
        # And some catalogs can hold no NUL.
        if unknown or max(len(low), len(high)) > _TEXT_LIMIT or "\0" in low + high:
            return None
        return Bounds(column=column, min_text=low, max_text=high, has_nulls=has_nulls)
    if isinstance(low, (bool, int, float)):
        return Bounds(
            column=column,
            min_number=_round(low, -math.inf),
            max_number=_round(high, math.inf),
            has_nulls=has_nulls,
        )
    return None


def _round(value: float, towards: float) -> float:
    rounded = float(value)
    return rounded if rounded == value else math.nextafter(rounded, towards)
