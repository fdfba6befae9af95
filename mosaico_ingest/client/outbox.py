"""
What was pushed to a topic and is not on the wire yet: gathered, prepared on the encoders, sent by the lane.

Must not know: policies, statuses, sessions. Next: `topic`.
"""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from operator import attrgetter

import pyarrow as pa

from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.rows import check_columns, conform
from mosaico_ingest.client.stream import UploadStream, split
from mosaico_ingest.errors import SchemaMismatchError, StateError
from mosaico_ingest.workers.budget import BudgetClosedError
from mosaico_ingest.workers.executors import ExecutorPool

__all__ = ["Outbox"]

_GATHERED_BYTES = 4 * 1024 * 1024
_GATHERED_PIECES = 1024


class Outbox:
    """
    Takes rows without waiting for the server, and keeps their order.

    Small batches are gathered into one; the bytes that are handed over and not yet sent are bounded by
    the budget of the client's layers.

    Args:
        layers: Where rows are prepared, and the budget.
        lane: The one thread that writes to *stream*.
        stream: Where rows go.
        schema: The topic's columns.
        topic: Its name, for errors.

    Thread: one at a time; its own work runs on an encoder and on the lane.
    """

    def __init__(
        self,
        layers: Layers,
        lane: ExecutorPool,
        stream: UploadStream,
        schema: pa.Schema,
        topic: str,
    ) -> None:
        self._layers = layers
        self._lane = lane
        self._stream = stream
        self._schema = schema
        self._topic = topic
        self._source: pa.Schema | None = None  # the last one that passed check_columns
        self._gathered: list[pa.RecordBatch] = []
        self._gathered_bytes = 0
        self._last_sent: Future[None] | None = None  # the lane keeps order: done means all are
        self._lock = threading.Lock()  # guards the two fields below and the stream's waiting_bytes
        self._failure: Exception | None = None
        self._is_dropping = False

    def put(self, batch: pa.RecordBatch) -> None:
        """
        Take *batch*; waits where too many bytes are in flight.

        Raises:
            SchemaMismatchError: Its columns do not fit; nothing of it is taken.
            StateError: The client is closed.
        """
        if self._source is None or not batch.schema.equals(self._source):
            check_columns(batch.schema, self._schema, self._topic)
            self._source = batch.schema
        for part in split(batch):
            self._gathered.append(part)
            self._gathered_bytes += part.nbytes
            if self._gathered_bytes >= _GATHERED_BYTES or len(self._gathered) >= _GATHERED_PIECES:
                self.flush()

    def flush(self) -> None:
        """
        Hand what is gathered to the background; waits where too many bytes are in flight.

        Raises:
            StateError: The client is closed.
        """
        gathered, weight = self._gathered, self._gathered_bytes
        if not gathered:
            return
        self._gathered, self._gathered_bytes = [], 0
        try:
            self._layers.budget.take(weight)
        except BudgetClosedError as err:
            raise self._closed() from err
        with self._lock:
            self._stream.waiting_bytes += weight
        try:
            prepared = self._layers.encoders.submit(self._prepare, gathered)
            self._last_sent = self._lane.submit(self._send, prepared, weight)
        except RuntimeError as err:
            self._settle(weight)
            raise self._closed() from err

    def discard(self) -> None:
        """Forget what is gathered; what was handed over goes on."""
        self._gathered, self._gathered_bytes = [], 0

    def drop(self) -> None:
        """Forget all that is not on the wire."""
        self.discard()
        with self._lock:
            self._is_dropping = True

    def drain(self) -> None:
        """Wait until the lane has dealt with all that was handed over."""
        if self._last_sent is not None:
            with contextlib.suppress(CancelledError):
                self._last_sent.result()

    def check(self) -> None:
        """
        Raise what failed in the background since the last call.

        Raises:
            MosaicoError: Rows of an earlier push were not sent; once, or always if the upload is broken.
        """
        with self._lock:
            failure, self._failure = self._failure, None
        failure = failure or self._stream.failure
        if failure is not None:
            raise failure

    def _prepare(self, gathered: list[pa.RecordBatch]) -> pa.RecordBatch:
        """Make one batch of the topic's columns, without the pieces that do not fit. Thread: an encoder."""
        fitting: list[pa.RecordBatch] = []
        for _, group in itertools.groupby(gathered, key=attrgetter("schema")):
            pieces = list(group)
            try:
                fitting.append(conform(_joined(pieces), self._schema, self._topic))
            except SchemaMismatchError:
                fitting += self._fitting(pieces)
        return _joined(fitting) if fitting else pa.RecordBatch.from_pylist([], self._schema)

    def _fitting(self, pieces: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the pieces that fit, so that one that does not takes no other with it."""
        for piece in pieces:
            try:
                yield conform(piece, self._schema, self._topic)
            except SchemaMismatchError as err:
                self._note(err)

    def _send(self, prepared: Future[pa.RecordBatch], weight: int) -> None:
        """Send one batch, or drop it where nothing can be sent any more. Thread: the lane."""
        try:
            batch = prepared.result()
            with self._lock:
                is_dropping = self._is_dropping
            if not is_dropping and self._stream.failure is None:
                self._stream.write(batch)
        except CancelledError:
            self._note(self._closed())
        except Exception as err:  # noqa: BLE001 - check() raises it where the user is
            self._note(err)
        finally:
            self._settle(weight)

    def _note(self, failure: Exception) -> None:
        with self._lock:
            self._failure = self._failure or failure

    def _settle(self, weight: int) -> None:
        """Give back what `flush` took."""
        with self._lock:
            self._stream.waiting_bytes -= weight
        self._layers.budget.give(weight)

    def _closed(self) -> StateError:
        msg = f"Rows of topic {self._topic!r} are not sent: the client is closed. Connect again."
        return StateError(msg)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return one batch of all *batches*, none of them empty."""
    if len(batches) == 1:
        return batches[0]
    joined: pa.RecordBatch = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    return joined
