import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import Fit, TopicPlan
from mosaico_ingest.model.recording import Channel, Damage
from mosaico_ingest.model.report import RecordingReport, RecordingStatus
from mosaico_ingest.reports.notices import (
    MOST_CHARACTERS,
    complete_notice,
    damage_notice,
    recording_notice,
    start_notice,
    topic_notice,
)


def test_topic_notice_counts_and_reasons(imu_report):
    """A topic's notice says how much is missing and why, the most frequent reason first."""
    assert (
        "Stored 997 of 1,000 messages; 1 rejected, 2 lost: "
        "the chunk's CRC is wrong (2); payload ends early (1)."
    ) == topic_notice(imu_report)


def test_complete_topic_has_no_notice(imu_report):
    """A topic that misses only what the user did not want leaves no notification."""
    skipped = attrs.evolve(imu_report, rejected=0, lost=0, skipped=3)

    assert topic_notice(skipped) is None


def test_start_notice_names_source_and_what_is_not_kept():
    """Where the rows come from, and what of the messages the type has no room for."""
    imu_plan = TopicPlan(
        channel=Channel(
            id=1, topic="/imu/data", type_name="sensor_msgs/msg/Imu", message_encoding="cdr"
        ),
        name="/imu",
        ontology=Ontology(tag="imu", fields=pa.schema([])),
        decoder="cdr",
        mapper="ros",
        fit=Fit.EXACT,
        reason="sensor_msgs/msg/Imu",
    )
    losing = attrs.evolve(imu_plan, losses=("parent frame", "stamp"))

    assert "Started: /imu/data, sensor_msgs/msg/Imu." == start_notice(imu_plan)
    assert start_notice(losing).endswith("Imu. Not kept: parent frame; stamp.")


def test_complete_notice_has_the_counts(imu_report):
    """A complete topic says what it holds, and what the user did not want."""
    complete = attrs.evolve(imu_report, rejected=0, lost=0, skipped=3, reasons={"not wanted": 3})

    assert "Complete: stored 997 of 1,000 messages in 997 rows" in complete_notice(complete)
    assert complete_notice(complete).endswith("; 3 skipped: not wanted (3).")


def test_notice_is_bounded(imu_report):
    """However many and long the reasons are, a notice stays short and says how many it leaves out."""
    reasons = {f"reason {number:02}": 1 for number in range(20)}
    long = attrs.evolve(imu_report, reasons={f"{'x' * 900} {n}": 1 for n in range(20)})

    assert "and 12 more" in topic_notice(attrs.evolve(imu_report, reasons=reasons))
    assert len(topic_notice(long)) == MOST_CHARACTERS


@pytest.mark.parametrize(
    ("status", "start"),
    [
        (RecordingStatus.Failed, "Ingestion failed: The disk is full."),
        (RecordingStatus.Interrupted, "Ingestion was interrupted; the sequence is incomplete."),
    ],
)
def test_recording_notice_names_error_and_damage(status, start):
    """A recording's notice says why it ended and what of it cannot be read."""
    report = RecordingReport(
        path="a.mcap",
        sequence="a",
        status=status,
        error="The disk is full",
        damage=(Damage(reason="Cut off.", byte_range=(10, 20)),),
    )

    assert (
        f"{start} The recording is damaged in 1 place: bytes 10 to 20: Cut off."
        == recording_notice(report)
    )


def test_intact_recording_has_no_notice():
    """A recording without error and damage leaves no notification."""
    report = RecordingReport(path="a", sequence="a", status=RecordingStatus.Stored)

    assert (None, None) == (recording_notice(report), damage_notice(()))
