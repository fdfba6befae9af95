"""
What happens during a run, told to observers: past tense, per batch and never per row.

Must not know: who listens. Next: `report`.
"""

import attrs

from mosaico_ingest.model.batch import Receipt
from mosaico_ingest.model.plan import RecordingPlan, TopicPlan
from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import RecordingReport, RunReport, TopicReport

__all__ = [
    "BatchStored",
    "DamageFound",
    "Event",
    "PluginFailed",
    "RecordingFinished",
    "RecordingStarted",
    "RunFinished",
    "RunStarted",
    "TopicFinished",
    "TopicStarted",
]


@attrs.frozen(kw_only=True)
class RunStarted:
    """A run began with so many recordings, to *target* (a store's folder or a server's address)."""

    recordings: int
    target: str


@attrs.frozen(kw_only=True)
class RecordingStarted:
    """A recording is being read; *index* counts from 0."""

    index: int
    plan: RecordingPlan


@attrs.frozen(kw_only=True)
class TopicStarted:
    """A topic was created on the server."""

    index: int
    topic: TopicPlan


@attrs.frozen(kw_only=True)
class BatchStored:
    """A batch was handed to the server; *source_bytes* are payload bytes read for it."""

    index: int
    receipt: Receipt
    source_bytes: int


@attrs.frozen(kw_only=True)
class DamageFound:
    """Part of a recording could not be read."""

    index: int
    damage: Damage


@attrs.frozen(kw_only=True)
class TopicFinished:
    """A topic was closed, with its final counts."""

    index: int
    report: TopicReport


@attrs.frozen(kw_only=True)
class RecordingFinished:
    """A recording ended."""

    index: int
    report: RecordingReport


@attrs.frozen(kw_only=True)
class PluginFailed:
    """A plugin broke off; what it was doing goes on without it."""

    plugin: str
    stage: str
    reason: str


@attrs.frozen(kw_only=True)
class RunFinished:
    """The run ended."""

    report: RunReport


Event = (
    RunStarted
    | RecordingStarted
    | TopicStarted
    | BatchStored
    | DamageFound
    | TopicFinished
    | RecordingFinished
    | PluginFailed
    | RunFinished
)
