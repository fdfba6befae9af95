"""
The actions: they change and read the catalog, one transaction each.

    topic_create -> EMPTY -- DoPut opened --> UPLOADING -- its stream ended well --> FINALIZED
    session_create -> open -- session_finalize, every topic FINALIZED --> locked

Files follow the catalog: they are durable before a session is locked, and removed after their rows are.

Must not know: Flight. Next: `notices`, then `put`.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import attrs
import sqlalchemy as sa

from mosaico_ingest.enum import FlightAction, NotificationType
from mosaico_ingest.errors import (
    AlreadyExistsError,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
    UnauthorizedError,
)
from mosaico_ingest.protocol import messages
from mosaico_ingest.protocol.actions import ACTIONS, envelope
from mosaico_ingest.protocol.flight import LARGEST_MESSAGE_BYTES
from mosaico_ingest.protocol.generations import Generation
from mosaico_ingest.protocol.names import Locator, LocatorKind
from mosaico_ingest.protocol.ulid import make_ulid
from mosaico_ingest.protocol.wire import JsonObject, load_request, to_json
from mosaico_ingest.server.auth import Caller
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.clustering import Clusterer
from mosaico_ingest.server.keyring import Keyring
from mosaico_ingest.server.lookup import (
    claim,
    claim_session,
    expect,
    find_sequence,
    find_session,
    find_topic,
)
from mosaico_ingest.server.manifest import dump_manifest, manifest_path, manifests_of
from mosaico_ingest.server.notices import NoticeBoard, leave
from mosaico_ingest.server.query import Finder
from mosaico_ingest.server.rights import check_action
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import (
    TopicState,
    chunks,
    sequences,
    sessions,
    topics,
)

__all__ = ["Control"]

_LARGEST_METADATA = 1024 * 1024
_LONGEST_TAG = 255


class Control:
    """
    Carries out actions.

    Thread: any.
    """

    def __init__(self, catalog: Catalog, store: Store, keyring: Keyring) -> None:
        self._catalog = catalog
        self._store = store
        notices = NoticeBoard(catalog)
        finder, clusterer = Finder(catalog, store), Clusterer(catalog, store)
        # What is answered to each generation in its way; all others are answered alike.
        self._dialects: Mapping[FlightAction, Callable[[Any, Generation], Any]] = {
            FlightAction.Version: self._version,
            FlightAction.Info: self._info,
            FlightAction.SequenceDelete: self._sequence_delete,
            FlightAction.SessionCreate: self._session_create,
            FlightAction.Query: finder.answer,
            FlightAction.TopicFilterClusterize: clusterer.clusterize,
            FlightAction.TopicFilterIntersect: clusterer.intersect,
        }
        self._handlers: Mapping[FlightAction, Callable[[Any], object | None]] = {
            FlightAction.SequenceCreate: self._sequence_create,
            FlightAction.SessionFinalize: self._session_finalize,
            FlightAction.SessionDelete: self._session_delete,
            FlightAction.TopicCreate: self._topic_create,
            FlightAction.TopicDelete: self._topic_delete,
            FlightAction.SequenceNotificationCreate: partial(notices.create, LocatorKind.Sequence),
            FlightAction.SequenceNotificationList: partial(notices.list_all, LocatorKind.Sequence),
            FlightAction.SequenceNotificationPurge: partial(notices.purge, LocatorKind.Sequence),
            FlightAction.TopicNotificationCreate: partial(notices.create, LocatorKind.Topic),
            FlightAction.TopicNotificationList: partial(notices.list_all, LocatorKind.Topic),
            FlightAction.TopicNotificationPurge: partial(notices.purge, LocatorKind.Topic),
            FlightAction.NotificationsCreate: notices.create_all,
            FlightAction.APIKeyCreate: keyring.create,
            FlightAction.APIKeyStatus: keyring.status,
            FlightAction.APIKeyList: keyring.list_all,
            FlightAction.APIKeyRevoke: keyring.revoke,
        }

    def act(self, name: str, body: bytes, caller: Caller) -> Iterable[bytes]:
        """
        Carry out the action *name* and return the bodies of its Results.

        Args:
            name, body: As they came.
            caller: What it may do; a body that makes no sense is refused before that is looked at.

        Raises:
            RemoteError: It is refused; the class says why.
        """
        try:
            action = FlightAction(name)
        except ValueError:
            msg = f"no available action for string `{name[:64]}`"
            raise InvalidRequestError(msg) from None
        request: object = load_request(ACTIONS[action].request, body)
        check_action(caller.permission, action)
        if action in self._handlers:
            return [envelope(action, self._handlers[action](request))]
        answer = self._dialects[action](request, caller.generation)
        if ACTIONS[action].is_paged:
            return (envelope(action, page) + b"\n" for page in answer)
        return [envelope(action, answer)]

    def _version(self, _: messages.Empty, generation: Generation) -> messages.ServerVersion:
        kinds = tuple(kind.value for kind in NotificationType)
        return attrs.evolve(
            generation.version,
            notification_types=kinds,
            largest_message_bytes=LARGEST_MESSAGE_BYTES,
        )

    def _info(self, _: messages.Empty, generation: Generation) -> messages.ServerInfo:
        known = generation.version
        return messages.ServerInfo(
            version=known.version, semver=known.semver, config=messages.GrpcLimits()
        )

    def _sequence_create(self, request: messages.SequenceCreate) -> None:
        name = expect(request.locator, LocatorKind.Sequence).sequence
        row = {
            "name": name,
            "user_metadata": _metadata_text(request.user_metadata),
            "created_at_ns": time.time_ns(),
        }
        try:
            with self._catalog.write() as connection:
                connection.execute(sequences.insert(), row)
        except sa.exc.IntegrityError as err:
            msg = f"{name} already exists"
            raise AlreadyExistsError(msg) from err

    def _sequence_delete(self, request: messages.ResourceRequest, generation: Generation) -> None:
        name = expect(request.locator, LocatorKind.Sequence).sequence
        try:
            with self._catalog.write(durable=True) as connection:
                claim(connection, name)
                found = find_sequence(connection, name)
                belong = sessions.c.sequence_id == found.id
                folders = connection.scalars(sa.select(sessions.c.uuid).where(belong)).all()
                connection.execute(sequences.delete().where(sequences.c.id == found.id))
        except NotFoundError:
            if generation.deletes_missing:
                return
            raise
        for folder in folders:
            self._store.discard_session(folder)

    def _session_create(self, request: messages.ResourceRequest, generation: Generation) -> object:
        name = expect(request.locator, LocatorKind.Sequence).sequence
        now_ns, uuid = time.time_ns(), str(uuid4())
        ulid = make_ulid(now_ns, os.urandom(10))
        with self._catalog.write() as connection:
            claim(connection, name)
            sequence = find_sequence(connection, name)
            row = {"sequence_id": sequence.id, "uuid": uuid, "ulid": ulid, "created_at_ns": now_ns}
            connection.execute(sessions.insert(), row)
        if not generation.session_has_locator:
            return messages.UuidOnly(uuid)
        locator = Locator(kind=LocatorKind.Session, sequence=name, session=ulid)
        return messages.SessionCreated(uuid=uuid, locator=str(locator))

    def _session_finalize(self, request: messages.SessionFinalize) -> None:
        with self._catalog.write(durable=True) as connection:
            session = claim_session(connection, uuid=request.session_uuid)
            self._refuse_incomplete(connection, session)
            if session.completed_at_ns is not None:
                return
            # After the check, before the commit: manifest and names of all its chunks are on the disk then.
            now_ns = time.time_ns()
            self._write_manifest(connection, session.id, completed_at_ns=now_ns)
            self._store.seal(session.uuid)
            connection.execute(
                sessions.update().where(sessions.c.id == session.id).values(completed_at_ns=now_ns)
            )

    def _write_manifest(
        self, connection: sa.Connection, session_id: int, *, completed_at_ns: int
    ) -> None:
        """Write the manifest of a session that is finalized, or will be at *completed_at_ns*."""
        for told in manifests_of(
            connection, sessions.c.id == session_id, completed_at_ns=completed_at_ns
        ):
            self._store.write(manifest_path(told.session_uuid), dump_manifest(told))

    def _refuse_incomplete(self, connection: sa.Connection, session: sa.Row[Any]) -> None:
        states = connection.execute(
            sa.select(topics.c.name, topics.c.state)
            .where(topics.c.session_id == session.id)
            .order_by(topics.c.id)
        ).all()
        if not states:
            msg = f"Session `{session.uuid}` is empty."
            raise PreconditionError(msg)
        for name, state in states:
            locator = session.sequence + name
            if state == TopicState.Empty:
                msg = (
                    f"DoPut not called for topic `{locator}`. Upload its data or delete the topic."
                )
                raise PreconditionError(msg)
            if state == TopicState.Uploading:
                msg = f"Topic `{locator}` is already uploading data."
                raise PreconditionError(msg)

    def _session_delete(self, request: messages.SessionDelete) -> None:
        if not request.locator and not request.session_uuid:
            msg = "body deserialization error: required field missing @ $.locator"
            raise InvalidRequestError(msg)
        with self._catalog.write(durable=True) as connection:
            # The locator wins: clients that have one send nothing else.
            uuid = "" if request.locator else request.session_uuid
            session = claim_session(connection, uuid=uuid, locator=request.locator)
            connection.execute(sessions.delete().where(sessions.c.id == session.id))
        self._store.discard_session(session.uuid)

    def _topic_create(self, request: messages.TopicCreate) -> messages.TopicCreated:
        if not 0 < len(request.ontology_tag) <= _LONGEST_TAG:
            msg = (
                f"Bad request: an ontology tag of {len(request.ontology_tag)} characters, "
                f"expected 1 to {_LONGEST_TAG}"
            )
            raise InvalidRequestError(msg)
        uuid = str(uuid4())
        with self._catalog.write() as connection:
            session = claim_session(connection, uuid=request.session_uuid)
            if session.completed_at_ns is not None:
                msg = f"Session `{session.uuid}` already finalized."
                raise PreconditionError(msg)
            locator = expect(request.locator, LocatorKind.Topic)
            if locator.sequence != session.sequence:
                msg = f"Unauthorized: {locator} does not lie in the sequence of the session"
                raise UnauthorizedError(msg)
            taken = sa.select(topics.c.id).where(
                topics.c.sequence_id == session.sequence_id, topics.c.name == locator.topic
            )
            if connection.scalar(taken):
                msg = f"{locator} already exists"
                raise AlreadyExistsError(msg)
            row = {
                "sequence_id": session.sequence_id,
                "session_id": session.id,
                "name": locator.topic,
                "uuid": uuid,
                "ontology_tag": request.ontology_tag,
                "serialization_format": request.serialization_format.value,
                "user_metadata": _metadata_text(request.user_metadata),
                "state": TopicState.Empty.value,
                "created_at_ns": time.time_ns(),
            }
            topic_id = connection.scalar(topics.insert().values(row).returning(topics.c.id))
            if request.note is not None:
                target = {"sequence_id": session.sequence_id, "topic_id": topic_id}
                leave(connection, target, request.note.notification_type, request.note.msg)
        return messages.TopicCreated(uuid)

    def _topic_delete(self, request: messages.ResourceRequest) -> None:
        locator = expect(request.locator, LocatorKind.Topic)
        with self._catalog.write(durable=True) as connection:
            claim(connection, locator.sequence)
            topic = find_topic(connection, locator)
            belong = chunks.c.topic_id == topic.id
            paths = connection.scalars(sa.select(chunks.c.path).where(belong)).all()
            session = find_session(connection, uuid=topic.session_uuid)
            connection.execute(topics.delete().where(topics.c.id == topic.id))
            # What is not true any more goes before the commit; a start writes what a crash left out.
            self._store.discard([manifest_path(session.uuid)])
        self._store.discard(paths)
        if session.completed_at_ns is not None:
            with self._catalog.write() as connection:
                claim(connection, locator.sequence)
                self._write_manifest(
                    connection, session.id, completed_at_ns=session.completed_at_ns
                )


def _metadata_text(metadata: JsonObject) -> str:
    """Return what the catalog keeps of user metadata: every reader of the topic or sequence is sent it."""
    text = to_json(metadata)
    if len(text) > _LARGEST_METADATA:
        msg = (
            f"Bad request: user metadata of {len(text)} bytes, expected at most {_LARGEST_METADATA}; "
            "store what is larger as a topic"
        )
        raise InvalidRequestError(msg)
    return text
