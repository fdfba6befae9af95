"""
The commands about API keys: `keys create`, `keys list`, `keys revoke`.

Must not know: how keys are kept. Next: `mosaico_ingest.client.keys`.
"""

import time

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand, with_layout
from mosaico_ingest.cli.options import json_flag, target_flags
from mosaico_ingest.cli.output import print_json, print_result
from mosaico_ingest.cli.target import chosen_target
from mosaico_ingest.enum import APIKeyPermissionEnum
from mosaico_ingest.errors import NotFoundError, UsageError

__all__ = ["keys_command"]

_DAY_NS = 86_400 * 1_000_000_000


class _Keys(click.Group):
    """A group whose commands are in the order of a key's life."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names in the order in which they were added."""
        return list(self.commands)


@click.group(
    "keys",
    cls=_Keys,
    help=with_layout(
        """
        Make, list and revoke API keys.

        A store's keys are managed with --store while no server holds it; those of a server that runs with
        --server, and a key that allows `manage` in MOSAICO_API_KEY.

        Examples:
          mosaico-ingest keys create manage --store ./store
          mosaico-ingest keys list --server grpc+tls://robots:6726
        """
    ),
)
def keys_command() -> None:
    """Hold the commands together."""


@keys_command.command("create", cls=ConfiguredCommand)
@click.argument(
    "permission", type=click.Choice([permission.value for permission in APIKeyPermissionEnum])
)
@click.option("--description", metavar="TEXT", default="", help="What the key is for.")
@click.option(
    "--days",
    metavar="N",
    type=click.FloatRange(0, 36_500, min_open=True),
    help="How long it is good.  [default: for ever]",
)
@click.option(
    "--generation",
    type=click.Choice(["0.3", "0.4", "0.5", "0.6", "0.7"]),
    help="Which clients' protocol its bearer speaks.  [default: the server's]",
)
@target_flags
@json_flag
@click.pass_context
def create_command(
    ctx: click.Context,
    /,
    *,
    permission: str,
    description: str,
    days: float | None,
    generation: str | None,
    json: bool,
    **_: object,
) -> None:
    """
    Make an API key and print its token, which cannot be shown again.

    Each permission includes those before it: read, write, delete, manage.

    Examples:
      mosaico-ingest keys create manage --store ./store
      mosaico-ingest keys create write --description 'robot 7' --days 30
      mosaico-ingest keys create read --generation 0.7
    """
    from mosaico_ingest.protocol.apikeys import ApiKey

    target = chosen_target(ctx)
    if target.server is None:
        target.make_store()  # the first key comes before the first recording
    expires_ns = None if days is None else time.time_ns() + int(days * _DAY_NS)
    with target.connect() as client:
        token = client.api_key_create(
            APIKeyPermissionEnum(permission), description, expires_ns, generation
        )
    fingerprint = ApiKey.parse(token).fingerprint
    if json:
        print_json({"api_key": token, "fingerprint": fingerprint, "expires_ns": expires_ns})
    else:
        print_result([token])
        click.echo(f"Keep it: only its fingerprint, {fingerprint}, can be shown again.", err=True)


@keys_command.command("list", cls=ConfiguredCommand)
@target_flags
@json_flag
@click.pass_context
def list_command(ctx: click.Context, /, json: bool, **_: object) -> None:
    """
    List the API keys by their fingerprints, oldest first.

    Examples:
      mosaico-ingest keys list --store ./store
      mosaico-ingest keys list --json
    """
    from mosaico_ingest.reports.keys import key_blocks, keys_to_json

    with chosen_target(ctx).connect() as client:
        keys = client.api_key_list()
    if json:
        print_json(keys_to_json(keys))
    else:
        print_result(key_blocks(keys))


@keys_command.command("revoke", cls=ConfiguredCommand)
@click.argument("fingerprint")
@target_flags
@click.pass_context
def revoke_command(ctx: click.Context, /, fingerprint: str, **_: object) -> None:
    """
    Revoke an API key: it opens nothing any more.

    Examples:
      mosaico-ingest keys revoke f9010b9e
    """
    with chosen_target(ctx).connect() as client:
        try:
            client.api_key_revoke(fingerprint)
        except NotFoundError as err:
            msg = f"There is no API key {fingerprint}. `mosaico-ingest keys list` tells which there are."
            raise UsageError(msg) from err
    print_result([f"Revoked {fingerprint}."])
