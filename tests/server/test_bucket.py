"""A store in a bucket: addresses, faults, what lies there, and what nobody may see."""

import logging
import os
import re
import select
import socket
import socketserver
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import fs

from mosaico_ingest.doctor import check_store
from mosaico_ingest.errors import StoreError, StoreLockedError, UsageError
from mosaico_ingest.run import ingest
from mosaico_ingest.server import presence
from mosaico_ingest.server.bucket import BucketStore
from mosaico_ingest.server.pairing import catalog_url, open_catalog, open_store
from mosaico_ingest.server.runner import rebuild_store, serve
from mosaico_ingest.server.service import MosaicoServer
from mosaico_ingest.testing.recordings import write_demo

SECRET = "v3rys3cret"


@pytest.fixture
def catalog(tmp_path):
    """Give the address of a new SQLite catalog."""
    return f"sqlite:///{tmp_path}/catalog.sqlite"


@pytest.fixture
def named(bucket):
    """Give the address of an empty store that holds its credentials."""
    return bucket.replace("s3://", f"s3://tester:{SECRET}@")


@pytest.fixture
def listing(bucket):
    """List what a reader of the bucket sees, by another way than the store's."""
    files, path = fs.FileSystem.from_uri(bucket)

    def names():
        found = files.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
        return sorted(
            one.path.removeprefix(f"{path}/") for one in found if one.type is fs.FileType.File
        )

    return names


@pytest.fixture
def counted():
    """Put a relay before the endpoint of an address: gives the new address, and what came back through it."""
    came, relays = [0], []

    class Relay(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection(("127.0.0.1", self.server.target)) as there:
                ways = {self.request: there, there: self.request}
                while True:
                    for source in select.select(list(ways), [], [])[0]:
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        came[0] += len(data) if source is there else 0
                        ways[source].sendall(data)

    def counted(address):
        port = re.search(r"127\.0\.0\.1:(\d+)", address)[1]
        relay = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)
        relay.daemon_threads, relay.target = True, int(port)
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        relays.append(relay)
        return address.replace(port, str(relay.server_address[1])), lambda: came[0]

    yield counted
    for relay in relays:
        relay.shutdown()
        relay.server_close()


def test_where_things_lie(bucket, catalog, listing, connect, rows):
    """A chunk appears when its upload is complete, the manifest when its session is finalized."""
    with MosaicoServer(bucket, catalog=catalog) as server:
        peer = connect(server.port)
        session = peer.session()
        uuid = peer.topic(session)
        writer = peer.open(uuid)
        writer.write_batch(rows([1]))
        open_ = listing()
        writer.close()
        uploaded = listing()
        peer.act("session_finalize", session_uuid=session)

    chunk, manifest = f"chunks/{session}/{uuid}-00000.parquet", f"chunks/{session}/manifest.json"
    assert ["catalog.json"] == open_
    assert ["catalog.json", chunk] == uploaded
    assert sorted(["catalog.json", chunk, manifest]) == listing()


def test_upload_that_fails_leaves_nothing(bucket, catalog, listing, connect, rows):
    """An upload that is broken off is not there, not even in part."""
    with MosaicoServer(bucket, catalog=catalog) as server:
        peer = connect(server.port)
        writer = peer.open(peer.topic(peer.session()))
        writer.write_batch(rows(range(3_000_000)))
        peer.act("sequence_delete", locator="s")
        peer.refusal(writer.close)

    assert ["catalog.json"] == listing()


def test_catalog_is_needed(bucket):
    """A bucket has no place for SQLite: the error says what to name."""
    with pytest.raises(UsageError, match="--catalog sqlite:///PATH for one server"):
        MosaicoServer(bucket, catalog="")


def test_folder_has_its_own_catalog(tmp_path, catalog):
    """A SQLite file is not named for a store in a folder."""
    with pytest.raises(UsageError, match="which has its own"):
        MosaicoServer(tmp_path / "store", catalog=catalog)


def test_other_catalog(bucket, tmp_path, catalog, connect, rows):
    """A store is opened with its own catalog only: chunks that it does not name would be swept."""
    with MosaicoServer(bucket, catalog=catalog) as server:
        connect(server.port).store(rows([1]))
    for path in (tmp_path / "catalog.sqlite", tmp_path / "new.sqlite"):
        other = f"sqlite:///{path}"
        place = bucket if path.name == "new.sqlite" else bucket.replace("?", "/other?")
        with pytest.raises(StoreError, match="is not the catalog of the store"):
            MosaicoServer(place, catalog=other)


def test_catalog_is_held_once(bucket, catalog):
    """Two servers do not share a SQLite catalog."""
    with MosaicoServer(bucket, catalog=catalog), pytest.raises(StoreLockedError):
        MosaicoServer(bucket, catalog=catalog)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("robots/", "no-such-bucket/"), "there is no such bucket"),
        (("127.0.0.1:", "127.0.0.1:1#"), "Could not connect|Expected a bucket that answers"),
        (("region=", "zone="), "Unexpected query parameter"),
        (("@robots/", "@/"), "Cannot read 's3:"),
    ],
)
def test_addresses_that_cannot_be_used(named, catalog, change, message):
    """What is wrong with an address, bucket or endpoint is one line, without the credentials."""
    address = named.replace(*change).partition("#")[0]
    with pytest.raises((UsageError, StoreError), match=message) as caught:
        MosaicoServer(address, catalog=catalog)

    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_credentials_are_nowhere(named, catalog, connect, rows, caplog):
    """Credentials in an address show in no name, and not among the arguments of the child."""
    caplog.set_level(logging.DEBUG)
    with serve(named, catalog=catalog) as server:
        connect(server.port).store(rows([1]))
        arguments = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        told = [repr(server), str(server.store), caplog.text]
    with BucketStore(named) as store:
        told += [repr(store), store.name]
    told += [check.detail for check in check_store(named, catalog)]

    assert not [text for text in told if SECRET in text]
    assert b"s3://robots/" in arguments
    assert SECRET.encode() not in arguments


def test_fault_in_an_upload(bucket, catalog, connect, rows, caplog):
    """A storage that fails in an upload fails its topic; the client learns no path, key or traceback."""
    with MosaicoServer(bucket, catalog=catalog) as server:
        peer = connect(server.port)
        session = peer.session()
        writer = peer.open(peer.topic(session))
        writer.write_batch(rows([1]))
        files, _ = fs.FileSystem.from_uri(f"{bucket}&allow_bucket_deletion=true")
        files.delete_dir("robots")
        kind, message = peer.refusal(writer.close)
        files, _ = fs.FileSystem.from_uri(f"{bucket}&allow_bucket_creation=true")
        files.create_dir("robots")
        locked = peer.facts()["locked"]
        peer.act("topic_delete", locator="s/t")
        peer.put(peer.topic(session), rows([2]))

        assert [2] == peer.read()["timestamp_ns"].to_pylist()
    assert ("ServerFaultError", False) == (kind, locked)
    assert message.startswith("The storage of the server failed")
    assert "robots" not in message
    assert "Traceback" not in caplog.text


def test_rebuild(bucket, catalog, tmp_path, connect, rows):
    """A lost catalog is made anew from the bucket."""
    with MosaicoServer(bucket, catalog=catalog) as server:
        peer = connect(server.port)
        peer.store(rows([1, 2]))
        before = peer.manifest(), peer.facts()
    (tmp_path / "catalog.sqlite").unlink()
    told = rebuild_store(bucket, catalog=catalog)
    with MosaicoServer(bucket, catalog=catalog) as server:
        peer = connect(server.port)
        after = peer.manifest(), peer.facts()
        rows_again = peer.read()["timestamp_ns"].to_pylist()

    assert ((1, ()), before, [1, 2]) == ((told.chunks, told.losses), after, rows_again)


def test_rebuild_while_another_serves(bucket, postgres, monkeypatch):
    """A bucket that another server serves is not rebuilt; one whose servers ended, or died, is."""
    monkeypatch.setattr(presence, "BEAT_S", 0.05)
    told = rf"served by process {os.getpid()} on .*Stop all"
    with (
        MosaicoServer(bucket, catalog=postgres),
        pytest.raises(StoreLockedError, match=told),
    ):
        rebuild_store(bucket, catalog=postgres)
    rebuild_store(bucket, catalog=postgres)
    url = catalog_url(postgres)
    with open_store(bucket, url) as store, open_catalog(store, url) as catalog:
        presence.Presence(catalog)  # and no more of it
    told = rebuild_store(bucket, catalog=postgres)

    assert () == told.losses


def test_recording(bucket, catalog, tmp_path):
    """A recording is ingested into a bucket, and known there the second time."""
    write_demo(tmp_path / "demo.mcap", seconds=1)
    first = ingest(tmp_path / "demo.mcap", store=bucket, catalog=catalog)
    again = ingest(tmp_path / "demo.mcap", store=bucket, catalog=catalog)

    assert ("stored", "already_stored") == (
        first.recordings[0].status,
        again.recordings[0].status,
    )


def test_only_what_is_asked_for_is_fetched(bucket, catalog, connect, counted):
    """Of a chunk with a large column, a query about a small one fetches a small part."""
    schema = pa.schema(
        [
            pa.field("timestamp_ns", pa.int64(), nullable=False),
            ("x", pa.float64()),
            ("data", pa.binary()),
        ]
    )
    rows = pa.record_batch(
        [
            pa.array(range(64)),
            pa.array([n * 0.5 for n in range(64)]),
            pa.array([os.urandom(128 * 1024) for _ in range(64)]),
        ],
        schema=schema,
    )
    address, passed = counted(bucket)
    with MosaicoServer(address, catalog=catalog) as server:
        peer = connect(server.port)
        peer.store(rows, schema=schema)
        stored, before = peer.facts()["info"]["total_bytes"], passed()
        # Not what the catalog's bounds tell: the rows themselves decide.
        answer = peer.act("query", ontology={"floating64.x": {"$between": [7.1, 7.6]}})
        fetched = passed() - before

    assert ["s"] == [item["sequence"] for item in answer["items"]]
    assert stored > 8_000_000
    assert 1_000 < fetched < 200_000
