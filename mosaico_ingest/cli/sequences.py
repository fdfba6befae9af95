"""
The commands about what is stored: `ls`, `info`, `export`, `rm`.

Must not know: files of a store. Next: `mosaico_ingest.client`.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mosaico_ingest.cli.hosting import ConfiguredCommand
from mosaico_ingest.cli.options import json_flag, target_flags
from mosaico_ingest.cli.output import print_json, print_result
from mosaico_ingest.cli.target import chosen_target
from mosaico_ingest.enum import NotificationType
from mosaico_ingest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from mosaico_ingest.client import MosaicoClient
    from mosaico_ingest.client.handlers import SequenceHandler
    from mosaico_ingest.model.recording import Attachment

__all__ = ["export_command", "info_command", "ls_command", "parts_of", "rm_command"]


@click.command("ls", cls=ConfiguredCommand)
@target_flags
@json_flag
@click.pass_context
def ls_command(ctx: click.Context, /, json: bool, **_: object) -> None:
    """
    List the sequences: state, topics, rows, size and times.

    Examples:
      mosaico-ingest ls
      mosaico-ingest ls --server grpc://robots:6726 --json
    """
    from mosaico_ingest.reports.stored import sequence_list_blocks, sequence_to_json

    with chosen_target(ctx).connect() as client:
        sequences = list(_sequences(client))
    if json:
        print_json({"sequences": [sequence_to_json(sequence) for sequence in sequences]})
    else:
        print_result(sequence_list_blocks(sequences))


@click.command("info", cls=ConfiguredCommand)
@click.argument("name", metavar="SEQ[/TOPIC]")
@target_flags
@json_flag
@click.pass_context
def info_command(ctx: click.Context, /, name: str, json: bool, **_: object) -> None:
    """
    Tell all about a sequence or a topic: metadata, topics, columns, notifications, storage.

    Examples:
      mosaico-ingest info drive
      mosaico-ingest info drive/imu/data --store ./store
    """
    from mosaico_ingest.reports.stored import (
        sequence_blocks,
        sequence_to_json,
        topic_blocks,
        topic_to_json,
    )

    sequence, topic = parts_of(name)
    kinds = (NotificationType.Error, NotificationType.Warning)  # `notifications` shows all
    with chosen_target(ctx).connect() as client:
        if topic:
            told = client.topic_handler(sequence, topic)
            notices = client.list_topic_notifications(sequence, topic, kinds)
            value, blocks = topic_to_json(told, notices), topic_blocks(told, notices)
        else:
            whole = client.sequence_handler(sequence)
            notices = client.list_sequence_notifications(sequence, kinds)
            for topic_name in whole.topics:
                notices += client.list_topic_notifications(sequence, topic_name, kinds)
            files = _attachments(client, whole)
            value = sequence_to_json(whole, notices, files)
            blocks = sequence_blocks(whole, notices, files)
    if json:
        print_json(value)
    else:
        print_result(blocks)


@click.command("export", cls=ConfiguredCommand)
@click.argument("name", metavar="SEQ[/TOPIC]")
@click.option(
    "--to",
    metavar="DIR|FILE.parquet",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder, with a file per topic; or the file of one topic.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@target_flags
@click.pass_context
def export_command(ctx: click.Context, /, name: str, to: Path, force: bool, **_: object) -> None:
    """
    Copy a sequence or a topic to Parquet files, ordered by time; attachments become the files they were.

    Rows are streamed, whatever their number; a file appears under its name when it is complete.

    Examples:
      mosaico-ingest export drive --to ./drive
      mosaico-ingest export drive/imu/data --to imu.parquet
    """
    from mosaico_ingest.cli.export import export_attachments, export_topic, file_of
    from mosaico_ingest.pipeline.attachments import ATTACHMENT
    from mosaico_ingest.units import format_bytes, format_count

    sequence, topic = parts_of(name)
    is_file = to.suffix == ".parquet"
    with chosen_target(ctx).connect() as client:
        topics = [topic] if topic else list(client.sequence_handler(sequence).topics)
        if is_file and len(topics) != 1:
            msg = (
                f"{sequence!r} has {len(topics)} topics and {str(to)!r} is one file. "
                f"Name a folder, or one topic such as {sequence}{topics[0] if topics else '/TOPIC'}."
            )
            raise UsageError(msg)
        files = {name: to if is_file else file_of(to, name) for name in topics}
        for path in files.values():
            if path.exists() and not force:
                msg = f"{str(path)!r} exists. Choose another place, or overwrite it with --force."
                raise UsageError(msg)
        for topic_name, path in files.items():
            handler = client.topic_handler(sequence, topic_name)
            if handler.ontology_tag == ATTACHMENT.tag and not is_file:
                written = export_attachments(handler, path.with_suffix(""), force=force)
                print_result([f"{file}: {format_bytes(size)}" for file, size in written])
                continue
            rows = export_topic(handler, path)
            size = format_bytes(path.stat().st_size)
            print_result([f"{path}: {format_count(rows)} rows, {size}"])


@click.command("rm", cls=ConfiguredCommand)
@click.argument("name", metavar="SEQ")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@target_flags
@click.pass_context
def rm_command(ctx: click.Context, /, name: str, yes: bool, **_: object) -> None:
    """
    Delete a sequence with all that it holds. It asks first; there is no way back.

    Examples:
      mosaico-ingest rm drive
      mosaico-ingest rm drive --yes
    """
    sequence, topic = parts_of(name)
    if topic:
        msg = (
            f"{name!r} is a topic. Only a whole sequence can be deleted; did you mean {sequence!r}?"
        )
        raise UsageError(msg)
    with chosen_target(ctx).connect() as client:
        handler = client.sequence_handler(sequence)
        if not yes:
            if not sys.stdin.isatty():
                msg = f"Deleting {sequence!r} needs a yes. Say --yes where nobody can be asked."
                raise UsageError(msg)
            question = f"Delete {sequence!r} with its {len(handler.topics)} topics?"
            if not click.confirm(question, err=True):
                ctx.exit(1)
        client.sequence_delete(sequence)
    print_result([f"Deleted {sequence}."])


def parts_of(name: str) -> tuple[str, str]:
    """Return the sequence and the topic, with its slash, that *name* stands for."""
    sequence, slash, topic = name.strip("/").partition("/")
    return sequence, f"/{topic}" if slash else ""


def _attachments(client: "MosaicoClient", sequence: "SequenceHandler") -> "list[Attachment]":
    """List the files that were stored with a sequence, as its attachment topics' metadata tells."""
    from mosaico_ingest.pipeline.attachments import ATTACHMENT, listed_attachments

    files: list[Attachment] = []
    for topic in sequence.topics.values():
        if topic.ontology_tag == ATTACHMENT.tag:
            metadata = client.topic_handler(sequence.name, topic.name).user_metadata
            files += listed_attachments(metadata)
    return files


def _sequences(client: "MosaicoClient") -> "Iterator[SequenceHandler]":
    """Look at every sequence; one that is deleted meanwhile is passed over."""
    for name in client.list_sequences():
        with suppress(NotFoundError):
            yield client.sequence_handler(name)
