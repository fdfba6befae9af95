"""
What readers ask: which sequences there are, what they hold, and the rows of a topic.

Must not know: how rows are merged, how anything is written. Next: `reading`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

import pyarrow as pa
import sqlalchemy as sa
from pyarrow import flight

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import InvalidRequestError, NotFoundError
from mosaico_ingest.protocol.flight import InfoCommand, topic_location
from mosaico_ingest.protocol.generations import Generation
from mosaico_ingest.protocol.manifests import (
    SequenceAppMetadata,
    SessionManifest,
    TimeSpan,
    TopicAppMetadata,
    TopicDataInfo,
    TopicInfo,
    WindowInfo,
)
from mosaico_ingest.protocol.names import LocatorKind, parse_locator
from mosaico_ingest.protocol.schema import TopicProperties, sequence_schema, topic_schema
from mosaico_ingest.protocol.wire import dump, load_json, load_request
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.faults import guarded
from mosaico_ingest.server.lookup import Row, command_of, expect, find_sequence, find_topic
from mosaico_ingest.server.reading import StoredChunk, Window, count_rows, read_rows
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import TopicState, chunks, sequences, sessions, topics

__all__ = ["Reader"]


class Reader:
    """
    Answers readers.

    Thread: any.
    """

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog = catalog
        self._store = store

    def list_sequences(self, criteria: bytes) -> Iterator[flight.FlightInfo]:
        """
        Yield one entry per sequence, also for those that are empty or unfinished.

        Raises:
            InvalidRequestError: Something else than everything is wanted.
        """
        if criteria not in (b"", b"/"):
            msg = f"Bad request: unsupported criteria {criteria[:64]!r}"
            raise InvalidRequestError(msg)
        with self._catalog.read() as connection:
            names = connection.scalars(sa.select(sequences.c.name)).all()
        for name in sorted(names):  # here: databases have their own ideas of the order of texts
            endpoint = flight.FlightEndpoint(name.encode(), [])
            descriptor = flight.FlightDescriptor.for_path(name)
            yield flight.FlightInfo(pa.schema([]), descriptor, [endpoint], -1, -1)

    def info(
        self, descriptor: flight.FlightDescriptor, generation: Generation
    ) -> flight.FlightInfo:
        """
        Describe a sequence with all its topics, or one topic.

        Args:
            descriptor: Which one, and the window of time that will be read, if any.
            generation: Not every one wants to know what lies in the window.

        Raises:
            NotFoundError: There is none.
            InvalidRequestError: The descriptor names neither.
        """
        command = load_request(InfoCommand, command_of(descriptor))
        locator = parse_locator(command.resource_locator)
        window = Window(command.timestamp_ns_start, command.timestamp_ns_end)
        counts = generation.counts_windows and window != Window()
        with self._catalog.read() as connection:
            if locator.kind is LocatorKind.Sequence:
                sequence = find_sequence(connection, locator.sequence)
                schema = sequence_schema(load_json(sequence.user_metadata))
                told = dump(_sequence_manifest(connection, sequence))
                which = topics.c.sequence_id == sequence.id
            else:
                topic = find_topic(connection, expect(command.resource_locator, LocatorKind.Topic))
                schema, told, which = _schema_of(topic), b"", topics.c.id == topic.id
            rows = _topic_facts(connection, which)
            held = _chunks_in(connection, which, window) if counts else {}
        endpoints = []
        for row in rows:
            counted = self._count(held.get(row.id, []), window) if counts else None
            endpoints.append(_endpoint(row, locator.sequence + row.name, command, counted))
        return flight.FlightInfo(
            schema, descriptor, endpoints, -1, -1, ordered=False, app_metadata=told
        )

    def schema(self, descriptor: flight.FlightDescriptor) -> pa.Schema:
        """
        Return the columns of a topic, or the schema that stands for a sequence.

        Raises:
            NotFoundError: There is none.
            InvalidRequestError: The descriptor names neither.
        """
        command = load_request(InfoCommand, command_of(descriptor))
        locator = parse_locator(command.resource_locator)
        with self._catalog.read() as connection:
            if locator.kind is LocatorKind.Sequence:
                found = find_sequence(connection, locator.sequence)
                return sequence_schema(load_json(found.user_metadata))
            locator = expect(command.resource_locator, LocatorKind.Topic)
            return _schema_of(find_topic(connection, locator))

    def rows(
        self, ticket: bytes
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch | flight.FlightDataStream]]:
        """
        Return the columns of the topic that *ticket* names, and its rows in order of time.

        Raises:
            NotFoundError: There is none.
            InvalidRequestError: The ticket was not given by this server.
        """
        command = load_request(InfoCommand, ticket)
        locator = expect(command.resource_locator, LocatorKind.Topic)
        with self._catalog.read() as connection:
            topic = find_topic(connection, locator)
            found = connection.execute(
                sa.select(chunks.c.path, chunks.c.min_ns, chunks.c.max_ns)
                .where(chunks.c.topic_id == topic.id)
                .order_by(chunks.c.id)
            ).all()
        schema = _schema_of(topic)
        stored = [StoredChunk(path=path, min_ns=low, max_ns=high) for path, low, high in found]
        window = Window(command.timestamp_ns_start, command.timestamp_ns_end)

        def read() -> Iterator[pa.RecordBatch]:
            try:
                yield from read_rows(self._store, stored, schema, window)
            except FileNotFoundError as err:
                msg = f"{locator} not found: it was deleted while it was being read"
                raise NotFoundError(msg) from err

        if any(map(_has_dictionary, schema.types)):
            return schema, guarded(_with_dictionaries)(schema, read())
        return schema, guarded(read)()

    def _count(self, stored: Sequence[StoredChunk], window: Window) -> WindowInfo:
        """Look at what of *stored* lies in *window*: of most chunks the catalog knows it."""
        parts: list[tuple[int, int, int]] = []
        for chunk in stored:
            if window.holds(chunk.min_ns, chunk.max_ns):
                parts.append((chunk.min_ns, chunk.max_ns, chunk.rows))
                continue
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                parts += count_rows(self._store, chunk, window)
        if not parts:
            return WindowInfo(row_count=0)
        starts, ends, rows = zip(*parts, strict=True)
        return WindowInfo(
            interval=TimeSpan(start_ns=min(starts), end_ns=max(ends)), row_count=sum(rows)
        )


def _sequence_manifest(connection: sa.Connection, sequence: Row) -> SequenceAppMetadata:
    return SequenceAppMetadata(
        created_at_ns=sequence.created_at_ns,
        resource_locator=sequence.name,
        user_metadata=load_json(sequence.user_metadata),
        sessions=_manifests(connection, sequence),
    )


def _manifests(connection: sa.Connection, sequence: Row) -> list[SessionManifest]:
    locators: dict[int, list[str]] = {}
    for session_id, name in connection.execute(
        sa.select(topics.c.session_id, topics.c.name)
        .where(topics.c.sequence_id == sequence.id)
        .order_by(topics.c.id)
    ):
        locators.setdefault(session_id, []).append(sequence.name + name)
    found = connection.execute(
        sa.select(sessions).where(sessions.c.sequence_id == sequence.id).order_by(sessions.c.id)
    )
    return [
        SessionManifest(
            uuid=row.uuid,
            locator=f"{sequence.name}:{row.ulid}",
            created_at_ns=row.created_at_ns,
            completed_at_ns=row.completed_at_ns,
            locked=row.completed_at_ns is not None,
            topics=locators.get(row.id, []),
        )
        for row in found
    ]


def _topic_facts(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Sequence[Row]:
    return connection.execute(
        sa.select(
            topics,
            sa.func.count(chunks.c.id).label("chunk_count"),
            _total(chunks.c.rows).label("rows"),
            _total(chunks.c.bytes).label("bytes"),
            sa.func.min(chunks.c.min_ns).label("min_ns"),
            sa.func.max(chunks.c.max_ns).label("max_ns"),
        )
        .outerjoin_from(topics, chunks)
        .where(which)
        .group_by(topics.c.id)
        .order_by(topics.c.id)
    ).all()


def _chunks_in(
    connection: sa.Connection, which: sa.ColumnElement[bool], window: Window
) -> dict[int, list[StoredChunk]]:
    found: dict[int, list[StoredChunk]] = {}
    for row in connection.execute(sa.select(chunks).join_from(chunks, topics).where(which)):
        if window.touches(row.min_ns, row.max_ns):
            chunk = StoredChunk(path=row.path, min_ns=row.min_ns, max_ns=row.max_ns, rows=row.rows)
            found.setdefault(row.topic_id, []).append(chunk)
    return found


def _total(column: sa.Column[int]) -> sa.ColumnElement[int]:
    """Sum up; a cast, because sums of 64 bits are decimals elsewhere."""
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _endpoint(
    row: Row, locator: str, command: InfoCommand, counted: WindowInfo | None
) -> flight.FlightEndpoint:
    span = None if row.min_ns is None else TimeSpan(start_ns=row.min_ns, end_ns=row.max_ns)
    told = TopicAppMetadata(
        created_at_ns=row.created_at_ns,
        completed_at_ns=row.completed_at_ns,
        locked=row.state == TopicState.Finalized,
        resource_locator=locator,
        info=TopicInfo(chunks_number=row.chunk_count, total_bytes=row.bytes, timestamp=span),
        ontology_tag=row.ontology_tag,
        serialization_format=row.serialization_format,
        user_metadata=load_json(row.user_metadata),
        data_info=TopicDataInfo(
            interval=span,
            total_row_count=row.rows,
            total_bytes=row.bytes,
            total_chunks_count=row.chunk_count,
        ),
        time_window_info=counted,
    )
    ticket = InfoCommand(locator, command.timestamp_ns_start, command.timestamp_ns_end)
    return flight.FlightEndpoint(
        dump(ticket), [flight.Location(topic_location(locator))], app_metadata=dump(told)
    )


def _with_dictionaries(
    schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> Iterator[flight.FlightDataStream]:
    """Send each batch with its dictionaries, and an empty one first: none can be read before they came."""
    empty = pa.record_batch([pa.nulls(0, kind) for kind in schema.types], schema=schema)
    for batch in chain([empty], batches):
        yield flight.RecordBatchStream(pa.Table.from_batches([batch]))


def _has_dictionary(kind: pa.DataType) -> bool:
    inside = (kind.field(index).type for index in range(kind.num_fields))
    return pa.types.is_dictionary(kind) or any(map(_has_dictionary, inside))


def _schema_of(topic: Row) -> pa.Schema:
    columns = pa.schema([])
    if topic.arrow_schema is not None:
        columns = pa.ipc.read_schema(pa.py_buffer(topic.arrow_schema))
    properties = TopicProperties(
        topic.ontology_tag, SerializationFormat(topic.serialization_format)
    )
    return topic_schema(columns, properties, load_json(topic.user_metadata))
