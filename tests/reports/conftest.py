from pathlib import Path

import pytest

from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import RecordingReport, RecordingStatus, RunReport, TopicReport


@pytest.fixture
def imu_report():
    """A topic that lost, rejected and skipped nothing but two and one."""
    return TopicReport(
        name="/imu/data",
        channel="/imu/data",
        type="sensor_msgs/msg/Imu",
        ontology="imu",
        declared=1000,
        stored=997,
        rejected=1,
        lost=2,
        rows=997,
        nbytes=2_500_000,
        seconds=0.75,
        reasons={"the chunk's CRC is wrong": 2, "payload ends early": 1},
    )


@pytest.fixture
def run_report(imu_report):
    """A run over two recordings, of which the first is damaged."""
    return RunReport(
        recordings=(
            RecordingReport(
                path="drive.mcap",
                sequence="drive",
                status=RecordingStatus.StoredWithLosses,
                fingerprint="ab12",
                start_ns=10,
                end_ns=20,
                seconds=1.5,
                damage=(
                    Damage(
                        reason="The chunk's CRC is wrong.",
                        byte_range=(1024, 2048),
                        path=Path("/data/drive_0.mcap"),
                        time_range_ns=(11, 12),
                        lost={1: 2},
                    ),
                ),
                findings=("metadata.yaml says 9 messages, the data hold 8",),
                topics=(imu_report,),
            ),
            RecordingReport(
                path="other.bag",
                sequence="",
                status=RecordingStatus.Failed,
                error="No plugin recognises it.",
            ),
        ),
        seconds=2.0,
    )
