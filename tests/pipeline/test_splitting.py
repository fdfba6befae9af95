"""Tests of mosaico_ingest.pipeline.splitting, alone and in the flow."""

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.pipeline.splitting import Splitter
from mosaico_ingest.plugin import Settings, hookimpl
from mosaico_ingest.testing.lines import LinesPlugin, write_lines
from mosaico_ingest.testing.sink import MemorySink


@pytest.fixture
def plan(tmp_path):
    """A topic `/a` that is split by two columns."""
    host = Host.empty().with_(LinesPlugin())
    path = write_lines(tmp_path / "x.lines", "/a 1 x")
    found = find([path], host.registry.sources).recordings
    with Opener(host.registry, Settings()) as opener:
        (planned,) = plan_recordings(found, host, Settings(), opener)
    return attrs.evolve(planned.plan.topics[0], split_by=("p", "c"))


def rows_of(*pairs):
    """Make rows with a number, a parent and a child."""
    return pa.record_batch(
        {
            "n": pa.array(range(len(pairs))),
            "p": pa.array([p for p, _ in pairs], pa.string()),
            "c": pa.array([c for _, c in pairs], pa.string()),
        }
    )


def split(splitter, *pairs):
    """Return the row numbers of each part by name."""
    return {name: part["n"].to_pylist() for name, part in splitter.parts(rows_of(*pairs))}


def test_rows_are_parted_by_their_values_in_order(plan):
    """Each combination is a topic, named in the order of first rows; rows keep their order."""
    parts = split(Splitter(plan, ()), ("odom", "base"), ("base", "imu"), ("odom", "base"))

    assert {"/a/odom/base": [0, 2], "/a/base/imu": [1]} == parts
    assert ["/a/odom/base", "/a/base/imu"] == list(parts)


def test_a_combination_keeps_its_topic(plan):
    """What came in an earlier batch goes to the same topic again."""
    splitter = Splitter(plan, ())
    split(splitter, ("odom", "base"))

    assert {"/a/odom/base": [1], "/a/odom/x": [0]} == split(
        splitter, ("odom", "x"), ("odom", "base")
    )
    assert ("/a/odom/base", "/a/odom/x") == tuple(splitter.names)


def test_names_are_allowed_and_never_shared(plan):
    """Slashes, blanks, nulls and empty texts give allowed names; equal names are numbered."""
    pairs = [("/map", "a b"), ("map", "a_b"), (None, ""), ("x", "y")]

    parts = split(Splitter(plan, ["/a/x/y"]), *pairs)

    assert {"/a/map/a_b": [0], "/a/map/a_b_2": [1], "/a/none/none": [2], "/a/x/y_2": [3]} == parts


class Doubling:
    """Refines plans: every topic is stored twice, the second time split by its text."""

    MOSAICO_API = (1, 0)

    @hookimpl
    def mosaico_refine_plan(self, plan):
        """Add a split topic for each."""
        more = [attrs.evolve(t, name=f"{t.name}/by", split_by=("text",)) for t in plan.topics]
        return attrs.evolve(plan, topics=(*plan.topics, *more))


def test_one_channel_may_give_several_topics(tmp_path, bench):
    """A plan may name a channel twice; each topic gets all its messages, and each adds up."""
    bench.host = bench.host.with_(Doubling())
    path = write_lines(tmp_path / "run.lines", "/a 1 x", "/a 2 y", "/a 3 x", "/a 4 x")
    sink = MemorySink()
    (report,) = bench.run(path, sink=sink)
    stored = sink.recordings["run"].topics

    assert RecordingStatus.Stored == report.status
    assert {"/a": (4, 4), "/a/by": (4, 4)} == {
        t.name: (t.declared, t.stored) for t in report.topics
    }
    assert {"/a", "/a/by/x", "/a/by/y"} == set(stored)
    assert [1, 3, 4] == stored["/a/by/x"].table()["timestamp_ns"].to_pylist()
    assert ("/a/by is split into 2 topics: /a/by/x, /a/by/y.",) == report.findings
    assert 0 == bench.budget.taken
