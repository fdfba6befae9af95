"""What a start makes of what it finds."""

import pytest

from mosaico_ingest.server.service import MosaicoServer

pytestmark = pytest.mark.folder


@pytest.fixture
def stored(tmp_path, connect, rows):
    """Give a store with a finalized topic `s/done` and an uploaded one `s/open` in an open session."""
    with MosaicoServer(tmp_path / "store") as server:
        peer = connect(server.port)
        peer.store(rows([1]), locator="s/done")
        session = peer.session()
        peer.put(peer.topic(session, "s/open"), rows([2]), locator="s/open")
        folder = server.store / "chunks" / session
        peer.close()
    return server.store, session, folder


def test_uploads_survive(stored, connect):
    """An uploaded topic of an open session is still there, and its session can be finalized."""
    store, session, _ = stored
    with MosaicoServer(store) as server:
        peer = connect(server.port)
        peer.act("session_finalize", session_uuid=session)

        assert [2] == peer.read("s/open")["timestamp_ns"].to_pylist()
        peer.close()


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_lost_chunk(stored, connect, damage):
    """A topic whose chunk a power cut took is not complete any more; finalized ones are not touched."""
    store, session, folder = stored
    (chunk,) = folder.iterdir()
    if damage == "gone":
        chunk.unlink()
    else:
        chunk.write_bytes(chunk.read_bytes()[:-1])
    with MosaicoServer(store) as server:
        peer = connect(server.port)
        facts = peer.facts("s/open")

        assert (False, 0) == (facts["locked"], facts["data_info"]["total_row_count"])
        assert (
            "PreconditionError"
            == peer.refusal(peer.act, "session_finalize", session_uuid=session)[0]
        )
        assert [1] == peer.read("s/done")["timestamp_ns"].to_pylist()
        assert [] == list(folder.iterdir())
        peer.close()


def test_leftovers(stored, connect):
    """Half chunks, and chunks that no topic names, are removed at the start."""
    store, _, folder = stored
    before = {path for path in (store / "chunks").rglob("*") if path.is_file()}
    (folder / "t-00000.parquet.part").write_bytes(b"half")
    (folder / "t-00001.parquet").write_bytes(b"whole, but nobody's")
    MosaicoServer(store).close()

    assert before == {path for path in (store / "chunks").rglob("*") if path.is_file()}
