"""What a start makes of what it finds."""

from pathlib import Path

import pytest

from mosaico_ingest.server.service import MosaicoServer


@pytest.fixture
def stored(place, files_in, connect, rows):
    """Give a store with `s/done`, and `s/open` in an open session; its files, and that session."""
    with MosaicoServer(place) as server:
        peer = connect(server.port)
        peer.store(rows([1]), locator="s/done")
        session = peer.session()
        peer.put(peer.topic(session, "s/open"), rows([2]), locator="s/open")
        peer.close()
    return place, files_in(place), session


def test_uploads_survive(stored, connect):
    """An uploaded topic of an open session is still there, and its session can be finalized."""
    store, _, session = stored
    with MosaicoServer(store) as server:
        peer = connect(server.port)
        peer.act("session_finalize", session_uuid=session)

        assert [2] == peer.read("s/open")["timestamp_ns"].to_pylist()
        peer.close()


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_lost_chunk(stored, connect, damage):
    """A topic whose chunk a power cut took is not complete any more; finalized ones are not touched."""
    store, files, session = stored
    (chunk,) = (path for path in files if session in path)
    if damage == "gone":
        del files[chunk]
    else:
        files[chunk] = files[chunk][:-1]
    with MosaicoServer(store) as server:
        peer = connect(server.port)
        facts = peer.facts("s/open")

        assert (False, 0) == (facts["locked"], facts["data_info"]["total_row_count"])
        assert (
            "PreconditionError"
            == peer.refusal(peer.act, "session_finalize", session_uuid=session)[0]
        )
        assert [1] == peer.read("s/done")["timestamp_ns"].to_pylist()
        assert not [path for path in files if session in path]
        peer.close()


def test_leftovers(stored, connect):
    """Half chunks, and chunks that no topic names, are removed at the start."""
    store, files, session = stored
    before = [path for path in files if path.startswith("chunks/")]
    if isinstance(store, Path):  # in a bucket there are no halves
        files[f"chunks/{session}/t-00000.parquet.part"] = b"half"
    files[f"chunks/{session}/t-00001.parquet"] = b"whole, but nobody's"
    MosaicoServer(store).close()

    assert before == [path for path in files if path.startswith("chunks/")]
