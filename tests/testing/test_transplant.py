"""First-party plugins are ordinary: under a stranger's name they do the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mosaico_ingest.testing.recordings import write_demo

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def transplanted(tmp_path):
    """
    Put the plugin `mcap` and its tests into a folder, as `acme_mcap` of the distribution `acme`.

    Returns the environment of a process that has it installed, and the original disabled.
    """
    site = tmp_path / "site"
    for source, target in [
        ("plugins/mosaico_ingest_mcap", "acme_mcap"),
        ("tests/plugins/mcap", "tests"),
    ]:
        shutil.copytree(ROOT / source, site / target, ignore=shutil.ignore_patterns("__pycache__"))
    for file in site.rglob("*.py"):
        file.write_text(file.read_text().replace("mosaico_ingest_mcap", "acme_mcap"))
    info = site / "acme-9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 9.0\n")
    (info / "entry_points.txt").write_text("[mosaico_ingest]\nacme_mcap = acme_mcap\n")
    return {**os.environ, "PYTHONPATH": str(site), "MOSAICO_INGEST_PLUGINS": "no:mcap"}


def run(environment, *words):
    """Run Python in *environment*, in the folder of the transplant."""
    return subprocess.run(
        [sys.executable, *words],
        env=environment,
        cwd=environment["PYTHONPATH"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_passes_its_contract(transplanted):
    """The contract of sources holds for the copy."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    ended = run(transplanted, *words, "-k", "Contract or contract", "tests")

    assert 0 == ended.returncode, ended.stdout[-3000:]
    assert " passed" in ended.stdout


def test_it_is_listed_and_reads(transplanted, tmp_path):
    """The listing names its distribution, and a run with it stores every message."""
    path = tmp_path / "run.mcap"
    write_demo(path)
    program = ["-m", "mosaico_ingest"]
    listed = json.loads(run(transplanted, *program, "plugins", "--json").stdout)["plugins"]
    report = json.loads(
        run(transplanted, *program, "run", path, "--sink", "null", "--json", "--log", "none").stdout
    )

    by_name = {plugin["name"]: (plugin["status"], plugin["distribution"]) for plugin in listed}
    assert ("loaded", "acme") == by_name["acme_mcap"]
    assert ("disabled", "mosaico-ingest") == by_name["mcap"]
    assert (0, 0) == (report["exit_code"], report["lost"])
    assert report["stored"] > 0
