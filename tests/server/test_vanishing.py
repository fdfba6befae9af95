"""Clients that are killed, or stop: nothing of theirs stays open, and their topics can be had again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import psutil
import pytest

from mosaico_ingest.server.runner import serve

pytestmark = pytest.mark.folder

_UPLOAD = """
import sys, pyarrow as pa, pyarrow.flight as fl
client = fl.connect(sys.argv[1])
batch = pa.record_batch({"timestamp_ns": range(500_000), "data": [0.5] * 500_000})
writer, _ = client.do_put(fl.FlightDescriptor.for_command(sys.argv[2].encode()), batch.schema)
while True:
    writer.write_batch(batch)
"""
_READ = """
import sys, pyarrow.flight as fl
client = fl.connect(sys.argv[1])
reader = client.do_get(fl.Ticket(sys.argv[2].encode()))
print(reader.read_chunk().data.num_rows, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hosted(tmp_path):
    """Give a server in a process of its own, so that what it holds can be seen from outside."""
    with serve(tmp_path / "store") as server:
        yield server


@pytest.fixture
def client(hosted):
    """Start a client in a process of its own, which is killed at the end at the latest."""
    started = []

    def start(code, message):
        command = [sys.executable, "-c", code, hosted.url, json.dumps(message)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def await_that(reached: Callable[[], bool]) -> None:
    """Look until it is so; the test's own time limit ends what never comes."""
    while not reached():
        os.sched_yield()


def held(server) -> int:
    """Count the chunks that the server has open or mapped."""
    process, chunks = psutil.Process(server.pid), str(server.store / "chunks")
    mapped = [one.path for one in process.memory_maps()]
    opened = [one.path for one in process.open_files()]
    return sum(path.startswith(chunks) for path in {*mapped, *opened})


def files(server):
    return [path for path in (server.store / "chunks").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_client_killed_while_uploading(hosted, client, connect, rows):
    """Its chunks are closed and removed by the running server, and its topic can be made and filled anew."""
    peer = connect(hosted.port)
    session = peer.session()
    uuid = peer.topic(session)
    process = client(_UPLOAD, {"resource_locator": "s/t", "topic_uuid": uuid})
    await_that(lambda: held(hosted) > 0)
    process.kill()
    await_that(lambda: not held(hosted) and not files(hosted))

    kind, message = peer.refusal(peer.put, uuid, rows([1]))
    assert ("PreconditionError", True) == (kind, "already uploading" in message)
    peer.act("topic_delete", locator="s/t")
    peer.put(peer.topic(session), rows([1, 2]))
    peer.act("session_finalize", session_uuid=session)
    assert [1, 2] == peer.read()["timestamp_ns"].to_pylist()


@pytest.mark.slow
def test_client_that_stops_reading(hosted, client, connect, rows):
    """A reader that stops holds its chunk, does not hinder others, and when it is gone holds nothing."""
    peer = connect(hosted.port)
    peer.store(rows(np.arange(3_000_000)))
    process = client(_READ, {"resource_locator": "s/t"})
    process.stdout.readline()
    has_chunk = held(hosted) > 0
    read = peer.read(timestamp_ns_start=2_999_999)["timestamp_ns"].to_pylist()
    peer.act("sequence_delete", locator="s")
    process.kill()
    await_that(lambda: not held(hosted))

    assert (True, [2_999_999]) == (has_chunk, read)
