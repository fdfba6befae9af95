"""One test per hook: what is handed in where the docs say so arrives where they say."""

import attrs
import click
import pyarrow as pa
import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.plan import RecordingPlan
from mosaico_ingest.model.recording import RecordingInfo
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.plugin import CheckResult, Ontology, RunContext, hookimpl


class Thing:
    """A contribution with a name."""

    options, replaces, suffixes = None, (), ()

    def __init__(self, name):
        self.name = name


def plugin(hook, function, name="Plugin"):
    """Make a plugin that implements one hook."""
    return type(name, (), {"MOSAICO_API": (1, 0), hook: staticmethod(hookimpl(function))})()


@pytest.fixture
def plan(tmp_path):
    """A plan of nothing."""
    info = RecordingInfo(path=tmp_path, format="x", files=(), size_bytes=0, channels=())
    return RecordingPlan(info=info, source="x", sequence="before", topics=())


def registered(hook, kind):
    """Return what a plugin that hands in one thing leaves in the registry."""
    thing = Thing("thing")
    host = Host.empty().with_(plugin(hook, lambda: [thing]))
    return thing, getattr(host.registry, kind)["thing"].value


def test_hook_mosaico_sources():
    """Source formats are known by their names."""
    given, found = registered("mosaico_sources", "sources")

    assert given is found


def test_hook_mosaico_decoders():
    """Decoders are known by their names."""
    given, found = registered("mosaico_decoders", "decoders")

    assert given is found


def test_hook_mosaico_ontologies():
    """Ontology types are known by their tags."""
    thing = Ontology(tag="thing", fields=pa.schema([("x", pa.int8())]))
    host = Host.empty().with_(plugin("mosaico_ontologies", lambda: [thing]))

    assert thing is host.ontology("thing")
    assert None is host.ontology("other")


def test_hook_mosaico_mappers():
    """Mappers are known by their names."""
    given, found = registered("mosaico_mappers", "mappers")

    assert given is found


def test_hook_mosaico_sinks():
    """Sink factories are known by their names."""
    given, found = registered("mosaico_sinks", "sinks")

    assert given is found


def test_hook_mosaico_engines():
    """Engines are known by their names."""
    given, found = registered("mosaico_engines", "engines")

    assert given is found


def test_hook_mosaico_observers():
    """Observers are made for each run, with what they may know of it."""
    contexts = []
    host = Host.empty().with_(plugin("mosaico_observers", lambda run: contexts.append(run) or []))
    run = RunContext(settings=Settings(), log="plain")
    host.observers(run)
    host.observers(run)

    assert [run, run] == contexts


def test_hook_mosaico_refine_plan(plan):
    """Each plugin sees what the one before it returned; None leaves the plan."""

    def append(plan):
        return attrs.evolve(plan, sequence=plan.sequence + "_x")

    host = Host.empty().with_(
        plugin("mosaico_refine_plan", append, "First"),
        plugin("mosaico_refine_plan", lambda plan: None, "Second"),
        plugin("mosaico_refine_plan", append, "Third"),
    )

    assert "before_x_x" == host.refine(plan).sequence


def test_hook_mosaico_commands():
    """Subcommands are collected for the CLI."""
    command = click.Command("extra")
    host = Host.empty().with_(plugin("mosaico_commands", lambda: [command]))

    assert [command] == host.commands()


def test_hook_mosaico_checks():
    """Probes are run with the settings in force."""
    seen = []

    def check(settings):
        seen.append(settings)
        return [CheckResult(name="disk", ok=False, detail="full", remedy="delete something")]

    results = Host.empty().with_(plugin("mosaico_checks", check)).checks(Settings(strict=True))

    assert [Settings(strict=True)] == seen
    assert [("disk", False)] == [(result.name, result.ok) for result in results]
