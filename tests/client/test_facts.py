import json

import pyarrow as pa
import pytest

from mosaico_ingest.client.facts import Notice, SessionInfo, TopicInfo, bare_schema
from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.protocol.manifests import SessionManifest
from mosaico_ingest.protocol.messages import Notification

BASE = {"created_at_ns": 1, "completed_at_ns": 2, "locked": True, "resource_locator": "s/a/b"}
SPAN = {"start_ns": 10, "end_ns": 20}


@pytest.mark.parametrize(
    ("told", "rows", "chunks", "size_bytes", "span"),
    [
        ({}, None, 0, 0, (None, None)),
        (
            {"info": {"chunks_number": 2, "total_bytes": 5, "timestamp": SPAN}},
            None,
            2,
            5,
            (10, 20),
        ),
        ({"info": {"chunks_number": 0, "total_bytes": 0}}, None, 0, 0, (None, None)),
        (
            {
                "data_info": {
                    "interval": SPAN,
                    "total_row_count": 9,
                    "total_bytes": 6,
                    "total_chunks_count": 3,
                }
            },
            9,
            3,
            6,
            (10, 20),
        ),
    ],
)
def test_topic_of_any_generation_is_read(told, rows, chunks, size_bytes, span):
    """Old and new servers tell a topic's size under other keys, or not at all."""
    info = TopicInfo.read(json.dumps(BASE | told).encode())

    assert ("s", "/a/b", True) == (info.sequence, info.name, info.locked)
    assert (rows, chunks, size_bytes) == (info.rows, info.chunks, info.size_bytes)
    assert span == (info.start_ns, info.end_ns)


def test_broken_topic_is_the_servers_fault():
    """What is not what the protocol says is told as the server's fault."""
    with pytest.raises(ServerFaultError):
        TopicInfo.read(b'{"locked": true}')


def test_session_is_named_by_what_there_is():
    """A session has a locator, or a uuid with older servers; its topics get their API names."""
    new = SessionManifest(created_at_ns=1, locked=False, uuid="u", locator="s:1", topics=["s/a/b"])
    old = SessionManifest(created_at_ns=1, locked=False, uuid="u")

    assert ("s:1", ("/a/b",)) == (SessionInfo.read(new).locator, SessionInfo.read(new).topics)
    assert "u" == SessionInfo.read(old).locator


@pytest.mark.parametrize(("name", "topic"), [("s", ""), ("s/a/b", "/a/b")])
def test_notice_says_where_it_was_left(name, topic):
    """A notification belongs to a sequence or to one topic of it."""
    told = Notification(
        name=name,
        notification_type="error",
        msg="boom",
        created_datetime="1970-01-01 00:00:01.000002 UTC",
    )

    expected = Notice(
        sequence="s", topic=topic, kind="error", text="boom", created_ns=1_000_002_000
    )
    assert expected == Notice.read(told)


@pytest.mark.parametrize(("own", "kept"), [({}, None), ({b"unit": b"m"}, {b"unit": b"m"})])
def test_server_metadata_is_stripped(own, kept):
    """What a server adds to a schema is taken off, what the uploader had stays."""
    added = {b"mosaico:context": b"topic", b"mosaico:properties": b"{}"}
    schema = pa.schema([("a", pa.int64())], metadata=added | own)

    assert kept == bare_schema(schema).metadata
