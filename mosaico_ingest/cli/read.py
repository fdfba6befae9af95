"""
The command `read`.

Must not know: forms of rows. Next: `rows`.
"""

from pathlib import Path
from typing import Any

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand
from mosaico_ingest.cli.options import target_flags
from mosaico_ingest.cli.sequences import parts_of
from mosaico_ingest.cli.target import chosen_target
from mosaico_ingest.cli.types import INSTANT
from mosaico_ingest.errors import UsageError

__all__ = ["read_command"]

_FORMATS = ("table", "csv", "json", "arrow", "parquet")
_MOST_IN_TABLE = 20


@click.command("read", cls=ConfiguredCommand)
@click.argument("name", metavar="SEQ/TOPIC")
@click.option("--from", "start_ns", metavar="TIME", type=INSTANT, help="First instant.")
@click.option("--to", "end_ns", metavar="TIME", type=INSTANT, help="Instant to end before.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="table",
    show_default=True,
    help="json is one object per line, arrow an IPC stream.",
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(0),
    help="Most rows to give.  [default: 20 in a table, else all]",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File instead of the terminal; one that is there is replaced.",
)
@target_flags
@click.pass_context
def read_command(
    ctx: click.Context,
    /,
    name: str,
    form: str,
    output: Path | None,
    limit: int | None,
    **given: Any,
) -> None:
    """
    Read the rows of a topic, in order of time.

    A TIME is in nanoseconds, or an instant in UTC such as 2026-01-02T10:00:00.5. Bytes are given in base64
    where the form is text.

    Examples:
      mosaico-ingest read drive/imu/data
      mosaico-ingest read drive/gps/fix --from 2026-01-02T10:00 --to 2026-01-02T10:05 --format csv
      mosaico-ingest read drive/imu/data --format parquet --output imu.parquet
    """
    from mosaico_ingest.cli.rows import limited, opened_sink, write_rows

    sequence, topic = parts_of(name)
    if not topic:
        msg = f"{name!r} is a sequence. Expected one of its topics, such as {sequence}/imu."
        raise UsageError(msg)
    most = _MOST_IN_TABLE if limit is None and form == "table" else limit
    with chosen_target(ctx).connect() as client:
        handler = client.topic_handler(sequence, topic)
        with handler.read(given["start_ns"], given["end_ns"]) as reader:
            batches = limited(reader, most)
            with opened_sink(output, is_binary=form in ("arrow", "parquet")) as sink:
                write_rows(form, handler.schema, batches, sink)
            if batches.is_cut and limit is None:
                click.echo(f"These are the first {most} rows; --limit N shows more.", err=True)
