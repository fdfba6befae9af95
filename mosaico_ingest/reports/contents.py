"""
What recordings hold (`inspect`) and what a run would do with them (`plan`), as tables and as JSON.

Must not know: where it is printed, how a plan was made. Next: `summary`.
"""

from collections.abc import Iterator

from mosaico_ingest.model.clock import Clock
from mosaico_ingest.model.plan import Fit, RecordingPlan, TopicPlan
from mosaico_ingest.model.recording import Channel, Damage, RecordingInfo
from mosaico_ingest.reports.summary import damage_line
from mosaico_ingest.reports.text import Block, Column, Table, short_path
from mosaico_ingest.units import (
    format_bytes,
    format_count,
    format_duration_ns,
    format_number_of,
    format_time_ns,
)

__all__ = ["info_blocks", "info_to_json", "plan_blocks", "plan_to_json", "time_range"]

_MOST_FILES = 8
_FITS = {Fit.EXACT: "exact", Fit.FAMILY: "family", Fit.FALLBACK: "fallback"}


def info_blocks(info: RecordingInfo) -> Iterator[Block]:
    """Yield what one recording holds."""
    known = info.messages is not None
    messages = format_number_of("message", info.messages or 0) if known else "messages not counted"
    yield f"{short_path(info.path)}: {info.format}, {format_bytes(info.size_bytes)}, {messages}"
    if info.grouping:
        yield f"  grouped:      {info.grouping}"
    if len(info.files) > 1:
        yield f"  files:        {_file_names(info)}"
    yield f"  time:         {time_range(info.start_ns, info.end_ns)}"
    if info.packing:
        yield f"  packed with:  {info.packing}"
    chunks = ", ".join(f"{kind or 'none'} ({n} chunks)" for kind, n in info.compression.items())
    yield f"  compression:  {chunks or 'none'}"
    if not info.has_index:
        yield "  index:        none; counts are what a reading found"
    if info.channels:
        yield ""
        yield _channel_table(info)
    for attachment in info.attachments:
        size = format_bytes(attachment.size_bytes)
        yield f"  attachment:   {attachment.name} ({attachment.media_type or 'no type'}, {size})"
    for record in info.metadata:
        values = ", ".join(f"{key}={value}" for key, value in record.values.items())
        yield f"  metadata:     {record.name}: {values}"
    yield from (f"  damage:       {damage_line(damage)}" for damage in info.damage)
    yield from (f"  note:         {finding}" for finding in info.findings)


def _file_names(info: RecordingInfo) -> str:
    """Name the files, of many only the first ones."""
    names = [file.name for file in info.files[:_MOST_FILES]]
    more = len(info.files) - len(names)
    return ", ".join(names) + (f" and {format_count(more)} more" if more else "")


def time_range(start_ns: int | None, end_ns: int | None) -> str:
    """Print first and last instant and the span between them."""
    if start_ns is None or end_ns is None:
        return "unknown"
    span = format_duration_ns(end_ns - start_ns)
    return f"{format_time_ns(start_ns)} to {format_time_ns(end_ns)} ({span})"


def info_to_json(info: RecordingInfo) -> dict[str, object]:
    """Return one recording's contents as a JSON object."""
    return {
        "path": str(info.path),
        "format": info.format,
        "packing": info.packing,
        "grouping": info.grouping,
        "files": [str(file) for file in info.files],
        "size_bytes": info.size_bytes,
        "messages": info.messages,
        "start_ns": info.start_ns,
        "end_ns": info.end_ns,
        "compression": dict(info.compression),
        "has_index": info.has_index,
        "channels": [_channel_to_json(channel) for channel in info.channels],
        "attachments": [
            {
                "name": attachment.name,
                "media_type": attachment.media_type,
                "size_bytes": attachment.size_bytes,
                "log_time_ns": attachment.log_time_ns,
            }
            for attachment in info.attachments
        ],
        "metadata": [
            {"name": record.name, "values": dict(record.values)} for record in info.metadata
        ],
        "damage": [_damage_to_json(damage) for damage in info.damage],
        "findings": list(info.findings),
    }


def plan_blocks(plan: RecordingPlan) -> Iterator[Block]:
    """Yield what a run would do with one recording."""
    yield f"{short_path(plan.info.path)} ({plan.source}) -> {plan.sequence}"
    if plan.info.grouping:
        yield f"  grouped: {plan.info.grouping}"
    if plan.topics:
        yield _topic_table(plan.topics)
    for topic in plan.topics:
        yield from _topic_lines(topic)
    count = format_number_of("attachment", len(plan.info.attachments))
    if plan.attachments:
        yield f"  {plan.attachments.name}: {count}"
    elif plan.info.attachments:
        yield f"  skipped: {count} (--no-attachments)"
    for skipped in plan.skipped:
        declared = skipped.channel.messages
        count = "" if declared is None else f" ({format_number_of('message', declared)})"
        yield f"  skipped: {skipped.channel.topic}{count}: {skipped.reason}"
    yield from (f"  conflict: {conflict.sentence}" for conflict in plan.conflicts)
    yield from (f"  damage: {damage_line(damage)}" for damage in plan.info.damage)
    yield from (f"  note: {finding}" for finding in plan.info.findings)


def _topic_lines(topic: TopicPlan) -> Iterator[str]:
    """Say what is particular about one topic of a plan."""
    yield from (f"  {topic.name}: not kept: {loss}" for loss in topic.losses)
    if topic.split_by:
        yield f"  {topic.name}: a topic of its own for each {' and '.join(topic.split_by)}"
    if topic.clock != Clock():
        yield f"  {topic.name}: timestamp_ns is {topic.clock}"
    if topic.note:
        yield f"  {topic.name}: {topic.note}"


def plan_to_json(plan: RecordingPlan) -> dict[str, object]:
    """Return one plan as a JSON object."""
    return {
        "path": str(plan.info.path),
        "grouping": plan.info.grouping,
        "files": [str(file) for file in plan.info.files],
        "source": plan.source,
        "sequence": plan.sequence,
        "metadata": dict(plan.metadata),
        "topics": [_topic_to_json(topic) for topic in plan.topics],
        "skipped": [
            {
                "channel": skipped.channel.topic,
                "type": skipped.channel.type_name,
                "messages": skipped.channel.messages,
                "reason": skipped.reason,
                "deliberate": skipped.deliberate,
            }
            for skipped in plan.skipped
        ],
        "attachments": plan.attachments and plan.attachments.name,
        "conflicts": [
            {
                "what": conflict.what,
                "candidates": list(conflict.candidates),
                "remedy": conflict.remedy,
            }
            for conflict in plan.conflicts
        ],
        "damage": [_damage_to_json(damage) for damage in plan.info.damage],
    }


def _channel_table(info: RecordingInfo) -> Table:
    """Put each channel in a row."""
    return Table(
        columns=(
            Column("channel"),
            Column("type"),
            Column("encoding", spare=1),
            Column("messages", right=True),
            Column("Hz", right=True),
        ),
        rows=tuple(
            (
                channel.topic,
                channel.type_name,
                "/".join(filter(None, (channel.message_encoding, channel.schema_encoding))),
                "?" if channel.messages is None else format_count(channel.messages),
                _rate(channel, info),
            )
            for channel in info.channels
        ),
    )


def _rate(channel: Channel, info: RecordingInfo) -> str:
    """Print the mean rate of a channel over its own time, or over the recording's where it has none."""
    first = info.start_ns if channel.start_ns is None else channel.start_ns
    last = info.end_ns if channel.end_ns is None else channel.end_ns
    if channel.messages is None or channel.messages < 2 or first is None or last is None:
        return ""
    return f"{(channel.messages - 1) * 1e9 / (last - first):.1f}" if last > first else ""


def _channel_to_json(channel: Channel) -> dict[str, object]:
    """Return one channel as a JSON object."""
    return {
        "id": channel.id,
        "topic": channel.topic,
        "type": channel.type_name,
        "message_encoding": channel.message_encoding,
        "schema_encoding": channel.schema_encoding,
        "messages": channel.messages,
        "start_ns": channel.start_ns,
        "end_ns": channel.end_ns,
        "metadata": dict(channel.metadata),
    }


def _damage_to_json(damage: Damage) -> dict[str, object]:
    """Return one damage as a JSON object, with its file where a recording has several."""
    return {
        "reason": damage.reason,
        "path": damage.path and str(damage.path),
        "byte_range": damage.byte_range and list(damage.byte_range),
        "time_range_ns": damage.time_range_ns and list(damage.time_range_ns),
        "lost": sum(damage.lost.values()),
    }


def _topic_table(topics: tuple[TopicPlan, ...]) -> Table:
    """Put each topic in a row."""
    return Table(
        columns=(
            Column("channel", spare=2),
            Column("topic"),
            Column("ontology"),
            Column("decoder", spare=3),
            Column("mapper"),
            Column("fit", spare=1),
            Column("why"),
        ),
        rows=tuple(
            (
                topic.channel.topic,
                topic.name,
                topic.ontology.tag,
                topic.decoder,
                topic.mapper,
                _FITS[topic.fit],
                topic.reason,
            )
            for topic in topics
        ),
    )


def _topic_to_json(topic: TopicPlan) -> dict[str, object]:
    """Return one topic of a plan as a JSON object."""
    return {
        "name": topic.name,
        "channel": topic.channel.topic,
        "type": topic.channel.type_name,
        "messages": topic.channel.messages,
        "ontology": topic.ontology.tag,
        "decoder": topic.decoder,
        "mapper": topic.mapper,
        "fit": _FITS[topic.fit],
        "reason": topic.reason,
        "losses": list(topic.losses),
        "split_by": list(topic.split_by),
        "time": str(topic.clock),
        "note": topic.note,
        "metadata": dict(topic.metadata),
    }
