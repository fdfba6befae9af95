"""
The writer of one topic: its two ways in, its status, and what a failure does to it.

Must not know: sessions. Next: `sequence`.
"""

import logging
from types import TracebackType
from typing import Self

import pyarrow as pa

from mosaico_ingest.client.connections import Connection
from mosaico_ingest.client.failures import attempt, error_text
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.outbox import Outbox
from mosaico_ingest.client.rows import batches_of, check_columns, check_nulls
from mosaico_ingest.client.stream import UploadStream, rows_above
from mosaico_ingest.enum import FlightAction, TopicLevelErrorPolicy, TopicWriterStatus
from mosaico_ingest.errors import RecordTooLargeError, SchemaMismatchError, StateError
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.protocol.flight import PutCommand
from mosaico_ingest.protocol.messages import (
    NotificationCreate,
    ResourceRequest,
)

__all__ = ["TopicWriter"]

_SAFE_BYTES = 16 * 1024 * 1024  # every server takes as much in one message

_log = logging.getLogger(__name__)


class TopicWriter:
    """
    Uploads one topic. `SequenceWriter.topic_create` makes it, and the end of the sequence's block closes it.

    Used in a `with` block, a failure in the block is met by *on_error*: `Raise` lets it end the session;
    `Ignore` and `Finalize` swallow it and leave a notification, and `Finalize` ends the topic. Leaving the
    block without a failure does nothing: the topic stays open for more.

    There are two ways in: `push` gathers rows and sends them in the background; `write` sends at once, on
    the caller's thread, for a pipeline that has threads of its own. A topic takes one or the other.

    Thread: one at a time.
    """

    def __init__(
        self,
        layers: Layers,
        connection: Connection,
        target: PutCommand,
        *,
        name: str,
        ontology: Ontology,
        on_error: TopicLevelErrorPolicy,
    ) -> None:
        self.name = name
        self.ontology = ontology
        self.on_error = on_error
        self.connection = connection.number
        self._schema = ontology.schema
        self._locator = target.resource_locator
        self._control = layers.control
        self._stream = UploadStream(connection, target, self._schema)
        self._outbox = Outbox(layers, connection.lane, self._stream, self._schema, name)
        self._status = TopicWriterStatus.Active
        self._last_error = ""
        self._is_ended = False
        self._is_deleted = False

    @property
    def status(self) -> TopicWriterStatus:
        """Where the upload stands."""
        return self._status

    @property
    def last_error(self) -> str:
        """What went wrong last; empty after a push that went well."""
        return self._last_error

    @property
    def is_active(self) -> bool:
        """Whether the topic takes more rows."""
        return not self._is_ended

    @property
    def is_deleted(self) -> bool:
        """Whether `delete` took it off the server."""
        return self._is_deleted

    def push(self, data: object) -> None:
        """
        Take rows. They are sent in the order of the pushes, in batches of a few megabytes.

        Columns may come in any order; those that may be null may be absent; integers may have another
        width, text and lists another layout. Nothing is narrowed: a float64 column does not fit float32,
        and a value that does not fit is an error.

        Args:
            data: A RecordBatch, a Table, anything with `__arrow_c_stream__` (a data frame), one record as
                a mapping, or, many times as fast, an iterable of records; structs are nested mappings.

        Raises:
            SchemaMismatchError: The columns do not fit the ontology; nothing of that batch is taken.
            RecordTooLargeError: A row is larger than the server takes; likewise.
            MosaicoError: Rows of an earlier push failed in the background; *data* is not taken.
            StateError: The topic has ended, or the client is closed.
        """
        try:
            self._check_active()
            self._outbox.check()
            for batch in batches_of(data, self._schema):
                self._check_sizes(batch)
                self._outbox.put(batch)
        except Exception as err:
            self._status = TopicWriterStatus.RaisedException
            self._last_error = error_text(err)
            raise
        self._status = TopicWriterStatus.Active
        self._last_error = ""

    def write(self, batch: pa.RecordBatch) -> int:
        """
        Send rows at once, on the caller's thread.

        Args:
            batch: Its schema is exactly that of the ontology.

        Returns:
            How many bytes it had.

        Raises:
            SchemaMismatchError: It does not fit; nothing was sent.
            RecordTooLargeError: A row is larger than the server takes; nothing was sent.
            RemoteError: The server broke the upload off.
            StateError: The topic has ended, or the client is closed.
        """
        self._check_active()
        self._check_exact(batch.schema)
        check_nulls(batch, self.name)
        self._check_sizes(batch)
        return self._stream.write(batch)

    def too_large(self, batch: pa.RecordBatch) -> list[int]:
        """Return the numbers of the rows that are larger than the server takes in one message."""
        large = list(rows_above(batch, _SAFE_BYTES))
        if not large:
            return []
        limit = self._control.message_limit
        return [row for row in large if batch.slice(row, 1).nbytes > limit]

    def flush(self) -> None:
        """
        Hand gathered rows to the background; waits only where too many bytes are in flight.

        Raises:
            StateError: The client is closed.
        """
        self._outbox.flush()

    def close(self) -> None:
        """
        Send what is gathered, complete the upload and wait for the server's agreement; may be called twice.

        Raises:
            MosaicoError: Not everything that was pushed is stored.
        """
        if self._is_ended:
            return
        self._is_ended = True
        outbox = self._outbox
        failures = attempt(outbox.flush, outbox.drain, outbox.check, self._stream.finish)
        self._status = (
            TopicWriterStatus.FinalizedWithError if failures else TopicWriterStatus.Finalized
        )
        if failures:
            self._last_error = error_text(failures[0])
            raise failures[0]

    def close_after(self, error: BaseException) -> list[Exception]:
        """
        End the topic because of *error*: leave a notification, drop what is gathered, complete what was sent.

        Returns:
            What went wrong on the way; nothing is raised.
        """
        if self._is_ended:
            return []
        self._outbox.discard()
        failures = attempt(
            lambda: self.notify(error_text(error)), self._outbox.drain, self._stream.finish
        )
        self._end(error_text(error))
        return failures

    def abort(self, reason: str) -> None:
        """
        Break the upload off: what is on its way is dropped, on the server the topic stays incomplete.

        Args:
            reason: Kept as `last_error`; no notification is sent.
        """
        if self._is_ended:
            return
        self._outbox.drop()
        self._outbox.drain()
        self._stream.break_off()
        self._end(reason)

    def delete(self) -> None:
        """
        Delete the topic on the server, so that its session can be finalized without it.

        Raises:
            RemoteError: The server refuses it.
            StateError: The topic has not ended; `abort` it first.
        """
        if not self._is_ended:
            msg = f"Topic {self.name!r} is {self._status}. Abort it before it is deleted."
            raise StateError(msg)
        self._control.ask(FlightAction.TopicDelete, ResourceRequest(self._locator))
        self._is_deleted = True

    def notify(self, text: str) -> None:
        """
        Leave a notification of an error on the topic; `SequenceWriter.notify` knows other kinds.

        Raises:
            RemoteError: The server refuses it.
        """
        request = NotificationCreate(locator=self._locator, msg=text)
        self._control.ask(FlightAction.TopicNotificationCreate, request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Meet a failure in the block by the policy; tells whether it is swallowed."""
        if error is None:
            return False
        self._last_error = error_text(error)
        raises = self.on_error is TopicLevelErrorPolicy.Raise or not isinstance(error, Exception)
        if raises or self._is_ended:
            self._status = TopicWriterStatus.RaisedException
            return False
        if self.on_error is TopicLevelErrorPolicy.Finalize:
            failures = self.close_after(error)
        else:
            failures = attempt(lambda: self.notify(error_text(error)))
            self._status = TopicWriterStatus.IgnoredLastError
        for failure in failures:
            _log.warning("Topic %r after %r: %s", self.name, error_text(error), failure)
        return True

    def _end(self, reason: str) -> None:
        self._is_ended = True
        self._last_error = reason
        self._status = TopicWriterStatus.FinalizedWithError

    def _check_active(self) -> None:
        if self._is_ended:
            msg = f"Topic {self.name!r} has ended ({self._status}). Create another topic for more rows."
            raise StateError(msg)

    def _check_sizes(self, batch: pa.RecordBatch) -> None:
        for row in self.too_large(batch):
            size, limit = batch.slice(row, 1).nbytes, self._control.message_limit
            msg = (
                f"Row {row} of the batch for topic {self.name!r} has {size:,} bytes, more than the "
                f"{limit:,} that the server takes in one message. Leave it out, or divide it."
            )
            raise RecordTooLargeError(msg)

    def _check_exact(self, schema: pa.Schema) -> None:
        """Refuse a batch that `push` might still convert."""
        if schema.equals(self._schema):
            return
        check_columns(schema, self._schema, self.name)
        field = next(
            (
                ours.name
                for ours, theirs in zip(self._schema, schema, strict=False)
                if ours != theirs
            ),
            self._schema.names[-1],
        )
        expected, got = str(self._schema.field(field)), ", ".join(schema.names)
        msg = (
            f"The batch for topic {self.name!r} differs from ontology {self.ontology.tag!r} at column "
            f"{field!r}: expected {expected}, in the order of the ontology. Use push() to convert it."
        )
        raise SchemaMismatchError(msg, field=field, expected=expected, got=got)

    def __repr__(self) -> str:
        return f"<TopicWriter {self._locator} on connection {self.connection}: {self._status}>"
