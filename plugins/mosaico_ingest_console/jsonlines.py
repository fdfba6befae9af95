"""
Progress as one JSON object per line: the event's name in `event`, its facts beside it.

================== ==================================================================================
`event`            fields
================== ==================================================================================
run_started        `recordings` (number), `target`
recording_started  `index`, `path`, `sequence`, `topics` (number), `messages` (null if not declared)
topic_started      `index`, `topic`, `channel`, `type`, `ontology`
batch_stored       `index`, `topic`, `messages`, `rows`, `bytes` (Arrow), `source_bytes`, `seconds`
damage_found       `index`, `reason`, `path`, `byte_range`, `time_range_ns`, `lost` (messages)
topic_finished     `index`, `topic`, `channel`, `declared`, `stored`, `rejected`, `skipped`, `lost`,
                   `rows`, `bytes`
recording_finished `index`, `path`, `sequence`, `status`, `seconds`, `bytes`, `error`
plugin_failed      `plugin`, `stage`, `reason`
run_finished       `stored`, `rejected`, `skipped`, `lost`, `bytes`, `seconds`, `exit_code`
================== ==================================================================================

`index` counts recordings from 0. Fields may be added, never renamed or removed. The command line adds an
event of its own where a signal asks it to end: `stop_requested`, with a `text`.
"""

import json
import re
from functools import singledispatch
from typing import TextIO

from mosaico_ingest.plugin import (
    BatchStored,
    DamageFound,
    Event,
    PluginFailed,
    RecordingFinished,
    RecordingStarted,
    RunFinished,
    RunStarted,
    TopicFinished,
    TopicStarted,
)

__all__ = ["JsonLines"]

Facts = dict[str, object]

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class JsonLines:
    """An observer that writes every event as a line of JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_event(self, event: Event) -> None:
        """Take one event."""
        name = _CAPITAL.sub("_", type(event).__name__).lower()
        self._stream.write(f"{json.dumps({'event': name, **_facts(event)})}\n")
        self._stream.flush()

    def close(self) -> None:
        """End; the stream stays open, it is the caller's."""
        self._stream.flush()


@singledispatch
def _facts(_event: object) -> Facts:
    """Return the facts of an event; one that is not known yet is told by its name alone."""
    return {}


@_facts.register
def _run_started(event: RunStarted) -> Facts:
    return {"recordings": event.recordings, "target": event.target}


@_facts.register
def _recording_started(event: RecordingStarted) -> Facts:
    return {
        "index": event.index,
        "path": str(event.plan.info.path),
        "sequence": event.plan.sequence,
        "topics": len(event.plan.topics),
        "messages": event.plan.info.messages,
    }


@_facts.register
def _topic_started(event: TopicStarted) -> Facts:
    return {
        "index": event.index,
        "topic": event.topic.name,
        "channel": event.topic.channel.topic,
        "type": event.topic.channel.type_name,
        "ontology": event.topic.ontology.tag,
    }


@_facts.register
def _batch_stored(event: BatchStored) -> Facts:
    return {
        "index": event.index,
        "topic": event.receipt.topic,
        "messages": event.receipt.messages,
        "rows": event.receipt.rows,
        "bytes": event.receipt.nbytes,
        "source_bytes": event.source_bytes,
        "seconds": event.receipt.seconds,
    }


@_facts.register
def _damage_found(event: DamageFound) -> Facts:
    damage = event.damage
    return {
        "index": event.index,
        "reason": damage.reason,
        "path": damage.path and str(damage.path),
        "byte_range": damage.byte_range and list(damage.byte_range),
        "time_range_ns": damage.time_range_ns and list(damage.time_range_ns),
        "lost": sum(damage.lost.values()),
    }


@_facts.register
def _topic_finished(event: TopicFinished) -> Facts:
    topic = event.report
    return {
        "index": event.index,
        "topic": topic.name,
        "channel": topic.channel,
        "declared": topic.declared,
        "stored": topic.stored,
        "rejected": topic.rejected,
        "skipped": topic.skipped,
        "lost": topic.lost,
        "rows": topic.rows,
        "bytes": topic.nbytes,
    }


@_facts.register
def _recording_finished(event: RecordingFinished) -> Facts:
    return {
        "index": event.index,
        "path": event.report.path,
        "sequence": event.report.sequence,
        "status": event.report.status.value,
        "seconds": event.report.seconds,
        "bytes": event.report.nbytes,
        "error": event.report.error,
    }


@_facts.register
def _plugin_failed(event: PluginFailed) -> Facts:
    return {"plugin": event.plugin, "stage": event.stage, "reason": event.reason}


@_facts.register
def _run_finished(event: RunFinished) -> Facts:
    report = event.report
    return {
        "stored": report.stored,
        "rejected": report.rejected,
        "skipped": report.skipped,
        "lost": report.lost,
        "bytes": report.nbytes,
        "seconds": report.seconds,
        "exit_code": report.exit_code,
    }
