"""
The commands that look and change nothing: `inspect`, `plan`.

Must not know: networks. Next: `mosaico_ingest.run`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mosaico_ingest.cli.hosting import HostCommand, chosen_host
from mosaico_ingest.cli.options import json_flag, plan_flags, settings_of
from mosaico_ingest.cli.output import print_error, print_json, print_result
from mosaico_ingest.errors import UsageError
from mosaico_ingest.model.settings import Settings

if TYPE_CHECKING:
    from mosaico_ingest.hooks.host import Host
    from mosaico_ingest.model.recording import RecordingInfo
    from mosaico_ingest.model.source import Aside
    from mosaico_ingest.reports.text import Block

__all__ = ["inspect_command", "plan_command", "show_plan"]


@click.command("inspect", cls=HostCommand)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@plan_flags
@click.option(
    "--deep",
    is_flag=True,
    help="Read everything: what a run would store, lose and reject, and the health of topics.",
)
@json_flag
@click.pass_context
def inspect_command(
    ctx: click.Context, /, paths: tuple[str, ...], deep: bool, json: bool, **_: object
) -> None:
    """
    Tell what is inside recordings.

    Lists channels with types, encodings, counts and rates, time range, size, compression, attachments,
    metadata and damage. Uses no network and changes nothing. With --deep every message is read, decoded and
    mapped as a run would with the same flags, and the regularity of each topic is measured.

    Examples:
      mosaico-ingest inspect drive.mcap
      mosaico-ingest inspect runs/ --json
      mosaico-ingest inspect --deep drive.mcap

    Exit code: 0, 1 something cannot be read; with --deep that of the run.
    """
    from mosaico_ingest import run
    from mosaico_ingest.cli.signals import ended_by_sigterm
    from mosaico_ingest.reports.contents import info_blocks, info_to_json
    from mosaico_ingest.reports.overview import MOST_IN_FULL, aside_to_json, infos_table

    if deep:
        ctx.exit(_show_health(paths, chosen_host(ctx), settings_of(ctx), as_json=json))
    _refuse_idle_flags(ctx)
    with ended_by_sigterm():
        found = run.inspect(paths, host=chosen_host(ctx), settings=settings_of(ctx))
    infos = [item.info for item in found if item.info]
    failures = [(str(item.path), item.error) for item in found if not item.info]
    if json:
        print_json(
            {
                "recordings": [
                    info_to_json(item.info)
                    if item.info
                    else {"path": str(item.path), "error": item.error}
                    for item in found
                ],
                "passed_over": aside_to_json(found.aside),
            }
        )
    else:
        if len(infos) > MOST_IN_FULL:
            print_result([infos_table(infos), *_hint(infos, "channels")])
        else:
            print_result(_parted(info_blocks(info) for info in infos))
        kinds = [info.format.split(" (")[0] for info in infos]
        print_result(_ending(found.aside, kinds, failures))
        _print_failures(failures)
    ctx.exit(1 if failures else 0)


@click.command("plan", cls=HostCommand)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@plan_flags
@json_flag
@click.pass_context
def plan_command(ctx: click.Context, /, paths: tuple[str, ...], json: bool, **_: object) -> None:
    """
    Tell what `run` would do, without doing it.

    Names the sequence of each recording and, for each channel, its topic, ontology type, decoder and mapper
    with the reason; what is skipped and why; and every conflict with the flag that settles it. Uses no
    network.

    Examples:
      mosaico-ingest plan drive.mcap
      mosaico-ingest plan drive.mcap --topics '/camera/*' --json

    Exit code: 0 the run could begin, 1 something stops it.
    """
    ctx.exit(show_plan(paths, chosen_host(ctx), settings_of(ctx), as_json=json))


def show_plan(
    paths: Sequence[str | Path], host: "Host", settings: Settings, *, as_json: bool
) -> int:
    """Print what a run would do, and return the exit code: 1 where something stops it."""
    from mosaico_ingest import run
    from mosaico_ingest.cli.signals import ended_by_sigterm
    from mosaico_ingest.reports.contents import plan_blocks, plan_to_json
    from mosaico_ingest.reports.overview import MOST_IN_FULL, aside_to_json, plans_table

    with ended_by_sigterm():
        planned = run.plan(paths, host=host, settings=settings)
    if as_json:
        recordings = [
            {
                "path": str(item.path),
                **(plan_to_json(item.plan) if item.plan else {}),
                "error": item.error,
            }
            for item in planned
        ]
        print_json({"recordings": recordings, "passed_over": aside_to_json(planned.aside)})
    else:
        plans = [item.plan for item in planned if item.plan]
        if len(plans) > MOST_IN_FULL:
            print_result([plans_table(planned), *_hint([plan.info for plan in plans], "topics")])
        else:
            print_result(_parted(plan_blocks(plan) for plan in plans))
        failures = [(str(item.path), item.error) for item in planned if item.error]
        kinds = [item.plan.source for item in planned if item.plan and not item.error]
        print_result(_ending(planned.aside, kinds, failures))
        _print_failures(failures)
    return 1 if any(item.error for item in planned) else 0


def _ending(
    aside: "Sequence[Aside]", kinds: Sequence[str], failures: Sequence[tuple[str, str]]
) -> "Iterator[Block]":
    """Yield what was passed over, and for more than one recording how many there are of each kind."""
    from mosaico_ingest.reports.overview import aside_blocks, kinds_line

    if aside:
        yield ""
        yield from aside_blocks(aside)
    if len(kinds) + len(failures) > 1:
        yield ""
        yield kinds_line(kinds, len(failures))


def _hint(infos: "Sequence[RecordingInfo]", what: str) -> "Iterator[Block]":
    """Say what a table of many recordings leaves out."""
    from mosaico_ingest.reports.overview import MOST_ROWS, note_blocks

    if len(infos) > MOST_ROWS:
        yield f"… and {len(infos) - MOST_ROWS} more (--json lists all)"
    yield from note_blocks((str(info.path), text) for info in infos for text in info.findings)
    yield ""
    yield f"Name a recording to see its {what}."


def _print_failures(failures: Sequence[tuple[str, str]]) -> None:
    """Say on stderr what cannot be read, one line per reason."""
    from mosaico_ingest.reports.overview import failure_lines

    for line in failure_lines(failures):
        print_error(line)


def _refuse_idle_flags(ctx: click.Context) -> None:
    """Refuse flags about a run where none is tried."""
    for name in ("name", "topics", "map", "metadata", "time", "attachments", "skip_unmapped"):
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            flag = name.replace("_", "-")
            msg = f"--{flag} has an effect with --deep only. Add --deep, or use `plan`."
            raise UsageError(msg)


def _show_health(
    paths: Sequence[str | Path], host: "Host", settings: Settings, *, as_json: bool
) -> int:
    """Read everything, print what a run would make of it, and return the exit code of that run."""
    from mosaico_ingest import run
    from mosaico_ingest.cli.signals import stopped_by_signals
    from mosaico_ingest.hooks.specs import RunContext
    from mosaico_ingest.pipeline.stopping import StopSignal
    from mosaico_ingest.reports.health import examined_blocks, examined_to_json

    stop = StopSignal()
    # Progress is for somebody who waits; into a pipe only the result is wanted.
    log = "auto" if sys.stderr.isatty() else "none"
    context = RunContext(settings=settings, log=log, is_terminal=sys.stderr.isatty())
    with stopped_by_signals(stop, log):
        examined = run.examine(paths, host=host, settings=settings, context=context, stop=stop)
    report, health = examined.report, examined.health
    if as_json:
        print_json(examined_to_json(report, health))
    else:
        print_result(examined_blocks(report, health))
    return report.exit_code


def _parted(groups: "Iterator[Iterator[Block]]") -> "Iterator[Block]":
    """Put an empty line between groups."""
    for number, blocks in enumerate(groups):
        if number:
            yield ""
        yield from blocks
