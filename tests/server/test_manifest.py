"""What lies beside the chunks of a session, and stays true."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mosaico_ingest.errors import StoreError
from mosaico_ingest.server.manifest import LABEL, load_label, load_manifest
from mosaico_ingest.server.service import MosaicoServer


def paths(files):
    return [path for path in files if path.endswith("/manifest.json")]


def manifests(files):
    return {path.split("/")[1]: json.loads(files[path]) for path in paths(files)}


@pytest.fixture
def files(server, files_in):
    """Give the files of the store of `server`."""
    return files_in(server.store)


def test_written_at_finalize(files, peer, rows):
    """An open session has no manifest; a finalized one has, with what was given and what was found."""
    peer.act("sequence_create", locator="s", user_metadata={"robot": {"n": 2**53 + 1}})
    session = peer.session()
    uuid = peer.topic(session, user_metadata={"frame": "base"})
    peer.put(uuid, rows([3, 7], [0.5, math.inf]))
    before = manifests(files)
    peer.act("session_finalize", session_uuid=session)
    told = manifests(files)[session]
    (topic,) = told["topics"]
    (chunk,) = topic["chunks"]

    assert {} == before
    assert ("s", {"robot": {"n": 2**53 + 1}}) == (told["sequence"], told["sequence_metadata"])
    assert ("/t", uuid, {"frame": "base"}) == (topic["name"], topic["uuid"], topic["user_metadata"])
    assert (2, 3, 7) == (chunk["rows"], chunk["min_ns"], chunk["max_ns"])
    assert (0.5, "inf") == (chunk["bounds"][0]["min_number"], chunk["bounds"][0]["max_number"])
    assert len(files[f"chunks/{session}/{chunk['file']}"]) == chunk["bytes"]


def test_label(files, peer, rows):
    """A chunk tells by itself which topic it belongs to."""
    session = peer.session()
    peer.put(peer.topic(session, user_metadata={"frame": "base"}), rows([1]))
    (path,) = (path for path in files if path.startswith(f"chunks/{session}/"))
    label = load_label(pq.read_metadata(pa.BufferReader(files[path])).metadata[LABEL])

    assert ("s", "/t", "floating64") == (label.sequence, label.topic, label.ontology_tag)
    assert {"frame": "base"} == label.user_metadata


def test_readers_see_no_label(peer, rows):
    """The label is the store's own: the columns that are read back do not show it."""
    peer.store(rows([1]))

    assert LABEL not in peer.read().schema.metadata


def test_topic_deleted(files, peer, rows):
    """When a topic of a finalized session is deleted, the manifest does not name it any more."""
    session = peer.session()
    for name in ("s/a", "s/b"):
        peer.put(peer.topic(session, name), rows([1]), locator=name)
    peer.act("session_finalize", session_uuid=session)
    before = [topic["name"] for topic in manifests(files)[session]["topics"]]
    peer.act("topic_delete", locator="s/a")

    assert ["/a", "/b"] == before
    assert ["/b"] == [topic["name"] for topic in manifests(files)[session]["topics"]]


@pytest.mark.parametrize("action", ["sequence_delete", "session_delete"])
def test_session_deleted(files, peer, rows, action):
    """With its session a manifest goes."""
    peer.store(rows([1]))
    (session,) = peer.manifest()["sessions"]
    locator = "s" if action == "sequence_delete" else session["locator"]
    peer.act(action, locator=locator)

    assert {} == manifests(files)


def test_missing_one_is_written_at_the_start(server, files, peer, rows):
    """A manifest that a crash, or an older version, left out is written at the next start, as it was."""
    peer.store(rows([1, 2]))
    (path,) = paths(files)
    text = files[path]
    peer.close()
    server.close()
    del files[path]
    MosaicoServer(server.store).close()

    assert text == files[path]


def test_cut_anywhere(files, peer, rows):
    """A manifest that lost its end, at whatever byte, is known to be broken."""
    peer.store(rows([1]))
    (path,) = paths(files)
    text = files[path]

    assert load_manifest(text).sequence == "s"
    for length in range(len(text)):
        with pytest.raises(StoreError):
            load_manifest(text[:length])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "It has version 2, this mosaico-ingest knows 1."),
        ({"sequence": 7}, "expected str @ ..sequence"),
        ({"topics": [{}]}, "It does not tell what it should"),
    ],
)
def test_of_another_form(files, peer, rows, change, message):
    """What is JSON but no manifest is refused with the reason."""
    peer.store(rows([1]))
    (path,) = paths(files)
    text = json.dumps(json.loads(files[path]) | change).encode()

    with pytest.raises(StoreError, match=message):
        load_manifest(text)


def test_topic_without_rows(files, peer):
    """A topic without rows has columns and no chunks."""
    peer.store()
    (told,) = manifests(files).values()
    topic = load_manifest(json.dumps(told).encode()).topics[0]

    assert [] == topic.chunks
    assert ["timestamp_ns", "data"] == pa.ipc.read_schema(pa.py_buffer(topic.arrow_schema)).names
