"""
The command `notifications`.

Must not know: files of a store. Next: `mosaico_ingest.client`.
"""

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand
from mosaico_ingest.cli.options import json_flag, target_flags
from mosaico_ingest.cli.output import print_json, print_result
from mosaico_ingest.cli.sequences import parts_of
from mosaico_ingest.cli.target import chosen_target

__all__ = ["notifications_command"]


@click.command("notifications", cls=ConfiguredCommand)
@click.argument("name", metavar="SEQ[/TOPIC]")
@click.option("--clear", is_flag=True, help="Delete them once they are read.")
@target_flags
@json_flag
@click.pass_context
def notifications_command(
    ctx: click.Context, /, name: str, clear: bool, json: bool, **_: object
) -> None:
    """
    Show what happened to a sequence and its topics, or to one topic: errors, warnings and infos.

    Examples:
      mosaico-ingest notifications drive
      mosaico-ingest notifications drive/imu/data --clear
    """
    from mosaico_ingest.reports.stored import notice_blocks, notices_to_json

    sequence, topic = parts_of(name)
    with chosen_target(ctx).connect() as client:
        topics = [topic] if topic else list(client.sequence_handler(sequence).topics)
        notices = [] if topic else client.list_sequence_notifications(sequence)
        for one in topics:
            notices += client.list_topic_notifications(sequence, one)
        if clear:
            if not topic:
                client.clear_sequence_notifications(sequence)
            for one in {notice.topic for notice in notices if notice.topic}:
                client.clear_topic_notifications(sequence, one)
    if json:
        print_json(notices_to_json(notices))
    else:
        print_result(notice_blocks(notices))
