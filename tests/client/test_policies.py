"""
The policies, cell by cell, against the embedded server: what goes over the wire and in which order, how the
writers end, what is raised, and what the server holds afterwards.

A proxy between client and server passes everything on, keeps a log, and refuses what a case wants refused.
"""

import contextlib
import json

import attrs
import pyarrow.flight as fl
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import (
    SessionLevelErrorPolicy,
    SessionStatus,
    TopicLevelErrorPolicy,
    TopicWriterStatus,
)
from mosaico_ingest.errors import NotFoundError, PreconditionError, RemoteError, ServerFaultError
from mosaico_ingest.server.runner import serve

REPORT, DELETE = SessionLevelErrorPolicy.Report, SessionLevelErrorPolicy.Delete
RAISE, IGNORE, FINALIZE = TopicLevelErrorPolicy


class Proxy(fl.FlightServerBase):
    """Passes calls on to *url*, keeps a log, and refuses the actions, or uploads, in `refusals`."""

    def __init__(self, url):
        super().__init__("grpc://127.0.0.1:0")
        self._peer = fl.connect(url)
        self.log = []
        self.refusals = set()

    def _note(self, word):
        self.log.append(word)
        if word in self.refusals:
            msg = f"{word} is refused."
            raise fl.FlightServerError(msg)

    def do_action(self, context, action):
        body = json.loads(action.body.to_pybytes())
        target = body.get("locator", "").partition(":")[0]
        self._note(f"{action.type} {target}".strip())
        return [result.body.to_pybytes() for result in self._peer.do_action(action)]

    def do_put(self, context, descriptor, reader, writer):
        upload, _ = self._peer.do_put(descriptor, reader.schema)
        with upload:
            for chunk in reader:
                upload.write_batch(chunk.data)
        self._note(f"put {json.loads(descriptor.command)['resource_locator']}")

    def shutdown(self):
        super().shutdown()
        self._peer.close()


@pytest.fixture(scope="module")
def embedded(new_place):
    """The embedded server; each case has a sequence of its own name."""
    with serve(new_place()) as server:
        yield server


@attrs.frozen
class Stage:
    """A *client* of the *proxy*, and one that goes *direct*."""

    client: MosaicoClient
    proxy: Proxy
    direct: MosaicoClient


@pytest.fixture
def stage(embedded):
    """Both clients, the sequences of other cases removed; no greeting is in the log."""
    with MosaicoClient.connect(embedded.url) as direct, Proxy(embedded.url) as proxy:
        for name in direct.list_sequences():
            direct.sequence_delete(name)
        with MosaicoClient.connect("127.0.0.1", proxy.port) as client:
            proxy.log.clear()
            yield Stage(client, proxy, direct)


@attrs.frozen(kw_only=True)
class Case:
    """
    One cell of the table.

    Args:
        fails: `block`, or what is refused at the end of the block.
        updates: Whether the sequence is there already.
        policy: The session's.
        wire: What is sent once the two topics are created.
        raised: What the caller sees.
        topics: How the writers of the topics end.
        left: Whether the session is locked, None if it is gone; None if the sequence is gone.
        notes: How many things that went wrong after it are noted on the exception.
    """

    fails: str
    updates: bool = False
    policy: SessionLevelErrorPolicy
    wire: list[str]
    raised: type[Exception] = ZeroDivisionError
    topics: tuple[TopicWriterStatus, TopicWriterStatus]
    left: tuple[bool | None] | None
    notes: int = 0


BROKEN = (TopicWriterStatus.FinalizedWithError, TopicWriterStatus.FinalizedWithError)
HALF = (TopicWriterStatus.FinalizedWithError, TopicWriterStatus.Finalized)
DONE = (TopicWriterStatus.Finalized, TopicWriterStatus.Finalized)
TOPICS_TOLD = [
    word
    for topic in ("s/b", "s/a")
    for word in (f"topic_notification_create {topic}", f"put {topic}")
]
PUTS = ["put s/b", "put s/a"]
TOLD, ENDED = "sequence_notification_create s", "session_finalize"
CASES = {
    "block, report": Case(
        fails="block",
        policy=REPORT,
        wire=[*TOPICS_TOLD, TOLD, ENDED],
        topics=BROKEN,
        left=(True,),
    ),
    "block, report, update": Case(
        fails="block",
        updates=True,
        policy=REPORT,
        wire=[*TOPICS_TOLD, TOLD, ENDED],
        topics=BROKEN,
        left=(True,),
    ),
    "block, delete": Case(
        fails="block",
        policy=DELETE,
        wire=[*TOPICS_TOLD, "session_delete s", "sequence_delete s"],
        topics=BROKEN,
        left=None,
    ),
    "block, delete, update": Case(
        fails="block",
        updates=True,
        policy=DELETE,
        wire=[*TOPICS_TOLD, "session_delete s"],
        topics=BROKEN,
        left=(None,),
    ),
    "block, delete, session_delete refused": Case(
        fails="session_delete s",
        policy=DELETE,
        wire=[*TOPICS_TOLD, "session_delete s", "sequence_delete s"],
        topics=BROKEN,
        left=None,
        notes=1,
    ),
    "at close, report": Case(
        fails="put s/b",
        policy=REPORT,
        wire=[*PUTS, TOLD, ENDED],
        raised=ServerFaultError,
        topics=HALF,
        left=(True,),
    ),
    "at close, delete": Case(
        fails="put s/b",
        policy=DELETE,
        wire=[*PUTS, "session_delete s"],
        raised=ServerFaultError,
        topics=HALF,
        left=(None,),
    ),
    "at close, delete, update": Case(
        fails="put s/b",
        updates=True,
        policy=DELETE,
        wire=[*PUTS, "session_delete s"],
        raised=ServerFaultError,
        topics=HALF,
        left=(None,),
    ),
    "at finalize, report": Case(
        fails=ENDED,
        policy=REPORT,
        wire=[*PUTS, ENDED],
        raised=ServerFaultError,
        topics=DONE,
        left=(False,),
    ),
    "at finalize, delete": Case(
        fails=ENDED,
        policy=DELETE,
        wire=[*PUTS, ENDED, "session_delete s"],
        raised=ServerFaultError,
        topics=DONE,
        left=(None,),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_session_policies(case, stage, point, points):
    """A session that fails goes the way of its policy, and no other way."""
    if case.updates:
        with stage.direct.sequence_create("s") as sequence:
            sequence.topic_create("/old", ontology=point)
    make = stage.client.sequence_update if case.updates else stage.client.sequence_create
    writer = make("s", on_error=case.policy)
    stage.proxy.refusals |= {case.fails}

    def upload():
        with writer:
            for name in ("/b", "/a"):
                writer.topic_create(name, ontology=point).push(points(2))
            assert SessionStatus.Pending is writer.status
            stage.proxy.log.clear()
            if case.raised is ZeroDivisionError:
                raise ZeroDivisionError("boom")

    with pytest.raises(case.raised) as caught:
        upload()

    assert case.wire == stage.proxy.log
    assert SessionStatus.Error is writer.status
    assert case.topics == tuple(topic.status for topic in writer.topics.values())
    assert case.notes == len(getattr(caught.value, "__notes__", []))
    assert case.left == state_of(stage.direct, writer)


def state_of(client, writer):
    """Return whether the session of *writer* is locked, or what of it is gone."""
    try:
        sessions = client.sequence_handler("s").sessions
    except NotFoundError:
        return None
    return (next((s.locked for s in sessions if s.locator == writer.session_locator), None),)


@pytest.mark.parametrize("policy", [REPORT, DELETE])
def test_an_exit_without_a_failure(policy, stage, point, points):
    """Whatever the policy, topics are closed in the order of their creation, then the session finalized."""
    with stage.client.sequence_create("s", on_error=policy) as writer:
        for name in ("/b", "/a"):
            writer.topic_create(name, ontology=point).push(points(2))

    created = ["sequence_create s", "session_create s", "topic_create s/b", "topic_create s/a"]
    assert [*created, *PUTS, ENDED] == stage.proxy.log
    assert SessionStatus.Finalized is writer.status
    assert DONE == tuple(topic.status for topic in writer.topics.values())
    assert (True,) == state_of(stage.direct, writer)


@pytest.mark.parametrize("policy", [REPORT, DELETE])
def test_a_session_without_topics(policy, stage):
    """The server itself refuses to finalize it; under `Delete` it is deleted then."""
    writer = stage.client.sequence_create("s", on_error=policy)

    with pytest.raises(PreconditionError, match="is empty"), writer:
        pass

    deleted = ["session_delete s"] if policy is DELETE else []
    assert ["sequence_create s", "session_create s", ENDED, *deleted] == stage.proxy.log


@pytest.mark.parametrize("refused", ["sequence_create s", "session_create s"])
def test_what_fails_before_the_session_is_open_is_not_cleaned_up(refused, stage):
    """A refusal on entering is raised as it is, and nothing follows it."""
    stage.proxy.refusals |= {refused}
    writer = stage.client.sequence_create("s", on_error=DELETE)

    with pytest.raises(RemoteError, match="is refused"), writer:
        pass

    assert refused == stage.proxy.log[-1]
    assert SessionStatus.Null is writer.status


NOTED = ["topic_notification_create s/t", "put s/t"]
RAISED, IGNORED, ENDED_BADLY = (
    TopicWriterStatus.RaisedException,
    TopicWriterStatus.IgnoredLastError,
    TopicWriterStatus.FinalizedWithError,
)


@pytest.mark.parametrize(
    ("policy", "cell"),
    [
        (RAISE, ([*NOTED, TOLD, ENDED], RAISED, ENDED_BADLY, 0)),
        (IGNORE, ([*NOTED, ENDED], IGNORED, TopicWriterStatus.Finalized, 2)),
        (FINALIZE, ([*NOTED, ENDED], ENDED_BADLY, ENDED_BADLY, 0)),
    ],
)
def test_topic_policies(policy, cell, stage, point, points):
    """A failure in a topic's block ends the session, keeps the rows, or drops them and ends the topic."""
    wire, after_the_block, at_the_end, rows = cell
    writer = stage.client.sequence_create("s")
    topic = None

    def upload():
        nonlocal topic
        with writer:
            topic = writer.topic_create("/t", ontology=point, on_error=policy)
            assert TopicWriterStatus.Active is topic.status
            stage.proxy.log.clear()
            try:
                with topic:
                    topic.push(points(2))
                    raise ZeroDivisionError("boom")
            finally:
                assert after_the_block is topic.status

    with pytest.raises(ZeroDivisionError) if policy is RAISE else contextlib.nullcontext():
        upload()

    assert wire == stage.proxy.log
    assert at_the_end is topic.status
    assert rows == stage.direct.topic_handler("s", "/t").read().read_all().num_rows
