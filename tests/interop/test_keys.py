"""The public SDK against a server with API keys and TLS."""

import re
from collections.abc import Iterator

import attrs
import pyarrow.flight as fl
import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import APIKeyPermissionEnum
from mosaico_ingest.protocol.apikeys import ApiKey
from mosaico_ingest.run import serve
from mosaico_ingest.server.runner import ServerProcess
from mosaico_ingest.server.security import Security

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

pytestmark = pytest.mark.interop

LADDER = ("read", "write", "delete", "manage")


@attrs.frozen
class Guarded:
    """
    A server that requires keys and speaks TLS.

    Args:
        server: Where it is.
        certificate: File of its certificate.
        tokens: A key of each permission.
    """

    server: ServerProcess
    certificate: str
    tokens: dict[str, str] = attrs.field(repr=False)

    def connect(self, token: str | None):
        """Connect the SDK."""
        return sdk.MosaicoClient.connect(
            self.server.host, self.server.port, tls_cert_path=self.certificate, api_key=token
        )


@pytest.fixture
def guarded(tmp_path, certificate) -> Iterator[Guarded]:
    """A guarded server with the sequence `kept`, which has the topic `/t` and a notification."""
    store = tmp_path / "store"
    with serve(store) as server, MosaicoClient.connect(server.url) as ours:
        tokens = {p.value: ours.api_key_create(p, p.value) for p in APIKeyPermissionEnum}
    security = Security(require_api_key=True, tls_cert=certificate[0], tls_key=certificate[1])
    with serve(store, security=security) as server:
        guarded = Guarded(server, str(certificate[0]), tokens)
        with guarded.connect(tokens["manage"]) as client:
            write(client, "kept")
        yield guarded


def write(client, name: str) -> None:
    """Upload a sequence of one topic with two messages."""
    with client.sequence_create(name, {"k": 1}) as sequence:
        topic = sequence.topic_create("/t", {}, sdk.Floating64)
        for n in (1, 2):
            topic.push(sdk.Message(timestamp_ns=n, data=sdk.Floating64(data=n / 2)))


def read(client) -> list[int]:
    """Return the times of the topic that is kept, and look at all else that reading needs."""
    client.list_sequences()
    client.list_sequence_notifications("kept")
    client.list_topic_notifications("kept", "/t")
    client.query(sdk.QuerySequence().with_name("kept"))
    reader = client.topic_handler("kept", "/t").get_data_streamer()
    return [message.timestamp_ns for message in reader]


def update(client) -> None:
    """Add a session to the sequence that is kept."""
    with client.sequence_handler("kept").update() as session:
        topic = session.topic_create("/u", {}, sdk.Floating64)
        topic.push(sdk.Message(timestamp_ns=3, data=sdk.Floating64(data=0.0)))


NEEDS = {
    "read": {"reading": read},
    "write": {
        "sequence_create": lambda client: write(client, "new"),
        "sequence_update": update,
    },
    "delete": {
        "notifications": lambda client: client.clear_sequence_notifications("kept"),
        "topic_notifications": lambda client: client.clear_topic_notifications("kept", "/t"),
        "sequence_delete": lambda client: client.sequence_delete("kept"),
    },
    "manage": {
        "create": lambda client: client.api_key_create(sdk.enum.APIKeyPermissionEnum.Read, "d"),
        "status": lambda client: client.api_key_status(),
        "revoke": lambda client: client.api_key_revoke(
            ApiKey.parse(client.api_key_create(sdk.enum.APIKeyPermissionEnum.Read, "d")).fingerprint
        ),
    },
}
"""What each permission allows beyond those before it."""


@pytest.mark.parametrize("token", [None, ApiKey("a1" * 16).token], ids=["missing", "wrong"])
def test_without_a_good_key_there_is_no_connection(token, guarded):
    """Without a key, or with one that nobody made, the SDK's connection fails as its users expect."""
    with pytest.raises(ConnectionError, match="failed on startup"):
        guarded.connect(token)


def test_without_tls_there_is_no_connection(guarded):
    """A client that does not trust the certificate, or speaks no TLS, is not connected."""
    server, token = guarded.server, guarded.tokens["manage"]
    for options in ({}, {"enable_tls": True}):
        with pytest.raises(ConnectionError):
            sdk.MosaicoClient.connect(server.host, server.port, 1, api_key=token, **options)


@pytest.mark.parametrize("held", LADDER)
def test_key_allows_what_it_should(held, guarded):
    """A key allows all that its permission and those below it are for."""
    with guarded.connect(guarded.tokens[held]) as client:
        version = client.version()
        for permission in LADDER[: LADDER.index(held) + 1]:
            for call in NEEDS[permission].values():
                call(client)

    assert version


@pytest.mark.parametrize("held", LADDER[:-1])
def test_key_is_refused_the_rest(held, guarded):
    """Whatever needs more is refused with exactly the class, and the word, that the SDK's users look for."""
    with guarded.connect(guarded.tokens[held]) as client:
        for permission in LADDER[LADDER.index(held) + 1 :]:
            for call in NEEDS[permission].values():
                with pytest.raises(Exception, match="unauthorized") as caught:
                    call(client)
                assert fl.FlightUnauthorizedError is type(caught.value)

    with guarded.connect(guarded.tokens["manage"]) as client:
        assert (["kept"], [1, 2]) == (client.list_sequences(), read(client))


def test_keys_over_the_wire(guarded):
    """The SDK makes a key, asks about it, connects with it and revokes it."""
    with guarded.connect(guarded.tokens["manage"]) as manager:
        token = manager.api_key_create(sdk.enum.APIKeyPermissionEnum.Write, "robot", 2**62)
        fingerprint = ApiKey.parse(token).fingerprint
        status = manager.api_key_status(fingerprint)
        own = manager.api_key_status()
        with guarded.connect(token) as client:
            names = client.list_sequences()
            manager.api_key_revoke(fingerprint)
            with pytest.raises(fl.FlightUnauthorizedError):
                client.list_sequences()
        with pytest.raises(fl.FlightServerError, match=re.escape(f"{fingerprint} not found")):
            manager.api_key_status(fingerprint)

    assert (["kept"], "manage") == (names, own.description)
    assert ("robot", 2**62, False) == (status.description, status.expires_at_ns, status.is_expired)
    with pytest.raises(ConnectionError):
        guarded.connect(token)


def test_expired_key(guarded):
    """A key whose time is over opens nothing."""
    with guarded.connect(guarded.tokens["manage"]) as manager:
        token = manager.api_key_create(sdk.enum.APIKeyPermissionEnum.Write, "short", 1)
        status = manager.api_key_status(ApiKey.parse(token).fingerprint)

    assert status.is_expired
    with pytest.raises(ConnectionError):
        guarded.connect(token)


def test_our_client_reads_what_theirs_wrote(guarded):
    """Both clients speak the same keys and TLS: ours reads with a key what theirs wrote with another."""
    token, server = guarded.tokens["read"], guarded.server
    with MosaicoClient.connect(server.url, api_key=token, tls=guarded.certificate) as ours:
        info = ours.topic_handler("kept", "/t").info

    assert (2, 1, 2) == (info.rows, info.start_ns, info.end_ns)
