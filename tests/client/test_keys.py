"""API keys through the client, against the embedded server; TLS, and compression on the wire."""

import contextlib
import socket
import threading
import time

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.address import Address
from mosaico_ingest.client.keys import APIKeyStatus
from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.enum import GRPCCompressionAlgorithm, GRPCCompressionLevel
from mosaico_ingest.errors import (
    InvalidRequestError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)
from mosaico_ingest.protocol.apikeys import ApiKey
from mosaico_ingest.protocol.flight import GRPCCompression
from mosaico_ingest.server.runner import serve
from mosaico_ingest.server.security import Security


@pytest.fixture
def manager_token(place):
    """Give the first key of a store, made while its server asks for none."""
    with serve(place) as server, MosaicoClient.connect(server.url) as client:
        return client.api_key_create(Permission.Manage, "the first")


@pytest.fixture
def guarded(place, manager_token, certificate):
    """Give a server that requires keys and speaks TLS."""
    security = Security(require_api_key=True, tls_cert=certificate[0], tls_key=certificate[1])
    with serve(place, security=security) as server:
        yield server


@pytest.fixture
def enter(guarded, certificate):
    """`enter(token)`: connect to `guarded`; closed at the end."""
    clients = []

    def enter(token, **more):
        options = {"api_key": token, "tls": certificate[0]} | more
        clients.append(MosaicoClient.connect(guarded.url, **options))
        return clients[-1]

    yield enter
    for client in clients:
        client.close()


@pytest.fixture
def manager(enter, manager_token):
    """Give a client that may do all."""
    return enter(manager_token)


@pytest.mark.parametrize("permission", Permission)
def test_new_key_is_told_once_and_works(permission, manager, enter):
    """A new key connects, knows itself, and what it allows is found by asking."""
    token = manager.api_key_create(permission, "robot", 2**62)
    client = enter(token)
    told = manager.api_key_status(ApiKey.parse(token).fingerprint)

    assert permission == client.api_key_permission()
    assert ("robot", 2**62, False) == (told.description, told.expires_ns, told.is_expired)
    assert token not in repr(client) + repr(told)


def test_list_has_all_keys(manager, manager_token):
    """The list has every key with its permission, oldest first; one's own status needs no name."""
    manager.api_key_create(Permission.Read)
    first, second = manager.api_key_list()
    own = manager.api_key_status()

    assert (Permission.Manage, Permission.Read) == (first.permission, second.permission)
    assert ApiKey.parse(manager_token).fingerprint == first.fingerprint == own.fingerprint
    assert "the first" == own.description


def test_revoked_key_stops_working(manager, enter):
    """A client whose key is revoked is refused at its next call."""
    token = manager.api_key_create(Permission.Read)
    client = enter(token)
    names = client.list_sequences()
    manager.api_key_revoke(ApiKey.parse(token).fingerprint)

    assert [] == names
    with pytest.raises(UnauthorizedError, match="unknown API key"):
        client.list_sequences()


def test_asking_about_a_key_that_is_not_there(manager):
    """Status and revocation of an unknown key say so; a token is not sent in the place of its name."""
    for ask in (manager.api_key_status, manager.api_key_revoke):
        with pytest.raises(NotFoundError, match="API key 00000000 not found"):
            ask("00000000")
        with pytest.raises(InvalidRequestError, match="eight digits"):
            ask("msco_x_y")


def test_unknown_permission_is_refused(manager):
    """A permission that does not exist is refused with those that do."""
    with pytest.raises(UsageError, match=r"'all'.*read, write, delete, manage"):
        manager.api_key_create("all")


def test_weak_key_cannot_manage(manager, enter):
    """A key below `manage` neither makes nor lists nor revokes keys."""
    client = enter(manager.api_key_create(Permission.Delete))
    for call in (
        lambda: client.api_key_create(Permission.Read),
        client.api_key_status,
        client.api_key_list,
        lambda: client.api_key_revoke("00000000"),
    ):
        with pytest.raises(UnauthorizedError, match="not enough permissions"):
            call()


def test_client_without_a_key_has_no_status(client):
    """A client without a key has no fingerprint to ask about, and says what to do."""
    with pytest.raises(UsageError, match="Name the fingerprint"):
        client.api_key_status()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"api_key": None}, UnauthorizedError, "Missing API key.*MOSAICO_API_KEY"),
        ({"api_key": ApiKey("a" * 32).token}, UnauthorizedError, "unknown API key.*mistyped"),
        ({"api_key": "wrong"}, UnauthorizedError, "malformed API key.*mistyped"),
        ({"tls": True}, UnreachableError, "certificate.*tls=PATH"),
    ],
)
def test_connection_says_what_is_at_fault(options, error, message, guarded, certificate):
    """A connection that is refused says whether key or certificate is at fault."""
    key = ApiKey("b" * 32).token
    with pytest.raises(error, match=message):
        MosaicoClient.connect(guarded.url, **({"tls": certificate[0], "api_key": key} | options))


def test_key_that_no_header_can_carry_is_refused():
    """A key with characters that no key has is refused here, and is not repeated."""
    with pytest.raises(UsageError, match="characters that no key has") as caught:
        Address.parse("robot", api_key="s3cret\n")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("expires_ns", "expected"), [(None, False), (1, True), (2**62, False)])
def test_key_is_expired_after_its_instant(expires_ns, expected):
    """A key without an instant never ends; one with an instant ends at it."""
    status = APIKeyStatus(
        fingerprint="0" * 8, description="", created_ns=time.time_ns(), expires_ns=expires_ns
    )

    assert expected == status.is_expired


class Meter:
    """Passes one TCP connection after the other on to a port, and counts what clients send."""

    def __init__(self, port):
        self.sent_bytes = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = [self._listener]
        self._threads = []
        self._start(self._accept)

    def _start(self, target, *args):
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [near, far]
            self._start(self._pass, near, far, True)
            self._start(self._pass, far, near, False)

    def _pass(self, source, target, is_counted):
        try:
            while data := source.recv(1 << 16):
                self.sent_bytes += len(data) * is_counted
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self):
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()


@pytest.mark.parametrize(
    ("compression", "is_small"),
    [
        (GRPCCompressionAlgorithm.Null, False),
        (GRPCCompressionAlgorithm.Gzip, True),
        (GRPCCompression(GRPCCompressionAlgorithm.Gzip, GRPCCompressionLevel.High), True),
    ],
    ids=["null", "gzip", "gzip-high"],
)
def test_compression_makes_uploads_small(compression, is_small, place, point, points):
    """With gzip, rows that repeat themselves take a fraction of their bytes on the wire."""
    rows = points(50_000)
    with serve(place) as server:
        meter = Meter(server.port)
        try:
            with MosaicoClient.connect("127.0.0.1", meter.port, compression=compression) as client:
                with client.sequence_create("s") as sequence:
                    sequence.topic_create("/t", ontology=point).push(rows)
                count = client.topic_handler("s", "/t").info.rows
        finally:
            meter.close()

    assert 50_000 == count
    assert is_small == (meter.sent_bytes < rows.nbytes / 2)
