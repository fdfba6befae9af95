"""
The batches of one topic to chunks: gathered to row groups, put in order of time, written, made durable.

Each row group is in order of `timestamp_ns`, whatever the order of the upload: readers merge, they never sort
a topic. Many streams share one amount of memory: the more of them, the smaller their row groups.

Must not know: Flight, the catalog. Next: `put`.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mosaico_ingest.errors import InvalidRequestError
from mosaico_ingest.protocol.schema import TIMESTAMP
from mosaico_ingest.server.layout import Layout, choose_layout
from mosaico_ingest.server.nulls import without_hidden_nulls
from mosaico_ingest.server.plain import without_views
from mosaico_ingest.server.statistics import ChunkFacts, read_facts
from mosaico_ingest.server.store import Store, full_disk_is_told

__all__ = ["ChunkWriter", "MemoryShare", "WrittenChunk"]

_MIB = 1024 * 1024
ROW_GROUP_BYTES = 16 * _MIB
CHUNK_BYTES = 64 * _MIB


@attrs.frozen(kw_only=True)
class WrittenChunk:
    """A chunk that lies in the store under its name; *size_bytes* as stored."""

    path: str
    size_bytes: int
    facts: ChunkFacts


class MemoryShare:
    """
    Divides the memory for rows that wait to be written among the open streams.

    Args:
        total_bytes: What all streams together may hold, beside the one batch that each just received.

    Attributes:
        encoding: Held while a stream encodes its rows: more at a time than there are cores gain nothing, and
            each needs several times the memory of its rows.

    Thread: any.
    """

    def __init__(self, total_bytes: int = 256 * _MIB) -> None:
        self._total_bytes = total_bytes
        self._streams = 0
        self._lock = threading.Lock()  # guards _streams
        self.encoding = threading.BoundedSemaphore(os.cpu_count() or 1)

    def __repr__(self) -> str:
        return f"<MemoryShare {self._streams} streams, {self.each_bytes} bytes each>"

    @property
    def each_bytes(self) -> int:
        """What one stream may hold now."""
        return min(ROW_GROUP_BYTES, self._total_bytes // max(1, self._streams))

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count one stream while the block runs."""
        with self._lock:
            self._streams += 1
        try:
            yield
        finally:
            with self._lock:
                self._streams -= 1


class ChunkWriter:
    """
    Writes the chunks of one topic.

    Args:
        store: Where to.
        share: How much may wait in memory.
        name: `SESSION/TOPIC`, what the names of the chunks begin with.
        schema: Columns of the batches.
        extra: What the footer of each chunk shall hold besides, by key.

    Thread: one.
    """

    def __init__(
        self,
        store: Store,
        share: MemoryShare,
        name: str,
        schema: pa.Schema,
        extra: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self._store = store
        self._share = share
        self._name = name
        self._schema = schema
        self._extra = extra or {}
        self._clock = schema.get_field_index(TIMESTAMP)
        self._layout: Layout | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._file: _OpenChunk | None = None
        self._published: list[tuple[str, ChunkFacts, Future[int]]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """
        Take a batch.

        Raises:
            InvalidRequestError: It is broken, or has rows without a time.
            StoreFullError: No space is left.
        """
        if not batch.num_rows:
            return
        if batch.column(self._clock).null_count:
            msg = f"Bad request: column {TIMESTAMP!r} has nulls"
            raise InvalidRequestError(msg)
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if column.null_count and not field.nullable:
                msg = f"Bad request: column {field.name[:64]!r} has nulls and is declared non-nullable"
                raise InvalidRequestError(msg)
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes >= self._share.each_bytes:
            self._write_group()

    def finish(self) -> list[WrittenChunk]:
        """
        Write what waits, and return all chunks when they are durable.

        Raises:
            InvalidRequestError: The last rows cannot be stored.
            StoreFullError: No space is left.
        """
        if self._waiting:
            self._write_group()
        self._close_file()
        return [
            WrittenChunk(path=path, size_bytes=size.result(), facts=facts)
            for path, facts, size in self._published
        ]

    def discard(self) -> None:
        """Remove every trace of the topic's chunks."""
        paths = [path for path, _, _ in self._published]
        if self._file is not None:
            paths.append(self._file.path)
            self._file.abandon()
            self._file = None
        for _, _, size in self._published:
            with suppress(Exception):  # it failed, or not: the chunk goes either way
                size.result()
        self._waiting.clear()
        self._store.discard(paths)

    def _write_group(self) -> None:
        rows = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._waiting, self._waiting_bytes = [], 0
        rows = _in_order(rows, self._clock)
        if self._layout is None:
            self._layout = choose_layout(rows)
        if self._file is None:
            path = f"{self._name}-{len(self._published):05d}.parquet"
            sink = self._store.create(path)
            self._file = _OpenChunk(path, sink, self._layout, self._schema, self._extra)
        with self._share.encoding:
            self._file.write(rows)
        if self._file.arrow_bytes >= CHUNK_BYTES:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is None:
            return
        facts = self._file.close()
        path, self._file = self._file.path, None
        self._published.append((path, facts, self._store.publish(path)))


class _OpenChunk:
    """One file being written."""

    def __init__(
        self,
        path: str,
        sink: pa.NativeFile,
        layout: Layout,
        schema: pa.Schema,
        extra: Mapping[bytes, bytes],
    ) -> None:
        self.path = path
        self.arrow_bytes = 0
        self._sink = sink
        self._footers: list[pq.FileMetaData] = []
        self._writer = layout.open(sink, schema, self._footers, extra)

    def write(self, rows: pa.Table) -> None:
        rows = without_hidden_nulls(rows)
        with full_disk_is_told():
            self._writer.write_table(rows, row_group_size=rows.num_rows)
        self.arrow_bytes += rows.nbytes

    def close(self) -> ChunkFacts:
        with full_disk_is_told():
            self._writer.close()
            self._sink.close()
        return read_facts(self._footers[0])

    def abandon(self) -> None:
        # A first close may fail as the write did; the second finds the writer closed.
        for close in (self._writer.close, self._writer.close, self._sink.close):
            with suppress(Exception):
                close()


def _in_order(rows: pa.Table, clock: int) -> pa.Table:
    times = rows.column(clock).to_numpy()
    if np.all(times[1:] >= times[:-1]):
        return rows
    plain = without_views(rows)
    ordered = plain.take(pc.sort_indices(rows.column(clock)))
    return ordered if plain is rows else ordered.cast(rows.schema)
