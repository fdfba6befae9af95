"""Batches to chunks: their size, their order, the memory they wait in."""

import pyarrow.parquet as pq
import pytest

from mosaico_ingest.server import writing
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.writing import ChunkWriter, MemoryShare

pytestmark = pytest.mark.folder


@pytest.fixture
def store(tmp_path):
    """Give an empty store."""
    with FolderStore(tmp_path / "store") as store:
        yield store


def test_share_shrinks_with_the_streams():
    """All streams together never hold more than the total."""
    share = MemoryShare(1000)
    with share.stream(), share.stream(), share.stream():
        during = share.each_bytes
        shown = repr(share)

    assert (333, 1000) == (during, share.each_bytes)
    assert "<MemoryShare 3 streams, 333 bytes each>" == shown


def test_one_stream_holds_a_row_group():
    """A stream alone gathers no more than a row group."""
    assert writing.ROW_GROUP_BYTES == MemoryShare(1 << 40).each_bytes


def test_row_groups_and_chunks(store, rows, monkeypatch):
    """Batches become row groups of the share's size, and row groups chunks."""
    monkeypatch.setattr(writing, "CHUNK_BYTES", 640)
    writer = ChunkWriter(store, MemoryShare(320), "s/t", rows([]).schema)
    for at in range(0, 70, 10):
        writer.add(rows(range(at, at + 10)))
    written = writer.finish()

    assert ["s/t-00000.parquet", "s/t-00001.parquet"] == [chunk.path for chunk in written]
    assert [(40, 0, 39), (30, 40, 69)] == [
        (chunk.facts.rows, chunk.facts.min_ns, chunk.facts.max_ns) for chunk in written
    ]
    assert 2 == pq.read_metadata(store.open(written[0].path)).num_row_groups
    assert [store.size(chunk.path) for chunk in written] == [chunk.size_bytes for chunk in written]


def test_many_writers_wait_in_little_memory(store, rows):
    """With many streams open, each writes early enough for all to fit."""
    share = MemoryShare(160 * 100)
    writers = [ChunkWriter(store, share, f"s/t{n}", rows([]).schema) for n in range(200)]
    streams = [share.stream() for _ in writers]
    for stream in streams:
        stream.__enter__()
    for writer in writers:
        writer.add(rows(range(5)))
    waiting = sum(writer._waiting_bytes for writer in writers)
    for writer, stream in zip(writers, streams, strict=True):
        stream.__exit__(None, None, None)
        writer.discard()

    assert waiting <= 160 * 100


def test_discard_removes_all(store, rows, monkeypatch):
    """Published chunks, the open one and what waits: all go."""
    monkeypatch.setattr(writing, "CHUNK_BYTES", 320)
    writer = ChunkWriter(store, MemoryShare(160), "s/t", rows([]).schema)
    for at in range(3):
        writer.add(rows(range(at * 10, at * 10 + 10)))
    writer.discard()

    assert [] == [path for path in (store.root / "chunks").rglob("*") if path.is_file()]
