import io
import json

import attrs
import pyarrow as pa
import pytest

from mosaico_ingest.client.facts import Notice, SessionInfo, TopicInfo
from mosaico_ingest.client.handlers import SequenceHandler, TopicHandler
from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.reports.stored import (
    sequence_blocks,
    sequence_list_blocks,
    sequence_to_json,
    topic_blocks,
    topic_to_json,
)
from mosaico_ingest.reports.text import print_blocks

SECOND_NS = 1_000_000_000


def plain(blocks):
    """Return what a pipe gets."""
    stream = io.StringIO()
    print_blocks(blocks, stream)
    return stream.getvalue()


@pytest.fixture
def info():
    """The facts of a topic."""
    return TopicInfo(
        sequence="drive",
        name="/imu",
        ontology_tag="imu",
        created_ns=100 * SECOND_NS,
        completed_ns=101 * SECOND_NS,
        locked=True,
        rows=1200,
        chunks=1,
        size_bytes=1_500_000,
        start_ns=0,
        end_ns=10 * SECOND_NS,
    )


@pytest.fixture
def sequence(info):
    """A sequence whose session is open."""
    session = SessionInfo(
        locator="drive:1", created_ns=1, completed_ns=None, locked=False, topics=("/imu",)
    )
    return SequenceHandler(
        name="drive",
        user_metadata={"site": "north", "origin": {"pid": 7, "note": "x" * 300}},
        created_ns=100 * SECOND_NS,
        sessions=(session,),
        topics={"/imu": info},
        layers=None,
    )


@pytest.fixture
def topic(info):
    """A topic, without a way to its rows."""
    return TopicHandler(
        name="/imu",
        sequence="drive",
        ontology_tag="imu",
        serialization_format=SerializationFormat.Default,
        schema=pa.schema([pa.field("timestamp_ns", pa.int64(), nullable=False)]),
        user_metadata={},
        info=info,
        layers=None,
        ticket=None,
    )


NOTICE = Notice(
    sequence="drive", topic="/imu", kind="error", text="2 lost", created_ns=102 * SECOND_NS
)


def test_list_has_a_row_per_sequence(sequence):
    """A row tells state, topics, rows, size and times."""
    lines = plain(sequence_list_blocks([sequence])).splitlines()

    assert [
        "sequence  state       topics   rows     size  from                 to                   created",
        "drive     incomplete       1  1,200  1.50 MB  1970-01-01 00:00:00",
    ] == [lines[0], lines[2][:65]]
    assert lines[2].endswith("1970-01-01 00:00:10  1970-01-01 00:01:40")


def test_sequence_is_told_whole(sequence):
    """Metadata stand under the names that a query uses, long ones cut; notifications name their topic."""
    assert (
        "drive: incomplete, 1.50 MB\n"
        "  time:          1970-01-01 00:00:00.000000 UTC to 1970-01-01 00:00:10.000000 UTC (10.0 s)\n"
        "  created:       1970-01-01 00:01:40\n"
        '  metadata:      site = "north"\n'
        "  metadata:      origin.pid = 7\n"
        f'  metadata:      origin.note = "{"x" * 199}… (302 characters; --json has all)\n'
        "\n"
        "topic  ontology  state      rows     size\n"
        "-----  --------  --------  -----  -------\n"
        "/imu   imu       complete  1,200  1.50 MB\n"
        "  notification:  1970-01-01 00:01:42 error: /imu: 2 lost\n"
    ) == plain(sequence_blocks(sequence, [NOTICE]))


def test_topic_is_told_whole(topic):
    """A topic shows its storage, notifications and columns."""
    assert (
        "drive/imu: imu, complete\n"
        "  time:          1970-01-01 00:00:00.000000 UTC to 1970-01-01 00:00:10.000000 UTC (10.0 s)\n"
        "  created:       1970-01-01 00:01:40\n"
        "  storage:       1,200 rows, 1.50 MB in 1 chunk\n"
        "  notification:  1970-01-01 00:01:42 error: /imu: 2 lost\n"
        "\n"
        "column        type   null\n"
        "------------  -----  ----\n"
        "timestamp_ns  int64  no\n"
    ) == plain(topic_blocks(topic, [NOTICE]))


def test_json_is_json(sequence, topic):
    """Both objects survive JSON, with counts as numbers and the notifications."""
    whole = json.loads(json.dumps(sequence_to_json(sequence, [NOTICE])))
    part = json.loads(json.dumps(topic_to_json(topic, [NOTICE])))

    assert (False, 1200, "2 lost") == (
        whole["complete"],
        whole["rows"],
        whole["notifications"][0]["text"],
    )
    assert (True, 1200, "timestamp_ns") == (
        part["complete"],
        part["rows"],
        part["columns"][0]["name"],
    )


def test_rows_that_a_server_does_not_count_are_unknown(sequence, info):
    """A sum with an unknown part is unknown, not smaller."""
    older = attrs.evolve(info, name="/gps", rows=None)
    mixed = attrs.evolve(sequence, topics={"/imu": info, "/gps": older})

    assert sequence_to_json(mixed)["rows"] is None
    assert " ?  3.00 MB" in plain(sequence_list_blocks([mixed]))
