"""
The rows of a topic in order of time, from chunks that may overlap, in bounded memory.

The unit is a row group, which is in order by itself: a *run*. Runs that do not touch in time are passed on
one after the other. Runs that do are merged slice by slice: the times are cut where a slice holds about as
many bytes as may be in memory, and every run gives its part of the slice.

Must not know: Flight, the catalog. Next: `get`.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mosaico_ingest.protocol.schema import TIMESTAMP
from mosaico_ingest.server.plain import without_views
from mosaico_ingest.server.store import Store

__all__ = ["StoredChunk", "Window", "count_rows", "read_rows"]

_MIB = 1024 * 1024
BATCH_BYTES = 4 * _MIB
SLICE_BYTES = 64 * _MIB
_SAMPLES_PER_RUN = 256
_LAST_NS = 2**63 - 1


@attrs.frozen
class Window:
    """Rows with `start_ns <= t < end_ns`, None where open."""

    start_ns: int | None = None
    end_ns: int | None = None

    def touches(self, min_ns: int, max_ns: int) -> bool:
        """Say whether a row between *min_ns* and *max_ns*, both inside, could be in the window."""
        after_start = self.start_ns is None or max_ns >= self.start_ns
        return after_start and (self.end_ns is None or min_ns < self.end_ns)

    def holds(self, min_ns: int, max_ns: int) -> bool:
        """Say whether every row between *min_ns* and *max_ns*, both inside, is in the window."""
        after_start = self.start_ns is None or min_ns >= self.start_ns
        return after_start and (self.end_ns is None or max_ns < self.end_ns)

    def narrow(self, start_ns: int, end_ns: int | None) -> "Window":
        """Return what the window shares with another; *end_ns* None means open."""
        start = start_ns if self.start_ns is None else max(start_ns, self.start_ns)
        ends = [end for end in (end_ns, self.end_ns) if end is not None]
        return Window(start, min(ends, default=None))

    def within(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the part of *times*, which are in order, that lies in the window."""
        first, last = self._part(times)
        return times[first:last]

    def cut(self, rows: pa.Table) -> pa.Table:
        """Return the part of *rows*, which are in order of time, that lies in the window."""
        first, last = self._part(rows.column(TIMESTAMP).to_numpy())
        return rows.slice(first, last - first)

    def _part(self, times: npt.NDArray[np.int64]) -> tuple[int, int]:
        first = 0 if self.start_ns is None else int(np.searchsorted(times, self.start_ns))
        last = len(times) if self.end_ns is None else int(np.searchsorted(times, self.end_ns))
        return first, max(first, last)


@attrs.frozen(kw_only=True)
class StoredChunk:
    """A chunk that the catalog names, its time range, both ends inside, and its rows where they matter."""

    path: str
    min_ns: int
    max_ns: int
    rows: int = 0


@attrs.frozen(kw_only=True)
class _Run:
    file: pq.ParquetFile
    group: int
    min_ns: int
    max_ns: int
    arrow_bytes: int

    def read(self, columns: list[str] | None = None) -> pa.Table:
        return without_views(self.file.read_row_group(self.group, columns=columns))


_Span = TypeVar("_Span", StoredChunk, _Run)


def read_rows(
    store: Store,
    chunks: Sequence[StoredChunk],
    schema: pa.Schema,
    window: Window,
    *,
    slice_bytes: int = SLICE_BYTES,
) -> Iterator[pa.RecordBatch]:
    """
    Yield the rows of *chunks* inside *window*, ascending by time, in batches of a few MiB.

    Args:
        store: Where the chunks lie.
        chunks: Those of one topic, in the order they were written.
        schema: What the batches shall have; the columns are those that were uploaded.
        window: What is wanted.
        slice_bytes: About the Arrow bytes that merging may hold.

    Raises:
        FileNotFoundError: A chunk was deleted meanwhile.
    """
    wanted = [chunk for chunk in chunks if window.touches(chunk.min_ns, chunk.max_ns)]
    wanted.sort(key=lambda chunk: chunk.min_ns)
    for cluster in _clusters(wanted):
        runs = [run for chunk in cluster for run in _runs_of(store, chunk, window)]
        runs.sort(key=lambda run: run.min_ns)
        for touching in _clusters(runs):
            for rows in _merge(touching, window, slice_bytes):
                yield from _batches(rows, schema)


def count_rows(store: Store, chunk: StoredChunk, window: Window) -> list[tuple[int, int, int]]:
    """
    Return first time, last time and number of the rows of *chunk* inside *window*, part by part.

    Of the rows themselves, only times are read, and only of row groups that lie across an end of the window.

    Raises:
        FileNotFoundError: The chunk was deleted meanwhile.
    """
    found = []
    for run in _runs_of(store, chunk, window):
        if window.holds(run.min_ns, run.max_ns):
            rows = run.file.metadata.row_group(run.group).num_rows
            found.append((run.min_ns, run.max_ns, rows))
            continue
        times = window.within(run.read([TIMESTAMP]).column(0).to_numpy())
        if len(times):
            found.append((int(times[0]), int(times[-1]), len(times)))
    return found


def _runs_of(store: Store, chunk: StoredChunk, window: Window) -> Iterator[_Run]:
    file = pq.ParquetFile(store.open(chunk.path), pre_buffer=store.is_far)
    footer = file.metadata
    clock = next(
        index
        for index in range(len(footer.schema))
        if footer.schema.column(index).path == TIMESTAMP
    )
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        times = group.column(clock).statistics
        if window.touches(times.min, times.max):
            yield _Run(
                file=file,
                group=number,
                min_ns=times.min,
                max_ns=times.max,
                arrow_bytes=group.total_byte_size,
            )


def _clusters(spans: list[_Span]) -> Iterator[list[_Span]]:
    """Yield the *spans*, sorted by their beginning, in groups that no other overlaps."""
    group: list[_Span] = []
    end_ns = 0
    for span in spans:
        if group and span.min_ns >= end_ns:
            yield group
            group = []
        end_ns = max(end_ns, span.max_ns) if group else span.max_ns
        group.append(span)
    if group:
        yield group


def _merge(runs: Sequence[_Run], window: Window, slice_bytes: int) -> Iterator[pa.Table]:
    if len(runs) == 1:
        yield window.cut(runs[0].read())
        return
    for start_ns, end_ns in _slices(runs, slice_bytes):
        part = window.narrow(start_ns, end_ns)
        pieces = (part.cut(run.read()) for run in runs if part.touches(run.min_ns, run.max_ns))
        if end_ns == start_ns + 1:  # one instant may hold any number of rows: any order will do
            yield from pieces
            continue
        rows = pa.concat_tables(pieces)
        yield rows.take(pc.sort_indices(rows.column(TIMESTAMP)))


def _slices(runs: Sequence[_Run], slice_bytes: int) -> Iterator[tuple[int, int | None]]:
    """Yield `[start, end)` of slices that hold about *slice_bytes* each; the last end may be None: open."""
    start_ns = runs[0].min_ns
    for cut_ns in _cuts(runs, slice_bytes):
        if cut_ns > start_ns:
            yield start_ns, cut_ns
            start_ns = cut_ns
    yield start_ns, None


def _cuts(runs: Sequence[_Run], slice_bytes: int) -> list[int]:
    total_bytes = sum(run.arrow_bytes for run in runs)
    if total_bytes <= slice_bytes:
        return []
    samples = [_sample(run) for run in runs]
    weights = [
        np.full(len(sample), run.arrow_bytes / len(sample))
        for run, sample in zip(runs, samples, strict=True)
    ]
    times = np.concatenate(samples)
    order = np.argsort(times, kind="stable")
    filled = np.cumsum(np.concatenate(weights)[order])
    targets = np.arange(slice_bytes, total_bytes, slice_bytes)
    chosen = times[order][np.minimum(np.searchsorted(filled, targets), len(times) - 1)]
    cuts, counts = np.unique(chosen, return_counts=True)
    # An instant that fills more than a slice is a slice of its own.
    alone = cuts[(counts > 1) & (cuts < _LAST_NS)] + 1
    return [int(cut) for cut in np.union1d(cuts, alone)]


def _sample(run: _Run) -> npt.NDArray[np.int64]:
    times = run.read([TIMESTAMP]).column(0).to_numpy()
    return times[:: max(1, len(times) // _SAMPLES_PER_RUN)]


def _batches(rows: pa.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if not rows.num_rows:
        return
    columns = [
        column if column.type.equals(field.type) else column.cast(field.type)
        for column, field in zip(rows.columns, schema, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    row_bytes = table.nbytes // table.num_rows + 1
    for batch in table.to_batches(max_chunksize=max(1, BATCH_BYTES // row_bytes)):
        if batch.num_rows:  # some readers take an empty batch for the end
            yield batch
