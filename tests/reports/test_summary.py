import io
import json

import attrs

from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import RecordingReport, RecordingStatus, RunReport
from mosaico_ingest.reports.summary import damage_line, report_to_json, run_blocks
from mosaico_ingest.reports.text import print_blocks


def plain(blocks):
    """Return what a pipe gets."""
    stream = io.StringIO()
    print_blocks(blocks, stream)
    return stream.getvalue()


def test_run_is_told_whole(run_report):
    """The text names every count, reason, damage, finding and error, and ends with one line on the rate."""
    assert (
        "drive.mcap -> drive: stored with losses\n"
        "topic      type                 ontology  declared  stored  rejected  lost  skipped    MB  seconds\n"
        "---------  -------------------  --------  --------  ------  --------  ----  -------  ----  -------\n"
        "/imu/data  sensor_msgs/msg/Imu  imu          1,000     997         1     2        0  2.50     0.75\n"
        "total                                        1,000     997         1     2        0  2.50     1.50\n"
        "  /imu/data: 2 not stored: the chunk's CRC is wrong\n"
        "  /imu/data: 1 not stored: payload ends early\n"
        "  damage: drive_0.mcap, bytes 1,024 to 2,048: The chunk's CRC is wrong (2 messages lost)\n"
        "  note: metadata.yaml says 9 messages, the data hold 8\n"
        "\n"
        "other.bag: failed\n"
        "  error: No plugin recognises it.\n"
        "\n"
        "2 recordings (1 stored with losses, 1 failed): 997 messages, 2.50 MB in 2.0 s "
        "(498 messages/s, 1.25 MB/s).\n"
    ) == plain(run_blocks(run_report))


def test_second_run_says_so():
    """A recording that was stored before gets one line, and no rate is claimed."""
    report = RunReport(
        recordings=(
            RecordingReport(path="a.mcap", sequence="a", status=RecordingStatus.AlreadyStored),
        ),
        seconds=0.1,
    )

    assert (
        "a.mcap -> a: already stored, nothing changed\n"
        "\n"
        "1 recording (1 already stored): 0 messages, 0 B in 100.0 ms.\n"
    ) == plain(run_blocks(report))


def test_json_has_exactly_the_promised_keys(run_report):
    """The JSON object has the keys of the documentation, no more and no fewer, and is JSON."""
    told = json.loads(json.dumps(report_to_json(run_report)))

    assert {
        "recordings": [
            {
                "path": "drive.mcap",
                "sequence": "drive",
                "status": "stored_with_losses",
                "fingerprint": "ab12",
                "start_ns": 10,
                "end_ns": 20,
                "seconds": 1.5,
                "damage": [
                    {
                        "reason": "drive_0.mcap: The chunk's CRC is wrong.",
                        "byte_range": [1024, 2048],
                        "time_range_ns": [11, 12],
                    }
                ],
                "findings": ["metadata.yaml says 9 messages, the data hold 8"],
                "topics": [
                    {
                        "name": "/imu/data",
                        "channel": "/imu/data",
                        "type": "sensor_msgs/msg/Imu",
                        "ontology": "imu",
                        "declared": 1000,
                        "stored": 997,
                        "rejected": 1,
                        "skipped": 0,
                        "lost": 2,
                        "rows": 997,
                        "bytes": 2_500_000,
                        "reasons": {"the chunk's CRC is wrong": 2, "payload ends early": 1},
                    }
                ],
                "error": "",
            },
            {
                "path": "other.bag",
                "sequence": "",
                "status": "failed",
                "fingerprint": "",
                "start_ns": None,
                "end_ns": None,
                "seconds": 0.0,
                "damage": [],
                "findings": [],
                "topics": [],
                "error": "No plugin recognises it.",
            },
        ],
        "passed_over": [],
        "stored": 997,
        "rejected": 1,
        "skipped": 0,
        "lost": 2,
        "bytes": 2_500_000,
        "seconds": 2.0,
        "exit_code": 1,
    } == told


def test_damage_without_a_place():
    """Damage that names no bytes is told by its reason alone."""
    assert "The index is missing" == damage_line(Damage(reason="The index is missing."))


def test_damage_lines_are_bounded(run_report):
    """A file that is damaged everywhere does not fill the screen; how much is left out is said."""
    recording = attrs.evolve(
        run_report.recordings[0], damage=run_report.recordings[0].damage * 1000
    )
    lines = plain(run_blocks(RunReport(recordings=(recording,), seconds=1.0))).splitlines()

    assert 20 == sum(line.startswith("  damage:") for line in lines)
    assert "  … and damage in 980 more places (--json lists all)" in lines


def test_reason_that_many_topics_share_is_said_once(run_report, imu_report):
    """A reason that stopped every topic gives one line with the sum, not one per topic."""
    topics = tuple(
        attrs.evolve(
            imu_report, name=f"/t{n}", stored=990, rejected=0, lost=10, reasons={"cut": 10}
        )
        for n in range(30)
    )
    recording = attrs.evolve(run_report.recordings[0], topics=topics, damage=())
    lines = plain(run_blocks(RunReport(recordings=(recording,), seconds=1.0))).splitlines()

    assert ["  30 topics: 300 lost: cut"] == [line for line in lines if "lost:" in line]


def test_path_is_told_from_where_the_user_is(run_report, monkeypatch, tmp_path):
    """A path below the current folder is told without it."""
    monkeypatch.chdir(tmp_path)
    recording = attrs.evolve(run_report.recordings[1], path=str(tmp_path / "runs" / "a.mcap"))
    text = plain(run_blocks(RunReport(recordings=(recording,), seconds=1.0)))

    assert text.startswith("runs/a.mcap: failed\n")


def test_error_is_not_repeated_as_a_reason(run_report, imu_report):
    """What stopped a whole recording is said once, as its error."""
    topic = attrs.evolve(
        imu_report, stored=0, rejected=0, lost=1000, reasons={"The disk is full.": 1000}
    )
    recording = attrs.evolve(
        run_report.recordings[0], topics=(topic,), error="The disk is full.", damage=()
    )

    assert 1 == plain(run_blocks(RunReport(recordings=(recording,), seconds=1.0))).count("disk")
