import pytest

from mosaico_ingest.client.address import Address
from mosaico_ingest.errors import UsageError

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("host", "options", "url"),
    [
        ("robot", {}, "grpc://robot:6726"),
        ("robot", {"port": 1}, "grpc://robot:1"),
        ("::1", {"tls": True}, "grpc+tls://[::1]:6726"),
        ("grpc://robot", {"port": 7}, "grpc://robot:7"),
        ("grpc://robot:8", {"port": 7}, "grpc://robot:8"),
        ("grpc+tls://robot:8/", {}, "grpc+tls://robot:8"),
        ("grpc://robot:8", {"tls": True}, "grpc+tls://robot:8"),
    ],
)
def test_url_wins_over_port(host, options, url):
    """A URL's port and scheme win, and TLS is spoken where either asks for it."""
    assert url == Address.parse(host, **options).url


@pytest.mark.parametrize(
    "host",
    ["http://robot:1", "grpc://", "grpc://robot:port", "grpc://u@robot:1", "grpc://r:1/x", ""],
)
def test_unusable_address_is_refused(host):
    """What is no address of a Flight server is refused, with the form expected."""
    with pytest.raises(UsageError, match="Expected"):
        Address.parse(host)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_impossible_port_is_refused(port):
    """A port is a number from 1 to 65535."""
    with pytest.raises(UsageError, match="1 to 65535"):
        Address.parse("robot", port)


def test_certificate_file_means_tls(tmp_path):
    """A path to certificates asks for TLS with exactly those."""
    file = tmp_path / "ca.pem"
    file.write_bytes(PEM)

    address = Address.parse("robot", tls=file)

    assert (True, PEM) == (address.is_encrypted, address.root_certs)


def test_missing_certificate_file_is_named(tmp_path):
    """A certificate file that is not there is named in the error."""
    with pytest.raises(UsageError, match=r"ca\.pem"):
        Address.parse("robot", tls=tmp_path / "ca.pem")


def test_file_without_certificate_is_refused(tmp_path):
    """A file that holds no PEM text is refused before anything is sent."""
    file = tmp_path / "ca.pem"
    file.write_bytes(b"junk")

    with pytest.raises(UsageError, match="no certificate"):
        Address.parse("robot", tls=file)


def test_environment_is_read(tmp_path):
    """The variables of the platform's own tools are honoured."""
    file = tmp_path / "ca.pem"
    file.write_bytes(PEM)
    environ = {
        "MOSAICO_DAEMON_URL": "robot:9",
        "MOSAICO_API_KEY": "key",
        "MOSAICO_TLS_CERT_FILE": str(file),
    }

    address = Address.from_env(environ)

    assert ("grpc+tls://robot:9", "key", PEM) == (address.url, address.api_key, address.root_certs)


@pytest.mark.parametrize(("word", "encrypted"), [("1", True), ("true", True), ("0", False)])
def test_environment_switches_tls(word, encrypted):
    """`MOSAICO_TLS` is a switch."""
    environ = {"MOSAICO_DAEMON_URL": "grpc://robot:9", "MOSAICO_TLS": word}

    assert encrypted == Address.from_env(environ).is_encrypted


def test_environment_without_server_is_refused():
    """Without `MOSAICO_DAEMON_URL` there is nothing to connect to."""
    with pytest.raises(UsageError, match="MOSAICO_DAEMON_URL"):
        Address.from_env({})


def test_key_stays_out_of_repr():
    """The API key is in no repr."""
    address = Address.parse("robot", api_key="msco_secret_1")

    assert "secret" not in repr(address)
