"""Tests of mosaico_ingest.reports.overview."""

from pathlib import Path

import attrs
import pytest

from mosaico_ingest.model.recording import RecordingInfo
from mosaico_ingest.model.report import RecordingReport, RecordingStatus, RunReport, TopicReport
from mosaico_ingest.model.source import Aside
from mosaico_ingest.reports.overview import (
    MOST_ROWS,
    aside_blocks,
    below,
    common_folder,
    failure_lines,
    infos_table,
    kinds_line,
    loss_lines,
    note_blocks,
)
from mosaico_ingest.reports.summary import run_blocks
from mosaico_ingest.reports.text import Table


def test_failures_of_one_reason_are_one_line():
    """However many files fail alike, their reason is said once, with some of their names."""
    failures = [(f"/x/{n}.bag", f"'/x/{n}.bag' is empty ({n} bytes).") for n in range(200)]
    failures.append(("/x/other.bag", "'/x/other.bag' does not exist."))

    assert [
        "200 times: … is empty (0 bytes). (in /x: 0.bag, 1.bag, 2.bag and 197 more)",
        "'/x/other.bag' does not exist.",
    ] == failure_lines(failures)


def test_losses_name_the_recording_before_the_reason():
    """A reason that does not name its recording gets it put before."""
    losses = [("/x/a", "The chunk 3 is bad."), ("/x/b", "The chunk 4 is bad."), ("/x/c", "Cut.")]

    assert ["2 times: The chunk 3 is bad. (in /x: a, b)", "/x/c: Cut."] == loss_lines(losses)


def test_notes_are_told_once_and_not_without_end():
    """What many recordings have comes first; a recording is named once however often it says the same."""
    notes = [("/x/a", "/imu/0 jumps."), ("/x/a", "/imu/1 jumps."), ("/x/b", "/imu/0 jumps.")]
    notes += [("/x/c", f"{'?' * n}.") for n in range(20)]
    blocks = list(note_blocks(notes))

    assert ["", "Notes:", "  2 times: /imu/0 jumps. (in /x: a, b)"] == blocks[:3]
    assert "  … and 9 more (name a recording to see its own)" == blocks[-1]
    assert [] == list(note_blocks([]))


def test_what_was_passed_over_is_counted_by_reason_and_ending():
    """Few files are named, many are counted by the ending of their names."""
    aside = [Aside(Path(f"/x/{n}.csv"), "recognised by no plugin") for n in range(8)]
    aside += [Aside(Path("/x/Makefile"), "recognised by no plugin")]
    aside += [Aside(Path("/x/old"), "a link to nothing")]

    assert [
        "10 files were passed over (--json lists all):",
        "  9 recognised by no plugin: 8 .csv, 1 others",
        "  1 a link to nothing: /x/old",
    ] == list(aside_blocks(aside))
    assert [] == list(aside_blocks([]))


def test_kinds_are_counted_most_frequent_first():
    """What cannot be read has no kind; it is counted last."""
    assert "4 recordings: 2 MCAP, 1 CSV, 1 cannot be read." == kinds_line(
        ["CSV", "MCAP", "MCAP"], 1
    )


@pytest.mark.parametrize(
    ("paths", "folder"),
    [(["/x/a/b", "/x/c"], "/x"), (["/x/a"], "/x"), (["/a", "/b"], ""), ([], "")],
)
def test_the_common_folder_is_said_once(paths, folder):
    """Paths are shown from the folder on that all of them lie in."""
    assert folder == common_folder(paths)


def test_long_paths_keep_their_end():
    """The name of a file is worth more than the folders that lead to it."""
    name = "a_name_that_is_longer_than_any_column_can_be.mcap"

    assert "…/very_long_folder/very_long_folder/b.mcap" == below(
        "/x/" + "very_long_folder/" * 4 + "b.mcap", "/x"
    )
    assert f"…/{name}" == below(f"/x/y/{name}", "/x")


def test_a_table_has_no_more_rows_than_a_person_reads():
    """Hundreds of recordings are cut short; JSON lists all."""
    info = RecordingInfo(path=Path("/x/a"), format="F", files=(), size_bytes=1, channels=())
    table = infos_table([attrs.evolve(info, path=Path(f"/x/{n}")) for n in range(500)])

    assert MOST_ROWS == len(table.rows)


def recording(number, status, error="", lost=0):
    """Make the report of one recording of ten messages."""
    reasons = {"the disk is full": lost} if lost else {}
    topic = TopicReport(
        name="/a",
        channel="/a",
        type="T",
        ontology="t",
        declared=10,
        stored=10 - lost,
        lost=lost,
        reasons=reasons,
    )
    return RecordingReport(
        path=f"/runs/{number}.bag",
        sequence=f"s{number}",
        status=status,
        source="" if error else "ros1bag",
        topics=() if error else (topic,),
        error=error,
    )


def test_a_run_of_many_recordings_says_first_what_to_do():
    """One row per recording, the lossy ones first, and each reason once."""
    recordings = [recording(n, RecordingStatus.Stored) for n in range(100)]
    recordings += [recording(n, RecordingStatus.StoredWithLosses, lost=3) for n in range(100, 103)]
    recordings += [
        recording(n, RecordingStatus.Failed, f"'/runs/{n}.bag' is empty.") for n in range(200, 250)
    ]
    blocks = list(run_blocks(RunReport(recordings=tuple(recordings), seconds=1.0)))
    (table,) = [block for block in blocks if isinstance(block, Table)]

    assert (
        "100 of 153 recordings are stored whole; look at the reasons for 50 not stored and "
        "3 stored with losses, below."
    ) == blocks[0]
    assert "By format: 103 ros1bag, 50 not read." == blocks[1]
    assert ("100.bag", "ros1bag", "s100", "7", "0", "3", "0.00") == table.rows[0]
    assert 40 == len(table.rows)
    assert "  3 times: the disk is full (in /runs: 100.bag, 101.bag, 102.bag)" in blocks
    assert "  50 times: … is empty. (in /runs: 200.bag, 201.bag, 202.bag and 47 more)" in blocks
    assert len(blocks) < 20
