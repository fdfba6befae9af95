"""
The command `serve`: the embedded server, in the foreground.

Must not know: how the server works. Next: `mosaico_ingest.server.runner`.
"""

from pathlib import Path

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand
from mosaico_ingest.cli.target import DEFAULT_STORE

__all__ = ["serve_command"]


@click.command("serve", cls=ConfiguredCommand)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 for every network.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6726,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--store",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=DEFAULT_STORE,
    show_default=True,
    help="Folder that holds the sequences; made if it is not there.",
)
@click.option(
    "--generation",
    type=click.Choice(["0.3", "0.4", "0.5", "0.6", "0.7"]),
    default="0.5",
    show_default=True,
    help="Which clients' protocol to speak.",
)
def serve_command(host: str, port: int, store: Path, generation: str) -> None:
    """
    Serve a store to Mosaico clients, until Ctrl-C or SIGTERM.

    Prints one line when it is ready, with the address to connect to.

    Examples:
      mosaico-ingest serve
      mosaico-ingest serve --store /data/store --host 0.0.0.0 --port 6726
    """
    from mosaico_ingest.server.runner import run_server

    def tell(taken: int) -> None:
        click.echo(f"Serving {store} on grpc://{host}:{taken}; stop with Ctrl-C.")

    run_server(store, host=host, port=port, generation=generation, on_ready=tell)
