"""The probes of `doctor`, against real servers, stores and plugins."""

import socket

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.address import Address
from mosaico_ingest.doctor import check_plugins, check_server, check_store
from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.hooks.specs import CheckResult
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.plugin import hookimpl
from mosaico_ingest.protocol.apikeys import ApiKey
from mosaico_ingest.server.runner import serve
from mosaico_ingest.server.security import Security


def states(checks):
    """Return whether each check is well."""
    return {check.name: check.ok for check in checks}


def details(checks):
    """Return what each check tells."""
    return {check.name: check.detail for check in checks}


@pytest.fixture
def token(tmp_path):
    """Give a key that may write in the store."""
    with serve(tmp_path / "store") as server, MosaicoClient.connect(server.url) as client:
        return client.api_key_create(Permission.Write)


def test_guarded_server(tmp_path, token, certificate):
    """Of a server with keys and TLS, generation, certificate and the right of the key are told."""
    security = Security(require_api_key=True, tls_cert=certificate[0], tls_key=certificate[1])
    with serve(tmp_path / "store", generation="0.6", security=security) as server:
        good = Address.parse(server.url, tls=certificate[0], api_key=token)
        checks = list(check_server(good))
        without_key = list(check_server(Address.parse(server.url, tls=certificate[0])))
        without_trust = list(check_server(Address.parse(server.url, api_key=token)))

    told = details(checks)
    assert {"server", "generation", "tls", "key"} == told.keys()
    assert all(states(checks).values())
    assert "generation 0.6 is known" in told["generation"]
    assert "trusted through the given file" in told["tls"]
    assert f"Key {ApiKey.parse(token).fingerprint} allows write." == told["key"]
    assert [{"server": False}] * 2 == [states(without_key), states(without_trust)]
    assert "Missing API key" in without_key[0].detail
    assert "certificate" in without_trust[0].detail


def test_open_server(tmp_path):
    """A server without keys allows everything, and without TLS on this machine is well."""
    with serve(tmp_path / "store") as server:
        told = details(check_server(Address.parse(server.url)))

    assert "None given, and none is needed: manage is allowed." == told["key"]
    assert "None; the server is on this machine." == told["tls"]


def test_key_in_the_clear(tmp_path, token):
    """A key that travels unencrypted to another machine is not well."""
    host = _own_address()
    security = Security(require_api_key=True, insecure=True)
    with serve(tmp_path / "store", host=host, security=security) as server:
        checks = list(check_server(Address.parse(server.url, api_key=token)))

    assert {"server": True, "generation": True, "tls": False, "key": True} == states(checks)
    assert "can be read on the network" in details(checks)["tls"]


def _own_address():
    """Return an address of this machine that is not its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("This machine has no network.")
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("This machine has no address but its loopback.")
    return address


def test_nobody_there():
    """A server that does not answer is one check that says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (check,) = check_server(Address.parse("127.0.0.1", port))

    assert ("server", False) == (check.name, check.ok)
    assert "No Mosaico server answers" in check.detail


def test_store_that_is_not_there(tmp_path):
    """A store that a run would make is well where it can be made, and is not made by looking."""
    checks = list(check_store(tmp_path / "a" / "store"))

    assert {"store": True, "space": True} == states(checks)
    assert "can be made" in checks[0].detail
    assert [] == list(tmp_path.iterdir())


def test_store_that_is_there(tmp_path):
    """Of a store its server is started and looked at, and nothing is left in it."""
    serve(tmp_path / "store").stop()
    before = sorted((tmp_path / "store").rglob("*"))
    checks = list(check_store(tmp_path / "store"))

    assert ["store", "space", "server", "generation", "tls", "key"] == [c.name for c in checks]
    assert all(states(checks).values())
    assert before == sorted((tmp_path / "store").rglob("*"))


def test_store_that_is_held(tmp_path):
    """A store that another server holds says so."""
    with serve(tmp_path / "store"):
        checks = list(check_store(tmp_path / "store"))

    assert {"store": True, "space": True, "server": False} == states(checks)
    assert "held by another server" in checks[-1].detail


def test_store_that_is_a_file(tmp_path):
    """What is no folder cannot be a store."""
    (tmp_path / "store").touch()
    (check,) = check_store(tmp_path / "store")

    assert (False, True) == (check.ok, "cannot be written: Not a directory" in check.detail)


class Probing:
    """A plugin with a probe of its own."""

    MOSAICO_API = (1, 0)

    @hookimpl
    def mosaico_checks(self, settings):
        return [CheckResult(name="camera", ok=not settings.name, detail="It is unplugged.")]


class Failing:
    """A plugin whose probe fails."""

    MOSAICO_API = (1, 0)

    @hookimpl
    def mosaico_checks(self):
        raise RuntimeError("no such device")


def test_plugins_and_their_probes():
    """Every plugin is told, then what it probes with the settings; a probe that raises is a failed one."""
    host = Host.empty().with_(Probing(), Failing())
    checks = list(check_plugins(host, Settings(name="n")))

    assert 4 == len(checks)
    assert [True, True] == [check.ok for check in checks if check.name.startswith("plugin ")]
    assert CheckResult(name="camera", ok=False, detail="It is unplugged.") in checks
    assert ["no such device"] == [
        "no such device" for check in checks if not check.ok and "no such device" in check.detail
    ]


def test_plugin_that_is_left_out_is_well():
    """A plugin that the user left out is no fault."""
    host = Host.empty().with_(Probing())
    left_out = host.without(*(status.name for status in host.statuses))

    assert [True] == [check.ok for check in check_plugins(left_out, Settings())]
