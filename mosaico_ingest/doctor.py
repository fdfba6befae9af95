"""
The probes of `doctor`: is what a run needs there, and if not, what to do about it.

Nothing is changed: a store that is there is opened by its server, as a run would; none is made.

Must not know: flags, terminals. Next: `mosaico_ingest.cli`.
"""

import ipaddress
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.client.address import Address
from mosaico_ingest.errors import MosaicoError, UnauthorizedError
from mosaico_ingest.hooks.discovery import PluginState
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.hooks.specs import CheckResult
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.protocol.apikeys import ApiKey
from mosaico_ingest.protocol.generations import GENERATIONS
from mosaico_ingest.server.addresses import is_bucket, without_credentials
from mosaico_ingest.server.runner import serve
from mosaico_ingest.units import format_bytes

__all__ = ["check_plugins", "check_server", "check_store"]

_SCARCE_BYTES = 1024**3


def check_server(address: Address) -> Iterator[CheckResult]:
    """Yield what is found at a server: reachable, generation, TLS, the key and what it allows."""
    try:
        client = MosaicoClient.connect_to(address)
    except MosaicoError as err:
        yield CheckResult(name="server", ok=False, detail=str(err))
        return
    with client:
        yield CheckResult(name="server", ok=True, detail=f"{client.url} answers.")
        yield from (_generation(client), _tls(address), _key(client, address))


def check_store(store: str | Path, catalog: str | None = None) -> Iterator[CheckResult]:
    """
    Yield what is found at a store, folder or bucket: writable, space, and whether its server starts.

    Args:
        catalog: Address of its catalog, None for what it has by default.
    """
    if isinstance(store, str) and is_bucket(store):
        yield from _check_bucket(store, catalog)
        return
    store = Path(store)
    folder = store.absolute()
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as err:
        msg = f"{str(folder)!r} cannot be written: {err.strerror}. Name another place with --store DIR."
        yield CheckResult(name="store", ok=False, detail=msg)
        return
    is_there = folder == store.absolute()
    state = "can be written" if is_there else f"does not exist, and can be made in {str(folder)!r}"
    yield CheckResult(name="store", ok=True, detail=f"{str(store)!r} {state}.")
    yield _space(folder)
    if is_there:
        yield from _check_start(store, catalog)


def check_plugins(host: Host, settings: Settings) -> Iterator[CheckResult]:
    """Yield the state of every plugin that was seen, then what the loaded ones find themselves."""
    for status in host.statuses:
        told = f"{status.distribution} {status.version} is {status.status.value}"
        yield CheckResult(
            name=f"plugin {status.name}",
            ok=status.status in (PluginState.Loaded, PluginState.Disabled),
            detail=f"{told}: {status.reason}." if status.reason else f"{told}.",
        )
    yield from host.checks(settings)


def _check_bucket(address: str, catalog: str | None) -> Iterator[CheckResult]:
    from mosaico_ingest.server.bucket import BucketStore

    try:
        with BucketStore(address) as store:
            store.probe()
    except MosaicoError as err:
        yield CheckResult(name="store", ok=False, detail=str(err))
        return
    shown = without_credentials(address)
    yield CheckResult(name="store", ok=True, detail=f"{shown!r} can be written.")
    yield CheckResult(name="space", ok=True, detail="A bucket tells no limit.")
    yield from _check_start(address, catalog)


def _check_start(store: str | Path, catalog: str | None) -> Iterator[CheckResult]:
    try:
        with serve(store, catalog=catalog) as server:
            yield from check_server(Address.parse(server.url))
    except MosaicoError as err:
        yield CheckResult(name="server", ok=False, detail=str(err))


def _generation(client: MosaicoClient) -> CheckResult:
    version = client.version()
    generation = ".".join(version.split(".")[:2])
    known = generation in GENERATIONS
    advice = "is known" if known else f"is unknown here; known are {', '.join(GENERATIONS)}"
    detail = (
        f"Version {version or 'unknown'}: protocol generation {generation or 'unknown'} {advice}."
    )
    return CheckResult(name="generation", ok=known, detail=detail)


def _tls(address: Address) -> CheckResult:
    if address.is_encrypted:
        whose = "the given file" if address.root_certs else "the system's certificates"
        detail = f"Encrypted; the server's certificate is trusted through {whose}."
        return CheckResult(name="tls", ok=True, detail=detail)
    if _is_near(address):
        return CheckResult(name="tls", ok=True, detail="None; the server is on this machine.")
    if address.api_key:
        detail = "None: the API key can be read on the network. Use a grpc+tls:// address."
        return CheckResult(name="tls", ok=False, detail=detail)
    return CheckResult(name="tls", ok=True, detail="None: what is sent can be read on the network.")


def _key(client: MosaicoClient, address: Address) -> CheckResult:
    held = client.api_key_permission()
    if not address.api_key:
        allowed = held.value if held else "nothing"
        detail = f"None given, and none is needed: {allowed} is allowed."
        return CheckResult(name="key", ok=held is not None, detail=detail)
    try:
        name = ApiKey.parse(address.api_key).fingerprint
    except UnauthorizedError:
        name = "of another form"  # a server that asks for none takes it
    allowed = f"allows {held.value}" if held else "allows nothing; ask for another"
    return CheckResult(name="key", ok=held is not None, detail=f"Key {name} {allowed}.")


def _space(folder: Path) -> CheckResult:
    free = shutil.disk_usage(folder).free
    detail = f"{format_bytes(free)} free"
    advice = (
        "; a recording takes about as much as its file. Free some space"
        if free < _SCARCE_BYTES
        else ""
    )
    return CheckResult(name="space", ok=not advice, detail=f"{detail}{advice}.")


def _is_near(address: Address) -> bool:
    """Tell whether the server is on this machine."""
    host = urlsplit(address.url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
