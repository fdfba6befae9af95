"""
What is done about the end of a server, by the next at its start or by those that go on: nothing half-made
stays.

Finalized sessions are durable and not looked at. In open ones, a chunk that a power cut took takes its topic
back to UPLOADING, so that the session cannot be finalized without it. Files that no row names are removed,
unless they belong to an upload that a living server takes; manifests that are missing are written.

Must not know: what is being served. Next: `control`.
"""

import logging
import re
import threading
from collections.abc import Sequence

import sqlalchemy as sa

from mosaico_ingest.errors import MosaicoError
from mosaico_ingest.server import presence as beating
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import Row, claim
from mosaico_ingest.server.manifest import dump_manifest, manifest_path, manifests_of
from mosaico_ingest.server.presence import Presence
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import TopicState, chunks, sequences, sessions, topics, uploads

__all__ = ["Caretaker", "recover"]

_log = logging.getLogger(__name__)
_CHUNK = re.compile(r"(?P<topic>.+)-\d+\.parquet(\.part)?")


class Caretaker:
    """
    Cleans up after other servers of the catalog while this one runs; a catalog of one server needs none.

    Thread: one of its own, until `close`.
    """

    def __init__(self, catalog: Catalog, store: Store, presence: Presence) -> None:
        self._catalog = catalog
        self._store = store
        self._presence = presence
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        if catalog.is_shared:
            self._thread = threading.Thread(target=self._run, name="mi-caretaker", daemon=True)
            self._thread.start()

    def __repr__(self) -> str:
        return f"<Caretaker {self._presence}>"

    def close(self) -> None:
        """End it and wait for that; may be called twice."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        is_due = False  # stays while recovery fails
        while not self._ended.wait(beating.BEAT_S):
            try:
                is_due = self._presence.beat() or is_due
                if is_due:
                    recover(self._catalog, self._store)
                    is_due = False
            except (MosaicoError, sa.exc.SQLAlchemyError, OSError) as err:
                _log.warning("Looking after other servers failed, and is tried again: %s", err)


def recover(catalog: Catalog, store: Store) -> None:
    """Bring *store* and *catalog* together, without touching what living servers do."""
    lost = sum(_take_back(catalog, store, row) for row in _suspects(catalog, store))
    if lost:
        _log.warning("%d unfinished uploads were lost with the last shutdown.", lost)
    strays = _sweep(catalog, store)
    if strays:
        _log.info("%d files of unfinished uploads were removed.", strays)
    _write_manifests(catalog, store)


def _suspects(catalog: Catalog, store: Store) -> Sequence[Row]:
    """Return the topics of open sessions of which a chunk is not there; they may just be being deleted."""
    with catalog.read() as connection:
        rows = connection.execute(
            _unproven().add_columns(
                topics.c.id, sequences.c.name.label("sequence"), chunks.c.path, chunks.c.bytes
            )
        ).all()
    found = {row.id: row for row in rows if store.size(row.path) != row.bytes}
    return [found[key] for key in sorted(found)]


def _take_back(catalog: Catalog, store: Store, topic: Row) -> bool:
    """Let a topic be unfinished if chunks of it are lost; whoever deletes it now is waited for."""
    with catalog.write(durable=True) as connection:
        claim(connection, topic.sequence)
        stored = connection.execute(
            _unproven().add_columns(chunks.c.path, chunks.c.bytes).where(topics.c.id == topic.id)
        ).all()
        if all(store.size(row.path) == row.bytes for row in stored):
            return False
        connection.execute(chunks.delete().where(chunks.c.topic_id == topic.id))
        connection.execute(
            topics.update()
            .where(topics.c.id == topic.id)
            .values(state=TopicState.Uploading.value, completed_at_ns=None, arrow_schema=None)
        )
    return True


def _unproven() -> sa.Select[tuple[()]]:
    """Return a query over the chunks of open sessions, with no column yet."""
    return (
        sa.select()
        .select_from(chunks)
        .join(topics, topics.c.id == chunks.c.topic_id)
        .join(sessions, sessions.c.id == topics.c.session_id)
        .join(sequences, sequences.c.id == topics.c.sequence_id)
        .where(sessions.c.completed_at_ns.is_(None))
    )


def _sweep(catalog: Catalog, store: Store) -> int:
    """Remove the files that nobody will name, and return how many."""
    # Names first: an upload is in the catalog before its first file is in the store.
    names = store.names()
    with catalog.read() as connection:
        known = set(connection.scalars(sa.select(chunks.c.path)))
        folders = set(connection.scalars(sa.select(sessions.c.uuid)))
        pending = sa.select(sessions.c.uuid, topics.c.uuid).select_from(uploads)
        pending = pending.join(topics, topics.c.id == uploads.c.topic_id)
        pending = pending.join(sessions, sessions.c.id == topics.c.session_id)
        uploading = {f"{session}/{topic}" for session, topic in connection.execute(pending)}

    def is_stray(name: str) -> bool:
        if name.partition("/")[0] not in folders:
            return True
        chunk = _CHUNK.fullmatch(name)
        return chunk is not None and name not in known and chunk["topic"] not in uploading

    strays = list(filter(is_stray, names))
    store.sweep(strays, folders)
    return len(strays)


def _write_manifests(catalog: Catalog, store: Store) -> None:
    """Write the manifests that finalized sessions lack: a crash, or an older version, left them out."""
    names = store.names()
    with catalog.read() as connection:
        finalized = connection.execute(
            sa.select(sessions.c.uuid, sequences.c.name)
            .join_from(sessions, sequences)
            .where(sessions.c.completed_at_ns.is_not(None))
        ).all()
    for uuid, sequence in finalized:
        if manifest_path(uuid) in names:
            continue
        with catalog.write() as connection:
            claim(connection, sequence)
            for told in manifests_of(connection, sessions.c.uuid == uuid):
                store.write(manifest_path(uuid), dump_manifest(told))
