"""
A run or a server that is killed: what was complete stays, what was not is never taken for complete.

The catalog is SQLite: the copy of a store needs one of its own. `test_many_servers` kills with PostgreSQL.
"""

import fcntl
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.run import ingest, serve

pytestmark = pytest.mark.usefixtures("sqlite_catalog")

# What must be seen how often before the kill, an event of the run or a file in the store; and how the run
# may end. At the last points it is so far that it may win the race and end well.
RUN_POINTS = [
    ("run_started", 1, {-signal.SIGKILL}),
    ("topic_started", 1, {-signal.SIGKILL}),
    ("batch_stored", 10, {-signal.SIGKILL}),
    ("*.part", 1, {-signal.SIGKILL}),
    ("topic_finished", 1, {-signal.SIGKILL, 0}),
]
SERVE_POINTS = [
    ("recording_started", 1, {1}),
    ("batch_stored", 1, {1}),
    ("*.part", 1, {1}),
    ("*.parquet", 7, {1, 0}),  # five are of the sequence before
    ("recording_finished", 1, {0}),
]


@pytest.fixture(scope="module")
def kept(demo, tmp_path_factory) -> Path:
    """A store with one finalized sequence, `demo`."""
    store = tmp_path_factory.mktemp("kept") / "store"
    assert 0 == ingest(demo, store=store, catalog="").exit_code
    return store


@pytest.fixture
def store(kept, tmp_path) -> Path:
    """A copy of `kept`."""
    return shutil.copytree(kept, tmp_path / "store")


@pytest.fixture(scope="module")
def expected(demo, mix) -> dict[str, dict[str, int]]:
    """Messages by sequence and topic, as the recordings' makers count them."""
    return {
        "demo": dict.fromkeys(("/camera/image_raw", "/lidar/points"), 10)
        | {"/imu/data": 100, "/gps/fix": 5, "/joint_states": 50},
        "mix": dict.fromkeys(("/camera/image_raw", "/camera/rear/image_raw"), 60)
        | dict.fromkeys(("/imu/lidar", "/imu/camera"), 800)
        | dict.fromkeys(("/joint_states", "/gripper/joint_states"), 800)
        | {"/imu/data": 1600, "/gps/fix": 40, "/lidar/points": 40, "/lidar/rear/points": 80},
    }


def name_of(point: tuple) -> str:
    """Return a name for one point in time."""
    return f"{point[0]} {point[1]}"


def seen(command, store: Path, what: str) -> int:
    """Count an event of a run, or the files of a name in its store."""
    return len(list(store.rglob(what))) if what.startswith("*") else command.events(what)


def named_chunks(store: Path) -> set[str]:
    """Return the files that the catalog of a store names."""
    connection = sqlite3.connect(store / "catalog.sqlite")
    try:
        return {path for (path,) in connection.execute("SELECT path FROM chunks")}
    finally:
        connection.close()


def complete(server) -> dict[str, dict[str, int]]:
    """Read every sequence that is listed as complete: its rows by topic."""
    with MosaicoClient.connect(server.host, server.port) as client:
        handlers = [client.sequence_handler(name) for name in client.list_sequences()]
        return {
            h.name: {
                topic: sum(batch.num_rows for batch in client.topic_handler(h.name, topic).read())
                for topic in h.topics
            }
            for h in handlers
            if h.complete
        }


@pytest.fixture
def recovers(store, mix, expected) -> Callable[[], None]:
    """Serve the store after a kill: it is sound, and a second run completes."""

    def check() -> None:
        with (store / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the server of a killed run has noticed
        with serve(store) as server, MosaicoClient.connect(server.host, server.port) as client:
            files = {
                str(p.relative_to(store / "chunks")) for p in store.glob("chunks/*/*.parquet*")
            }
            survived = complete(server)

            assert named_chunks(store) == files
            assert expected["demo"] == survived["demo"]
            assert survived.items() <= expected.items()

            report = ingest(mix, client=client)

            assert 0 == report.exit_code
            assert expected == complete(server)
            assert sorted(expected) == client.list_sequences()

    return check


@pytest.mark.slow
@pytest.mark.parametrize("point", RUN_POINTS, ids=name_of)
def test_a_killed_run_is_cleaned_and_repeated(launcher, store, mix, recovers, point):
    """`kill -9` of a run damages nothing that was finalized, and a second run completes."""
    what, times, codes = point
    run = launcher.start("run", mix, "--store", store, "--log", "json")
    run.until(lambda: seen(run, store, what) >= times)

    assert run.end(signal.SIGKILL) in codes
    recovers()


@pytest.mark.slow
@pytest.mark.parametrize("point", SERVE_POINTS, ids=name_of)
def test_a_killed_server_is_restarted(launcher, store, mix, recovers, point):
    """`kill -9` of a server ends its client with a reason; a restart and a second run complete."""
    what, times, codes = point
    server, address = launcher.serve(store)
    run = launcher.start("run", mix, "--server", address, "--log", "json")
    run.until(lambda: seen(run, store, what) >= times)

    assert -signal.SIGKILL == server.end(signal.SIGKILL)
    assert run.end() in codes
    assert "Traceback" not in run.stderr
    recovers()
