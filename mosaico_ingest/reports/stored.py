"""
What a platform holds (`ls`, `info`), as tables and as JSON.

Must not know: how it was asked. Next: `contents`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import attrs

from mosaico_ingest.client.facts import Notice, TopicInfo
from mosaico_ingest.client.handlers import SequenceHandler, TopicHandler
from mosaico_ingest.model.recording import Attachment
from mosaico_ingest.reports.contents import time_range
from mosaico_ingest.reports.text import Block, Column, Table
from mosaico_ingest.units import format_bytes, format_count, format_number_of, format_time_ns

__all__ = [
    "notice_blocks",
    "notices_to_json",
    "sequence_blocks",
    "sequence_list_blocks",
    "sequence_to_json",
    "topic_blocks",
    "topic_to_json",
]

_MOST_CHARACTERS = 200


def sequence_list_blocks(sequences: Sequence[SequenceHandler]) -> Iterator[Block]:
    """Yield a row per sequence."""
    if not sequences:
        yield "No sequence is stored here."
        return
    yield Table(
        columns=(
            Column("sequence"),
            Column("state"),
            Column("topics", right=True),
            Column("rows", right=True),
            Column("size", right=True),
            Column("from", spare=2),
            Column("to", spare=1),
            Column("created", spare=3),
        ),
        rows=tuple(
            (
                sequence.name,
                _state(sequence.complete),
                format_count(len(sequence.topics)),
                _count(sequence.rows),
                format_bytes(sequence.size_bytes),
                *map(_time, sequence.time_range_ns or (None, None)),
                _time(sequence.created_ns),
            )
            for sequence in sequences
        ),
    )


def sequence_blocks(
    sequence: SequenceHandler,
    notices: Sequence[Notice],
    attachments: Sequence[Attachment] = (),
) -> Iterator[Block]:
    """Yield all about one sequence; *notices* are its own and those of its topics."""
    size = format_bytes(sequence.size_bytes)
    yield f"{sequence.name}: {_state(sequence.complete)}, {size}"
    yield f"  time:          {time_range(*(sequence.time_range_ns or (None, None)))}"
    yield f"  created:       {_time(sequence.created_ns)}"
    yield from _metadata_lines(sequence.user_metadata)
    for file in attachments:
        kind = file.media_type or "no type"
        yield f"  attachment:    {file.name} ({kind}, {format_bytes(file.size_bytes)})"
    if sequence.topics:
        yield ""
        yield Table(
            columns=(
                Column("topic"),
                Column("ontology"),
                Column("state", spare=1),
                Column("rows", right=True),
                Column("size", right=True),
            ),
            rows=tuple(
                (
                    topic.name,
                    topic.ontology_tag,
                    _state(topic.locked),
                    _count(topic.rows),
                    format_bytes(topic.size_bytes),
                )
                for topic in sequence.topics.values()
            ),
        )
    yield from _notice_lines(notices)


def topic_blocks(topic: TopicHandler, notices: Sequence[Notice]) -> Iterator[Block]:
    """Yield all about one topic."""
    info = topic.info
    chunks = format_number_of("chunk", info.chunks)
    yield f"{topic.sequence}{topic.name}: {topic.ontology_tag}, {_state(info.locked)}"
    yield f"  time:          {time_range(info.start_ns, info.end_ns)}"
    yield f"  created:       {_time(info.created_ns)}"
    yield f"  storage:       {_count(info.rows)} rows, {format_bytes(info.size_bytes)} in {chunks}"
    yield from _metadata_lines(topic.user_metadata)
    yield from _notice_lines(notices)
    yield ""
    yield Table(
        columns=(Column("column"), Column("type"), Column("null")),
        rows=tuple(
            (field.name, str(field.type), "yes" if field.nullable else "no")
            for field in topic.schema
        ),
    )


def sequence_to_json(
    sequence: SequenceHandler,
    notices: Sequence[Notice] = (),
    attachments: Sequence[Attachment] = (),
) -> dict[str, object]:
    """Return one sequence as a JSON object."""
    start_ns, end_ns = sequence.time_range_ns or (None, None)
    return {
        "name": sequence.name,
        "complete": sequence.complete,
        "created_ns": sequence.created_ns,
        "start_ns": start_ns,
        "end_ns": end_ns,
        "rows": sequence.rows,
        "bytes": sequence.size_bytes,
        "metadata": dict(sequence.user_metadata),
        "topics": [_topic_facts(topic) for topic in sequence.topics.values()],
        "attachments": [attrs.asdict(file) for file in attachments],
        "notifications": [_notice_to_json(notice) for notice in notices],
    }


def topic_to_json(topic: TopicHandler, notices: Sequence[Notice]) -> dict[str, object]:
    """Return one topic as a JSON object, with its columns."""
    return {
        "sequence": topic.sequence,
        **_topic_facts(topic.info),
        "metadata": dict(topic.user_metadata),
        "columns": [
            {"name": field.name, "type": str(field.type), "nullable": field.nullable}
            for field in topic.schema
        ],
        "notifications": [_notice_to_json(notice) for notice in notices],
    }


def notice_blocks(notices: Sequence[Notice]) -> Iterator[Block]:
    """Yield a line per notification."""
    if not notices:
        yield "No notification."
    for notice in notices:
        yield f"{_time(notice.created_ns)} {notice.sequence}{notice.topic} {notice.kind}: {notice.text}"


def notices_to_json(notices: Sequence[Notice]) -> dict[str, object]:
    """Return notifications as a JSON object; an empty topic is the sequence itself."""
    return {"notifications": [_notice_to_json(notice) for notice in notices]}


def _topic_facts(topic: TopicInfo) -> dict[str, object]:
    """Return the size and state of a topic as a JSON object."""
    return {
        "name": topic.name,
        "ontology": topic.ontology_tag,
        "complete": topic.locked,
        "created_ns": topic.created_ns,
        "start_ns": topic.start_ns,
        "end_ns": topic.end_ns,
        "rows": topic.rows,
        "bytes": topic.size_bytes,
        "chunks": topic.chunks,
    }


def _notice_to_json(notice: Notice) -> dict[str, object]:
    """Return one notification as a JSON object; an empty topic is the sequence itself."""
    return {
        "topic": notice.topic,
        "kind": notice.kind,
        "text": notice.text,
        "created_ns": notice.created_ns,
    }


def _state(is_complete: bool) -> str:
    """Say whether something is complete."""
    return "complete" if is_complete else "incomplete"


def _count(number: int | None) -> str:
    """Print a count that may be unknown."""
    return "?" if number is None else format_count(number)


def _time(time_ns: int | None) -> str:
    """Print an instant to the second, that may be unknown."""
    return "" if time_ns is None else format_time_ns(time_ns).split(".")[0]


def _metadata_lines(metadata: Mapping[str, object]) -> Iterator[str]:
    """Print metadata, a line per value, under the dotted name that a query uses."""
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            yield from _metadata_lines({f"{key}.{name}": inner for name, inner in value.items()})
        else:
            text = json.dumps(value, ensure_ascii=False)
            if len(text) > _MOST_CHARACTERS:
                text = f"{text[:_MOST_CHARACTERS]}… ({len(text):,} characters; --json has all)"
            yield f"  metadata:      {key} = {text}"


def _notice_lines(notices: Sequence[Notice]) -> Iterator[str]:
    """Print notifications, a line each."""
    for notice in notices:
        topic = f"{notice.topic}: " if notice.topic else ""
        yield f"  notification:  {_time(notice.created_ns)} {notice.kind}: {topic}{notice.text}"
