"""The installed plugin, as its users meet it: by the program alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mosaico_ingest_ulog
import pytest

from mosaico_ingest.testing.dist import write_dist


@pytest.fixture
def program(tmp_path):
    """Run `mosaico-ingest` in a folder of its own; return exit code, output and errors."""

    def run(*words, **environment):
        ended = subprocess.run(
            [sys.executable, "-m", "mosaico_ingest", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run


def listed(program, *words, **environment):
    """Return what `plugins` tells, by name."""
    told = json.loads(program("plugins", "--json", *words, **environment)[1])["plugins"]
    return {plugin["name"]: plugin for plugin in told}


def test_it_is_listed_with_its_distribution(program):
    """The listing names the plugin, where it is from and what it brings."""
    plugin = listed(program)["ulog"]

    assert ("loaded", "mosaico-ingest-ulog") == (plugin["status"], plugin["distribution"])
    assert ["source ulog", "decoder ulog", "mapper ulog"] == plugin["contributions"]


def test_a_log_is_ingested(program, path, counts):
    """A run stores every message of a flight, and what is stored can be read again."""
    code, out, _ = program("run", path, "--store", "store", "--json", "--log", "none")
    topics = {
        topic["name"]: topic["stored"] for topic in json.loads(out)["recordings"][0]["topics"]
    }
    read = program("read", "flight/logged_text", "--store", "store", "--format", "json")[1]
    rows = [json.loads(line) for line in read.splitlines()]

    assert (0, counts) == (code, topics)
    assert [("info", None, "[commander] Takeoff"), ("error", 7, "[logger] slow card")] == [
        (row["severity"], row["tag"], row["message"]) for row in rows
    ]


def test_it_can_be_left_out(program, path):
    """`-p no:ulog` leaves it out: the log is then of no format that is known."""
    code, _, err = program("inspect", path, "-p", "no:ulog")

    assert "disabled" == listed(program, "-p", "no:ulog")["ulog"]["status"]
    assert 0 != code
    assert "Traceback" not in err


def test_a_broken_copy_is_kept_apart(program, path, tmp_path):
    """A copy that raises at import is listed with the reason, and everything else works."""
    source = Path(mosaico_ingest_ulog.__file__).read_text()
    source += "\nraise RuntimeError('no compass')\n"
    site = write_dist(tmp_path / "site", "ulog-copy", {"broken": source})
    sources = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    plugins = listed(program, PYTHONPATH=sources)
    code, _, err = program("run", path, "--sink", "null", PYTHONPATH=sources)

    assert ("broken", "ulog-copy") == (
        plugins["broken"]["status"],
        plugins["broken"]["distribution"],
    )
    assert "no compass" in plugins["broken"]["reason"]
    assert "loaded" == plugins["ulog"]["status"]
    assert 0 == code, err
