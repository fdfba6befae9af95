"""Tests of mosaico_ingest.hooks.discovery."""

import pytest

from mosaico_ingest.errors import PluginError, UsageError
from mosaico_ingest.hooks.discovery import PluginState, Selection
from mosaico_ingest.hooks.host import Host

GOOD = """
from mosaico_ingest.plugin import hookimpl
MOSAICO_API = (1, 0)
@hookimpl
def mosaico_checks(settings):
    return []
"""


def statuses(*names, selection=None):
    """Return the statuses of the plugins *names* by name."""
    host = Host.discover(selection)
    return {status.name: status for status in host.statuses if status.name in names}


@pytest.mark.parametrize(
    ("source", "state", "reason"),
    [
        ("raise ValueError('boom')", PluginState.Broken, "boom"),
        ("raise SystemExit(3)", PluginState.Broken, "SystemExit"),
        ("import no_such_module_anywhere", PluginState.MissingExtra, "no_such_module_anywhere"),
        ("def (", PluginState.Broken, "SyntaxError"),
        ("x = 1", PluginState.Incompatible, "MOSAICO_API = None"),
        ("MOSAICO_API = (2, 0)", PluginState.Incompatible, "needs plugin API 2.0"),
        ("MOSAICO_API = (1, 99)", PluginState.Incompatible, "needs plugin API 1.99"),
        (GOOD.replace("(settings)", "(nonsense)"), PluginState.Broken, "nonsense"),
        (GOOD.replace("mosaico_checks", "mosaico_chekcs"), PluginState.Broken, "chekcs"),
        (
            GOOD.replace("mosaico_checks(settings)", "mosaico_sources()").replace("[]", "1 // 0"),
            PluginState.Broken,
            "ZeroDivisionError",
        ),
    ],
)
def test_a_plugin_that_fails_is_one_status_and_no_more(install, source, state, reason):
    """Whatever a plugin does at import, check or registration, the others are loaded."""
    install("strange", bad=source, good=GOOD)
    found = statuses("bad", "good")

    assert state == found["bad"].status
    assert reason in found["bad"].reason
    assert PluginState.Loaded == found["good"].status


def test_a_plugin_that_lacks_an_extra_stays_and_says_so(install):
    """A plugin that works in part without a module is loaded, and its status names module and extra."""
    needs = 'MOSAICO_NEEDS = {"no_such_module_anywhere": "more", "json": "less"}'
    install("strange", part=f"{needs}\n{GOOD}", good=GOOD)
    host = Host.discover()
    found = {status.name: status for status in host.with_().statuses}

    assert PluginState.MissingExtra == found["part"].status
    assert "pip install 'strange[more]'" in found["part"].reason
    assert "part" in [plugin.name for plugin in host._plugins]
    assert len(found) == len(host.with_().statuses)


def test_what_is_not_wanted_is_not_imported(install, tmp_path):
    """Selection happens by name, before any plugin is imported."""
    witness = tmp_path / "imported"
    install("strange", spy=f"import pathlib; pathlib.Path({str(witness)!r}).touch()\n{GOOD}")
    found = statuses("spy", selection=Selection(without=frozenset({"spy"})))

    assert PluginState.Disabled == found["spy"].status
    assert not witness.exists()


def test_only_the_named_plugins_are_loaded(install):
    """`-p NAME` loads these and no others."""
    install("strange", one=GOOD, two=GOOD)
    host = Host.discover(Selection.parse(["one"]))
    loaded = [status.name for status in host.statuses if status.status is PluginState.Loaded]

    assert ["one"] == loaded


def test_asking_for_a_plugin_that_is_not_installed_is_an_error():
    """The error names the nearest installed plugin."""
    with pytest.raises(UsageError, match=r"No plugin is called 'mcpa'.*"):
        Host.discover(Selection.parse(["mcpa"]))


def test_asking_for_a_plugin_that_is_broken_is_an_error(install):
    """A plugin that was named must work."""
    install("strange", bad="raise ValueError('boom')")

    with pytest.raises(
        PluginError, match=r"'bad' \(strange 1\.0\) was asked for but is broken.*boom"
    ):
        Host.discover(Selection.parse(["bad"]))


def test_the_order_is_that_of_distribution_and_name(install):
    """Plugins are sorted; neither sys.path nor installation order decides."""
    install("zoo", b=GOOD, a=GOOD)
    install("ark", z=GOOD)
    host = Host.discover()
    ours = [s.name for s in host.statuses if s.distribution in ("zoo", "ark")]

    assert ["z", "a", "b"] == ours


@pytest.mark.parametrize(
    ("flags", "env", "config", "expected"),
    [
        ([], "", None, Selection()),
        (["a", "no:b"], "c", {"only": ["d"]}, Selection(frozenset("a"), frozenset("b"))),
        ([], "c, no:d", {"only": ["e"]}, Selection(frozenset("c"), frozenset("d"))),
        ([], "", {"only": ["e"], "disable": ["f"]}, Selection(frozenset("e"), frozenset("f"))),
    ],
)
def test_flags_win_over_environment_over_file(flags, env, config, expected):
    """The first of the three that says anything decides."""
    assert expected == Selection.parse(flags, env, config)


@pytest.mark.parametrize(
    ("flags", "config", "value"),
    [(["a b"], None, "a b"), (["no:"], None, "no:"), ([], {"only": "mcap"}, "mcap")],
)
def test_a_choice_that_cannot_be_read_names_the_value(flags, config, value):
    """Wrong words are usage errors that quote what was written."""
    with pytest.raises(UsageError, match=value):
        Selection.parse(flags, "", config)
