"""
The command `doctor`: is all there that a run needs.

Must not know: how it is found out. Next: `mosaico_ingest.doctor`.
"""

import click

from mosaico_ingest.cli.hosting import HostCommand, chosen_host, chosen_options
from mosaico_ingest.cli.options import json_flag, target_flags
from mosaico_ingest.cli.output import print_json, print_result
from mosaico_ingest.cli.target import chosen_target

__all__ = ["doctor_command"]


@click.command("doctor", cls=HostCommand)
@target_flags
@json_flag
@click.pass_context
def doctor_command(ctx: click.Context, /, json: bool, **_: object) -> None:
    """
    Find out whether a run would have what it needs.

    Looks at the server (reachable, generation, TLS, the API key and what it allows) or at the store
    (writable, space, whether its server starts), and at every plugin. Changes nothing.

    Examples:
      mosaico-ingest doctor
      mosaico-ingest doctor --server grpc+tls://robots:6726 --json

    Exit code: 0 all is well, 1 something is not.
    """
    from mosaico_ingest import doctor
    from mosaico_ingest.model.settings import Settings
    from mosaico_ingest.reports.checks import check_blocks, checks_to_json

    target, settings = chosen_target(ctx), Settings(options=chosen_options(ctx))
    checks = list(
        doctor.check_store(target.store, target.catalog)
        if target.server is None
        else doctor.check_server(target.address())
    )
    checks += doctor.check_plugins(chosen_host(ctx), settings)
    if json:
        print_json(checks_to_json(checks))
    else:
        print_result(check_blocks(checks))
    ctx.exit(0 if all(check.ok for check in checks) else 1)
