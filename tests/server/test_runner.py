"""The server as a process: start, stop, and what is left after any end of it."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pyarrow as pa
import pytest
from pyarrow import flight

from mosaico_ingest.errors import StoreError, StoreLockedError, UsageError
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.runner import serve
from mosaico_ingest.server.service import MosaicoServer


@pytest.fixture
def start(place):
    """Start servers in child processes; stopped at the end."""
    running = []

    def start(store=place, **options):
        running.append(serve(store, **options))
        return running[-1]

    yield start
    for server in running:
        server.stop()


def files(store):
    return {path.name for path in (store / "chunks").rglob("*.parquet*")}


def big(count, start=0):
    """Make *count* batches of 8 MiB that no compression makes smaller."""
    schema = pa.schema([("timestamp_ns", pa.int64()), ("data", pa.binary())])
    return [
        pa.record_batch(
            [
                pa.array(range(at * 8, at * 8 + 8)),
                pa.array([os.urandom(1 << 20) for _ in range(8)]),
            ],
            schema=schema,
        )
        for at in range(start, start + count)
    ]


def test_serve_and_stop(start, connect, rows):
    """A child serves until it is stopped, twice if need be, and says so."""
    server = start()
    connect(server.port).store(rows([1]))
    serving = repr(server)
    server.stop()
    server.stop()

    assert ("running" in serving, "ended with 0" in repr(server)) == (True, True)
    assert f"grpc://127.0.0.1:{server.port} pid {server.pid}" in serving
    assert not psutil.pid_exists(server.pid)


def test_what_is_stored_stays(start, connect, rows):
    """A store that is opened again, by another process, gives the same rows."""
    with start() as server:
        connect(server.port).store(rows([2, 1]))

    with start(server.store) as again:
        assert [1, 2] == connect(again.port).read()["timestamp_ns"].to_pylist()


def test_store_is_locked(sqlite_catalog, start):
    """A store with SQLite is served once; the refusal of a second server crosses the process border."""
    server = start()

    with pytest.raises(StoreLockedError, match="held by another server"):
        start(server.store)
    with pytest.raises(StoreLockedError, match=r"--store\.$"):
        MosaicoServer(server.store)


def test_port_is_taken(start):
    """A port that another holds is told, with the way out."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(UsageError, match=f"Cannot listen on 127.0.0.1:{port}"):
            start(port=port)


@pytest.mark.parametrize("address", [{"host": "no.such.host.invalid"}, {"port": 70_000}])
def test_address_is_none(start, address):
    """An address that is not one of this machine is told."""
    with pytest.raises(UsageError, match="Cannot listen on"):
        start(**address)


def test_port_of_another_server(start, new_place):
    """Two servers do not share a port."""
    with pytest.raises(UsageError, match="Cannot listen on"):
        start(new_place(), port=start().port)


@pytest.mark.folder
def test_store_cannot_be_made(start, tmp_path):
    """A folder that cannot be made, or is something else, is told."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")

    with pytest.raises(StoreError, match="Expected a folder"):
        start(tmp_path / "file")
    with pytest.raises(StoreError, match="not empty and no store"):
        start(tmp_path / "other")


def test_unknown_generation(start):
    """An unknown generation is refused before anything is started."""
    with pytest.raises(UsageError, match="Unknown protocol generation"):
        start(generation="9")


def test_broken_catalog(sqlite_catalog, start, tmp_path):
    """A catalog that is no database is told, not overwritten."""
    with FolderStore(tmp_path / "store") as store:
        store.catalog_path.write_bytes(b"no database at all, and long enough to tell" * 100)

    with pytest.raises(StoreError, match="Cannot open the catalog"):
        start(tmp_path / "store")
    assert store.catalog_path.read_bytes().startswith(b"no database")


def test_ctrl_c_is_for_the_parent(start):
    """The child does not belong to the terminal's group, so a Ctrl-C there does not reach it."""
    server = start()

    assert os.getpgid(server.pid) != os.getpgid(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it(start, number):
    """A signal of its own ends the server in order."""
    server = start()
    os.kill(server.pid, number)
    code = psutil.Process(server.pid).wait(30)

    assert code in {0, None}  # None where the other waiter was first


def test_open_upload_does_not_hold_it(start, connect, rows):
    """An upload that nobody ends does not keep the server from ending."""
    server = start()
    peer = connect(server.port)
    writer = peer.open(peer.topic(peer.session()))
    writer.write_batch(rows([1]))
    server.stop()

    assert "ended with 0" in repr(server)
    with pytest.raises(flight.FlightError):
        writer.close()


@pytest.mark.folder
def test_it_ends_with_its_parent(tmp_path):
    """A server whose parent is killed ends and frees the store."""
    code = """
import sys, time
from mosaico_ingest.server.runner import serve
server = serve(sys.argv[1])
print(server.pid, flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(30)

    FolderStore(tmp_path / "store").close()


def test_foreground(place):
    """The foreground form ends on Ctrl-C without a traceback."""
    code = """
import sys
from mosaico_ingest.server.runner import run_server
run_server(sys.argv[1], on_ready=lambda port: print(port, flush=True))
"""
    command = [sys.executable, "-c", code, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert int(process.stdout.readline()) > 0
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (0, b"") == (process.returncode, err)


KILLS = ["created", "open", "in a chunk", "between chunks", "uploaded", "finalized", "deleted"]


@pytest.mark.parametrize("moment", KILLS)
def test_killed(start, connect, rows, moment):
    """Whenever the server is killed: what was finalized is whole, the rest is not taken for complete."""
    server = start()
    peer = connect(server.port)
    peer.store(rows([1, 2, 3]), locator="safe/t")
    session = peer.session()
    uuid = peer.topic(session)
    batches = big({"in a chunk": 3, "between chunks": 9}.get(moment, 1))
    if moment != "created":
        writer = peer.open(uuid, schema=batches[0].schema)
        for batch in batches:
            writer.write_batch(batch)
        if moment in {"uploaded", "finalized", "deleted"}:
            writer.close()
        if moment in {"finalized", "deleted"}:
            peer.act("session_finalize", session_uuid=session)
        if moment == "deleted":
            peer.act("sequence_delete", locator="s")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with start(server.store) as again:
        peer = connect(again.port)
        assert [1, 2, 3] == peer.read("safe/t")["timestamp_ns"].to_pylist()
        expected = 1
        if moment == "deleted":
            assert ["safe"] == peer.names()
        else:
            uploaded = moment in {"uploaded", "finalized"}
            assert moment == "finalized" or not peer.manifest()["sessions"][0]["locked"]
            assert uploaded == peer.facts()["locked"]
            assert (8 if uploaded else 0) == peer.read().num_rows
            expected += uploaded
            if uploaded:
                peer.act("session_finalize", session_uuid=session)
            else:
                kind, _ = peer.refusal(peer.act, "session_finalize", session_uuid=session)
                assert "PreconditionError" == kind
        # Where servers share a catalog, a new one cannot know at once that the old one is dead.
        if "MOSAICO_CATALOG" not in os.environ:
            assert expected == len(files(server.store))
            assert not any(name.endswith(".part") for name in files(server.store))


@pytest.mark.folder
def test_full_disk(tmp_path, connect, rows):
    """An upload into a full store fails by saying so; the topic stays open, no file stays behind."""
    code = """
import resource, sys
from mosaico_ingest.server.runner import run_server
resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
run_server(sys.argv[1], on_ready=lambda port: print(port, flush=True))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    peer = connect(int(process.stdout.readline()))
    session = peer.session()
    uuid = peer.topic(session)
    batches = big(3)
    kind, message = peer.refusal(peer.put, uuid, *batches, schema=batches[0].schema)
    locked = peer.facts()["locked"]
    finalize, _ = peer.refusal(peer.act, "session_finalize", session_uuid=session)
    peer.act("topic_delete", locator="s/t")
    peer.put(peer.topic(session), rows([1]))
    peer.act("session_finalize", session_uuid=session)
    peer.close()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)

    assert ("ServerFaultError", False, "PreconditionError") == (kind, locked, finalize)
    assert message.startswith("The store is full")
    assert b"Traceback" not in err
    assert 1 == len(files(tmp_path / "store"))
