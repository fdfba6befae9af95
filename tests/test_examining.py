"""Tests of mosaico_ingest.examining and of `run.examine`."""

import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest import run
from mosaico_ingest.examining import Pulse
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.reports.health import examined_blocks, examined_to_json
from mosaico_ingest.reports.text import Table
from mosaico_ingest.testing.lines import LinesPlugin, write_lines

MS = 1_000_000


def health(times, *, cuts=()):
    """Return the health of stamps that came in batches."""
    pulse = Pulse()
    for part in np.split(np.array(times, np.int64), cuts):
        pulse.add(pa.array(part))
    return pulse.health("/a", 0, 0)


@pytest.mark.parametrize("cuts", [[], [1], [3, 3, 50]])
def test_intervals_do_not_depend_on_batches(cuts):
    """A regular topic has its period as median interval, no jitter and no gap, however it is cut."""
    told = health(np.arange(100) * 10 * MS, cuts=cuts)

    assert (100, 10 * MS, 0, 0, 0) == (
        told.rows,
        told.interval_ns,
        told.jitter_ns,
        told.gaps,
        told.out_of_order,
    )


def test_gaps_are_intervals_of_more_than_three_medians():
    """Each is counted, the longest is told with its length and its begin."""
    steps = np.full(99, 10 * MS)
    steps[[20, 60]] = 45 * MS, 500 * MS
    times = np.concatenate([[0], np.cumsum(steps)])

    told = health(times, cuts=[61])

    assert 2 == told.gaps
    assert (500 * MS, times[60]) == (told.longest_gap_ns, told.longest_gap_at_ns)


def test_rows_older_than_one_before_them_are_out_of_order():
    """Every row below the newest so far counts, across batches too."""
    told = health([1, 5, 3, 4, 6, 2, 7], cuts=[5])

    assert 3 == told.out_of_order


def test_jitter_is_how_late_the_latest_percent_is():
    """Of a hundred intervals with two late ones, jitter is what those are late by."""
    steps = np.full(100, 10 * MS)
    steps[[10, 50]] = 14 * MS

    told = health(np.concatenate([[0], np.cumsum(steps)]))

    assert (10 * MS, 4 * MS) == (told.interval_ns, told.jitter_ns)


def test_a_topic_of_one_row_has_no_interval():
    """Where there is nothing to compare, nothing is told."""
    told = health([7])

    assert (1, None, None, 0) == (told.rows, told.interval_ns, told.jitter_ns, told.gaps)


def test_a_recording_is_read_whole_and_nothing_is_stored(tmp_path):
    """What a run would store, reject and lose is counted, with the largest message of each topic."""
    lines = ["/a 10 x", "/a 20 wide", "garbage", "/numbers 10 1", "/numbers 20 oops"]
    path = write_lines(tmp_path / "run.lines", *lines)

    examined = run.examine(path, host=Host.empty().with_(LinesPlugin()))
    (report,) = examined.report.recordings
    by_name = {topic.name: topic for topic in examined.health[str(path)]}

    assert RecordingStatus.StoredWithLosses == report.status
    assert {"/a": (2, 0), "/numbers": (1, 1)} == {
        topic.name: (topic.stored, topic.rejected) for topic in report.topics
    }
    assert (2, 10, 4) == (
        by_name["/a"].rows,
        by_name["/a"].interval_ns,
        by_name["/a"].largest_bytes,
    )


def test_people_and_programs_are_told_the_same(tmp_path):
    """The tables have a row per topic, the JSON its numbers beside the run's own report."""
    path = write_lines(tmp_path / "run.lines", *[f"/a {n * 10 * MS} x" for n in range(5)])
    examined = run.examine(path, host=Host.empty().with_(LinesPlugin()))

    blocks = list(examined_blocks(examined.report, examined.health))
    told = examined_to_json(examined.report, examined.health)

    assert "run.lines -> run: would be stored" in blocks[0]
    assert isinstance(blocks[-1], Table)
    assert ("/a", "100.0", "0.0 ms", "0", "10.0 ms", "0", "0", "1 B") == blocks[-1].rows[0]
    assert (str(path), 10 * MS) == (
        told["health"][0]["path"],
        told["health"][0]["topics"][0]["interval_ns"],
    )
    assert 5 == told["stored"]
