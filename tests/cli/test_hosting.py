import importlib.metadata
import sys
from pathlib import Path

import pytest

from mosaico_ingest.cli.hosting import chosen_host, with_layout
from mosaico_ingest.cli.plugins import plugins_command
from mosaico_ingest.errors import UsageError


def loaded(*args):
    """Return the names of the plugins that a command line loads."""
    host = chosen_host(plugins_command.make_context("plugins", list(args)))
    return {status.name for status in host.statuses if status.status == "loaded"}


@pytest.fixture
def installed():
    """The names of all plugins."""
    return {point.name for point in importlib.metadata.entry_points(group="mosaico_ingest")}


@pytest.mark.parametrize("args", [("-p", "mcap"), ("-pmcap",), ("--plugin=mcap", "--json")])
def test_flag_chooses_in_every_spelling(args):
    """The choice of plugins is understood however the flag is written."""
    assert {"mcap"} == loaded(*args)


def test_flag_wins_over_environment_over_file(installed, monkeypatch):
    """Plugins are chosen by flag, else by environment, else by file."""
    Path("mosaico-ingest.toml").write_text('[plugins]\ndisable = ["rosbag"]\n')
    by_file = loaded()
    monkeypatch.setenv("MOSAICO_INGEST_PLUGINS", "no:mcap")
    by_environment = loaded()

    assert installed - {"rosbag"} == by_file
    assert installed - {"mcap"} == by_environment
    assert installed - {"ros"} == loaded("-p", "no:ros")


def test_plugin_that_is_not_wanted_is_not_imported(tmp_path, monkeypatch):
    """A plugin that is left out is not imported, whatever its import would do."""
    folder = tmp_path / "site"
    info = folder / "evil-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mosaico_ingest]\nevil = evil_plugin\n")
    (folder / "evil_plugin.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()

    assert "evil" not in loaded("-p", "no:evil")
    assert "evil_plugin" not in sys.modules


def test_config_flag_names_the_file(installed):
    """The file given by --config is read before plugins are chosen."""
    Path("other.toml").write_text('[plugins]\nonly = ["mcap"]\n')

    assert {"mcap"} == loaded("--config", "other.toml")


def test_unknown_plugin_is_refused():
    """A plugin that is asked for and not installed is an error with the installed ones."""
    with pytest.raises(UsageError, match="Did you mean 'mcap'"):
        loaded("-p", "mcapp")


def test_layout_of_examples_is_kept():
    """Paragraphs with indented lines are marked for click, the others are left to be filled."""
    text = "One.\n\n    Two\n    lines.\n\n    Examples:\n      a\n      b\n    "

    assert "One.\n\nTwo\nlines.\n\n\b\nExamples:\n  a\n  b" == with_layout(text)
