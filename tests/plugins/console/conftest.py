from pathlib import Path

import pyarrow as pa
import pytest

from mosaico_ingest.plugin import (
    BatchStored,
    Channel,
    Damage,
    DamageFound,
    Fit,
    Ontology,
    PluginFailed,
    Receipt,
    RecordingFinished,
    RecordingInfo,
    RecordingPlan,
    RecordingReport,
    RecordingStarted,
    RecordingStatus,
    RunFinished,
    RunReport,
    RunStarted,
    TopicFinished,
    TopicPlan,
    TopicReport,
    TopicStarted,
)


@pytest.fixture
def events():
    """Every kind of event, as a run over one damaged recording gives them."""
    channel = Channel(
        id=1, topic="/imu", type_name="sensor_msgs/msg/Imu", message_encoding="cdr", messages=10
    )
    topic = TopicPlan(
        channel=channel,
        name="/imu",
        ontology=Ontology(tag="imu", fields=pa.schema([])),
        decoder="cdr",
        mapper="ros",
        fit=Fit.EXACT,
        reason="sensor_msgs/msg/Imu",
    )
    path = Path("/data/drive.mcap")
    plan = RecordingPlan(
        info=RecordingInfo(
            path=path, format="MCAP", files=(path,), size_bytes=9, channels=(channel,), messages=10
        ),
        source="mcap",
        sequence="drive",
        topics=(topic,),
    )
    damage = Damage(reason="The CRC is wrong.", byte_range=(1000, 2000), lost={1: 2})
    topic_report = TopicReport(
        name="/imu",
        channel="/imu",
        type="sensor_msgs/msg/Imu",
        ontology="imu",
        declared=10,
        stored=8,
        lost=2,
        rows=8,
        nbytes=5000,
    )
    report = RecordingReport(
        path=str(path),
        sequence="drive",
        status=RecordingStatus.StoredWithLosses,
        seconds=0.5,
        damage=(damage,),
        topics=(topic_report,),
    )
    receipt = Receipt(topic="/imu", messages=8, rows=8, nbytes=5000, seconds=0.25)
    return [
        RunStarted(recordings=1, target="./store"),
        RecordingStarted(index=0, plan=plan),
        TopicStarted(index=0, topic=topic),
        BatchStored(index=0, receipt=receipt, source_bytes=4000),
        DamageFound(index=0, damage=damage),
        PluginFailed(plugin="video", stage="observe", reason="boom"),
        TopicFinished(index=0, report=topic_report),
        RecordingFinished(index=0, report=report),
        RunFinished(report=RunReport(recordings=(report,), seconds=0.75)),
    ]
