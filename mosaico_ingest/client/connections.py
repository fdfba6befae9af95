"""
The data layer: N Flight connections, which are N TCP connections, each with a lane that keeps order.

Must not know: sessions, rows. Next: `stream`.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.flight as fl

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.errors import border
from mosaico_ingest.errors import StateError, UsageError
from mosaico_ingest.workers.executors import ExecutorPool

__all__ = ["Connection", "ConnectionPool", "OpenStream", "default_connections"]


def default_connections() -> int:
    """Return how many connections are opened where nobody says: one per core, four at most."""
    return min(4, os.cpu_count() or 1)


class OpenStream(Protocol):
    """An upload or download that a connection carries."""

    @property
    def nbytes(self) -> int:
        """Bytes carried so far, and those that wait for it."""

    def break_off(self) -> None:
        """End it now, incomplete."""


class Connection:
    """
    One Flight connection, opened at its first stream, and its lane.

    Args:
        number: Its place in the pool.
        address: The server.

    Thread: any.
    """

    def __init__(self, number: int, address: Address) -> None:
        self.number = number
        self.address = address
        self.lane = ExecutorPool(1, f"mi-lane-{number}")
        self._lock = threading.Lock()  # guards the fields below
        self._client: fl.FlightClient | None = None
        self._streams: list[OpenStream] = []
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether it was used and is not closed."""
        with self._lock:
            return self._client is not None

    @property
    def load(self) -> tuple[int, int]:
        """Bytes of the streams bound to it, and how many these are."""
        with self._lock:
            return sum(stream.nbytes for stream in self._streams), len(self._streams)

    def bind(self, stream: OpenStream) -> None:
        """
        Carry *stream* from now on.

        Raises:
            StateError: The connection is closed.
        """
        with self._lock:
            self._check_open()
            self._streams.append(stream)

    def release(self, stream: OpenStream) -> None:
        """Carry *stream* no more; may be called twice."""
        with self._lock, contextlib.suppress(ValueError):
            self._streams.remove(stream)

    def put(self, command: bytes, schema: pa.Schema) -> fl.FlightStreamWriter:
        """Open an upload; what a server has against it shows when it is written to or closed."""
        descriptor = fl.FlightDescriptor.for_command(command)
        with border(self.address.url):
            writer, _ = self._open_client().do_put(descriptor, schema, self.address.options())
        return writer

    def get(self, ticket: fl.Ticket) -> fl.FlightStreamReader:
        """
        Open a download.

        Raises:
            RemoteError: As the server refuses it.
        """
        with border(self.address.url):
            return self._open_client().do_get(ticket, self.address.options())

    def close(self) -> None:
        """Finish the call that the lane is in, break all streams off, release the connection."""
        with self._lock:
            self._is_closed = True
        with contextlib.ExitStack() as steps:
            steps.callback(self._close_client)
            steps.callback(self._break_off)
            self.lane.close(cancel=True)

    def _break_off(self) -> None:
        with self._lock:
            streams, self._streams = self._streams, []
        with contextlib.ExitStack() as steps:
            for stream in streams:
                steps.callback(stream.break_off)

    def _close_client(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open_client(self) -> fl.FlightClient:
        with self._lock:
            self._check_open()
            if self._client is None:
                self._client = self.address.open()
            return self._client

    def _check_open(self) -> None:
        if self._is_closed:
            msg = f"The client of {self.address.url} is closed. Connect again."
            raise StateError(msg)


class ConnectionPool:
    """
    The connections that data streams are striped over.

    Args:
        address: The server.
        size: How many there are.

    Thread: any.
    """

    def __init__(self, address: Address, size: int) -> None:
        if size < 1:
            msg = f"A client needs at least one connection, got {size!r}."
            raise UsageError(msg)
        self._connections = tuple(Connection(number, address) for number in range(size))

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._connections)

    def __getitem__(self, number: int) -> Connection:
        if not 0 <= number < len(self):
            msg = f"There is no connection {number!r}. Expected 0 to {len(self) - 1}."
            raise UsageError(msg)
        return self._connections[number]

    def least_loaded(self) -> Connection:
        """Return the connection whose streams have the fewest bytes, then the fewest streams."""
        return min(self._connections, key=lambda connection: (connection.load, connection.number))

    def close(self) -> None:
        """Close every connection, also when one fails to; may be called twice."""
        with contextlib.ExitStack() as steps:
            for connection in self._connections:
                steps.callback(connection.close)

    def __repr__(self) -> str:
        opened = sum(connection.is_open for connection in self)
        loads = [connection.load for connection in self]
        nbytes, streams = (sum(part) for part in zip(*loads, strict=True))
        return f"<ConnectionPool {opened}/{len(self)} open, {streams} streams, {nbytes} bytes>"
