"""Several server processes on one catalog in PostgreSQL and one store."""

import json
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.run import ingest
from mosaico_ingest.server.pairing import catalog_url, open_catalog, open_store
from mosaico_ingest.server.store import MANIFEST
from mosaico_ingest.server.tables import chunks, servers
from mosaico_ingest.testing.recordings import write_demo, write_mix

DEMO = dict.fromkeys(("/camera/image_raw", "/lidar/points"), 10) | {
    "/imu/data": 100,
    "/gps/fix": 5,
    "/joint_states": 50,
}
"""Messages by topic of a demo of one second."""

# The command line, with servers that look after each other ten times as often.
HASTY = """
import sys
from mosaico_ingest.server import presence
presence.BEAT_S = 0.5
from mosaico_ingest.cli import main
sys.exit(main())
"""


@pytest.fixture
def start_two(launcher, postgres, tmp_path) -> Callable[[], list]:
    """Start two servers of one catalog and store: each as its process and its address."""

    def start(program=None) -> list:
        if program is not None:
            launcher.program = program
        return [launcher.serve(tmp_path / "store", "--catalog", postgres) for _ in range(2)]

    return start


def stored(address: str) -> dict[str, dict[str, int]]:
    """Read every sequence to its end: the rows of its topics, none of one that is not complete."""
    with MosaicoClient.connect(address) as client:
        handlers = [client.sequence_handler(name) for name in client.list_sequences()]
        return {
            h.name: {
                topic: sum(batch.num_rows for batch in client.topic_handler(h.name, topic).read())
                for topic in h.topics
            }
            if h.complete
            else {}
            for h in handlers
        }


def look(store: Path, postgres: str) -> tuple[set[str], set[str], int]:
    """Return the chunks in the store, those that the catalog names, and the number of its servers."""
    url = catalog_url(postgres)
    with (
        open_store(store, url) as opened,
        open_catalog(opened, url) as catalog,
        catalog.read() as connection,
    ):
        named = set(connection.scalars(sa.select(chunks.c.path)))
        alive = connection.scalar(sa.select(sa.func.count()).select_from(servers))
        return {name for name in opened.names() if MANIFEST not in name}, named, alive


def unnamed(store: Path, postgres: str) -> set[str]:
    """Return the chunks in the store that the catalog does not name."""
    files, named, _ = look(store, postgres)
    return files - named


@pytest.mark.slow
def test_twenty_recordings_at_once(start_two, tmp_path, postgres):
    """Twenty recordings that are ingested at once through two servers are all there, each once."""
    running = start_two()
    paths = [tmp_path / f"demo_{number}.mcap" for number in range(20)]
    for number, path in enumerate(paths):
        write_demo(path, seconds=1, seed=number)

    def put(number: int) -> int:
        _, address = running[number % 2]
        with MosaicoClient.connect(address, connections=1) as client:
            return ingest(paths[number], client=client).exit_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(put, range(20)))
    found = [stored(address) for _, address in running]
    files, named, alive = look(tmp_path / "store", postgres)

    assert [0] * 20 == codes
    assert [{path.stem: DEMO for path in paths}] * 2 == found
    assert (100, 2) == (len(named), alive)
    assert named == files


@pytest.mark.slow
def test_one_recording_through_both(start_two, launcher, tmp_path, demo):
    """A recording that is given to both servers at once is stored once, and whoever came second is told."""
    running = start_two()
    runs = [
        launcher.start("run", demo, "--server", address, "--json", "--log", "none")
        for _, address in running
    ]
    codes = [run.end() for run in runs]
    told = [json.loads(run.stdout)["recordings"][0] for run in runs]

    assert {"demo": DEMO} == stored(running[0][1])
    assert 1 == sum(one["status"] == "stored" for one in told)
    second = next(one for one in told if one["status"] != "stored")
    assert (codes.count(0) == 2) is (second["status"] == "already_stored")
    if second["status"] != "already_stored":
        assert "demo" in second["error"]


@pytest.mark.slow
def test_a_killed_server_is_cleaned_up_after(start_two, launcher, tmp_path, postgres, mix):
    """What a killed server leaves goes while the other runs on, which loses nothing that it is taking."""
    (victim, first), (_, second) = start_two((sys.executable, "-c", HASTY))
    store, other = tmp_path / "store", tmp_path / "other.mcap"
    expected = write_mix(other, 2, compression="none", seed=8)
    kept = launcher.start("run", other, "--server", second, "--log", "none")
    kept.until(lambda: list(store.rglob("*.part")))
    kept.process.send_signal(signal.SIGSTOP)  # in the middle of its uploads
    safe = look(store, postgres)[0]
    lost = launcher.start("run", mix, "--server", first, "--log", "none")
    lost.until(lambda: any(path.parent.name not in str(safe) for path in store.rglob("*.part")))
    victim.end(signal.SIGKILL)

    assert 1 == lost.end()
    while look(store, postgres)[2] == 2:  # the test's own time limit ends this
        time.sleep(0.05)  # a poll: the condition, not the time, decides
    while not unnamed(store, postgres) <= safe:
        time.sleep(0.05)
    kept.process.send_signal(signal.SIGCONT)
    assert 0 == kept.end()
    assert expected == sum(stored(second)["other"].values())

    again = launcher.start("run", mix, "--server", second, "--log", "none")

    assert 0 == again.end()
    assert 5_080 == sum(stored(second)["mix"].values())
    files, named, _ = look(store, postgres)
    assert named == files
