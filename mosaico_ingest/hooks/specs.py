"""
The hooks: what a plugin may implement. Each is called once per host, run or recording, never per batch.

A plugin is a module or object announced under the entry-point group `mosaico_ingest`. It states
`MOSAICO_API = (1, 0)` and implements any of these functions, marked with `mosaico_ingest.plugin.hookimpl`.

Must not know: implementations. Next: `mosaico_ingest.model.source`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import pluggy

if TYPE_CHECKING:
    import click

    from mosaico_ingest.hooks.contracts import (
        Decoder,
        Engine,
        Mapper,
        Observer,
        SinkFactory,
        SourceFormat,
    )
    from mosaico_ingest.model.ontology import Ontology
    from mosaico_ingest.model.plan import RecordingPlan
    from mosaico_ingest.model.settings import Settings

__all__ = ["GROUP", "PROJECT", "CheckResult", "RunContext", "hookimpl", "hookspec"]

PROJECT = GROUP = "mosaico_ingest"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@attrs.frozen(kw_only=True)
class RunContext:
    """
    What an observer may know of the run it listens to.

    Args:
        settings: The settings in force.
        log: `auto`, `plain`, `json` or `none`: how the user wants progress told.
        is_terminal: Whether stderr is a terminal.
    """

    settings: "Settings"
    log: str = "none"
    is_terminal: bool = False


@attrs.frozen(kw_only=True)
class CheckResult:
    """One probe of `doctor`: what was looked at, whether it is well, and what to do if not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@hookspec
def mosaico_sources() -> "Sequence[SourceFormat]":  # type: ignore[empty-body]
    """
    Hand in the kinds of recordings that the plugin reads.

    Called once per host. Imports that are not needed for `sniff` belong into `open`.
    """


@hookspec
def mosaico_decoders() -> "Sequence[Decoder]":  # type: ignore[empty-body]
    """
    Hand in the payload encodings that the plugin turns into Arrow columns.

    Called once per host.
    """


@hookspec
def mosaico_ontologies() -> "Sequence[Ontology]":  # type: ignore[empty-body]
    """
    Hand in ontology types. A tag that is known with other columns is a clash, and the plugin is left out.

    Called once per host.
    """


@hookspec
def mosaico_mappers() -> "Sequence[Mapper]":  # type: ignore[empty-body]
    """
    Hand in the ways from decoded columns to ontology types.

    Called once per host.
    """


@hookspec
def mosaico_sinks() -> "Sequence[SinkFactory]":  # type: ignore[empty-body]
    """
    Hand in destinations, chosen with `--sink NAME`.

    Called once per host.
    """


@hookspec
def mosaico_engines() -> "Sequence[Engine]":  # type: ignore[empty-body]
    """
    Hand in ways to run the jobs of a run, chosen with `--engine NAME`.

    Called once per host.
    """


@hookspec
def mosaico_observers(run: RunContext) -> "Sequence[Observer]":  # type: ignore[empty-body]
    """
    Hand in listeners for one run; they may be slow, and a failing one is dropped after one report.

    Called once per run.
    """


@hookspec
def mosaico_refine_plan(plan: "RecordingPlan") -> "RecordingPlan | None":
    """
    Return a changed plan (rename, retag, drop topics), or None to leave it.

    Called once per recording, before anything is sent; each plugin sees what the one before it returned.
    """


@hookspec
def mosaico_commands() -> "Sequence[click.Command]":  # type: ignore[empty-body]
    """
    Hand in subcommands of `mosaico-ingest`.

    Called by the CLI only.
    """


@hookspec
def mosaico_checks(settings: "Settings") -> Sequence[CheckResult]:  # type: ignore[empty-body]
    """
    Probe what the plugin needs.

    Called by `doctor` only.
    """
