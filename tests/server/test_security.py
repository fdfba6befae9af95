"""Whether a server may be reached, and with which certificate."""

import pytest
from cryptography.hazmat.primitives import serialization
from pyarrow import flight

from mosaico_ingest.errors import UsageError
from mosaico_ingest.server.runner import serve
from mosaico_ingest.server.security import Security
from mosaico_ingest.server.service import MosaicoServer


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost"])
def test_this_machine_needs_no_protection(host):
    """An address that only this machine reaches may be open."""
    Security().check_exposure(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, r"API keys \(--require-api-key\) and TLS \(--tls-cert, --tls-key\):"),
        ({"require_api_key": True}, r"without TLS \(--tls-cert, --tls-key\):"),
        ({"tls_cert": "a", "tls_key": "b"}, r"without API keys \(--require-api-key\):"),
    ],
)
def test_other_machines_need_keys_and_tls(host, options, missing):
    """An address that other machines reach is refused without keys or TLS, unless that is meant."""
    with pytest.raises(UsageError, match=missing):
        Security(**options).check_exposure(host)

    Security(**options, insecure=True).check_exposure(host)


def test_keys_and_tls_may_be_reached():
    """With keys and TLS a server may listen anywhere."""
    Security(require_api_key=True, tls_cert="a", tls_key="b").check_exposure("0.0.0.0")


def test_server_and_child_refuse_exposure(place):
    """A server refuses to be exposed, in this process and in a child; told that it is meant, it serves."""
    for start in (MosaicoServer, serve):
        with pytest.raises(UsageError, match=r"Refusing to listen on 0\.0\.0\.0 .*--insecure"):
            start(place, host="0.0.0.0")

    with (
        serve(place, host="0.0.0.0", security=Security(insecure=True)) as server,
        flight.connect(f"grpc://127.0.0.1:{server.port}") as client,
    ):
        assert [] == list(client.list_flights())


def test_tls_end_to_end(place, certificate):
    """A server with a certificate answers over TLS to who trusts it, and to nobody else."""
    security = Security(tls_cert=certificate[0], tls_key=str(certificate[1]))
    with serve(place, security=security) as server:
        with flight.connect(server.url, tls_root_certs=certificate[0].read_bytes()) as client:
            listed = list(client.list_flights())
        for url in (server.url, server.url.replace("+tls", "")):
            with flight.connect(url) as client, pytest.raises(flight.FlightUnavailableError):
                list(client.list_flights())

    assert ([], f"grpc+tls://127.0.0.1:{server.port}") == (listed, server.url)


def test_files_of_tls_are_checked(tmp_path, make_certificate):
    """Files that are missing, no PEM, of two pairs or under a password are refused before anything starts."""
    cert, key = make_certificate("one")
    other = make_certificate("two")[1]
    text, locked = tmp_path / "text.pem", tmp_path / "locked.pem"
    text.write_text("no PEM")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    for files, message in (
        ((cert, None), "Give both"),
        ((None, key), "Give both"),
        ((tmp_path / "none.pem", key), "Cannot read the certificate .*No such file"),
        ((cert, tmp_path), "Cannot read the private key .*directory"),
        ((text, key), "Cannot use the certificate"),
        ((cert, text), "Cannot use the certificate"),
        ((cert, other), "belong together"),
        ((cert, locked), "without a password"),
    ):
        security = Security(tls_cert=files[0], tls_key=files[1])
        with pytest.raises(UsageError, match=message):
            MosaicoServer(tmp_path / "store", security=security)

    assert not (tmp_path / "store").exists()
