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
from mosaico_ingest.errors import UnreachableError
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
def start_two(launcher, postgres, place) -> Callable[[], list]:
    """Start two servers of one catalog and store: each as its process and its address."""

    def start(program=None) -> list:
        if program is not None:
            launcher.program = program
        return [launcher.serve(place, "--catalog", postgres) for _ in range(2)]

    return start


@pytest.fixture(scope="module")
def twenty(tmp_path_factory) -> list[Path]:
    """Twenty recordings like the demo, each of its own noise."""
    folder = tmp_path_factory.mktemp("twenty")
    paths = [folder / f"demo_{number}.mcap" for number in range(20)]
    for number, path in enumerate(paths):
        write_demo(path, seconds=1, seed=number)
    return paths


def put(path: Path, address: str) -> int:
    """Ingest a recording into the server at *address*; returns the exit code."""
    try:
        with MosaicoClient.connect(address, connections=1) as client:
            return ingest(path, client=client).exit_code
    except UnreachableError:
        return 1


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


def look(place: str | Path, postgres: str) -> tuple[set[str], set[str], int]:
    """Return the chunks in the store, those that the catalog names, and the number of its servers."""
    url = catalog_url(postgres)
    with (
        open_store(place, url) as opened,
        open_catalog(opened, url) as catalog,
        catalog.read() as connection,
    ):
        named = set(connection.scalars(sa.select(chunks.c.path)))
        alive = connection.scalar(sa.select(sa.func.count()).select_from(servers))
        return {name for name in opened.names() if MANIFEST not in name}, named, alive


def unnamed(place: str | Path, postgres: str) -> set[str]:
    """Return the chunks in the store that the catalog does not name."""
    files, named, _ = look(place, postgres)
    return files - named


def halves(place: str | Path, run) -> set[str]:
    """Return the sessions of half chunks; in a bucket, where they are unseen, *run* tells."""
    if isinstance(place, Path):
        return {path.parent.name for path in place.rglob("*.part")}
    return {"unseen"} if run.events("batch_stored") else set()


@pytest.mark.slow
def test_twenty_recordings_at_once(start_two, twenty, place, postgres):
    """Twenty recordings that are ingested at once through two servers are all there, each once."""
    running = start_two()
    addresses = [address for _, address in running]
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(put, twenty, addresses * 10))
    found = [stored(address) for _, address in running]
    files, named, alive = look(place, postgres)

    assert [0] * 20 == codes
    assert [{path.stem: DEMO for path in twenty}] * 2 == found
    assert (100, 2) == (len(named), alive)
    assert named == files


@pytest.mark.slow
def test_one_recording_through_both(start_two, launcher, demo):
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


@pytest.fixture
def mixes(mix, tmp_path) -> tuple[Path, Path]:
    """`mix`, and half of another, `other`."""
    write_mix(tmp_path / "other.mcap", 2, compression="none", seed=8)
    return mix, tmp_path / "other.mcap"


@pytest.mark.slow
def test_a_killed_server_is_cleaned_up_after(start_two, launcher, place, postgres, mixes):
    """What a killed server leaves goes while the other runs on, which loses nothing that it is taking."""
    (victim, first), (_, second) = start_two((sys.executable, "-c", HASTY))
    kept = launcher.start("run", mixes[1], "--server", second, "--log", "json")
    kept.until(lambda: halves(place, kept))
    kept.process.send_signal(signal.SIGSTOP)  # in the middle of its uploads
    safe = look(place, postgres)[0]
    own = {path.partition("/")[0] for path in safe}
    lost = launcher.start("run", mixes[0], "--server", first, "--log", "json")
    lost.until(lambda: halves(place, lost) - own)
    victim.end(signal.SIGKILL)

    assert 1 == lost.end()
    while look(place, postgres)[2] == 2:  # the test's own time limit ends this
        time.sleep(0.05)  # a poll: the condition, not the time, decides
    while not unnamed(place, postgres) <= safe:
        time.sleep(0.05)
    kept.process.send_signal(signal.SIGCONT)
    assert 0 == kept.end()
    assert 2_540 == sum(stored(second)["other"].values())

    again = launcher.start("run", mixes[0], "--server", second, "--log", "none")

    assert 0 == again.end()
    assert 5_080 == sum(stored(second)["mix"].values())
    files, named, _ = look(place, postgres)
    assert named == files


@pytest.mark.slow
def test_twenty_recordings_and_a_kill(start_two, twenty, place, postgres):
    """A server killed among twenty recordings loses and doubles none, once its runs are repeated."""
    (victim, first), (_, second) = start_two((sys.executable, "-c", HASTY))

    def complete() -> int:
        return sum(map(bool, stored(second).values()))

    with ThreadPoolExecutor(20) as pool:
        running = [
            pool.submit(put, *task) for task in zip(twenty, [first, second] * 10, strict=True)
        ]
        while not complete():
            time.sleep(0.01)  # a poll: the condition, not the time, decides
        victim.end(signal.SIGKILL)
        codes = [run.result() for run in running]
    while look(place, postgres)[2] == 2:
        time.sleep(0.05)
    again = [put(path, second) for path, code in zip(twenty, codes, strict=True) if code]
    files, named, _ = look(place, postgres)

    assert [0] * 10 == codes[1::2]
    assert [0] * len(again) == again
    assert {path.stem: DEMO for path in twenty} == stored(second)
    assert 100 == len(named)
    assert named == files
