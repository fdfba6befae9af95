"""What goes wrong around a run: damage, names, servers, disks and signals."""

import resource
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve


def told(text: str) -> list[str]:
    """Return the lines of a command's output that are no events."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("{")]


@pytest.mark.parametrize(("flags", "code"), [([], 3), (["--strict"], 1)])
def test_damage_has_an_exit_code(launcher, shared_data, place, flags, code):
    """A damaged recording ends a run with exit 3, and with exit 1 under `--strict`."""
    damaged = shared_data / "ros1/DERIVED/test1_corrupt_bz2_chunk.bag"

    run = launcher.start("run", damaged, "--store", place, *flags)

    assert code == run.end()
    assert "cannot be unpacked" in run.stdout + run.stderr


@pytest.mark.folder
def test_a_refused_name_is_told_in_one_line(launcher, demo, tmp_path):
    """A name that the platform refuses is wrong usage; no store is begun."""
    run = launcher.start("run", demo, "--store", tmp_path / "store", "--name", "a b!{name}")

    assert 2 == run.end()
    (line,) = told(run.stderr)
    assert "a b!" in line
    assert not (tmp_path / "store").exists()


def test_files_where_a_run_is_started_are_not_imported(launcher, demo, tmp_path, place):
    """A module of the user's in the working directory takes no part in a run or its server."""
    (tmp_path / "process-0").mkdir()
    for name in ("pyarrow", "json", "mosaico_ingest"):
        (tmp_path / "process-0" / f"{name}.py").write_text("raise RuntimeError('imported')")

    run = launcher.start("run", demo, "--store", place, "--log", "none")

    assert (0, "") == (run.end(), run.stderr)


def test_another_recording_under_a_taken_name_is_refused(demo, mix, place):
    """A name that holds another recording is not overwritten: the error names the flag."""
    report = ingest([demo, mix], store=place, settings=Settings(name="taken"))

    first, second = report.recordings
    assert ("stored", "failed") == (first.status, second.status)
    assert "--name" in second.error


@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_store_has_one_server(sqlite_catalog, launcher, demo, tmp_path, command):
    """A store with SQLite that a server holds is refused to a second one, in one line."""
    launcher.serve(tmp_path / "store")
    arguments = [demo, "--log", "none"] if command == "run" else ["--port", "0"]

    second = launcher.start(command, *arguments, "--store", tmp_path / "store")

    assert 1 == second.end()
    (line,) = told(second.stderr)
    assert "is held by another server" in line


def test_a_server_that_dies_ends_the_run(launcher, mix, place):
    """A run whose server is killed ends by itself, with exit 1 and the reason in one line."""
    run = launcher.start("run", mix, "--store", place, "--log", "json")
    run.until(lambda: run.events("batch_stored"))
    (server,) = psutil.Process(run.process.pid).children()
    server.kill()

    assert 1 == run.end()
    assert "Traceback" not in run.stderr
    assert "mix.mcap" in run.stdout
    assert any("connection" in line.lower() or "server" in line for line in told(run.stdout))


def test_two_runs_do_not_write_one_recording(launcher, mix, place):
    """While a run writes a recording, a second run leaves it alone and says so; the first one completes."""
    _, address = launcher.serve(place)
    first = launcher.start("run", mix, "--server", address, "--log", "json")
    first.until(lambda: first.events("batch_stored"))
    first.process.send_signal(signal.SIGSTOP)
    second = launcher.start("run", mix, "--server", address, "--log", "none")

    assert 1 == second.end()
    (line,) = told(second.stderr)
    assert "Another run is writing the same recording" in line
    assert 0 == first.end(signal.SIGCONT)


def complete_rows(client: MosaicoClient, name: str) -> int:
    """Count the rows of a sequence, which must be complete."""
    handler = client.sequence_handler(name)
    assert handler.complete
    return sum(
        batch.num_rows
        for topic in handler.topics
        for batch in client.topic_handler(name, topic).read()
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_repeated(launcher, mix, place, number):
    """SIGINT and SIGTERM end a run with exit 130; nothing half is complete, a second run completes."""
    run = launcher.start("run", mix, "--store", place, "--log", "json")
    run.until(lambda: run.events("batch_stored"))

    assert 130 == run.end(number)
    assert "Traceback" not in run.stderr
    with serve(place) as server, MosaicoClient.connect(server.host, server.port) as client:
        halves = [n for n in client.list_sequences() if not client.sequence_handler(n).complete]
        notices = [n.text for name in halves for n in client.list_sequence_notifications(name)]

        assert ["interrupted" in notice for notice in notices] == [True] * len(halves)

        second = ingest(mix, client=client)

        assert 0 == second.exit_code
        assert 5080 == complete_rows(client, "mix")


@pytest.mark.folder
def test_a_store_that_may_not_grow_is_told(mix, tmp_path):
    """A file limit under the server ends what cannot be stored with its reason; lifted, a run completes."""
    with (
        serve(tmp_path / "store") as server,
        MosaicoClient.connect(server.host, server.port) as client,
    ):
        limits = resource.prlimit(
            server.pid, resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY)
        )
        full = ingest(mix, client=client)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)
        check_full_then_freed(full, mix, client)


@pytest.mark.folder
def test_a_full_disk_is_told(mix, tmp_path):
    """A full disk ends what cannot be stored with its reason; with room again, a run completes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"No small disk can be mounted here: {made.stderr.decode().strip()}")
    try:
        with (
            serve(disk / "store") as server,
            MosaicoClient.connect(server.host, server.port) as client,
        ):
            full = ingest(mix, client=client)
            subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
            check_full_then_freed(full, mix, client)
    finally:
        subprocess.run(["umount", disk], check=True)


def check_full_then_freed(full, mix: Path, client: MosaicoClient) -> None:
    """A run into a full store did not succeed and says why; the next one stores everything."""
    reasons = " ".join(reason for r in full.recordings for t in r.topics for reason in t.reasons)

    assert 1 == full.exit_code
    assert "The store is full" in reasons + full.recordings[0].error
    assert not any(client.sequence_handler(name).complete for name in client.list_sequences())

    again = ingest(mix, client=client)

    assert 0 == again.exit_code
    assert 5080 == complete_rows(client, "mix")
