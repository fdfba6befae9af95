"""
Where sequences are: on a server, or in a store that an embedded server is started on for the command.

Must not know: what is done there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click
from click.core import ParameterSource

from mosaico_ingest.errors import StoreError, UsageError
from mosaico_ingest.server.addresses import is_bucket, without_credentials

if TYPE_CHECKING:
    from mosaico_ingest.client import MosaicoClient
    from mosaico_ingest.client.address import Address

__all__ = ["DEFAULT_STORE", "Target", "chosen_target"]

DEFAULT_STORE = Path("mosaico-store")

# What is nearer to the user wins.
_RANKS = {
    ParameterSource.COMMANDLINE: 3,
    ParameterSource.ENVIRONMENT: 2,
    ParameterSource.DEFAULT_MAP: 1,
}


@attrs.frozen(kw_only=True)
class Target:
    """
    A server, or a store.

    Args:
        server: Address of a server, None for the embedded one.
        store: Folder of the embedded server, or the address of a bucket.
        catalog: Address of its catalog, None for what the store has by default.
    """

    server: str | None = None
    store: str | Path = attrs.field(default=DEFAULT_STORE, repr=without_credentials)
    catalog: str | None = None

    def address(self) -> "Address":
        """
        Return how the server is spoken to: key and certificates come from the environment.

        Raises:
            UsageError: The address or the environment cannot be used.
        """
        from mosaico_ingest.client.address import Address

        return Address.from_env({**os.environ, "MOSAICO_DAEMON_URL": self.server or ""})

    def make_store(self) -> None:
        """
        Make the folder of the store if it is not there.

        Raises:
            StoreError: It cannot be made.
        """
        if is_bucket(self.store):
            return
        try:
            Path(self.store).mkdir(parents=True, exist_ok=True)
        except OSError as err:
            msg = f"Cannot make the store {str(self.store)!r}: {err.strerror}. Name another with --store DIR."
            raise StoreError(msg, path=str(self.store)) from err

    @contextmanager
    def connect(self, *, connections: int = 0) -> "Iterator[MosaicoClient]":
        """
        Connect to the server; the embedded one is started for the block.

        Raises:
            UnreachableError: No server answers.
            StoreError: There is no store, or it cannot be used.
        """
        from mosaico_ingest.client import MosaicoClient

        if self.server is not None:
            with MosaicoClient.connect_to(self.address(), connections=connections) as client:
                yield client
            return
        if not is_bucket(self.store) and not Path(self.store).is_dir():
            msg = (
                f"There is no store at {str(self.store)!r}. "
                "Name one with --store DIR, or a server with --server URL."
            )
            raise StoreError(msg, path=str(self.store))
        from mosaico_ingest import run

        with (
            run.serve(self.store, catalog=self.catalog) as server,
            MosaicoClient.connect(server.host, server.port, connections=connections) as client,
        ):
            yield client


def chosen_target(ctx: click.Context) -> Target:
    """
    Return what `--server`, `--store`, the environment and the config file say together.

    Raises:
        UsageError: Both a server and a store are given, in the same place.
    """
    server, store = ctx.params["server"], ctx.params["store"]
    if server and store:
        ranks = {name: _rank(ctx, name) for name in ("server", "store")}
        if ranks["server"] == ranks["store"]:
            shown = without_credentials(store)
            msg = f"Both the server {server!r} and the store {shown!r} are given. Name one of them."
            raise UsageError(msg)
        if ranks["server"] < ranks["store"]:
            server = None
    if server:
        return Target(server=server)
    return Target(store=store or DEFAULT_STORE, catalog=ctx.params["catalog"])


def _rank(ctx: click.Context, name: str) -> int:
    """Return how near to the user the value of a parameter was given."""
    return _RANKS.get(ctx.get_parameter_source(name) or ParameterSource.DEFAULT, 0)
