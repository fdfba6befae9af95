"""
The commands about mapping files: `mapping suggest` and `mapping check`.

Must not know: what rules mean. Next: `mosaico_ingest.mapping.file`.
"""

from pathlib import Path

import click

from mosaico_ingest.cli.hosting import HostCommand, chosen_host, chosen_options, with_layout
from mosaico_ingest.cli.output import print_error, print_result
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.units import format_number_of

__all__ = ["mapping_command"]


@click.group(
    "mapping",
    help=with_layout(
        """
        Write and check mapping files: what becomes of channels, and types of your own.

        Examples:
          mosaico-ingest mapping suggest engine.csv > engine.toml
          mosaico-ingest mapping check engine.toml engine.csv
          mosaico-ingest run engine.csv --mapping engine.toml
        """
    ),
)
def mapping_command() -> None:
    """Hold the commands together."""


@mapping_command.command("suggest", cls=HostCommand)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.pass_context
def suggest_command(ctx: click.Context, /, paths: tuple[str, ...]) -> None:
    """
    Print a first mapping file for recordings.

    Every channel that no type of the platform fits gets a type of its own, with all its columns; rename
    them, or map them to a type of the platform.

    Examples:
      mosaico-ingest mapping suggest engine.csv > engine.toml
    """
    from mosaico_ingest import run
    from mosaico_ingest.mapping.suggesting import suggest_mapping

    planned = run.plan(paths, host=chosen_host(ctx), settings=Settings(options=chosen_options(ctx)))
    for item in planned:
        if item.error:
            print_error(item.error)
    plans = [item.plan for item in planned if item.plan]
    if plans:
        click.echo(suggest_mapping(plans), nl=False)
    ctx.exit(0 if plans else 1)


@mapping_command.command("check", cls=HostCommand)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.pass_context
def check_command(ctx: click.Context, /, file: Path, paths: tuple[str, ...]) -> None:
    """
    Tell what is wrong with a mapping file, by itself or for recordings.

    Without recordings, what it says is read; with them, every expression is checked against the columns
    that there are, and rules that speak of no channel are named.

    Examples:
      mosaico-ingest mapping check engine.toml
      mosaico-ingest mapping check engine.toml engine.csv

    Exit code: 0 it can be used, 1 it does not fit the recordings, 2 it cannot be read.
    """
    from mosaico_ingest import run
    from mosaico_ingest.mapping.file import load_mapping

    host = chosen_host(ctx)
    mapping = load_mapping(file, host.ontology)
    host = host.with_(mapping)
    rules = format_number_of("rule", len(mapping.rules))
    lines = [f"{file}: {rules}, {format_number_of('type', len(mapping.ontologies))}."]
    settings = Settings(rules=mapping.rules, options=chosen_options(ctx))
    planned = run.plan(paths, host=host, settings=settings) if paths else ()
    channels = [c for item in planned if item.plan for c in item.plan.info.channels]
    idle = [rule for rule in mapping.rules if not any(map(rule.matches, channels))]
    if channels:
        lines += [f"{rule.origin}: no channel is called {rule.topic!r} here." for rule in idle]
    print_result(lines)
    for item in planned:
        if item.error:
            print_error(item.error)
    ctx.exit(1 if any(item.error for item in planned) else 0)
