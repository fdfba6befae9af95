"""Tests of choosing destinations and engines: by name, by flag, by argument."""

import pytest

from mosaico_ingest.engines import LocalEngine, find_engine
from mosaico_ingest.errors import UsageError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.plugin import hookimpl
from mosaico_ingest.run import ingest
from mosaico_ingest.sinks import NullSink, open_sink
from mosaico_ingest.testing.lines import LinesPlugin, write_lines
from mosaico_ingest.testing.sink import MemorySink


class MemoryPlugin:
    """Brings a sink in memory and an engine that goes backwards."""

    MOSAICO_API = (1, 0)

    class Factory:
        name = "memory"

        def open(self, target):
            sink = MemorySink()
            sink.target = target
            return sink

    class Backwards:
        name = "backwards"

        def run(self, jobs, work):
            done = {i: work(i, jobs[i]) for i in reversed(range(len(jobs)))}
            return [done[i] for i in range(len(jobs))]

    @hookimpl
    def mosaico_sinks(self):
        return [self.Factory()]

    @hookimpl
    def mosaico_engines(self):
        return [self.Backwards()]


@pytest.fixture
def host():
    """A host with a format, a sink and an engine."""
    return Host.empty().with_(LinesPlugin(), MemoryPlugin())


def test_a_sink_is_opened_by_name_with_its_target(host):
    """What follows the colon is the plugin's to understand."""
    sink = open_sink("memory:a:b", host.registry.sinks)

    assert ("memory", "a:b") == (sink.name, sink.target)


def test_the_null_sink_needs_no_plugin():
    """`null` takes everything and keeps nothing."""
    assert isinstance(open_sink("null", {}), NullSink)


def test_the_local_engine_needs_no_plugin():
    """`local` is the way that the core brings."""
    assert isinstance(find_engine("local", {}), LocalEngine)


def test_unknown_names_list_what_there_is(host):
    """A sink or engine that nobody brings is a usage error with the names that exist."""
    with pytest.raises(UsageError, match="memory, null"):
        open_sink("nowhere", host.registry.sinks)
    with pytest.raises(UsageError, match="backwards, local"):
        find_engine("ray", host.registry.engines)


def test_an_engine_of_a_plugin_runs_the_recordings(tmp_path, host):
    """Reports come in the order of the jobs, whatever the order of running."""
    for name in "ab":
        write_lines(tmp_path / f"{name}.lines", f"/x 1 {name}")
    sink = open_sink("memory", host.registry.sinks)
    engine = find_engine("backwards", host.registry.engines)
    report = ingest(tmp_path, sink=sink, engine=engine, host=host)

    assert ["a", "b"] == [recording.sequence for recording in report.recordings]
    assert ["b", "a"] == list(sink.recordings)


def test_ingest_wants_one_destination(tmp_path, host):
    """No destination, or two, are refused before anything is read."""
    with pytest.raises(UsageError, match="one destination"):
        ingest(tmp_path, host=host)
    with pytest.raises(UsageError, match="one destination"):
        ingest(tmp_path, host=host, sink=NullSink(), store=tmp_path)
