"""A catalog made anew: what comes back, and what a damage costs."""

import json

import pytest

from mosaico_ingest.errors import StoreError, StoreLockedError
from mosaico_ingest.server.pairing import catalog_url, open_store
from mosaico_ingest.server.runner import rebuild_store
from mosaico_ingest.server.service import MosaicoServer


@pytest.fixture
def stored(place, connect, rows):
    """Give a store: `one` in two sessions, `two` with a topic of two chunks' worth of rows."""
    with MosaicoServer(place) as server:
        peer = connect(server.port)
        peer.act("sequence_create", locator="one", user_metadata={"robot": "r2"})
        peer.store(rows([1, 2]), locator="one/a")
        peer.store(rows([3]), locator="one/b")
        peer.store(rows([5, 4]), locator="two/c")
        peer.store(locator="two/empty")
        peer.close()
    return place


@pytest.fixture
def look(connect):
    """Tell everything that readers of a store can learn."""

    def look(store):
        with MosaicoServer(store) as server:
            peer = connect(server.port)
            told = {"names": peer.names()}
            for name in told["names"]:
                manifest = peer.manifest(name)
                told[name] = (
                    manifest,
                    [json.loads(endpoint.app_metadata) for endpoint in peer.info(name).endpoints],
                )
                for session in manifest["sessions"]:
                    for topic in session["topics"]:
                        told[topic] = peer.read(topic)
            condition = {"floating64.data": {"$gt": 0.6}}
            told["query"] = peer.act("query", ontology=condition)
            peer.close()
        return told

    return look


@pytest.fixture
def files(stored, files_in):
    """Give the files of `stored`."""
    return files_in(stored)


def lose_catalog(files):
    for path in list(files):
        if path.startswith("catalog"):
            del files[path]


def manifest_of(files, topic):
    """Return the path of the manifest that names *topic*."""
    (path,) = (
        path
        for path in files
        if path.endswith("/manifest.json")
        and any(one["name"] == topic for one in json.loads(files[path])["topics"])
    )
    return path


def chunk_of(files, topic):
    """Return the path of the only chunk in the session of *topic*."""
    folder = manifest_of(files, topic).rpartition("/")[0]
    (path,) = (path for path in files if path.startswith(folder) and path.endswith(".parquet"))
    return path


def test_everything_comes_back(stored, files, look):
    """A rebuilt catalog tells of every sequence, session, topic and row what the lost one told."""
    before = look(stored)
    lose_catalog(files)
    told = rebuild_store(stored)

    assert (2, 4, 4, 3, ()) == (
        told.sequences,
        told.sessions,
        told.topics,
        told.chunks,
        told.losses,
    )
    assert before == look(stored)


def test_old_catalog_is_kept(sqlite_catalog, stored):
    """A catalog that is there is moved aside, not overwritten."""
    old = (stored / "catalog.sqlite").read_bytes()
    rebuild_store(stored)
    (kept,) = stored.glob("catalog-*.sqlite")

    assert old == kept.read_bytes()


def test_twice(stored, look):
    """To rebuild twice changes nothing."""
    before = look(stored)
    rebuild_store(stored)
    rebuild_store(stored)

    assert before == look(stored)


def test_manifest_is_broken(stored, files, look):
    """A broken manifest costs the metadata of its sequence, and is named; rows and topics are there."""
    before = look(stored)
    path = manifest_of(files, "/c")
    files[path] = files[path][:-1]
    _, session, _ = path.split("/")
    lose_catalog(files)
    told = rebuild_store(stored)
    after = look(stored)

    assert f"The manifest of session {session} cannot be used. It is no JSON" in told.losses[0]
    assert f"Session {session} of 'two' has no manifest." in told.losses[1]
    assert 2 == len(told.losses)
    assert [before["two/c"], before["one"]] == [after["two/c"], after["one"]]
    assert before["query"] == after["query"]
    assert f"unclaimed/{session}/manifest.json" in files
    assert all(session["locked"] for session in after["two"][0]["sessions"])


def test_metadata_of_another_session(stored, files, look):
    """What a broken manifest tells of its sequence is known from another session of it."""
    before = look(stored)
    files[manifest_of(files, "/a")] = b"{"
    lose_catalog(files)
    rebuild_store(stored)
    after = look(stored)

    assert before["one"][0]["user_metadata"] == after["one"][0]["user_metadata"]
    assert before["one"][0]["created_at_ns"] == after["one"][0]["created_at_ns"]


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_chunk_is_lost(stored, files, look, connect, damage):
    """A chunk that is gone or too short costs its rows; report and notification name them."""
    before = look(stored)
    chunk = chunk_of(files, "/c")
    _, session, name = chunk.split("/")
    if damage == "gone":
        del files[chunk]
    else:
        files[chunk] = files[chunk][:-1]
    lose_catalog(files)
    told = rebuild_store(stored)
    after = look(stored)
    with MosaicoServer(stored) as server:
        peer = connect(server.port)
        (notice,) = peer.act("topic_notification_list", locator="two/c")["notifications"]
        peer.close()

    assert f"two/c: 2 rows are lost with chunks that are not there: {name}." in told.losses
    assert "2 rows are lost" in notice["msg"]
    assert (0, before["one"]) == (after["two/c"].num_rows, after["one"])
    assert (damage == "short") == (f"unclaimed/{session}/{name}" in files)


def test_loss_is_told_once(stored, files, look):
    """After a loss the manifest tells what is there: another rebuild finds nothing missing."""
    look(stored)
    del files[chunk_of(files, "/c")]
    lose_catalog(files)
    rebuild_store(stored)
    look(stored)

    assert () == rebuild_store(stored).losses


def test_unfinished_session(stored, files, look, connect, rows):
    """A session that was never finalized is incomplete, as it was; its rows can be read."""
    with MosaicoServer(stored) as server:
        peer = connect(server.port)
        peer.put(peer.topic(peer.session("one"), "one/open"), rows([9]), locator="one/open")
        peer.close()
    lose_catalog(files)
    told = rebuild_store(stored)
    after = look(stored)

    assert 1 == len(told.losses)
    assert "was never finalized; it is incomplete, as it was." in told.losses[0]
    assert [True, True, False] == [s["locked"] for s in after["one"][0]["sessions"]]
    assert [9] == after["one/open"]["timestamp_ns"].to_pylist()
    assert {"robot": "r2"} == after["one"][0]["user_metadata"]


def test_stranger_is_set_aside(stored, files, look):
    """A file that no manifest and no label explains is moved out of the way, never removed."""
    path = "00000000-0000-4000-8000-000000000000/notes.parquet"
    files[f"chunks/{path}"] = b"mine"
    lose_catalog(files)
    told = rebuild_store(stored)
    look(stored)

    assert 1 == len(told.losses)
    assert b"mine" == files[f"unclaimed/{path}"]


def test_deleted_stays_deleted(stored, files, look, connect):
    """What was deleted before the catalog was lost does not come back."""
    with MosaicoServer(stored) as server:
        peer = connect(server.port)
        peer.act("sequence_delete", locator="one")
        peer.act("topic_delete", locator="two/empty")
        peer.close()
    before = look(stored)
    lose_catalog(files)
    told = rebuild_store(stored)

    assert (["two"], ()) == (before["names"], told.losses)
    assert before == look(stored)


def test_two_sequences_of_one_name(stored, files, look):
    """If a name was deleted and used again while the files stayed, the later one gets another name."""
    path = manifest_of(files, "/b")
    manifest = json.loads(files[path])
    manifest["sequence_created_at_ns"] += 1
    files[path] = json.dumps(manifest).encode()
    lose_catalog(files)
    told = rebuild_store(stored)

    assert ["one", f"one_{path.split('/')[1][:8]}", "two"] == look(stored)["names"]
    assert "There were two sequences 'one'" in told.losses[0]


def test_start_without_catalog_is_refused(sqlite_catalog, stored, files):
    """A store whose catalog is gone is not served, and nothing is swept: the error names --rebuild."""
    lose_catalog(files)
    before = list(files)
    for _ in range(2):
        with pytest.raises(StoreError, match="--rebuild"):
            MosaicoServer(stored)

    assert before == list(files)


def test_served_store_is_refused(stored):
    """A store that is being served is not rebuilt."""
    with MosaicoServer(stored), pytest.raises(StoreLockedError):
        rebuild_store(stored)


def test_empty_store(place, look):
    """A store that is empty, or new, becomes one with an empty catalog."""
    open_store(place, catalog_url(None)).close()
    told = rebuild_store(place)

    assert (0, ()) == (told.sequences, told.losses)
    assert [] == look(place)["names"]
