"""
Flags that several commands share, and what they mean together.

Must not know: what commands do with them. Next: `target`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mosaico_ingest.cli.hosting import chosen_options, chosen_rules
from mosaico_ingest.cli.types import BYTES, CLOCK, METADATA, STORE, TOPIC_MAP
from mosaico_ingest.enum import SessionLevelErrorPolicy, TimePolicy, TopicLevelErrorPolicy
from mosaico_ingest.model.settings import Settings

__all__ = ["catalog_flag", "json_flag", "plan_flags", "run_flags", "settings_of", "target_flags"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_DEFAULTS = Settings()

json_flag = click.option("--json", is_flag=True, help="Print one JSON object instead of tables.")

catalog_flag = click.option(
    "--catalog",
    metavar="URL",
    envvar="MOSAICO_CATALOG",
    show_envvar=True,
    help="Catalog of the store: postgresql://USER@HOST/DATABASE, or sqlite:///PATH for a bucket.  "
    "[default: SQLite in the folder]",
)

_TARGET_FLAGS = (
    click.option(
        "--server",
        metavar="URL",
        envvar="MOSAICO_DAEMON_URL",
        show_envvar=True,
        help="Mosaico server, such as grpc://localhost:6726.",
    ),
    click.option(
        "--store",
        metavar="DIR",
        type=STORE,
        help="Folder of the embedded server, or s3://BUCKET/PREFIX; used where no server is named.  "
        "[default: ./mosaico-store]",
    ),
    catalog_flag,
)

_PLAN_FLAGS = (
    click.option(
        "--name",
        metavar="TEMPLATE",
        default="",
        help="Sequence name, made of {name}, {parent} and {date}.  [default: {name}]",
    ),
    click.option(
        "--topics",
        metavar="GLOB",
        multiple=True,
        help="Channels to store; !GLOB leaves out. May be repeated: the last match decides.",
    ),
    click.option(
        "--map",
        metavar="TOPIC=NAME",
        multiple=True,
        type=TOPIC_MAP,
        help="Ontology type or mapper for one topic. May be repeated.",
    ),
    click.option(
        "--metadata",
        metavar="KEY=VALUE",
        multiple=True,
        type=METADATA,
        help="Metadata of every sequence; KEY:=JSON for numbers and lists. May be repeated.",
    ),
    click.option(
        "--time",
        metavar="CLOCK",
        multiple=True,
        type=CLOCK,
        help="Clock that becomes timestamp_ns: header (falls back to log), log or publish. TOPIC=CLOCK"
        " for one topic or glob, where CLOCK may be FIELD or FIELD:UNIT.  [default: header]",
    ),
    click.option(
        "--attachments/--no-attachments",
        default=True,
        help="Store the files that travel inside a recording, or leave them out.  [default: store]",
    ),
    click.option("--skip-unmapped", is_flag=True, help="Skip channels that no ontology type fits."),
    click.option("--source", metavar="NAME", default="", help="Format of all files; no detection."),
    click.option(
        "--group/--no-group",
        default=_DEFAULTS.group,
        help="Make one sequence of numbered parts, and of a folder that is one recording.  [default: group]",
    ),
    click.option(
        "--follow-links", is_flag=True, help="Follow links that lead out of the folder named."
    ),
    click.option(
        "--max-files",
        metavar="N",
        type=click.IntRange(1),
        default=_DEFAULTS.max_files,
        show_default=True,
        help="Most files that a folder is searched for.",
    ),
    click.option(
        "--temp",
        metavar="DIR",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Folder for readable copies of packed files.  [default: the system's]",
    ),
    click.option(
        "--max-expansion",
        metavar="RATIO",
        type=click.IntRange(1),
        default=_DEFAULTS.max_expansion,
        show_default=True,
        help="How many times its size a packed file may unpack to.",
    ),
)

_RUN_FLAGS = (
    click.option(
        "--on-error",
        type=click.Choice([policy.value for policy in SessionLevelErrorPolicy]),
        default=_DEFAULTS.on_error.value,
        show_default=True,
        help="Keep a recording that fails for triage, or delete it.",
    ),
    click.option(
        "--topic-on-error",
        type=click.Choice([policy.value for policy in TopicLevelErrorPolicy]),
        default=_DEFAULTS.topic_on_error.value,
        show_default=True,
        help="What a failing topic does: end its recording, be ignored, or end by itself.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="End a recording at the first damage, reject or plugin fault.",
    ),
    click.option(
        "--again", is_flag=True, help="Store once more what is stored already, under a free name."
    ),
    click.option(
        "--lanes", metavar="N", type=click.IntRange(1, 64), help="Connections.  [default: chosen]"
    ),
    click.option(
        "--encoders",
        metavar="N",
        type=click.IntRange(1, 256),
        help="Encoder threads.  [default: chosen]",
    ),
    click.option(
        "--budget",
        metavar="SIZE",
        type=BYTES,
        default=_DEFAULTS.budget_bytes,
        help="Memory that batches in flight may hold.  [default: 256MiB]",
    ),
)


def target_flags(command: Decorated) -> Decorated:
    """Add the flags that say where sequences are."""
    return _add(_TARGET_FLAGS, command)


def plan_flags(command: Decorated) -> Decorated:
    """Add the flags that decide what becomes of a recording."""
    return _add(_PLAN_FLAGS, command)


def run_flags(command: Decorated) -> Decorated:
    """Add the flags of a run that do not change the plan."""
    return _add(_RUN_FLAGS, command)


def settings_of(ctx: click.Context) -> Settings:
    """Return the settings that flags, environment and config file give together."""
    given = ctx.params
    return Settings(
        name=given["name"],
        topics=tuple(given["topics"]),
        rules=chosen_rules(ctx),
        map=dict(given["map"]),
        metadata=dict(given["metadata"]),
        source=given["source"],
        group=given["group"],
        follow_links=given["follow_links"],
        max_files=given["max_files"],
        temp=given["temp"],
        max_expansion=given["max_expansion"],
        on_error=SessionLevelErrorPolicy(given.get("on_error", _DEFAULTS.on_error)),
        topic_on_error=TopicLevelErrorPolicy(given.get("topic_on_error", _DEFAULTS.topic_on_error)),
        time=TimePolicy(dict(given["time"]).get("", _DEFAULTS.time)),
        clocks={pattern: clock for pattern, clock in given["time"] if pattern},
        attachments=given["attachments"],
        skip_unmapped=given["skip_unmapped"],
        strict=given.get("strict", False),
        again=given.get("again", False),
        lanes=given.get("lanes") or 0,
        encoders=given.get("encoders") or 0,
        budget_bytes=given.get("budget", _DEFAULTS.budget_bytes),
        options=chosen_options(ctx),
    )


def _add(flags: tuple[Callable[[Decorated], Decorated], ...], command: Decorated) -> Decorated:
    """Add *flags* so that the help lists them in their order."""
    for flag in reversed(flags):
        command = flag(command)
    return command
