"""
The command `run`, and what `demo` shares with it.

Must not know: how recordings are read or sent. Next: `mosaico_ingest.run`.
"""

import contextlib
import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mosaico_ingest.cli.hosting import HostCommand, chosen_host
from mosaico_ingest.cli.options import (
    json_flag,
    plan_flags,
    run_flags,
    settings_of,
    target_flags,
)
from mosaico_ingest.cli.output import print_error, print_json, print_result
from mosaico_ingest.cli.target import Target, chosen_target
from mosaico_ingest.model.settings import Settings

if TYPE_CHECKING:
    from mosaico_ingest.hooks.host import Host
    from mosaico_ingest.model.report import RunReport

__all__ = ["ingest_to", "log_flag", "print_report", "run_command"]

log_flag = click.option(
    "--log",
    type=click.Choice(["auto", "plain", "json", "none"]),
    default="auto",
    show_default=True,
    help="How progress is told on stderr; auto is live on a terminal, plain elsewhere.",
)


@click.command("run", cls=HostCommand)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@target_flags
@plan_flags
@run_flags
@click.option(
    "--sink",
    metavar="NAME[:TARGET]",
    help="Destination of a plugin instead of a Mosaico server; null takes all and keeps nothing.",
)
@click.option(
    "--engine",
    metavar="NAME",
    default="local",
    show_default=True,
    help="How recordings are run; plugins may bring other ways.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@log_flag
@json_flag
@click.pass_context
def run_command(
    ctx: click.Context,
    /,
    *,
    paths: tuple[str, ...],
    sink: str | None,
    engine: str,
    dry_run: bool,
    log: str,
    json: bool,
    **_: object,
) -> None:
    """
    Put recordings into a Mosaico store.

    PATH may be a recording, a folder that is searched for recordings, or a quoted glob. Recordings that are
    stored already are recognised by their bytes and left alone. The first Ctrl-C stores what was read and
    ends, the second aborts.

    Examples:
      mosaico-ingest run drive.mcap
      mosaico-ingest run runs/ --store ./store --topics '/imu/*' --topics '!/imu/raw'
      mosaico-ingest run 'runs/**/*.bag' --server grpc://robots:6726 --name '{date}_{name}'

    Exit codes:
      0 everything is stored   3 stored, with losses that the report names   1 something failed
      2 wrong usage            130 interrupted
    """
    host, settings = chosen_host(ctx), settings_of(ctx)
    if dry_run:
        from mosaico_ingest.cli.look import show_plan

        ctx.exit(show_plan(paths, host, settings, as_json=json))
    report = ingest_to(chosen_target(ctx), paths, host, settings, log, sink=sink, engine=engine)
    print_report(report, as_json=json)
    ctx.exit(report.exit_code)


def ingest_to(
    target: Target,
    paths: Sequence[str | Path],
    host: "Host",
    settings: Settings,
    log: str,
    *,
    sink: str | None = None,
    engine: str = "local",
) -> "RunReport":
    """
    Ingest *paths* into *target*, or into a *sink* by name, with progress on stderr; signals stop it.

    Raises:
        MosaicoError: Nothing could start.
    """
    from mosaico_ingest import run
    from mosaico_ingest.cli.signals import stopped_by_signals
    from mosaico_ingest.engines import find_engine
    from mosaico_ingest.hooks.specs import RunContext
    from mosaico_ingest.pipeline.stopping import StopSignal
    from mosaico_ingest.sinks import open_sink

    stop = StopSignal()
    ingest = functools.partial(
        run.ingest,
        paths,
        host=host,
        settings=settings,
        engine=find_engine(engine, host.registry.engines),
        context=RunContext(settings=settings, log=log, is_terminal=sys.stderr.isatty()),
        stop=stop,
    )
    with stopped_by_signals(stop, log):
        if sink is not None:
            with contextlib.closing(open_sink(sink, host.registry.sinks)) as destination:
                return ingest(sink=destination)
        if target.server is None:
            return ingest(store=target.store, catalog=target.catalog)
        with target.connect(connections=settings.lanes) as client:
            return ingest(client=client)


def print_report(report: "RunReport", *, as_json: bool) -> None:
    """Print how a run ended; where nothing at all was sent, just say why on stderr."""
    from mosaico_ingest.reports.overview import aside_blocks, failure_lines
    from mosaico_ingest.reports.summary import report_to_json, run_blocks

    if as_json:
        print_json(report_to_json(report))
    elif all(recording.error and not recording.nbytes for recording in report.recordings):
        print_result(aside_blocks(report.aside))
        for line in failure_lines((r.path, r.error) for r in report.recordings):
            print_error(line)
    else:
        print_result(run_blocks(report))
