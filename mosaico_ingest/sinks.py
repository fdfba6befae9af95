"""
Where recordings go: a Mosaico server through the client, or nowhere.

Must not know: formats, decoders, mappers. Next: `mosaico_ingest.client`.
"""

import os
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import attrs
import numpy as np

from mosaico_ingest.client import MosaicoClient, Q
from mosaico_ingest.client.handlers import SequenceHandler
from mosaico_ingest.client.notes import Note
from mosaico_ingest.client.sequence import SequenceWriter
from mosaico_ingest.client.topic import TopicWriter
from mosaico_ingest.enum import NotificationType, SessionLevelErrorPolicy
from mosaico_ingest.errors import (
    InvalidRequestError,
    NotFoundError,
    PlanError,
    ServerFaultError,
    UnauthorizedError,
    UsageError,
)
from mosaico_ingest.hooks.contracts import RecordingSink, Sink, SinkFactory, TopicSink
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.model.batch import ArrowBatch, Receipt
from mosaico_ingest.model.plan import RecordingPlan, TopicPlan
from mosaico_ingest.model.report import RecordingReport
from mosaico_ingest.pipeline.scheduler import METADATA_KEY
from mosaico_ingest.reports.notices import (
    complete_notice,
    recording_notice,
    start_notice,
    topic_notice,
)

__all__ = ["FlightSink", "NullSink", "open_sink"]


def open_sink(text: str, factories: Mapping[str, Registered[SinkFactory]]) -> Sink:
    """
    Open the destination that `NAME` or `NAME:TARGET` names: one that a plugin brings, or `null`.

    Raises:
        UsageError: No plugin brings a sink of that name.
    """
    name, _, target = text.partition(":")
    if name == NullSink.name:
        return NullSink()
    if name not in factories:
        known = ", ".join(sorted([NullSink.name, *factories]))
        msg = f"No sink is called {name!r}. Installed sinks: {known}."
        raise UsageError(msg)
    return factories[name].value.open(target)


class FlightSink(Sink):
    """
    A Mosaico server.

    Args:
        client: Connected to it; stays the caller's to close.
        on_error: What happens to a recording that fails.
        target: Where the server is, for people.

    Thread: any.
    """

    name = "flight"

    def __init__(
        self, client: MosaicoClient, on_error: SessionLevelErrorPolicy, target: str
    ) -> None:
        self.target = target
        self.lanes = client.connections
        self._client = client
        self._on_error = on_error
        self._lock = threading.Lock()  # guards the fields below
        self._taken: set[str] | None = None
        self._by_fingerprint: dict[str, set[str]] = {}  # what a query would not find
        self._is_asked = True  # else the server cannot be, and all that it holds is in the above

    def find(self, fingerprint: str) -> str | None:
        """
        Return the complete sequence that already holds the recording.

        A sequence of the same bytes that was never completed is what a killed run left: it is
        deleted, unless its writer is alive.

        Raises:
            PlanError: Another run is writing the same recording now, or its remains cannot be deleted.
        """
        for name in self._candidates(fingerprint):
            try:
                handler = self._client.sequence_handler(name)
            except NotFoundError:
                continue
            if handler.complete:
                return name
            why = _claim_of_another(handler)
            if why:
                raise PlanError(why)
            self._delete(name)
            with self._lock:
                self._by_fingerprint.get(fingerprint, set()).discard(name)
                self._names().discard(name)
        return None

    def names(self) -> Collection[str]:
        """Return the sequence names that are taken."""
        self._look()
        with self._lock:
            return set(self._names())

    def open(self, plan: RecordingPlan) -> RecordingSink:
        """Create the sequence and its session."""
        writer = self._client.sequence_create(
            plan.sequence, metadata=dict(plan.metadata), on_error=self._on_error
        )
        writer.open()
        origin = plan.metadata.get(METADATA_KEY)
        with self._lock:
            self._names().add(plan.sequence)
            if isinstance(origin, Mapping):
                mark = str(origin.get("fingerprint", ""))
                self._by_fingerprint.setdefault(mark, set()).add(plan.sequence)
        return _FlightRecording(writer)

    def close(self) -> None:
        """Do nothing: the client is the caller's."""

    def _delete(self, name: str) -> None:
        """Delete what a killed run left."""
        try:
            self._client.sequence_delete(name)
        except UnauthorizedError as err:
            msg = (
                f"A run that did not end well left {name!r} of the same recording, and the API key may "
                "not delete it. Use a key that allows `delete`, or remove it with one."
            )
            raise PlanError(msg) from err

    def _names(self) -> set[str]:
        """Return the set of names; the caller holds the lock and has looked."""
        if self._taken is None:
            self._taken = set()
        return self._taken

    def _candidates(self, fingerprint: str) -> list[str]:
        """Return the sequences that say they hold the recording, complete or not."""
        self._look()
        found: set[str] = set()
        if self._is_asked:
            mark = Q.sequence.metadata(f"{METADATA_KEY}.fingerprint")
            found = {hit.name for hit in self._client.query(mark == fingerprint)}
        with self._lock:
            return sorted(found | self._by_fingerprint.get(fingerprint, set()))

    def _look(self) -> None:
        """
        Find out once what the server holds that no query will find; what this sink adds it notes itself.

        A query finds no sequence without topics, such as a run leaves that is killed at its very start. A
        server that answers no query has every sequence looked at.
        """
        with self._lock:
            if self._taken is not None:
                return
        taken = set(self._client.list_sequences())
        try:
            found = {hit.name for hit in self._client.query()}
            is_asked = True
        except (InvalidRequestError, ServerFaultError):
            found, is_asked = set(), False
        marks: dict[str, set[str]] = {}
        for name in sorted(taken - found):
            try:
                origin = self._client.sequence_handler(name).user_metadata.get(METADATA_KEY)
            except NotFoundError:
                continue  # deleted by somebody meanwhile
            if isinstance(origin, Mapping):
                marks.setdefault(str(origin.get("fingerprint", "")), set()).add(name)
        with self._lock:
            self._taken, self._by_fingerprint, self._is_asked = taken, marks, is_asked


class _FlightRecording(RecordingSink):
    """One sequence and its session."""

    def __init__(self, writer: SequenceWriter) -> None:
        self._writer = writer

    def topic(self, plan: TopicPlan, lane: int) -> TopicSink:
        """Create a topic on connection number *lane*."""
        kind = NotificationType.Warning if plan.losses else NotificationType.Info
        topic = self._writer.topic_create(
            plan.name,
            metadata=dict(plan.metadata),
            ontology=plan.ontology,
            connection=lane,
            note=Note(start_notice(plan), kind=kind),
        )
        return _FlightTopic(topic)

    def finish(self, report: RecordingReport) -> None:
        """Finalize the session, after a notice for every topic of what it holds and what it lost."""
        self._writer.notify_all(self._notes(report))
        self._writer.finalize()

    def fail(self, report: RecordingReport) -> None:
        """Leave the session unlocked with a notice, or delete it: the session's policy."""
        self._writer.fail(recording_notice(report) or report.error)

    def _notes(self, report: RecordingReport) -> Iterator[Note]:
        """Yield one note per topic; one that was taken back has its note on the sequence."""
        stored = {name for name, topic in self._writer.topics.items() if not topic.is_deleted}
        for topic in report.topics:
            losses = topic_notice(topic)
            if topic.name in stored:
                kind = NotificationType.Error if losses else NotificationType.Info
                yield Note(losses or complete_notice(topic), kind=kind, topic=topic.name)
            elif topic.name and losses:
                yield Note(f"{topic.name}: {losses}")
        text = recording_notice(report)
        if text:
            yield Note(text)


class _FlightTopic(TopicSink):
    """One topic, written on the caller's thread."""

    def __init__(self, writer: TopicWriter) -> None:
        self._writer = writer

    def write(self, batch: ArrowBatch) -> Receipt:
        """Put the rows on the wire, without those that are too large for the server."""
        began = time.perf_counter()
        data, refused = batch.data, self._writer.too_large(batch.data)
        if refused:
            data = data.take(np.setdiff1d(np.arange(data.num_rows), refused))
        nbytes = self._writer.write(data) if data.num_rows else 0
        receipt = _receipt(batch, nbytes, time.perf_counter() - began)
        if not refused:
            return receipt
        lost = min(len(refused), batch.messages)  # rows of such a size are messages of their own
        return attrs.evolve(
            receipt,
            messages=batch.messages - lost,
            rows=data.num_rows,
            refused={"larger than the server takes in one message": lost},
        )

    def close(self) -> None:
        """Complete the upload; raises if the server did not take all of it."""
        self._writer.close()

    def abort(self, reason: str) -> None:
        """
        Break the upload off and delete the topic, so that its session can be completed.

        Somebody else may have deleted it: that is what broke it off then.

        Raises:
            UnauthorizedError: The API key writes but does not delete; the topic stays, incomplete.
        """
        self._writer.abort(reason)
        try:
            with suppress(NotFoundError):
                self._writer.delete()
        except UnauthorizedError as err:
            msg = (
                f"the API key may not delete topic {self._writer.name!r}, which failed ({reason}). "
                "The sequence stays incomplete; use a key that allows `delete`."
            )
            raise UnauthorizedError(msg) from err


class NullSink(Sink):
    """Takes everything and keeps nothing: for dry runs and for measuring what comes before sending."""

    name = "null"
    target = "nowhere"

    def __init__(self, lanes: int = 1) -> None:
        self.lanes = lanes

    def find(self, fingerprint: str) -> str | None:
        """Return None: nothing is ever stored."""
        return None

    def names(self) -> Collection[str]:
        """Return no names."""
        return ()

    def open(self, plan: RecordingPlan) -> RecordingSink:
        """Open the void."""
        return _NullRecording()

    def close(self) -> None:
        """Do nothing."""


class _NullRecording(RecordingSink):
    """A recording that is dropped."""

    def topic(self, plan: TopicPlan, lane: int) -> TopicSink:
        """Create a topic that counts."""
        return _NullTopic()

    def finish(self, report: RecordingReport) -> None:
        """Do nothing."""

    def fail(self, report: RecordingReport) -> None:
        """Do nothing."""


class _NullTopic(TopicSink):
    """A topic that is dropped."""

    def write(self, batch: ArrowBatch) -> Receipt:
        """Count the rows."""
        return _receipt(batch, int(batch.data.nbytes), 0.0)

    def close(self) -> None:
        """Do nothing."""

    def abort(self, reason: str) -> None:
        """Do nothing."""


def _receipt(batch: ArrowBatch, nbytes: int, seconds: float) -> Receipt:
    """Say what was taken."""
    return Receipt(
        topic=batch.topic,
        messages=batch.messages,
        rows=batch.data.num_rows,
        nbytes=nbytes,
        seconds=seconds,
    )


def _claim_of_another(handler: SequenceHandler) -> str:
    """Say why an incomplete sequence may not be taken for what a run left, empty if it may."""
    origin = handler.user_metadata.get(METADATA_KEY)
    writer = origin.get("writer") if isinstance(origin, Mapping) else None
    if not isinstance(writer, Mapping):
        return ""
    host, pid = writer.get("host"), writer.get("pid")
    if host != socket.gethostname():
        return (
            f"A run on {host!r} began the same recording as {handler.name!r}, and whether it lives cannot be "
            f"seen from here. Wait for it; or, if it is dead, `mosaico-ingest rm {handler.name}`."
        )
    if isinstance(pid, int) and pid != os.getpid() and _is_alive(pid):
        return (
            f"Another run is writing the same recording as {handler.name!r} now. "
            "Wait for it to end, then run again."
        )
    return ""


def _is_alive(pid: int) -> bool:
    """Tell whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it lives, under another user
    return True
