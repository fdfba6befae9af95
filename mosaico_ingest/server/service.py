"""
The Flight service: which call goes where, and nothing else.

Must not know: what the calls mean. Next: `control`, `put`, `get`.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Self

from pyarrow import flight

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import UsageError
from mosaico_ingest.protocol.flight import location
from mosaico_ingest.protocol.generations import DEFAULT_GENERATION, find_generation
from mosaico_ingest.server.addresses import normal_place
from mosaico_ingest.server.auth import Gate
from mosaico_ingest.server.control import Control
from mosaico_ingest.server.faults import border, guarded, untraced
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.get import Reader
from mosaico_ingest.server.keyring import Keyring
from mosaico_ingest.server.pairing import catalog_url, open_catalog, open_store
from mosaico_ingest.server.presence import Presence
from mosaico_ingest.server.put import Receiver
from mosaico_ingest.server.recovery import Caretaker, recover
from mosaico_ingest.server.rights import check_stream
from mosaico_ingest.server.security import Security

__all__ = ["MosaicoServer"]


class MosaicoServer:
    """
    A server on a store, running from the moment it is made until it is closed.

    Args:
        store: The folder, created if missing, or `s3://BUCKET/PREFIX`.
        catalog: Address of a database of PostgreSQL, which several servers of the store may share, or for a
            bucket `sqlite:///PATH`; by default what MOSAICO_CATALOG in the environment names, else SQLite in
            the folder of the store.
        host, port: Where to listen; port 0 takes a free one.
        generation: Which clients it serves, `0.3` to `0.7`; those whose API key names another are served too.
        security: Keys and TLS; without, it listens to this machine only.

    Raises:
        UsageError: The generation is unknown, the address cannot be listened on or needs more security, the
            certificate or the catalog's address cannot be used, or keys are required and the store has none.
        StoreError: Store or catalog cannot be used; `StoreLockedError` if another server holds the store.

    Thread: any.
    """

    def __init__(
        self,
        store: str | Path,
        *,
        catalog: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        generation: str = DEFAULT_GENERATION,
        security: Security | None = None,
    ) -> None:
        found, security = find_generation(generation), security or Security()
        _check_address(host, port)
        security.check_exposure(host)
        certificates = security.load_certificates()
        url = catalog_url(catalog)
        self._closing = Lock()  # guards the end, which comes once
        self._closed = False
        self._stopping = Event()
        with ExitStack() as stack:
            self._store = stack.enter_context(open_store(normal_place(store), url))
            self._catalog = stack.enter_context(open_catalog(self._store, url))
            keyring = Keyring(self._catalog)
            if security.require_api_key:
                self._refuse_without_keys(keyring)
            self._presence = Presence(self._catalog)
            stack.callback(self._presence.leave)
            recover(self._catalog, self._store)
            self._service = _Service(
                location(host, port, tls=security.is_encrypted),
                Gate(keyring, found, is_open=not security.require_api_key),
                Control(self._catalog, self._store, keyring),
                Receiver(
                    self._catalog,
                    self._store,
                    self._presence,
                    self._stopping,
                    security.max_uploads,
                ),
                Reader(self._catalog, self._store),
                tls_certificates=certificates,
            )
            stack.callback(Caretaker(self._catalog, self._store, self._presence).close)
            self._held = stack.pop_all()
        self.host = host
        self.port: int = self._service.port
        self.url = location(host, self.port, tls=security.is_encrypted)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "serving"
        return f"<MosaicoServer {self.url} {self._store.name} {state}>"

    @property
    def store(self) -> str | Path:
        """The folder, or the address of the bucket without credentials."""
        return self._store.root if isinstance(self._store, FolderStore) else self._store.name

    def close(self) -> None:
        """
        Break off uploads at their next batch, wait for the running calls, release the store.

        May be called twice.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._stopping.set()
            self._service.shutdown()
            self._held.close()

    def _refuse_without_keys(self, keyring: Keyring) -> None:
        if not keyring.is_usable():
            msg = (
                f"API keys are required, and the store {self._store.name!r} has none that is good. "
                f"Make one: mosaico-ingest keys create manage --store {self._store.name}."
            )
            raise UsageError(msg)


def _check_address(host: str, port: int) -> None:
    """Refuse what cannot be listened on with a sentence; gRPC would only log it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address[0], port, *address[2:]))
    except (OSError, OverflowError) as err:  # the latter for numbers that are no port
        msg = (
            f"Cannot listen on {host}:{port}: {err}. "
            "Expected an address of this machine and a free port; port 0 takes any."
        )
        raise UsageError(msg) from err


class _Service(flight.FlightServerBase):  # type: ignore[misc] # pyarrow is untyped
    def __init__(
        self,
        address: str,
        gate: Gate,
        control: Control,
        receiver: Receiver,
        reader: Reader,
        *,
        tls_certificates: object,
    ) -> None:
        # The parts come first: calls may arrive before the constructor of the base returns.
        self._gate = gate
        self._control = control
        self._receiver = receiver
        self._reader = reader
        super().__init__(address, tls_certificates=tls_certificates, middleware=gate.middleware)

    def do_action(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> Iterable[bytes]:
        with border():
            body = action.body.to_pybytes()
            return self._control.act(action.type, body, self._gate.caller_of(context))

    def do_put(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        _: flight.FlightMetadataWriter,
    ) -> None:
        with border():
            check_stream(self._gate.caller_of(context).permission, Permission.Write)
            self._receiver.receive(context, descriptor, reader)

    def do_get(
        self, context: flight.ServerCallContext, ticket: flight.Ticket
    ) -> flight.GeneratorStream:
        with border():
            check_stream(self._gate.caller_of(context).permission, Permission.Read)
            schema, batches = self._reader.rows(ticket.ticket)
        return flight.GeneratorStream(schema, batches)

    def list_flights(
        self, context: flight.ServerCallContext, criteria: bytes
    ) -> Iterator[flight.FlightInfo]:
        with border():
            check_stream(self._gate.caller_of(context).permission, Permission.Read)
        return guarded(self._reader.list_sequences)(criteria)

    def get_flight_info(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.FlightInfo:
        with border():
            caller = self._gate.caller_of(context)
            check_stream(caller.permission, Permission.Read)
            return self._reader.info(descriptor, caller.generation)

    def get_schema(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.SchemaResult:
        with untraced(), border():
            check_stream(self._gate.caller_of(context).permission, Permission.Read)
            return flight.SchemaResult(self._reader.schema(descriptor))
