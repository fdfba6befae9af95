"""
Reading: what a sequence or topic is, and the rows of a topic as a stream of Arrow batches.

Must not know: writers. Next: `merging`.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import attrs
import pyarrow as pa
import pyarrow.flight as fl

from mosaico_ingest.client.connections import Connection
from mosaico_ingest.client.errors import border
from mosaico_ingest.client.facts import SequenceSystemInfo, SessionInfo, TopicInfo, bare_schema
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.locators import sequence_locator, topic_locator
from mosaico_ingest.client.merging import merge
from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import ServerFaultError, StateError, UsageError
from mosaico_ingest.protocol.flight import InfoCommand
from mosaico_ingest.protocol.manifests import SequenceAppMetadata, TopicAppMetadata
from mosaico_ingest.protocol.schema import (
    TopicProperties,
    read_topic_properties,
    read_user_metadata,
)
from mosaico_ingest.protocol.wire import load_response

__all__ = ["SequenceHandler", "TopicHandler"]


@attrs.frozen(kw_only=True)
class SequenceHandler:
    """
    What the server told about a sequence when it was asked.

    Args:
        name: Its name.
        user_metadata: What its writer said about it.
        created_ns: When it was created.
        sessions: Its uploads, finalized or not.
        topics: The topics of all sessions by name, sorted.
    """

    name: str
    user_metadata: Mapping[str, object]
    created_ns: int
    sessions: tuple[SessionInfo, ...]
    topics: Mapping[str, TopicInfo]
    _layers: Layers = attrs.field(alias="layers", eq=False)

    @classmethod
    def ask(cls, layers: Layers, name: str) -> Self:
        """
        Ask the server about the sequence *name*.

        Raises:
            NotFoundError: There is none.
        """
        name = sequence_locator(name)
        info = layers.control.describe(InfoCommand(name))
        told = load_response(SequenceAppMetadata, bytes(info.app_metadata))
        topics = [TopicInfo.read(bytes(endpoint.app_metadata)) for endpoint in info.endpoints]
        return cls(
            name=name,
            user_metadata=(
                read_user_metadata(info.schema) if _is_described(info) else told.user_metadata
            ),
            created_ns=told.created_at_ns,
            sessions=tuple(SessionInfo.read(session) for session in told.sessions),
            topics={topic.name: topic for topic in sorted(topics, key=lambda topic: topic.name)},
            layers=layers,
        )

    def read(
        self,
        topics: Iterable[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """
        Stream the rows of several topics in one order of time, as (topic, batch).

        A batch is a slice of rows between which no other topic has one; of one instant, topics come in the
        order of their names. About one batch per topic is held. What goes wrong is as in `TopicHandler.read`.

        Args:
            topics: Their names, with or without the leading slash; by default all.
            start_ns, end_ns: Rows with `start_ns <= timestamp_ns < end_ns`; a missing bound is open.

        Raises:
            NotFoundError: The sequence has no such topic.
            UsageError: The window is empty.
        """
        names = self.topics if topics is None else {f"/{name.removeprefix('/')}" for name in topics}
        handlers = [TopicHandler.ask(self._layers, self.name, name) for name in sorted(names)]
        # A topic without an upload has no columns, and so no time.
        readers = {topic.name: topic.read(start_ns, end_ns) for topic in handlers if topic.schema}
        return merge(readers)

    @property
    def complete(self) -> bool:
        """Whether it has sessions and all of them are finalized."""
        return bool(self.sessions) and all(session.locked for session in self.sessions)

    @property
    def size_bytes(self) -> int:
        """Bytes that its topics take in the server's store."""
        return sum(topic.size_bytes for topic in self.topics.values())

    @property
    def time_range_ns(self) -> tuple[int, int] | None:
        """The first and the last `timestamp_ns` of all topics, both inside; None without rows."""
        starts = [topic.start_ns for topic in self.topics.values() if topic.start_ns is not None]
        ends = [topic.end_ns for topic in self.topics.values() if topic.end_ns is not None]
        return (min(starts), max(ends)) if starts and ends else None

    @property
    def rows(self) -> int | None:
        """How many rows its topics have, None where an older server does not count."""
        counts = [topic.rows for topic in self.topics.values() if topic.rows is not None]
        return sum(counts) if len(counts) == len(self.topics) else None

    @property
    def system_info(self) -> SequenceSystemInfo:
        """What of this concerns storage."""
        start_ns, end_ns = self.time_range_ns or (None, None)
        return SequenceSystemInfo(
            total_size_bytes=self.size_bytes,
            chunks_number=sum(topic.chunks for topic in self.topics.values()),
            created_ns=self.created_ns,
            is_locked=self.complete,
            sessions=self.sessions,
            rows=self.rows,
            start_ns=start_ns,
            end_ns=end_ns,
        )

    def __repr__(self) -> str:
        state = "complete" if self.complete else "incomplete"
        return (
            f"<SequenceHandler {self.name}: {state}, {len(self.topics)} topics, {self.rows} rows>"
        )


@attrs.frozen(kw_only=True, eq=False)
class TopicHandler:
    """
    What the server told about a topic when it was asked, and the way to its rows.

    Args:
        name, sequence: Which one; the name has a leading slash.
        ontology_tag: Its type.
        serialization_format: How the server may lay its rows out.
        schema: Its columns as uploaded, without the metadata that servers add; no columns before an upload.
        user_metadata: What its writer said about it.
        info: Its size, time range and state.
    """

    name: str
    sequence: str
    ontology_tag: str
    serialization_format: SerializationFormat
    schema: pa.Schema
    user_metadata: Mapping[str, object]
    info: TopicInfo
    _layers: Layers = attrs.field(alias="layers")
    _ticket: fl.Ticket = attrs.field(alias="ticket")

    @classmethod
    def ask(cls, layers: Layers, sequence: str, name: str) -> Self:
        """
        Ask the server about the topic *name* of *sequence*.

        Raises:
            NotFoundError: There is none.
        """
        command = InfoCommand(topic_locator(sequence, name))
        flight, endpoint = _describe(layers, command)
        if _is_described(flight):
            schema, user_metadata = flight.schema, read_user_metadata(flight.schema)
            properties = read_topic_properties(schema)
        else:
            told = load_response(TopicAppMetadata, bytes(endpoint.app_metadata))
            schema, user_metadata = layers.control.schema(command), told.user_metadata
            properties = TopicProperties(told.ontology_tag, told.serialization_format)
        info = attrs.evolve(
            TopicInfo.read(bytes(endpoint.app_metadata)), ontology_tag=properties.ontology_tag
        )
        return cls(
            name=info.name,
            sequence=info.sequence,
            ontology_tag=properties.ontology_tag,
            serialization_format=properties.serialization_format,
            schema=bare_schema(schema),
            user_metadata=user_metadata,
            info=info,
            layers=layers,
            ticket=endpoint.ticket,
        )

    def read(self, start_ns: int | None = None, end_ns: int | None = None) -> pa.RecordBatchReader:
        """
        Stream the rows with `start_ns <= timestamp_ns < end_ns`, ascending; a missing bound is open.

        Nothing is fetched before the first batch is asked for, and no more than a few batches ahead.
        Dropping the reader ends the transfer, as closing the client does. What goes wrong on the way is
        raised as one of our errors.

        Raises:
            UsageError: The window is empty.
        """
        if start_ns is not None and end_ns is not None and start_ns >= end_ns:
            msg = f"The window from {start_ns} to {end_ns} is empty. Expected start_ns < end_ns."
            raise UsageError(msg)
        return pa.RecordBatchReader.from_batches(self.schema, self._batches(start_ns, end_ns))

    def _batches(self, start_ns: int | None, end_ns: int | None) -> Iterator[pa.RecordBatch]:
        ticket = self._ticket
        if start_ns is not None or end_ns is not None:
            command = InfoCommand(topic_locator(self.sequence, self.name), start_ns, end_ns)
            ticket = _describe(self._layers, command)[1].ticket
        download = _Download(self._layers.connections.least_loaded(), ticket)
        with contextlib.closing(download):
            for batch in download:
                yield batch.replace_schema_metadata(self.schema.metadata)

    def __repr__(self) -> str:
        return (
            f"<TopicHandler {self.sequence}{self.name}: {self.ontology_tag}, {self.info.rows} rows>"
        )


class _Download:
    """
    One DoGet, from its first batch to its end or to `close`.

    Thread: one; `break_off` any.
    """

    def __init__(self, connection: Connection, ticket: fl.Ticket) -> None:
        self._connection = connection
        self._is_broken_off = False
        self._stream = connection.get(ticket)
        self.nbytes = 0
        try:
            connection.bind(self)
        except StateError:
            self._stream.cancel()
            raise

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches that have rows."""
        while (chunk := self._next()) is not None:
            if chunk.data is not None and chunk.data.num_rows:
                self.nbytes += chunk.data.nbytes
                yield chunk.data

    def break_off(self) -> None:
        """Let a reader that waits, or comes again, fail."""
        self._is_broken_off = True
        self._stream.cancel()

    def close(self) -> None:
        """Tell the server that no more is wanted."""
        self._connection.release(self)
        self._stream.cancel()

    def _next(self) -> fl.FlightStreamChunk | None:
        try:
            with border(self._connection.address.url):
                return self._stream.read_chunk()
        except StopIteration:
            return None
        except ServerFaultError as err:
            if self._is_broken_off:
                msg = "The reading ended early: the client was closed. Connect again."
                raise StateError(msg) from err
            raise


def _is_described(flight: fl.FlightInfo) -> bool:
    """Tell whether the schema says what it stands for; servers from 0.7 on say it elsewhere."""
    return bool(flight.schema is not None and flight.schema.metadata)


def _describe(layers: Layers, command: InfoCommand) -> tuple[fl.FlightInfo, fl.FlightEndpoint]:
    """Return what the server tells about a topic, and where its rows are."""
    info = layers.control.describe(command)
    if len(info.endpoints) != 1:
        msg = (
            f"The server gives {len(info.endpoints)} places for the rows of "
            f"{command.resource_locator!r}. Expected one."
        )
        raise ServerFaultError(msg)
    return info, info.endpoints[0]
