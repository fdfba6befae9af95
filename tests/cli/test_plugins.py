import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def test_plugins_lists_every_plugin(cli):
    """Plugins lists what is installed, with what each hands in; one left out says so."""
    told = json.loads(cli("plugins", "--json", "-p", "no:rosbag")[1])["plugins"]
    states = {plugin["name"]: plugin["status"] for plugin in told}
    by_name = {plugin["name"]: plugin for plugin in told}

    assert ("disabled", "loaded") == (states["rosbag"], states["mcap"])
    assert ["source mcap"] == by_name["mcap"]["contributions"]
    assert "rosbag: disabled: not selected" in cli("plugins", "-p", "no:rosbag")[1]


def test_a_new_plugin_works(cli):
    """What `plugins new` writes is announced by its metadata, and passes its own tests once installed."""
    code, out, _ = cli("plugins", "new", "radar_log", "--dir", "src")
    project = Path("src/mosaico-ingest-radar-log").absolute()
    facts = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    install(project, facts)
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project)],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == code
    assert f"python -m pytest {Path('src/mosaico-ingest-radar-log')}" in out
    assert {"radar_log": "mosaico_ingest_radar_log"} == facts["entry-points"]["mosaico_ingest"]
    assert 0 == tests.returncode, tests.stdout
    assert "waypoints" not in "".join(file.read_text() for file in project.glob("*.[pt]*")).lower()


@pytest.mark.parametrize("name", ["Radar", "2d", "a-b", "../x", "class", ""])
def test_names_that_no_module_can_have_are_refused(name, cli):
    """The name becomes a module's: anything else is refused, and nothing is written."""
    code, _, err = cli("plugins", "new", name)

    assert 2 == code
    assert "cannot name a plugin" in err
    assert [] == list(Path.cwd().iterdir())


def test_nothing_is_overwritten(cli):
    """A folder that is there stays as it is."""
    Path("mosaico-ingest-x").mkdir()

    code, _, err = cli("plugins", "new", "x")

    assert 2 == code
    assert "'mosaico-ingest-x' exists" in err
    assert [] == list(Path("mosaico-ingest-x").iterdir())


def install(project, facts):
    """Do what an editable installation leaves: metadata beside the module."""
    info = project / f"{facts['name'].replace('-', '_')}-{facts['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {facts['name']}\nVersion: {facts['version']}\n"
    )
    (name, module), *_ = facts["entry-points"]["mosaico_ingest"].items()
    (info / "entry_points.txt").write_text(f"[mosaico_ingest]\n{name} = {module}\n")
