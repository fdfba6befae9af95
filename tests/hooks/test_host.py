"""Tests of mosaico_ingest.hooks.host, registry and options."""

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.errors import PluginError, UsageError
from mosaico_ingest.hooks.discovery import PluginState
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.hooks.specs import CheckResult, RunContext
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.plugin import Ontology, hookimpl
from mosaico_ingest.testing.lines import LinesPlugin


def ontology_plugin(name, tag, kind):
    """Make a plugin that brings one ontology type."""

    class Plugin:
        MOSAICO_API = (1, 0)
        __name__ = name

        @hookimpl
        def mosaico_ontologies(self):
            return [Ontology(tag=tag, fields=pa.schema([("value", kind)]))]

    return Plugin()


def test_with_gives_a_new_host_and_leaves_the_old_one():
    """A host is a value: adding a plugin makes another."""
    empty = Host.empty()
    host = empty.with_(LinesPlugin())

    assert {} == dict(empty.registry.sources)
    assert ["lines"] == list(host.registry.sources)
    assert "source lines" in host.statuses[0].contributions


def test_without_takes_a_plugin_and_its_contributions_out():
    """What a plugin handed in goes with it, and the status says so."""
    host = Host.empty().with_(LinesPlugin()).without("LinesPlugin")

    assert {} == dict(host.registry.sources)
    assert PluginState.Disabled == host.statuses[0].status


def test_one_tag_with_two_schemas_is_a_clash():
    """A tag is a contract on columns: the second plugin is refused whole."""
    host = Host.empty().with_(ontology_plugin("one", "thing", pa.int8()))

    with pytest.raises(PluginError, match=r"clash: ontology 'thing' is already given by one"):
        host.with_(ontology_plugin("two", "thing", pa.int16()))


def test_one_tag_with_one_schema_may_come_twice():
    """Two plugins may agree on a type."""
    host = Host.empty().with_(
        ontology_plugin("one", "thing", pa.int8()), ontology_plugin("two", "thing", pa.int8())
    )

    assert [PluginState.Loaded] * 2 == [status.status for status in host.statuses]


def test_replaces_settles_who_reads_a_format():
    """A contribution that declares `replaces` takes the place of the one it names."""

    class Better:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_sources(self):
            (original,) = LinesPlugin().mosaico_sources()
            better = type(original)()
            better.name, better.replaces = "better", ("lines",)
            return [better]

    host = Host.empty().with_(LinesPlugin(), Better())

    assert ["better"] == list(host.registry.sources)


def test_a_plugin_may_ask_for_fewer_arguments_than_the_spec_has():
    """An implementation takes what it needs; that keeps old plugins working."""

    class Modest:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_checks(self):
            return [CheckResult(name="modest", ok=True, detail="fine")]

    checks = Host.empty().with_(Modest()).checks(Settings())

    assert ["modest"] == [check.name for check in checks]


def test_a_probe_that_raises_is_a_failed_probe():
    """`doctor` goes on with the other plugins."""

    class Broken:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_checks(self, settings):
            raise OSError

    (check,) = Host.empty().with_(Broken()).checks(Settings())

    assert not check.ok
    assert "mosaico_checks" in check.detail


def test_observers_of_a_failing_plugin_are_an_error_beside_the_others():
    """A plugin that cannot make its observers costs no other plugin its own."""

    class Good:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_observers(self, run):
            return [self]

    class Broken:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_observers(self, run):
            return 1 // 0

    run = RunContext(settings=Settings())
    observers, errors = Host.empty().with_(Broken(), Good()).observers(run)

    assert 1 == len(observers)
    assert ["Broken"] == [error.plugin for error in errors]


@attrs.frozen
class Options:
    """Options of a made-up format."""

    depth: int = 3
    word: str = "x"


def test_options_are_made_of_names_and_values():
    """Texts from flags become what the attrs class says."""
    assert Options(depth=5) == make_options(Options, {"depth": "5"}, "thing")
    assert Options() == make_options(Options, None, "thing")
    assert None is make_options(None, None, "thing")


@pytest.mark.parametrize(
    ("values", "message"),
    [({"deph": 1}, "Did you mean 'depth'"), ({"depth": "many"}, "depth"), ([1], r"\[1\]")],
)
def test_wrong_options_name_what_is_wrong(values, message):
    """An unknown option names the nearest one, a wrong value its place."""
    with pytest.raises(UsageError, match=message):
        make_options(Options, values, "thing")
