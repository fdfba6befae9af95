"""
The commands about plugins: the list of them, and a new one to begin with.

Must not know: what plugins do. Next: `mosaico_ingest.hooks.discovery`.
"""

import keyword
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click

from mosaico_ingest.cli.hosting import HostCommand, chosen_host, with_layout
from mosaico_ingest.cli.options import json_flag
from mosaico_ingest.cli.output import print_json, print_result
from mosaico_ingest.errors import StoreError, UsageError

__all__ = ["plugins_command"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MODEL = "waypoints"
"""The name that the template has: a whole plugin of its own."""


class _PluginsCommand(HostCommand, click.Group):
    """A command that works alone, and has one below it."""


@click.group("plugins", cls=_PluginsCommand, invoke_without_command=True)
@json_flag
@click.pass_context
def plugins_command(ctx: click.Context, /, json: bool) -> None:
    """
    List the plugins: what they hand in, and why one is not loaded.

    Examples:
      mosaico-ingest plugins
      mosaico-ingest plugins -p no:rosbag --json
      mosaico-ingest plugins new radarlog
    """
    if ctx.invoked_subcommand:
        return
    from mosaico_ingest.reports.plugins import plugin_blocks, plugins_to_json

    statuses = chosen_host(ctx).statuses
    if json:
        print_json(plugins_to_json(statuses))
    else:
        print_result(plugin_blocks(statuses))


@plugins_command.command(
    "new",
    help=with_layout(
        """
        Begin a plugin for a format called NAME: a project that works, with its tests.

        It reads `.NAME` files of points; put your format in their place.

        Examples:
          mosaico-ingest plugins new radarlog
          mosaico-ingest plugins new radarlog --dir ~/src
        """
    ),
)
@click.argument("name", metavar="NAME")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".",
    help="Folder to put the project in.  [default: here]",
)
def new_command(name: str, folder: Path) -> None:
    """Write the template out under another name."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        msg = (
            f"{name!r} cannot name a plugin. Expected small letters, digits and underscores, beginning "
            "with a letter, such as 'radarlog'."
        )
        raise UsageError(msg)
    project = folder / f"mosaico-ingest-{name.replace('_', '-')}"
    if project.exists():
        msg = f"{str(project)!r} exists. Choose another name, or another folder with --dir."
        raise UsageError(msg)
    try:
        project.mkdir(parents=True)
        for file, text in _template(name):
            (project / file).write_text(text)
    except OSError as error:
        msg = f"Cannot write {str(project)!r}: {error.strerror}. Choose another folder with --dir."
        raise StoreError(msg, path=str(project)) from error
    print_result(
        [
            f"Wrote {project}: a plugin that works, with its tests. Next:",
            f"  pip install -e {project} pytest",
            f"  python -m pytest {project}",
        ]
    )


def _template(name: str) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the template's files, for a format called *name*."""
    words = name.split("_")
    dashed, camel = "-".join(words), "".join(word.capitalize() for word in words)
    for file in sorted(files("mosaico_ingest.testing").joinpath("template").iterdir(), key=str):
        if file.name.endswith((".py", ".toml")):
            text = file.read_text()
            text = text.replace(f"mosaico-ingest-{_MODEL}", f"mosaico-ingest-{dashed}")
            text = text.replace(_MODEL, name).replace(_MODEL.upper(), name.upper())
            yield file.name.replace(_MODEL, name), text.replace(_MODEL.capitalize(), camel)
