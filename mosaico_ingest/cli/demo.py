"""
The command `demo`: a recording made on the spot, ingested.

Must not know: how recordings are generated or read. Next: `mosaico_ingest.testing.recordings`.
"""

from pathlib import Path

import click

from mosaico_ingest.cli.hosting import HostCommand, chosen_host, chosen_options
from mosaico_ingest.cli.options import json_flag
from mosaico_ingest.cli.run import ingest_to, log_flag, print_report
from mosaico_ingest.cli.target import Target
from mosaico_ingest.errors import StoreError
from mosaico_ingest.model.settings import Settings

__all__ = ["demo_command"]


@click.command("demo", cls=HostCommand)
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("mosaico-demo"),
    show_default=True,
    help="Folder for the recording and its store.",
)
@log_flag
@json_flag
@click.pass_context
def demo_command(ctx: click.Context, /, folder: Path, log: str, json: bool) -> None:
    """
    Write a small recording and ingest it, to see what this is about.

    Ten seconds of a robot with an IMU, GPS, joints, a camera and a lidar are written to DIR/demo.mcap and
    stored in DIR/store. The recording is the same every time, so a second call finds it stored already.

    Example:
      mosaico-ingest demo
    """
    from mosaico_ingest.testing.recordings import write_demo

    recording, store = folder / "demo.mcap", folder / "store"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_demo(recording)
    except OSError as error:
        msg = (
            f"Cannot write {str(recording)!r}: {error.strerror}. Choose another folder with --dir."
        )
        raise StoreError(msg, path=str(folder)) from error
    settings = Settings(metadata={"demo": True}, options=chosen_options(ctx))
    report = ingest_to(Target(store=store), [recording], chosen_host(ctx), settings, log)
    print_report(report, as_json=json)
    if not json and report.exit_code == 0:
        name = report.recordings[0].sequence
        click.echo(f"\nLook at it:  mosaico-ingest info {name} --store {store}", err=True)
    ctx.exit(report.exit_code)
