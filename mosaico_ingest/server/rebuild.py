"""
A catalog made anew from what lies in the store: `serve --rebuild`.

A session with a manifest comes back as it was; a chunk that is missing costs its rows, which a notification
tells. Where the manifest is broken the labels of the chunks tell the rest, and the metadata of the sequence
is unknown. Where there is none the session was never finalized, and is open again. Nothing is deleted: what
has no place in the catalog is set aside, since a start sweeps what no row names.

Must not know: which database the catalog is. Next: `recovery`.
"""

import os
from collections.abc import Iterator
from uuid import UUID

import attrs
import pyarrow.parquet as pq
import sqlalchemy as sa

from mosaico_ingest.enum import NotificationType
from mosaico_ingest.errors import StoreError
from mosaico_ingest.protocol.ulid import make_ulid
from mosaico_ingest.protocol.wire import to_json
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.manifest import (
    LABEL,
    ChunkEntry,
    Label,
    Manifest,
    TopicEntry,
    load_label,
    load_manifest,
    manifest_path,
)
from mosaico_ingest.server.notices import leave
from mosaico_ingest.server.put import insert_chunk
from mosaico_ingest.server.statistics import ChunkFacts, read_facts
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import TopicState, sequences, sessions, topics
from mosaico_ingest.server.writing import WrittenChunk

__all__ = ["Rebuilt", "rebuild"]

_CHUNK = ".parquet"


@attrs.frozen(kw_only=True)
class Rebuilt:
    """What a catalog holds after it was made anew; *losses* are sentences."""

    sequences: int
    sessions: int
    topics: int
    chunks: int
    losses: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _Session:
    """
    A session as far as it is known.

    Args:
        is_told: Whether its manifest tells of it; else its chunks do.
        is_final: Whether it was finalized.
    """

    manifest: Manifest
    is_told: bool
    is_final: bool


def rebuild(catalog: Catalog, store: Store) -> Rebuilt:
    """Fill *catalog*, which is empty, with what *store* tells; nobody is served meanwhile."""
    return _Rebuild(store).run(catalog)


class _Rebuild:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._files = store.files()
        self._losses: list[str] = []
        self._sequences: dict[str, tuple[int, int]] = {}
        self._names: set[tuple[int, str]] = set()
        self._topics = 0
        self._chunks = 0

    def run(self, catalog: Catalog) -> Rebuilt:
        folders = sorted({path.partition("/")[0] for path in self._files})
        found = [one for folder in folders if (one := self._session(folder)) is not None]
        # Sessions with manifests come first: what they say of a sequence is not to be guessed again.
        found.sort(key=lambda one: (not one.is_told, one.manifest.created_at_ns))
        with catalog.write(durable=True) as connection:
            for one in found:
                self._restore(connection, one)
        return Rebuilt(
            sequences=len(self._sequences),
            sessions=len(found),
            topics=self._topics,
            chunks=self._chunks,
            losses=tuple(self._losses),
        )

    def _session(self, folder: str) -> _Session | None:
        path = manifest_path(folder)
        if path in self._files:
            try:
                manifest = load_manifest(self._store.read(path))
                if manifest.session_uuid != folder:
                    msg = f"It tells of the session {manifest.session_uuid!r}."
                    raise StoreError(msg)
            except StoreError as err:
                self._set_aside(path, f"The manifest of session {folder} cannot be used. {err}")
            else:
                return _Session(manifest=manifest, is_told=True, is_final=True)
        return self._guessed(folder, is_final=path in self._files)

    def _guessed(self, folder: str, *, is_final: bool) -> _Session | None:
        """Return what the chunks of a session tell of it, None if that is nothing."""
        entries: dict[str, TopicEntry] = {}
        labels: list[Label] = []
        for file, label, entry in self._labelled(folder):
            uuid = file.rpartition("-")[0]
            if uuid in entries:
                entries[uuid].chunks.extend(entry.chunks)
            else:
                entries[uuid] = entry
                labels.append(label)
        if not labels:
            return None
        sequence, created_ns = labels[0].sequence, min(label.created_at_ns for label in labels)
        self._losses.append(
            f"Session {folder} of {sequence!r} has no manifest. Its topics are told by their chunks; "
            "a topic without rows, and the sequence's metadata unless another session tells it, are lost."
            if is_final
            else f"Session {folder} of {sequence!r} was never finalized; it is incomplete, as it was."
        )
        manifest = Manifest(
            sequence=sequence,
            sequence_created_at_ns=created_ns,
            sequence_metadata={},
            session_uuid=folder,
            session_ulid=make_ulid(created_ns, os.urandom(10)),
            created_at_ns=created_ns,
            completed_at_ns=max(entry.completed_at_ns for entry in entries.values()),
            topics=list(entries.values()),
        )
        return _Session(manifest=manifest, is_told=False, is_final=is_final)

    def _labelled(self, folder: str) -> Iterator[tuple[str, Label, TopicEntry]]:
        for path, size in sorted(self._files.items()):
            if not (path.startswith(f"{folder}/") and path.endswith(_CHUNK)):
                continue
            file = path.rpartition("/")[2]
            try:
                uuid = str(UUID(file.rpartition("-")[0]))
                with self._store.open(path) as source, pq.ParquetFile(source) as parquet:
                    footer, schema = parquet.metadata, parquet.schema_arrow
                own = dict(schema.metadata or {})
                label = load_label((footer.metadata or {}).get(LABEL, b""))
                facts = read_facts(footer)
            except (StoreError, ValueError, OSError) as err:  # pyarrow's faults are among the two
                told = str(err).partition("\n")[0]
                self._set_aside(path, f"The chunk {path} does not tell what it is. {told}")
                continue
            own.pop(LABEL, None)
            yield (
                file,
                label,
                TopicEntry(
                    name=label.topic,
                    uuid=uuid,
                    ontology_tag=label.ontology_tag,
                    serialization_format=label.serialization_format,
                    user_metadata=label.user_metadata,
                    created_at_ns=label.created_at_ns,
                    completed_at_ns=label.created_at_ns,
                    arrow_schema=schema.with_metadata(own or None).serialize().to_pybytes(),
                    chunks=[
                        ChunkEntry(
                            file=file,
                            rows=facts.rows,
                            bytes=size,
                            min_ns=facts.min_ns,
                            max_ns=facts.max_ns,
                            bounds=list(facts.bounds),
                        )
                    ],
                ),
            )

    def _restore(self, connection: sa.Connection, session: _Session) -> None:
        told = session.manifest
        sequence_id, name = self._sequence(connection, session)
        session_id = _insert(
            connection,
            sessions,
            sequence_id=sequence_id,
            uuid=told.session_uuid,
            ulid=told.session_ulid,
            created_at_ns=told.created_at_ns,
            completed_at_ns=told.completed_at_ns if session.is_final else None,
        )
        before = len(self._losses)
        for topic in told.topics:
            if (sequence_id, topic.name) in self._names:
                self._losses.append(f"{name}{topic.name} is there twice; one of them is set aside.")
                for chunk in topic.chunks:
                    self._set_aside(f"{told.session_uuid}/{chunk.file}")
                continue
            self._names.add((sequence_id, topic.name))
            topic_id = _insert(
                connection,
                topics,
                sequence_id=sequence_id,
                session_id=session_id,
                name=topic.name,
                uuid=topic.uuid,
                ontology_tag=topic.ontology_tag,
                serialization_format=topic.serialization_format.value,
                user_metadata=to_json(topic.user_metadata),
                state=(TopicState.Finalized if session.is_final else TopicState.Uploading).value,
                arrow_schema=topic.arrow_schema,
                created_at_ns=topic.created_at_ns,
                completed_at_ns=topic.completed_at_ns if session.is_final else None,
            )
            self._topics += 1
            lost = [
                chunk
                for chunk in topic.chunks
                if not self._restored(connection, topic_id, told.session_uuid, chunk)
            ]
            if lost:
                self._tell(connection, sequence_id, topic_id, name + topic.name, lost)
        if session.is_told and len(self._losses) > before:
            self._store.discard([manifest_path(told.session_uuid)])  # a start writes it anew

    def _sequence(self, connection: sa.Connection, session: _Session) -> tuple[int, str]:
        told, name = session.manifest, session.manifest.sequence
        known = self._sequences.get(name)
        if known and session.is_told and known[1] != told.sequence_created_at_ns:
            name = f"{name}_{told.session_uuid[:8]}"
            self._losses.append(
                f"There were two sequences {told.sequence!r}; the later one is now {name!r}."
            )
            known = self._sequences.get(name)
        if known is None:
            key = _insert(
                connection,
                sequences,
                name=name,
                user_metadata=to_json(told.sequence_metadata),
                created_at_ns=told.sequence_created_at_ns,
            )
            known = self._sequences[name] = key, told.sequence_created_at_ns
        return known[0], name

    def _restored(
        self, connection: sa.Connection, topic_id: int, folder: str, chunk: ChunkEntry
    ) -> bool:
        """Make a chunk known that is there as it was written; say whether it is."""
        path = f"{folder}/{chunk.file}"
        found = self._files.get(path)
        if found != chunk.bytes:
            if found is not None:
                size = f"It has {found} bytes, expected {chunk.bytes}."
                self._set_aside(path, f"The chunk {path} is not as it was written. {size}")
            return False
        facts = ChunkFacts(
            rows=chunk.rows, min_ns=chunk.min_ns, max_ns=chunk.max_ns, bounds=tuple(chunk.bounds)
        )
        insert_chunk(
            connection, topic_id, WrittenChunk(path=path, size_bytes=chunk.bytes, facts=facts)
        )
        self._chunks += 1
        return True

    def _tell(
        self,
        connection: sa.Connection,
        sequence_id: int,
        topic_id: int,
        locator: str,
        lost: list[ChunkEntry],
    ) -> None:
        rows = sum(chunk.rows for chunk in lost)
        files = ", ".join(chunk.file for chunk in lost)
        told = f"{rows} rows are lost with chunks that are not there: {files}."
        self._losses.append(f"{locator}: {told}")
        target = {"sequence_id": sequence_id, "topic_id": topic_id}
        leave(connection, target, NotificationType.Error, f"When the catalog was made anew: {told}")

    def _set_aside(self, path: str, why: str = "") -> None:
        if path not in self._files:
            return
        where = self._store.set_aside(path)
        if why:
            self._losses.append(f"{why} It is now {where}.")


def _insert(connection: sa.Connection, table: sa.Table, **row: object) -> int:
    key = connection.execute(table.insert(), row).inserted_primary_key
    assert key is not None
    return int(key[0])
