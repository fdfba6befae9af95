"""What the documentation shows works as it stands."""

import re
from pathlib import Path

import pytest

import mosaico_ingest
from mosaico_ingest.testing.recordings import write_demo

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("contrib/*.md")])


def code(page, language):
    """Return the code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_tutorial_s_plugin_is_the_one_that_is_written_out():
    """The files in `docs/plugins.md` are those of the template, which `plugins new` and its tests use."""
    page, template = ROOT / "docs" / "plugins.md", ROOT / "contrib" / "template"
    files = ("mosaico_ingest_waypoints.py", "test_waypoints.py")

    assert code(page, "toml") == [(template / "pyproject.toml").read_text()]
    assert code(page, "python") == [(template / file).read_text() for file in files]


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
