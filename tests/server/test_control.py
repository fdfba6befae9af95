"""The actions: what they do, in which order, and how they refuse."""

import json
import re
from functools import partial
from uuid import uuid4

import pytest

from mosaico_ingest.server.service import MosaicoServer


def test_version(peer):
    """The server reports the version of its generation."""
    assert {
        "version": "0.5.0",
        "semver": {"major": 0, "minor": 5, "patch": 0, "pre": ""},
        "notification_types": ["error", "warning", "info"],
        "largest_message_bytes": 256 * 1024 * 1024,
    } == peer.act("version")


def test_info(peer):
    """The server reports message sizes that clients of 0.7 divide by."""
    assert 50 * 1024 * 1024 == peer.act("info")["config"]["grpc_max_decode_message_size"]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("list_everything", "no available action for string `list_everything`."),
        ("", "no available action for string ``."),
    ],
)
def test_unknown_action(peer, action, message):
    """An action that is not served is refused by name."""
    assert ("InvalidRequestError", message) == peer.refusal(peer.act, action)


def test_body_must_be_json(peer):
    """A body that is no JSON object is refused."""
    kind, message = peer.refusal(lambda: list(peer.flight.do_action(("version", b"nonsense"))))

    assert ("InvalidRequestError", True) == (kind, "body deserialization error" in message)


def test_sequence_name_is_taken(peer):
    """A name can be given once, with or without its slash."""
    peer.act("sequence_create", locator="/s", user_metadata={"driver": "a"})

    assert ("AlreadyExistsError", "s already exists.") == peer.refusal(
        peer.act, "sequence_create", locator="s", user_metadata={}
    )
    assert {"driver": "a"} == peer.manifest()["user_metadata"]


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "a:b", "a" * 3 + "\x00", "é", "."])
def test_hostile_sequence_names(peer, server, name):
    """A name that could be anything but a name is refused, and nothing is created."""
    kind, _ = peer.refusal(peer.act, "sequence_create", locator=name, user_metadata={})

    assert ("InvalidRequestError", []) == (kind, peer.names())


def test_sequence_delete_removes_everything(peer, server, rows):
    """Deleting a sequence removes its sessions, topics, notifications and files, finalized or not."""
    peer.store(rows([1, 2]))
    peer.topic(peer.session(), "s/open")
    peer.act("sequence_notification_create", locator="s", notification_type="error", msg="m")
    peer.act("sequence_delete", locator="s")

    assert [] == peer.names()
    assert set() == server._store.names()
    peer.session()
    assert [] == peer.act("sequence_notification_list", locator="s")["notifications"]


def test_missing_sequence(peer):
    """Whatever needs a sequence says when there is none."""
    for action in ("sequence_delete", "session_create", "sequence_notification_list"):
        assert ("NotFoundError", "s not found.") == peer.refusal(peer.act, action, locator="s")


def test_session_reply(peer):
    """A session is told by uuid and locator, a ULID in the sequence."""
    peer.act("sequence_create", locator="s", user_metadata={})
    session = peer.act("session_create", locator="s")

    assert {"uuid", "locator"} == set(session)
    assert re.fullmatch("s:[0-9A-HJKMNP-TV-Z]{26}", session["locator"])


@pytest.mark.parametrize(
    ("generation", "keys", "deletes"),
    [("0.3", {"uuid"}, True), ("0.4", {"uuid"}, False), ("0.7", {"uuid", "locator"}, False)],
)
def test_generations(place, connect, generation, keys, deletes):
    """Each generation gets the session reply it accepts; 0.3 may delete what is gone."""
    with MosaicoServer(place, generation=generation) as server:
        peer = connect(server.port)
        peer.act("sequence_create", locator="s", user_metadata={})

        assert keys == set(peer.act("session_create", locator="s"))
        if deletes:
            assert peer.act("sequence_delete", locator="gone") is None
        else:
            assert "NotFoundError" == peer.refusal(peer.act, "sequence_delete", locator="gone")[0]
        peer.close()


def test_finalize_locks(peer, rows):
    """A session whose topics are all uploaded is locked; then it takes no more topics."""
    session = peer.session()
    peer.put(peer.topic(session), rows([1]))
    before = peer.manifest()["sessions"][0]
    peer.act("session_finalize", session_uuid=session)
    after = peer.manifest()["sessions"][0]

    assert (False, None, ["s/t"]) == (before["locked"], before["completed_at_ns"], before["topics"])
    assert (True, True) == (after["locked"], after["completed_at_ns"] >= after["created_at_ns"])
    assert ("PreconditionError", f"Session `{session}` already finalized.") == peer.refusal(
        peer.topic, session, "s/late"
    )


def test_finalize_again_keeps_the_time(peer, rows):
    """Finalizing twice changes nothing."""
    session = peer.session()
    peer.put(peer.topic(session))
    peer.act("session_finalize", session_uuid=session)
    before = peer.manifest()
    peer.act("session_finalize", session_uuid=session)

    assert before == peer.manifest()


def test_finalize_refuses(peer):
    """An empty session, a topic without upload, an upload that runs: each is told apart."""
    session = peer.session()
    finalize = (peer.act, "session_finalize")
    empty = peer.refusal(*finalize, session_uuid=session)
    uuid = peer.topic(session)
    missing = peer.refusal(*finalize, session_uuid=session)
    writer = peer.open(uuid)
    peer.await_upload(session)
    second = peer.refusal(peer.put, uuid)
    running = peer.refusal(*finalize, session_uuid=session)
    writer.close()

    assert ("PreconditionError", f"Session `{session}` is empty.") == empty
    assert ("PreconditionError", True) == (
        missing[0],
        "DoPut not called for topic `s/t`." in missing[1],
    )
    assert ("PreconditionError", "Topic `s/t` is already uploading data.") == second == running
    assert peer.act("session_finalize", session_uuid=session) is None


@pytest.mark.parametrize(
    ("uuid", "kind"), [("nonsense", "InvalidRequestError"), (str(uuid4()), "NotFoundError")]
)
def test_unknown_session(peer, uuid, kind):
    """A malformed uuid and an unknown one are told apart."""
    peer.session()

    assert kind == peer.refusal(peer.act, "session_finalize", session_uuid=uuid)[0]
    assert kind == peer.refusal(peer.topic, uuid)[0]


@pytest.mark.parametrize("key", ["locator", "session_uuid"])
def test_session_delete_frees_names(peer, server, rows, key):
    """A deleted session takes its topics and files along; their names can be used again."""
    session = peer.session()
    peer.put(peer.topic(session), rows([1]))
    peer.act("session_finalize", session_uuid=session)
    locator = peer.manifest()["sessions"][0]["locator"]
    peer.act("session_delete", **{key: {"locator": locator, "session_uuid": session}[key]})

    assert ([], set()) == (peer.manifest()["sessions"], server._store.names())
    peer.store(rows([5]))
    assert [5] == peer.read()["timestamp_ns"].to_pylist()


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({}, "InvalidRequestError"),
        ({"locator": "s"}, "InvalidRequestError"),
        ({"locator": "s:01"}, "NotFoundError"),
        ({"session_uuid": "x"}, "InvalidRequestError"),
    ],
)
def test_session_delete_refuses(peer, request_, kind):
    """A session must be named, rightly, and exist."""
    peer.session()

    assert kind == peer.refusal(peer.act, "session_delete", **request_)[0]


def test_topic_create_refuses(peer):
    """A taken name, another sequence, a malformed or hostile name: each is told apart."""
    session = peer.session()
    peer.session("other")
    peer.topic(session)

    assert ("AlreadyExistsError", "s/t already exists.") == peer.refusal(peer.topic, session)
    assert "UnauthorizedError" == peer.refusal(peer.topic, session, "other/t")[0]
    for name in ("s", "s/", "s//t", "s/../t", "s/a b", "s:t", "s/t:u"):
        assert "InvalidRequestError" == peer.refusal(peer.topic, session, name)[0]
    for change in ({"serialization_format": "odd"}, {"user_metadata": None}, {"ontology_tag": 1}):
        assert "InvalidRequestError" == peer.refusal(peer.topic, session, "s/u", **change)[0]
    assert ["s/t"] == peer.manifest()["sessions"][0]["topics"]


def test_topic_delete(peer, server, rows):
    """A topic can be deleted in every state, with its files; then it is not there."""
    session = peer.session()
    peer.put(peer.topic(session), rows([1]))
    for locator in ("s/t", "s/empty"):
        if locator == "s/empty":
            peer.topic(session, locator)
        peer.act("topic_delete", locator=locator)

    assert ("NotFoundError", "s/t not found.") == peer.refusal(
        peer.act, "topic_delete", locator="s/t"
    )
    assert set() == server._store.names()
    assert [] == peer.manifest()["sessions"][0]["topics"]


def test_notifications(peer):
    """Notifications are kept for exactly their sequence or topic, in order, until they are purged."""
    peer.topic(peer.session(), "s/imu/front")
    for target, kind, text in (
        ("s", "sequence", "one"),
        ("s/imu/front", "topic", "zwei"),
        ("s", "sequence", "…"),
    ):
        peer.act(f"{kind}_notification_create", locator=target, notification_type="error", msg=text)
    listed = peer.act("sequence_notification_list", locator="s")["notifications"]
    peer.act("sequence_notification_purge", locator="s")
    topic = peer.act("topic_notification_list", locator="s/imu/front")["notifications"]

    assert ["one", "…"] == [item["msg"] for item in listed]
    assert [("s/imu/front", "error", "zwei")] == [
        (item["name"], item["notification_type"], item["msg"]) for item in topic
    ]
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} UTC"
    assert re.fullmatch(stamp, listed[0]["created_datetime"])
    assert [] == peer.act("sequence_notification_list", locator="s")["notifications"]


def listed(peer, action, locator, **more):
    """Return type and text of the notifications that *action* lists."""
    told = peer.act(action, locator=locator, **more)["notifications"]
    return [(item["notification_type"], item["msg"]) for item in told]


def test_other_types_are_listed_to_those_who_ask(peer):
    """Who names no types sees errors alone: clients before these types cannot read a list with others."""
    peer.session()
    for kind in ("info", "error", "warning"):
        peer.act(
            "sequence_notification_create", locator="s", notification_type=kind, msg=kind.upper()
        )
    ask = partial(listed, peer, "sequence_notification_list", "s")

    assert [("error", "ERROR")] == ask()
    assert [("info", "INFO"), ("warning", "WARNING")] == ask(notification_types=["warning", "info"])
    assert ["info", "error", "warning"] == [
        kind for kind, _ in ask(notification_types=["error", "warning", "info"])
    ]
    assert "InvalidRequestError" == peer.refusal(ask, notification_types=["fatal"])[0]

    peer.act("sequence_notification_purge", locator="s")

    assert [] == ask(notification_types=["error", "warning", "info"])


def test_several_notifications_are_left_at_once_or_not_at_all(peer):
    """One action leaves them on sequence and topics; where one is refused, none is left."""
    peer.topic(peer.session(), "s/t")
    good = [
        {"locator": "s/t", "notification_type": "info", "msg": "one"},
        {"locator": "s", "notification_type": "error", "msg": "two"},
    ]
    bad = [*good, {"locator": "s/gone", "notification_type": "info", "msg": "three"}]

    assert "NotFoundError" == peer.refusal(peer.act, "notifications_create", notifications=bad)[0]
    assert [] == listed(peer, "sequence_notification_list", "s")

    peer.act("notifications_create", notifications=good)

    types = ["error", "info"]
    assert [("error", "two")] == listed(peer, "sequence_notification_list", "s")
    assert [("info", "one")] == listed(
        peer, "topic_notification_list", "s/t", notification_types=types
    )


def test_a_topic_begins_with_a_notification(peer):
    """What `topic_create` brings along is left on the new topic, or nothing is created."""
    session = peer.session()
    note = {"notification_type": "info", "msg": "started"}

    peer.topic(session, "s/t", note=note)
    refused = peer.refusal(peer.topic, session, "s/u", note=note | {"notification_type": "fatal"})

    assert "InvalidRequestError" == refused[0]
    assert ["s/t"] == peer.manifest()["sessions"][0]["topics"]
    assert [("info", "started")] == listed(
        peer, "topic_notification_list", "s/t", notification_types=["info"]
    )


@pytest.mark.parametrize(
    ("action", "locator", "type_", "kind"),
    [
        ("sequence_notification_create", "gone", "error", "NotFoundError"),
        ("topic_notification_create", "s/gone", "error", "NotFoundError"),
        ("sequence_notification_create", "s", "fatal", "InvalidRequestError"),
        ("sequence_notification_create", "s/t", "error", "InvalidRequestError"),
        ("topic_notification_create", "s", "error", "InvalidRequestError"),
    ],
)
def test_notification_refused(peer, action, locator, type_, kind):
    """A notification needs a target of its kind that exists, and a known type."""
    peer.session()

    assert (
        kind == peer.refusal(peer.act, action, locator=locator, notification_type=type_, msg="m")[0]
    )


DEEP = {"a": 1}
for _ in range(32):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"locator": "a", "locator": "b", "user_metadata": {}}', "key 'locator' is there twice"),
        (b'{"locator": "a", "user_metadata": {"x": {"y": 1, "y": 1}}}', "key 'y' is there twice"),
        (json.dumps({"locator": "a", "user_metadata": DEEP}).encode(), "no more than 32 levels"),
        (json.dumps({"locator": "a\0", "user_metadata": {}}).encode(), "without NUL"),
        (json.dumps({"locator": "a" * 256, "user_metadata": {}}).encode(), "of 256 characters"),
        (b'{"locator": "..", "user_metadata": {}}', "not a valid locator"),
        (b'{"locator": "a/../../b", "user_metadata": {}}', "not a valid locator"),
        (b'{"locator": "\xff", "user_metadata": {}}', "deserialization error"),
        (b'{"locator": "a", "user_metadata": {"x": 1e999}}', "Cannot write"),
        (
            b'{"locator": "a", "user_metadata": {"x": ' + b"9" * 5000 + b"}}",
            "deserialization error",
        ),
        (b" " * (16 * 2**20 + 1), "has 16777217 bytes, expected at most 16777216"),
        (
            json.dumps({"locator": "a", "user_metadata": {"x": "y" * 2**20}}).encode(),
            "metadata of 1048585 bytes, expected at most 1048576",
        ),
    ],
    ids=range(12),
)
def test_limits(peer, body, words):
    """What is too long, too deep, too large or said twice is refused with a sentence, and not created."""
    kind, message = peer.refusal(lambda: list(peer.flight.do_action(("sequence_create", body))))

    assert ("InvalidRequestError", True, []) == (kind, words in message, peer.names())


@pytest.mark.parametrize("tag", ["", "x" * 256])
def test_tag_too_long_or_empty(peer, tag):
    """A topic has a type, of at most 255 characters."""
    kind, message = peer.refusal(peer.topic, peer.session(), ontology_tag=tag)

    assert ("InvalidRequestError", True) == (kind, "expected 1 to 255" in message)
