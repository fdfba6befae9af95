import shutil
import subprocess
import sys

import pytest

from mosaico_ingest.cli import main
from mosaico_ingest.testing.recordings import write_demo


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """A new user: an empty folder, and nothing in the environment."""
    for name in (
        "MOSAICO_DAEMON_URL",
        "MOSAICO_API_KEY",
        "MOSAICO_TLS",
        "MOSAICO_CERT_PATH",
        "MOSAICO_TLS_CERT_FILE",
        "MOSAICO_INGEST_PLUGINS",
        "MOSAICO_INGEST_DEBUG",
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory):
    """A small recording."""
    path = tmp_path_factory.mktemp("recordings") / "demo.mcap"
    write_demo(path, seconds=1)
    return path


@pytest.fixture(scope="session")
def demo_store_master(tmp_path_factory, demo_file):
    """A store that holds the small recording, not to be changed."""
    store = tmp_path_factory.mktemp("stores") / "store"
    assert main(["run", str(demo_file), "--store", str(store), "--log", "none"]) == 0
    return store


@pytest.fixture
def demo_store(tmp_path, demo_store_master):
    """A store that holds the small recording under the name `demo`."""
    return shutil.copytree(demo_store_master, tmp_path / "store")


@pytest.fixture
def cli(capsys):
    """Run the command line in this process: returns code, stdout and stderr."""

    def run(*args):
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def program():
    """Start the program itself; what still runs at the end is killed."""
    started = []

    def start(*args):
        process = subprocess.Popen(
            [sys.executable, "-c", "from mosaico_ingest.cli import main; raise SystemExit(main())"]
            + [str(arg) for arg in args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
