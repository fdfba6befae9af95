"""What the documentation shows works as it stands."""

import re
import sys
from pathlib import Path

import pytest

import mosaico_ingest
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.run import ingest
from mosaico_ingest.testing.dist import write_dist
from mosaico_ingest.testing.recordings import write_demo
from mosaico_ingest.testing.sink import MemorySink

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("contrib/*.md")])


def code(page, language):
    """Return the code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_plugin_of_the_tutorial_is_found_and_reads(tmp_path, monkeypatch):
    """The two files of `docs/plugins.md`, installed, make the format known and ingest it."""
    (module,) = code(ROOT / "docs" / "plugins.md", "python")
    site = tmp_path / "site"
    write_dist(site, "mosaico-ingest-points", {"points": module})
    monkeypatch.syspath_prepend(site)
    path = tmp_path / "track.points"
    path.write_text("1 0.5 1 2\n2 0.25 3 4\n")
    sink = MemorySink()
    try:
        report = ingest(path, sink=sink, host=Host.discover())
    finally:
        sys.modules.pop("mosaico_ingest_points_points", None)
    table = sink.recordings["track"].topics["/points"].table()

    assert 0 == report.exit_code
    assert [(1, 0.5), (2, 0.25)] == list(
        zip(table["timestamp_ns"].to_pylist(), table["x"].to_pylist(), strict=True)
    )


def test_the_readme_s_library_example_runs(tmp_path, monkeypatch):
    """The Python block of the README works in an empty folder with recordings."""
    (example,) = code(ROOT / "README.md", "python")
    (tmp_path / "recordings").mkdir()
    write_demo(tmp_path / "recordings" / "run.mcap")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)

    assert 0 == names["report"].exit_code
    assert ["hello"] == names["table"]["data"].to_pylist()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    """Every relative link of the documentation names a file that exists."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())

    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_the_library_s_names_are_those_of_all():
    """Each name of the package can be imported, and is listed once, in order."""
    names = mosaico_ingest.__all__

    assert names == sorted(names, key=lambda name: (name[0].islower(), name))
    assert [] == [
        n for n in names if n != "OnErrorPolicy" and getattr(mosaico_ingest, n, None) is None
    ]
