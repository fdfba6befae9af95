"""Tests of mosaico_ingest.pipeline.timekeeping."""

import pyarrow as pa
import pytest

from mosaico_ingest.pipeline.timekeeping import Timekeeper
from mosaico_ingest.testing.lines import write_lines
from mosaico_ingest.testing.sink import MemorySink

S = 1_000_000_000
START = 1_700_000_000 * S
"""2023-11-14T22:13:20Z."""
LOG = [START + n * S // 10 for n in range(6)]


def findings(stamps, log=LOG, split=None):
    """Let a timekeeper see times in one batch, or in two."""
    keeper = Timekeeper()
    for part in [slice(None)] if split is None else [slice(0, split), slice(split, None)]:
        keeper.add(pa.array(stamps[part], pa.int64()), pa.array(log[part], pa.int64()))
    return list(keeper.findings("/a"))


@pytest.mark.parametrize(
    "stamps",
    [
        LOG,
        [at - 20_000_000 for at in LOG],
        [LOG[1], LOG[0], *LOG[2:]],
        [at - 3_600 * S for at in LOG],
    ],
)
def test_ordinary_times_are_no_finding(stamps):
    """Latency, small disorder and a constant offset are ordinary."""
    assert [] == findings(stamps)


def test_stamps_that_were_never_set_are_counted():
    """A stamp of 0 is told with its share and the flag that helps."""
    (told,) = findings([0, *LOG[1:5], 0])

    assert "/a: 2 of 6 stamps are 0, never set; --time '/a=log' takes the recorder's clock." == told


def test_zero_is_a_time_where_the_recorder_says_so():
    """A recording whose clock begins at 0 has a stamp of 0."""
    log = [at - START for at in LOG]

    assert [] == findings(log, log)
    assert [] == findings(log, [at - S for at in log])


@pytest.mark.parametrize(
    ("scale", "unit"), [(10**6, "milliseconds"), (10**3, "microseconds"), (10**9, "seconds")]
)
def test_another_unit_is_recognised(scale, unit):
    """Stamps that are near the recorder's clock in another unit say which."""
    (told,) = findings([at // scale for at in LOG])

    assert f"stamps look like {unit} written as nanoseconds" in told


def test_stamps_since_boot_are_recognised():
    """Stamps of a few hours against a recorder that knows the date count from a start of their own."""
    (told,) = findings([7_200 * S + (at - START) for at in LOG])

    assert "count from a start of their own, not from 1970 (the first is 7200000000000 ns" in told
    assert "2023-11-14 22:13:20" in told


@pytest.mark.parametrize("split", [None, 3])
def test_a_jump_against_the_recorder_is_told_once(split):
    """A step of the stamps' clock is found inside a batch and between two."""
    (told,) = findings([*LOG[:3], *(at + 7 * S for at in LOG[3:])], split=split)

    assert (
        "/a: the stamps' clock jumps once, by up to 7.0 s (first at 2023-11-14 22:13:20.3" in told
    )


def test_a_recorder_that_steps_back_is_told():
    """A recorder's clock that was set back is named even if the stamps went with it."""
    log = [*LOG[:3], *(at - 60 * S for at in LOG[3:])]

    (told,) = findings(log, log)

    assert told.startswith("/a: the recorder's clock steps back once, by up to")


def test_findings_are_in_the_report(tmp_path, bench):
    """What is odd about a topic's times ends in the report of its recording."""
    path = write_lines(tmp_path / "run.lines", f"/a {START} x", f"/a {START - 5 * S} y")
    (report,) = bench.run(path, sink=MemorySink())

    assert 1 == len(report.findings)
    assert "/a: the recorder's clock steps back once, by up to 5.0 s" in report.findings[0]
