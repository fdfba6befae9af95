"""
The command group: what `mosaico-ingest` can do.

Must not know: how anything is done; a command's heavy imports are inside it. Next: `run`.
"""

import os
from typing import Any

import click

from mosaico_ingest import __version__
from mosaico_ingest.cli.config import load_config
from mosaico_ingest.cli.demo import demo_command
from mosaico_ingest.cli.doctor import doctor_command
from mosaico_ingest.cli.hosting import run_keys, with_layout
from mosaico_ingest.cli.keys import keys_command
from mosaico_ingest.cli.look import inspect_command, plan_command
from mosaico_ingest.cli.mapping import mapping_command
from mosaico_ingest.cli.notifications import notifications_command
from mosaico_ingest.cli.plugins import plugins_command
from mosaico_ingest.cli.query import query_command
from mosaico_ingest.cli.read import read_command
from mosaico_ingest.cli.run import run_command
from mosaico_ingest.cli.sequences import export_command, info_command, ls_command, rm_command
from mosaico_ingest.cli.serve import serve_command

__all__ = ["app"]


class _Group(click.Group):
    """A group in the order of the work, which asks plugins for commands that it does not know itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = with_layout(self.help or "")

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were added."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of our own, else one that a plugin adds."""
        own = super().get_command(ctx, cmd_name)
        return own if own or ctx.resilient_parsing else self._plugin_command(cmd_name)

    def _plugin_command(self, name: str) -> click.Command | None:
        """Load the plugins that environment and config file choose, and look for a command."""
        from mosaico_ingest.hooks.discovery import Selection
        from mosaico_ingest.hooks.host import Host

        environment = os.environ.get("MOSAICO_INGEST_PLUGINS", "")
        config = load_config(None, run_keys())
        host = Host.discover(Selection.parse((), environment, config.selection))
        return {command.name: command for command in host.commands()}.get(name)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Plugins may add commands and formats: see `mosaico-ingest plugins`.",
)
@click.version_option(__version__, prog_name="mosaico-ingest")
def app(**_: Any) -> None:
    """
    Put robot recordings (MCAP, ROS bags, tables, video) into a Mosaico data platform, and look at what is
    there.

    Start with:
      mosaico-ingest demo
      mosaico-ingest run PATH...
    """


for _command in (
    demo_command,
    run_command,
    plan_command,
    inspect_command,
    ls_command,
    info_command,
    export_command,
    rm_command,
    query_command,
    read_command,
    notifications_command,
    serve_command,
    keys_command,
    mapping_command,
    plugins_command,
    doctor_command,
):
    app.add_command(_command)
