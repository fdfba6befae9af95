"""
One topic's upload: a DoPut that is opened by its first batch and ended once, completely or not.

Must not know: queues, policies, what the columns mean. Next: `rows`.
"""

import contextlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.flight as fl

from mosaico_ingest.client.connections import Connection
from mosaico_ingest.client.errors import border
from mosaico_ingest.errors import MosaicoError, RemoteError, StateError
from mosaico_ingest.protocol.flight import PutCommand
from mosaico_ingest.protocol.wire import dump

__all__ = ["MESSAGE_BYTES", "UploadStream", "rows_above", "split"]

MESSAGE_BYTES = 10 * 1024 * 1024
"""About the most that goes into one message: servers may refuse more than 16 MiB at once."""

_BREAK_OFF = b"upload broken off by the client"


class UploadStream:
    """
    The rows of one topic on their way to the server, on the caller's thread.

    Args:
        connection: What carries it.
        command: The topic, and the right to upload it.
        schema: Its columns.

    Thread: one at a time.
    """

    def __init__(self, connection: Connection, command: PutCommand, schema: pa.Schema) -> None:
        self._connection = connection
        self._command = command
        self._schema = schema
        self._writer: fl.FlightStreamWriter | None = None
        self._failure: MosaicoError | None = None
        self._is_ended = False
        self._written_bytes = 0
        self.waiting_bytes = 0  # what a queue holds for it; changed by the queue's owner
        connection.bind(self)

    @property
    def nbytes(self) -> int:
        """Bytes written, and those that wait to be."""
        return self._written_bytes + self.waiting_bytes

    @property
    def failure(self) -> MosaicoError | None:
        """What ended it before its time; nothing more can be written."""
        return self._failure

    def write(self, batch: pa.RecordBatch) -> int:
        """
        Hand *batch* to the server, in messages of a size that it takes; a larger row goes alone.

        Returns:
            How many bytes it had.

        Raises:
            RemoteError: The server broke the upload off. Its reason may belong to an earlier batch.
            StateError: It has ended.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_ended:
            msg = (
                f"The upload of {self._command.resource_locator!r} has ended. Create another topic."
            )
            raise StateError(msg)
        written = 0
        try:
            writer = self._open()
            for part in split(batch):
                with border(self._connection.address.url):
                    writer.write_batch(part)
                written += part.nbytes
        except MosaicoError as err:
            self._failure = err
            raise
        self._written_bytes += written
        return written

    def finish(self) -> None:
        """
        Complete the upload, with no rows if none were written, and wait for the server's agreement.

        Raises:
            RemoteError: The server did not take all of it.
            StateError: It was broken off, or the client is closed.
        """
        if not self._is_ended:
            self._is_ended = True
            try:
                writer = self._open()
                with border(self._connection.address.url):
                    writer.close()
            except MosaicoError as err:
                self._failure = self._failure or err
            finally:
                self._connection.release(self)
        if self._failure is not None:
            raise self._failure

    def break_off(self) -> None:
        """
        End the upload so that the topic does not count as complete; may be called twice.

        Flight's Python client cannot cancel an upload: dropping it completes it. A message without
        columns does what is wanted, since the protocol has no use for one and servers refuse it.
        """
        if self._is_ended:
            return
        self._is_ended = True
        self._connection.release(self)
        if self._failure is None:
            msg = f"The upload of {self._command.resource_locator!r} was broken off before it was complete."
            self._failure = StateError(msg)
        if self._writer is None:
            return
        # The refusal that is asked for, or a connection that is gone: incomplete either way.
        with contextlib.suppress(RemoteError), border(self._connection.address.url):
            self._writer.write_metadata(_BREAK_OFF)
        with contextlib.suppress(RemoteError), border(self._connection.address.url):
            self._writer.close()

    def _open(self) -> fl.FlightStreamWriter:
        if self._writer is None:
            self._writer = self._connection.put(dump(self._command), self._schema)
        return self._writer


def split(batch: pa.RecordBatch, limit_bytes: int = MESSAGE_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield *batch* in zero-copy pieces of at most *limit_bytes* or one row; none if it is empty."""
    if batch.num_rows > 1 and batch.nbytes > limit_bytes:
        half = batch.num_rows // 2
        yield from split(batch.slice(0, half), limit_bytes)
        yield from split(batch.slice(half), limit_bytes)
    elif batch.num_rows:
        yield batch


def rows_above(batch: pa.RecordBatch, limit_bytes: int, first: int = 0) -> Iterator[int]:
    """Yield the numbers of the rows of *batch*, counted from *first*, that alone exceed *limit_bytes*."""
    if batch.nbytes <= limit_bytes:
        return
    if batch.num_rows == 1:
        yield first
        return
    half = batch.num_rows // 2
    yield from rows_above(batch.slice(0, half), limit_bytes, first)
    yield from rows_above(batch.slice(half), limit_bytes, first + half)
