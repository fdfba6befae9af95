"""`app_metadata` as older and newer servers send it."""

import json

from mosaico_ingest.protocol.manifests import SequenceAppMetadata, TopicAppMetadata
from mosaico_ingest.protocol.wire import dump, load_response

OLD_TOPIC = {"created_at_ns": 1, "locked": False, "resource_locator": "s/t", "info": None}


def test_old_topic():
    """A topic of an older server, without data yet, can be read."""
    topic = load_response(TopicAppMetadata, json.dumps(OLD_TOPIC).encode())

    assert (None, None, {}) == (topic.info, topic.completed_at_ns, topic.user_metadata)


def test_session_with_one_id():
    """A session may be known by its uuid or its locator alone."""
    body = {"created_at_ns": 1, "resource_locator": "s"}
    body["sessions"] = [{"created_at_ns": 2, "locked": True, "uuid": "u", "topics": ["s/t"]}]
    sequence = load_response(SequenceAppMetadata, json.dumps(body).encode())

    assert ("u", "", ["s/t"]) == (
        sequence.sessions[0].uuid,
        sequence.sessions[0].locator,
        sequence.sessions[0].topics,
    )


def test_round_trip():
    """What is read is written again."""
    topic = load_response(TopicAppMetadata, json.dumps(OLD_TOPIC).encode())

    assert topic == load_response(TopicAppMetadata, dump(topic))
