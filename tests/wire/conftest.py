"""Real processes of the command line, and a store into which everything was ingested once."""

import json
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from pyarrow import fs

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.model.report import RecordingReport, RunReport
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.testing.recordings import write_demo, write_mix


class Command:
    """
    One running `mosaico-ingest`.

    Args:
        folder: Where its output goes.
        program: How it is called.
        arguments: What follows the program's name.
    """

    def __init__(self, folder: Path, program: Sequence[str], *arguments: str | Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*program, *map(str, arguments)],
                stdout=out,
                stderr=err,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        """What it has told."""
        return self._err.read_text()

    def events(self, kind: str) -> int:
        """Count the events of one kind that `--log json` has told."""
        lines = [line for line in self.stderr.splitlines(keepends=True) if line.endswith("}\n")]
        return sum(json.loads(line)["event"] == kind for line in lines if line.startswith("{"))

    def until(self, reached: Callable[[], bool]) -> None:
        """Watch until *reached*; the process may end at the same moment, but not before."""
        while not reached():
            if self.process.poll() is not None:
                assert reached(), f"It ended too early: {self.stderr[-500:]}"
            time.sleep(0.002)  # a poll: the condition, not the time, decides

    def end(self, number: int | None = None) -> int:
        """Send signal *number*, if any, and return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait()


class Launcher:
    """Starts commands, each with a folder of its own below *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.program: Sequence[str] = [f"{sysconfig.get_path('scripts')}/mosaico-ingest"]
        self.commands: list[Command] = []

    def start(self, *arguments: str | Path) -> Command:
        """Start `mosaico-ingest` with *arguments*."""
        folder = self._folder / f"process-{len(self.commands)}"
        self.commands.append(Command(folder, self.program, *arguments))
        return self.commands[-1]

    def serve(self, store: str | Path, *more: str) -> tuple[Command, str]:
        """Start `mosaico-ingest serve` and return it with its address."""
        server = self.start("serve", "--store", store, "--port", "0", *more)
        server.until(lambda: server.stdout.endswith("\n"))
        return server, next(word for word in server.stdout.split() if "grpc://" in word).strip(";")


@pytest.fixture
def launcher(tmp_path) -> Iterator[Launcher]:
    """Starts processes that are killed at the end of the test."""
    launcher = Launcher(tmp_path)
    yield launcher
    for command in launcher.commands:
        command.end(signal.SIGKILL)


@pytest.fixture(scope="session")
def mix(tmp_path_factory) -> Path:
    """Four seconds of a robot with ten topics: 5,080 messages, 85 MB."""
    path = tmp_path_factory.mktemp("recordings") / "mix.mcap"
    write_mix(path, 4, compression="none")
    return path


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    """One second of a small robot: 175 messages on five topics."""
    path = tmp_path_factory.mktemp("recordings") / "demo.mcap"
    write_demo(path, seconds=1)
    return path


@attrs.frozen(kw_only=True)
class Archive:
    """
    What two runs over the same recordings left behind.

    Args:
        data: Folder of the recordings.
        client: Of the server that has them now.
        first, second: How the runs ended.
        states: The sources and the store before, between and after the runs.
    """

    data: Path
    client: MosaicoClient
    first: RunReport
    second: RunReport
    states: tuple["State", "State", "State"]

    def report(self, path: str) -> RecordingReport:
        """Return the first run's report of one recording."""
        return next(r for r in self.first.recordings if r.path == str(self.data / path))

    def rows(self, path: str, channel: str) -> list[dict]:
        """Return what the server has of one channel."""
        report = self.report(path)
        topic = next(t for t in report.topics if t.channel == channel)
        return self.client.topic_handler(report.sequence, topic.name).read().read_all().to_pylist()


@attrs.frozen
class State:
    """Every file of the sources and of the store's chunks, and what the server tells of its sequences."""

    sources: dict[str, tuple[int, int]]
    chunks: dict[str, tuple[int, int]]
    sequences: dict[str, object]


@pytest.fixture(scope="session")
def archive(shared_data, new_place) -> Iterator[Archive]:
    """All recordings but the conformance set, ingested twice into one embedded server."""
    store = new_place()
    paths = [p for p in sorted((shared_data / "mcap").iterdir()) if p.name != "foxglove+mcap"]
    paths += [shared_data / kind for kind in ("ros1", "ros2", "csv", "video")]
    settings = Settings(options={"video": {"fps": "25"}})  # for the streams without a clock
    with serve(store) as server, MosaicoClient.connect(server.host, server.port) as client:

        def look() -> State:
            with MosaicoClient.connect(server.host, server.port) as fresh:
                told = {name: fresh.sequence_handler(name) for name in fresh.list_sequences()}
            return State(snapshot(shared_data), snapshot(store), told)

        before = look()
        first = ingest(paths, client=client, settings=settings)
        between = look()
        second = ingest(paths, client=client, settings=settings)
        yield Archive(
            data=shared_data,
            client=client,
            first=first,
            second=second,
            states=(before, between, look()),
        )


def snapshot(place: str | Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every recording or chunk below *place*, a folder or in a bucket."""
    files, path = fs.FileSystem.from_uri(place if isinstance(place, str) else place.as_uri())
    found = files.get_file_info(fs.FileSelector(path, recursive=True))
    known = [
        one for one in found if one.type is fs.FileType.File and "catalog" not in one.base_name
    ]
    return {one.path.removeprefix(path): (one.size, one.mtime_ns) for one in known}
