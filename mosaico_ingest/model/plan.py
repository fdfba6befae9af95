"""
What a run will do with one recording, as values that can be printed, tested, pickled and refined.

Must not know: plugins, threads, servers. Next: `settings`, `events`, `report`, then `mosaico_ingest.hooks`.
"""

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

import attrs

from mosaico_ingest.model.clock import Clock
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.recording import Channel, RecordingInfo
from mosaico_ingest.model.rule import Selection

__all__ = [
    "Claim",
    "Conflict",
    "Fit",
    "PlannedRecording",
    "RecordingPlan",
    "SkippedChannel",
    "TopicPlan",
]


class Fit(IntEnum):
    """How well a mapper fits a channel; the best wins, two of the best are a conflict."""

    FALLBACK = 1
    FAMILY = 2
    EXACT = 3


@attrs.frozen(kw_only=True)
class Claim:
    """
    A mapper's offer for one channel.

    Args:
        tag: The ontology type that its rows will have.
        fit: How well it fits.
        reason: Why, in a few words (`sensor_msgs/msg/Imu`).
        losses: Facts of the message that the type has no room for, one phrase each.
        split_by: Columns of the type whose values part the rows into topics of their own.
        uses: The decoded columns that it takes, None for all that there are.
        ontology: The type itself where it is derived from the message; None for a registered tag.
    """

    tag: str
    fit: Fit
    reason: str
    losses: tuple[str, ...] = ()
    split_by: tuple[str, ...] = ()
    uses: frozenset[str] | None = None
    ontology: Ontology | None = None


@attrs.frozen(kw_only=True)
class TopicPlan:
    """
    One channel on its way to one topic.

    Args:
        channel: Where the messages come from.
        name: Topic name on the server, with a leading slash.
        ontology: Its type.
        decoder: Name of the decoder, empty where the source yields typed columns.
        mapper: Name of the mapper.
        fit, reason, losses, split_by: Its claim; the topics of a split begin with *name*.
        clock, offset_ns: What becomes `timestamp_ns`, and what is added to it.
        selection: Which messages are stored.
        columns: The decoded columns that the mapper gets, empty for all.
        metadata_of: User metadata that is taken from the first message, by expressions.
        metadata: User metadata of the topic, JSON values.
        note: What the user should know, such as a channel that is decoded message by message.
    """

    channel: Channel
    name: str
    ontology: Ontology
    decoder: str
    mapper: str
    fit: Fit
    reason: str
    losses: tuple[str, ...] = ()
    split_by: tuple[str, ...] = ()
    clock: Clock = attrs.field(factory=Clock)
    offset_ns: int = 0
    selection: Selection = attrs.field(factory=Selection)
    columns: tuple[str, ...] = ()
    metadata_of: Mapping[str, str] = attrs.field(factory=dict)
    metadata: Mapping[str, object] = attrs.field(factory=dict)
    note: str = ""


@attrs.frozen(kw_only=True)
class SkippedChannel:
    """A channel that will not be stored, and why; *deliberate* if the user asked for it."""

    channel: Channel
    reason: str
    deliberate: bool


@attrs.frozen(kw_only=True)
class Conflict:
    """Something only the user can settle; *remedy* names the flag that does."""

    what: str
    candidates: tuple[str, ...]
    remedy: str

    @property
    def sentence(self) -> str:
        """What it is, and what settles it."""
        return f"{self.what} Settle it with {self.remedy}."


@attrs.frozen(kw_only=True)
class RecordingPlan:
    """
    One recording on its way to one sequence.

    Args:
        info: What the recording holds.
        source: Name of the source format that reads it.
        sequence: Name of the sequence.
        topics: What will be stored.
        skipped: What will not.
        conflicts: What stops the run until it is settled; empty in a plan that can run.
        parts: The files that are read one after the other, where the core made them one recording.
        attachments: The topic for the files inside the recording, None if there are none or none is wanted.
        metadata: User metadata of the sequence, JSON values.
    """

    info: RecordingInfo
    source: str
    sequence: str
    topics: tuple[TopicPlan, ...]
    skipped: tuple[SkippedChannel, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    parts: tuple[Path, ...] = ()
    attachments: TopicPlan | None = None
    metadata: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class PlannedRecording:
    """A recording that was found: its plan, or in one line why there is none."""

    path: Path
    plan: RecordingPlan | None = None
    error: str = ""
