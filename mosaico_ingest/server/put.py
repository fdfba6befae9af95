"""
DoPut: one stream fills one topic, or leaves no trace but the topic's state.

The chunks and the end of the upload become visible in one transaction, after the files are on the disk.

Must not know: actions, how chunks are written. Next: `get`.
"""

import time
from threading import BoundedSemaphore, Event

import pyarrow as pa
import sqlalchemy as sa
from attrs import asdict
from pyarrow import flight

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import (
    InvalidRequestError,
    PreconditionError,
    ServerFaultError,
    UnauthorizedError,
    UnreachableError,
)
from mosaico_ingest.protocol.flight import LARGEST_MESSAGE_BYTES, PutCommand
from mosaico_ingest.protocol.names import LocatorKind
from mosaico_ingest.protocol.schema import check_upload_schema
from mosaico_ingest.protocol.wire import load_json, load_request
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import Row, check_uuid, claim, command_of, expect, find_topic
from mosaico_ingest.server.manifest import LABEL, Label, dump_label
from mosaico_ingest.server.presence import Presence
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import TopicState, chunks, column_bounds, topics, uploads
from mosaico_ingest.server.writing import ChunkWriter, MemoryShare, WrittenChunk

__all__ = ["Receiver", "insert_chunk"]


class Receiver:
    """
    Takes uploads.

    Args:
        catalog, store: Where they go.
        presence: The server that takes them.
        stopping: Set when the server ends; uploads are broken off then.
        max_uploads: How many it takes at the same time.

    Thread: any; one call per stream.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        presence: Presence,
        stopping: Event,
        max_uploads: int,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._presence = presence
        self._stopping = stopping
        self._share = MemoryShare()
        self._max_uploads = max_uploads
        self._places = BoundedSemaphore(max_uploads)

    def receive(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
    ) -> None:
        """
        Store what *reader* gives as the topic that *descriptor* names.

        Raises:
            RemoteError: The upload is refused, or broken off; `UnreachableError` if there are too many.
            StoreFullError: No space is left.
        """
        # Before anything is read, and without a queue: who waits would still send, and gRPC would keep it.
        if not self._places.acquire(blocking=False):
            msg = (
                f"The server takes {self._max_uploads} uploads at the same time (serve --max-uploads), "
                "and has as many; upload the topic again when some have ended"
            )
            raise UnreachableError(msg)
        try:
            self._store_topic(context, descriptor, reader)
        finally:
            self._places.release()

    def _store_topic(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
    ) -> None:
        command = load_request(PutCommand, command_of(descriptor))
        schema = reader.schema
        check_upload_schema(schema)
        server_id = self._presence.id
        topic = self._begin(command, server_id)
        name = f"{topic.session_uuid}/{topic.uuid}"
        label = dump_label(_label(topic, command.resource_locator))
        writer = ChunkWriter(self._store, self._share, name, schema, {LABEL: label})
        try:
            with self._share.stream():
                self._drain(context, reader, writer)
                written = writer.finish()
            self._complete(topic, server_id, command.resource_locator, schema, written)
        except BaseException as err:
            writer.discard()
            if isinstance(err, FileNotFoundError):
                raise _deleted(command.resource_locator) from err
            raise

    def _begin(self, command: PutCommand, server_id: int) -> Row:
        locator = expect(command.resource_locator, LocatorKind.Topic)
        with self._catalog.write() as connection:
            claim(connection, locator.sequence)
            topic = find_topic(connection, locator)
            if check_uuid(command.topic_uuid) != topic.uuid:
                msg = f"Unauthorized: the uuid given for {locator} is not the one of its creation"
                raise UnauthorizedError(msg)
            if topic.state == TopicState.Finalized:
                msg = f"Topic `{locator}` has already been uploaded and finalized."
                raise PreconditionError(msg)
            if topic.state == TopicState.Uploading:
                msg = f"Topic `{locator}` is already uploading data."
                raise PreconditionError(msg)
            connection.execute(
                topics.update()
                .where(topics.c.id == topic.id)
                .values(state=TopicState.Uploading.value)
            )
            try:
                connection.execute(uploads.insert(), {"topic_id": topic.id, "server_id": server_id})
            except sa.exc.IntegrityError as err:  # this server was taken for dead: not for long
                msg = "The server has lost touch with its catalog; try again."
                raise UnreachableError(msg) from err
        return topic

    def _drain(
        self,
        context: flight.ServerCallContext,
        reader: flight.MetadataRecordBatchReader,
        writer: ChunkWriter,
    ) -> None:
        for chunk in reader:
            if self._stopping.is_set():
                msg = "The server is stopping; upload the topic again when it is back."
                raise UnreachableError(msg)
            if chunk.data is None:  # how a client of pyarrow breaks off what it cannot cancel
                msg = "Unsupported stream message: expected a record batch"
                raise InvalidRequestError(msg)
            if chunk.data.nbytes > LARGEST_MESSAGE_BYTES:
                msg = (
                    f"Bad request: a batch of {chunk.data.nbytes} bytes, expected at most "
                    f"{LARGEST_MESSAGE_BYTES}; send fewer rows in one"
                )
                raise InvalidRequestError(msg)
            chunk.data.validate(full=True)
            writer.add(chunk.data)
        if context.is_cancelled():  # a client that dies ends its stream like one that is done
            msg = "Stream error: the client broke the upload off"
            raise ServerFaultError(msg)

    def _complete(
        self,
        topic: Row,
        server_id: int,
        locator: str,
        schema: pa.Schema,
        written: list[WrittenChunk],
    ) -> None:
        with self._catalog.write() as connection:
            claim(connection, expect(locator, LocatorKind.Topic).sequence)
            done = connection.execute(
                topics.update()
                .where(topics.c.id == topic.id, topics.c.uuid == topic.uuid)
                .values(
                    state=TopicState.Finalized.value,
                    completed_at_ns=time.time_ns(),
                    arrow_schema=schema.serialize().to_pybytes(),
                )
            )
            if not done.rowcount:
                raise _deleted(locator)
            mine = sa.and_(uploads.c.topic_id == topic.id, uploads.c.server_id == server_id)
            if not connection.execute(uploads.delete().where(mine)).rowcount:
                msg = (
                    f"Topic `{locator}`: the server was taken for dead during the upload. "
                    "Delete the topic and upload it again."
                )
                raise PreconditionError(msg)
            for chunk in written:
                insert_chunk(connection, topic.id, chunk)


def insert_chunk(connection: sa.Connection, topic_id: int, chunk: WrittenChunk) -> None:
    """Make a chunk known to the catalog as one of a topic."""
    row = {
        "topic_id": topic_id,
        "path": chunk.path,
        "rows": chunk.facts.rows,
        "bytes": chunk.size_bytes,
        "min_ns": chunk.facts.min_ns,
        "max_ns": chunk.facts.max_ns,
    }
    key = connection.execute(chunks.insert(), row).inserted_primary_key
    assert key is not None
    if chunk.facts.bounds:
        bounds = [{"chunk_id": key[0], **asdict(one)} for one in chunk.facts.bounds]
        connection.execute(column_bounds.insert(), bounds)


def _label(topic: Row, locator: str) -> Label:
    return Label(
        sequence=expect(locator, LocatorKind.Topic).sequence,
        topic=topic.name,
        ontology_tag=topic.ontology_tag,
        serialization_format=SerializationFormat(topic.serialization_format),
        user_metadata=load_json(topic.user_metadata),
        created_at_ns=topic.created_at_ns,
    )


def _deleted(locator: str) -> PreconditionError:
    msg = f"Topic `{locator}` was deleted while it was being uploaded."
    return PreconditionError(msg)
