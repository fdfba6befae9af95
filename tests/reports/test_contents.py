import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import Conflict, Fit, RecordingPlan, SkippedChannel, TopicPlan
from mosaico_ingest.model.recording import (
    Attachment,
    Channel,
    Damage,
    MetadataRecord,
    RecordingInfo,
)
from mosaico_ingest.reports.contents import (
    info_blocks,
    info_to_json,
    plan_blocks,
    plan_to_json,
    time_range,
)
from mosaico_ingest.reports.text import print_blocks


@pytest.fixture
def info():
    """A recording with everything that can be said about one."""
    return RecordingInfo(
        path=Path("drive.mcap"),
        format="MCAP",
        files=(Path("a.mcap"), Path("b.mcap")),
        size_bytes=1_500_000,
        channels=(
            Channel(
                id=1,
                topic="/imu",
                type_name="sensor_msgs/msg/Imu",
                message_encoding="cdr",
                schema_encoding="ros2msg",
                messages=11,
                start_ns=0,
                end_ns=1_000_000_000,
            ),
            Channel(id=2, topic="/empty", type_name="", message_encoding="json", messages=0),
        ),
        messages=11,
        start_ns=0,
        end_ns=1_000_000_000,
        compression={"zstd": 3},
        attachments=(Attachment(name="calib.yaml", media_type="", size_bytes=12),),
        metadata=(MetadataRecord(name="robot", values={"id": "7"}),),
        damage=(Damage(reason="Cut off.", byte_range=(5, 9), lost={1: 4}),),
        findings=("two clocks",),
    )


@pytest.fixture
def plan(info):
    """A plan with a topic, a skipped channel and a conflict."""
    imu = info.channels[0]
    return RecordingPlan(
        info=info,
        source="mcap",
        sequence="drive",
        topics=(
            TopicPlan(
                channel=imu,
                name="/imu",
                ontology=Ontology(tag="imu", fields=pa.schema([])),
                decoder="cdr",
                mapper="ros",
                fit=Fit.EXACT,
                reason="sensor_msgs/msg/Imu",
                losses=("the status",),
                note="decoded message by message",
            ),
        ),
        skipped=(SkippedChannel(channel=info.channels[1], reason="no messages", deliberate=False),),
        conflicts=(
            Conflict(what="Two mappers fit.", candidates=("a", "b"), remedy="--map /imu=a"),
        ),
        metadata={"driver": "jo"},
    )


def plain(blocks):
    """Return what a pipe gets."""
    stream = io.StringIO()
    print_blocks(blocks, stream)
    return stream.getvalue()


def test_inspect_tells_all(info):
    """The listing names format, size, times, compression, channels, rates, extras and damage."""
    assert (
        "drive.mcap: MCAP, 1.50 MB, 11 messages\n"
        "  files:        a.mcap, b.mcap\n"
        "  time:         1970-01-01 00:00:00.000000 UTC to 1970-01-01 00:00:01.000000 UTC (1.0 s)\n"
        "  compression:  zstd (3 chunks)\n"
        "  index:        none; counts are what a reading found\n"
        "\n"
        "channel  type                 encoding     messages    Hz\n"
        "-------  -------------------  -----------  --------  ----\n"
        "/imu     sensor_msgs/msg/Imu  cdr/ros2msg        11  10.0\n"
        "/empty                        json                0\n"
        "  attachment:   calib.yaml (no type, 12 B)\n"
        "  metadata:     robot: id=7\n"
        "  damage:       bytes 5 to 9: Cut off (4 messages lost)\n"
        "  note:         two clocks\n"
    ) == plain(info_blocks(info))


def test_inspect_json_is_json(info):
    """The object survives JSON and keeps counts as numbers."""
    told = json.loads(json.dumps(info_to_json(info)))

    assert (11, [11, 0], 4) == (
        told["messages"],
        [channel["messages"] for channel in told["channels"]],
        told["damage"][0]["lost"],
    )


def test_plan_tells_all(plan):
    """The plan names decoder, mapper and reason of each topic, and what is skipped, lost or open."""
    assert (
        "drive.mcap (mcap) -> drive\n"
        "channel  topic  ontology  decoder  mapper  fit    why\n"
        "-------  -----  --------  -------  ------  -----  -------------------\n"
        "/imu     /imu   imu       cdr      ros     exact  sensor_msgs/msg/Imu\n"
        "  /imu: not kept: the status\n"
        "  /imu: decoded message by message\n"
        "  skipped: 1 attachment (--no-attachments)\n"
        "  skipped: /empty (0 messages): no messages\n"
        "  conflict: Two mappers fit. Settle it with --map /imu=a.\n"
        "  damage: bytes 5 to 9: Cut off (4 messages lost)\n"
        "  note: two clocks\n"
    ) == plain(plan_blocks(plan))


def test_plan_json_is_json(plan):
    """The object survives JSON and names the flag that settles a conflict."""
    told = json.loads(json.dumps(plan_to_json(plan)))

    assert ("drive", "exact", "--map /imu=a", {"driver": "jo"}) == (
        told["sequence"],
        told["topics"][0]["fit"],
        told["conflicts"][0]["remedy"],
        told["metadata"],
    )


def test_unknown_times():
    """A recording without messages has no time range."""
    assert "unknown" == time_range(None, None)
