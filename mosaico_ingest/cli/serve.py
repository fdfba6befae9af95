"""
The command `serve`: the embedded server, in the foreground.

Must not know: how the server works. Next: `mosaico_ingest.server.runner`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand
from mosaico_ingest.cli.options import catalog_flag
from mosaico_ingest.cli.target import DEFAULT_STORE
from mosaico_ingest.cli.types import STORE
from mosaico_ingest.server.addresses import without_credentials

if TYPE_CHECKING:
    from mosaico_ingest.server.rebuild import Rebuilt

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
    type=STORE,
    default=DEFAULT_STORE,
    show_default=True,
    help="Folder that holds the sequences, made if it is not there, or s3://BUCKET/PREFIX.",
)
@catalog_flag
@click.option(
    "--generation",
    type=click.Choice(["0.3", "0.4", "0.5", "0.6", "0.7"]),
    default="0.5",
    show_default=True,
    help="Which clients' protocol to speak.",
)
@click.option("--require-api-key", is_flag=True, help="Ask for API keys; see `keys create`.")
@click.option(
    "--tls-cert",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Certificate for TLS, PEM; its chain may follow it.",
)
@click.option(
    "--tls-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Private key of the certificate, PEM without a password.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Let other machines in although keys or TLS are missing.",
)
@click.option(
    "--max-uploads",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many topics may be uploaded at the same time; more are refused.",
)
@click.option(
    "--rebuild",
    is_flag=True,
    help="First make the catalog anew from the stored files; the old one is kept aside.",
)
def serve_command(
    *,
    host: str,
    port: int,
    store: str | Path,
    catalog: str | None,
    generation: str,
    require_api_key: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure: bool,
    max_uploads: int,
    rebuild: bool,
) -> None:
    """
    Serve a store to Mosaico clients, until Ctrl-C or SIGTERM.

    Prints one line when it is ready, with the address to connect to. Where other machines can reach it, it
    wants API keys and TLS.

    A catalog that is lost or broken is made anew by --rebuild, from what lies beside the chunks; what cannot
    be told from there is named. API keys and notifications are in the catalog only.

    Examples:
      mosaico-ingest serve
      mosaico-ingest serve --store ./store --rebuild
      mosaico-ingest serve --store 's3://robots/runs?region=eu-south-1' --catalog sqlite:///robots.sqlite
      mosaico-ingest serve --store /srv/robots --catalog postgresql://robots@db/robots
      mosaico-ingest serve --host 0.0.0.0 --require-api-key --tls-cert cert.pem --tls-key key.pem
    """
    from mosaico_ingest.protocol.flight import location
    from mosaico_ingest.server.runner import rebuild_store, run_server
    from mosaico_ingest.server.security import Security

    security = Security(
        require_api_key=require_api_key,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure=insecure,
        max_uploads=max_uploads,
    )

    def tell(taken: int) -> None:
        url = location(host, taken, tls=security.is_encrypted)
        click.echo(f"Serving {without_credentials(store)} on {url}; stop with Ctrl-C.")

    if rebuild:
        _tell_rebuilt(rebuild_store(store, catalog=catalog))
    run_server(
        store,
        catalog=catalog,
        host=host,
        port=port,
        generation=generation,
        security=security,
        on_ready=tell,
    )


def _tell_rebuilt(found: "Rebuilt") -> None:
    """Say what a new catalog holds; on stderr, since the one line of stdout is the address."""
    counts = {
        "sequence": found.sequences,
        "session": found.sessions,
        "topic": found.topics,
        "chunk": found.chunks,
    }
    told = ", ".join(f"{count} {thing}{'s' * (count != 1)}" for thing, count in counts.items())
    click.echo(
        f"The catalog was made anew: {told}. The old one, if there was any, is kept aside.",
        err=True,
    )
    for loss in found.losses:
        click.echo(f"Lost: {loss}", err=True)
    click.echo(
        "API keys and notifications are not kept beside the chunks: make new keys with `keys create`.",
        err=True,
    )
