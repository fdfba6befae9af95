"""
The writers of sequences: one upload session, from its creation to finalized, failed or deleted.

Must not know: how rows travel. Next: `facts`, then `handlers`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import ClassVar, Self

from mosaico_ingest.client.failures import add_notes, attempt, error_text, raise_first
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.locators import sequence_locator
from mosaico_ingest.client.notes import Note, leave_notes, topic_note
from mosaico_ingest.client.topic import TopicWriter
from mosaico_ingest.enum import (
    FlightAction,
    NotificationType,
    SessionLevelErrorPolicy,
    SessionStatus,
    TopicLevelErrorPolicy,
)
from mosaico_ingest.errors import MosaicoError, StateError, UsageError
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.protocol.flight import PutCommand
from mosaico_ingest.protocol.messages import (
    ResourceRequest,
    SequenceCreate,
    SessionCreated,
    SessionFinalize,
    TopicCreate,
    TopicCreated,
)
from mosaico_ingest.protocol.names import check_sequence_name, check_topic_name

__all__ = ["FindOntology", "SequenceUpdater", "SequenceWriter"]

FindOntology = Callable[[str], Ontology | None]
"""Returns the ontology type of a tag, None if there is none."""


class SequenceWriter:
    """
    Creates a sequence and uploads its first session.

    In a `with` block: entering creates both; leaving closes all topics in the order of their creation and
    finalizes the session. If the block fails, each open topic gets a notification and is closed without
    what it still gathers; then, under `Report`, the sequence gets a notification and the session is
    finalized; under `Delete` session and sequence are deleted. The block's exception goes on in any case;
    what went wrong while cleaning up is added to it as notes.

    Without a block: `open`, then `finalize` or `fail`.

    Thread: one at a time; topics may be created and written from several.
    """

    _creates: ClassVar[bool] = True

    def __init__(
        self,
        layers: Layers,
        name: str,
        *,
        metadata: Mapping[str, object] | None = None,
        on_error: SessionLevelErrorPolicy = SessionLevelErrorPolicy.Report,
        ontologies: FindOntology | None = None,
        opened: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.name = check_sequence_name(name) if self._creates else sequence_locator(name)
        self.on_error = on_error
        self._metadata = dict(metadata or {})
        self._layers = layers
        self._ontologies = ontologies
        self._opened = opened
        self._status = SessionStatus.Null
        self._has_failed = False
        self._uuid = ""
        self._locator = ""
        self._lock = threading.Lock()  # guards the topics
        self._topics: dict[str, TopicWriter] = {}

    @property
    def status(self) -> SessionStatus:
        """Where the session stands."""
        return self._status

    @property
    def session_locator(self) -> str:
        """Address of the session, `NAME:ULID`; empty before it is open, and with servers before 0.5."""
        return self._locator

    @property
    def topics(self) -> Mapping[str, TopicWriter]:
        """The topics created so far, in that order, by their names with a leading slash."""
        with self._lock:
            return MappingProxyType(dict(self._topics))

    def open(self) -> None:
        """
        Create the sequence and its session. A failure is raised as it is, and nothing is cleaned up.

        Raises:
            AlreadyExistsError: The name is taken.
            RemoteError: The server refuses.
            StateError: It was opened before.
        """
        if self._status is not SessionStatus.Null:
            msg = f"The session of {self.name!r} was opened before ({self._status}). Use a new writer."
            raise StateError(msg)
        control = self._layers.control
        if self._creates:
            control.ask(
                FlightAction.SequenceCreate,
                SequenceCreate(locator=self.name, user_metadata=self._metadata),
            )
        session = control.obtain(
            FlightAction.SessionCreate, ResourceRequest(self.name), SessionCreated
        )
        self._uuid, self._locator = session.uuid, session.locator
        self._status = SessionStatus.Pending
        self._opened(self.name)

    def topic_create(
        self,
        name: str,
        metadata: Mapping[str, object] | None = None,
        *,
        ontology: str | Ontology,
        on_error: TopicLevelErrorPolicy = TopicLevelErrorPolicy.Raise,
        connection: int | None = None,
        note: Note | None = None,
    ) -> TopicWriter:
        """
        Create a topic in the session.

        Args:
            name: Such as `/imu/front`.
            metadata: User metadata, JSON values.
            ontology: The type of its rows, or the tag of one.
            on_error: What a failure in the topic's own `with` block does.
            connection: Number of the connection that carries it, None for the least loaded.
            note: A notification that it begins with, where the server keeps its kind; costs no call.

        Raises:
            AlreadyExistsError: The sequence has a topic of that name.
            NameRefusedError: The platform refuses the name.
            RemoteError: The server refuses.
            StateError: The session is not open.
            UsageError: The tag is unknown, or the connection does not exist.
        """
        self._check_pending()
        name = check_topic_name(name)
        kind = ontology if isinstance(ontology, Ontology) else self._find(ontology)
        pool = self._layers.connections
        carrier = pool.least_loaded() if connection is None else pool[connection]
        locator = self.name + name
        request = TopicCreate(
            session_uuid=self._uuid,
            locator=locator,
            serialization_format=kind.format,
            ontology_tag=kind.tag,
            user_metadata=dict(metadata or {}),
            note=topic_note(self._layers.control, note),
        )
        created = self._layers.control.obtain(FlightAction.TopicCreate, request, TopicCreated)
        topic = TopicWriter(
            self._layers,
            carrier,
            PutCommand(locator, created.uuid),
            name=name,
            ontology=kind,
            on_error=on_error,
        )
        with self._lock:
            self._topics[name] = topic
        return topic

    def notify(
        self,
        text: str,
        topic: str | None = None,
        kind: NotificationType = NotificationType.Error,
    ) -> None:
        """
        Leave a notification on the sequence, or on one of its *topic* names; see `notify_all`.

        Raises:
            RemoteError: The server refuses it.
        """
        self.notify_all([Note(text, kind=kind, topic=topic)])

    def notify_all(self, notes: Iterable[Note]) -> None:
        """
        Leave notifications, in one call where the server can take it.

        Those of a kind that the server does not keep are left out: see `MosaicoClient.notification_kinds`.
        One on a topic that is gone, since somebody deleted it, is left on the sequence.

        Raises:
            RemoteError: The server refuses one.
        """
        leave_notes(self._layers.control, self.name, list(notes))

    def finalize(self) -> None:
        """
        Close all topics, then complete the session. Nothing is cleaned up where that fails: `fail` does.

        Raises:
            MosaicoError: Not everything is stored, or the server does not agree.
            StateError: The session is not open.
        """
        self._check_pending()
        self._close_topics()
        self._finalize_session()

    def fail(self, reason: str) -> None:
        """
        Give the session up; its topics are broken off and stay incomplete. May be called twice.

        Under `Report` the session stays unlocked for triage and the sequence gets a notification; under
        `Delete` the session is deleted, and the sequence if this writer created it.

        Args:
            reason: The notification.

        Raises:
            MosaicoError: The notification or the deletion failed; the rest was done.
            StateError: The session was never open, or is finalized.
        """
        if self._has_failed:
            return
        if self._status in {SessionStatus.Null, SessionStatus.Finalized}:
            self._check_pending()
        self._has_failed = True
        self._status = SessionStatus.Error
        for topic in self.topics.values():
            topic.abort(reason)
        if self.on_error is SessionLevelErrorPolicy.Report:
            steps: list[Callable[[], object]] = [lambda: self.notify(reason)]
        else:
            steps = [self._delete_session, self._delete_sequence]
        raise_first(attempt(*steps))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finalize, or meet the failure by the policy. Does nothing after `finalize` or `fail`."""
        if self._status is not SessionStatus.Pending:
            return
        if error is not None:
            for topic in self.topics.values():
                add_notes(error, topic.close_after(error))
            self._settle(error, [self._delete_session, self._delete_sequence])
            return
        try:
            self._close_topics()
        except Exception as failure:
            self._settle(failure, [self._delete_session])
            raise
        try:
            self._finalize_session()
        except Exception as failure:
            if self.on_error is SessionLevelErrorPolicy.Delete:
                add_notes(failure, attempt(self._delete_session))
            raise

    def _settle(self, error: BaseException, deletions: list[Callable[[], object]]) -> None:
        """Leave the session as the policy wants it; what goes wrong is noted on *error*."""
        steps = deletions
        if self.on_error is SessionLevelErrorPolicy.Report:
            session = f"session {self._locator or self._uuid} of sequence {self.name!r}"
            text = f"The upload of {session} failed: {error_text(error)}"
            steps = [lambda: self.notify(text), self._finalize_session]
        add_notes(error, attempt(*steps))
        self._status = SessionStatus.Error

    def _close_topics(self) -> None:
        """Send all that is gathered, on all connections at once, then complete topic by topic."""
        topics = list(self.topics.values())
        failures = attempt(*(topic.flush for topic in topics if topic.is_active))
        failures += attempt(*(topic.close for topic in topics))
        if failures:
            self._status = SessionStatus.Error
        raise_first(failures)

    def _finalize_session(self) -> None:
        try:
            self._layers.control.ask(FlightAction.SessionFinalize, SessionFinalize(self._uuid))
        except MosaicoError:
            self._status = SessionStatus.Error
            raise
        self._status = SessionStatus.Finalized

    def _delete_session(self) -> None:
        # Servers before 0.5 know sessions by uuid only, and gave no locator.
        request = ResourceRequest(self._locator) if self._locator else SessionFinalize(self._uuid)
        self._layers.control.ask(FlightAction.SessionDelete, request)

    def _delete_sequence(self) -> None:
        if self._creates:
            self._layers.control.ask(FlightAction.SequenceDelete, ResourceRequest(self.name))

    def _find(self, tag: str) -> Ontology:
        found = self._ontologies(tag) if self._ontologies else None
        if found is not None:
            return found
        why = "no plugin brings it" if self._ontologies else "the client was given no ontologies"
        msg = (
            f"Cannot resolve the ontology tag {tag!r}: {why}. "
            "Pass an Ontology, or connect with ontologies=."
        )
        raise UsageError(msg)

    def _check_pending(self) -> None:
        if self._status is not SessionStatus.Pending:
            state = "not open yet" if self._status is SessionStatus.Null else f"{self._status}"
            msg = f"The session of sequence {self.name!r} is {state}. Use it inside its with block."
            raise StateError(msg)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self._status}, {len(self.topics)} topics>"


class SequenceUpdater(SequenceWriter):
    """Adds a session to a sequence that exists, and deletes no more than that session."""

    _creates = False
