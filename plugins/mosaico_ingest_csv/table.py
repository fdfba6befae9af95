"""
What every kind of table is to a recording: parts of rows of one shape, block by block.

Must not know: text, Parquet. Next: `recording`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import attrs
import pyarrow as pa

from mosaico_ingest.plugin import Damage
from mosaico_ingest_csv.clock import Clock
from mosaico_ingest_csv.times import Ints

__all__ = ["Block", "Part", "Rows", "Table", "no_clock"]


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """
    Rows of one shape.

    Args:
        label: What sets them apart in a table of several shapes, else empty.
        columns: Their columns, without those that the clock takes.
    """

    label: str
    columns: pa.Schema


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """
    Rows of one part.

    Args:
        log_ns: (n,) int64, their times.
        data: Their columns.
        rejects: Rows that fit no column, see `RawBatch.rejects`.
    """

    log_ns: Ints
    data: pa.RecordBatch
    rejects: pa.RecordBatch | None = None


@attrs.frozen(kw_only=True, eq=False)
class Block:
    """
    A stretch of a table.

    Args:
        position: Where reading can begin again to give it once more.
        rows: Its rows by number of the part.
    """

    position: int
    rows: Mapping[int, Rows]


class Table(Protocol):
    """
    An open table.

    Attributes:
        format: What it is, for people.
        start: Position of the first block.
        clock: How times are made.
        parts: Its shapes.
        findings: What was decided that a person may want to know.
        is_small: Whether reading all of it for its counts costs nothing.
        compression: Chunks per kind of compression.
        rows: How many it has, None where it does not say; only of tables of one part.
    """

    format: str
    start: int
    clock: Clock
    parts: tuple[Part, ...]
    findings: tuple[str, ...]
    is_small: bool
    compression: Mapping[str, int]
    rows: int | None

    def blocks(self, position: int) -> Iterator[Block | Damage]:
        """Yield everything from *position* on; damage names lost rows by the number of their part."""

    def close(self) -> None:
        """Release the file and the threads."""


def no_clock(path: Path, names: tuple[str, ...]) -> str:
    """Say that no column is a time, and which flags help."""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return (
        f"No column of {str(path)!r} is a time: {shown}. Name one with --time-column, say with "
        "--time-format how dates are written that are not ISO 8601, or give --rate HZ (and "
        "--start) if rows come at a fixed rate."
    )
