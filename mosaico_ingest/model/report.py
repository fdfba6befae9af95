"""
How a run ended, in numbers that add up: declared = stored + rejected + skipped + lost, per topic.

Must not know: how it is printed (`mosaico_ingest.reports`). Next: `mosaico_ingest.hooks.contracts`.
"""

from collections.abc import Mapping
from enum import StrEnum

import attrs

from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.source import Aside

__all__ = ["DAMAGED", "RecordingReport", "RecordingStatus", "RunReport", "TopicReport"]


DAMAGED = "damaged in the recording"
"""Why messages are lost that a `Damage` tells more of."""


class RecordingStatus(StrEnum):
    """How one recording ended."""

    Stored = "stored"
    AlreadyStored = "already_stored"
    StoredWithLosses = "stored_with_losses"
    Failed = "failed"
    Interrupted = "interrupted"


@attrs.frozen(kw_only=True)
class TopicReport:
    """
    What became of the messages of one channel; all counts but *rows* and *nbytes* are messages.

    Args:
        name: Topic on the server, empty for a skipped channel.
        channel: Topic in the file.
        type: Message type.
        ontology: Tag, empty for a skipped channel.
        declared: Messages that the recording has, read or not.
        stored: Messages that are on the server in their type.
        rejected: Messages that could not be decoded, or are larger than the server takes.
        skipped: Messages that the user did not want.
        lost: Messages that the recording declares and that could not be read, or not be sent.
        rows: Rows that the topic holds.
        nbytes: Arrow bytes sent.
        seconds: Time that its batches took to be decoded, mapped and sent; topics work side by side.
        reasons: Why messages were rejected, skipped or lost: text to count.
    """

    name: str
    channel: str
    type: str
    ontology: str
    declared: int
    stored: int
    rejected: int = 0
    skipped: int = 0
    lost: int = 0
    rows: int = 0
    nbytes: int = 0
    seconds: float = 0.0
    reasons: Mapping[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Hold the promise that nothing vanishes."""
        told = self.stored + self.rejected + self.skipped + self.lost
        if told != self.declared:
            msg = (
                f"Topic {self.name or self.channel!r}: {self.declared} messages declared but "
                f"{told} accounted for (stored {self.stored}, rejected {self.rejected}, "
                f"skipped {self.skipped}, lost {self.lost}). This is a bug; please report it."
            )
            raise AssertionError(msg)


@attrs.frozen(kw_only=True)
class RecordingReport:
    """How one recording ended: read by the format *source*; *error* says in one line why it failed."""

    path: str
    sequence: str
    status: RecordingStatus
    source: str = ""
    fingerprint: str = ""
    start_ns: int | None = None
    end_ns: int | None = None
    seconds: float = 0.0
    damage: tuple[Damage, ...] = ()
    findings: tuple[str, ...] = ()
    topics: tuple[TopicReport, ...] = ()
    error: str = ""

    @property
    def nbytes(self) -> int:
        """Arrow bytes sent."""
        return sum(topic.nbytes for topic in self.topics)


@attrs.frozen(kw_only=True)
class RunReport:
    """How a run ended; *aside* is what was passed over while recordings were searched for."""

    recordings: tuple[RecordingReport, ...]
    seconds: float
    interrupted: bool = False
    aside: tuple[Aside, ...] = ()

    @property
    def stored(self) -> int:
        """Messages stored by this run."""
        return self._sum("stored")

    @property
    def rejected(self) -> int:
        """Messages that could not be decoded."""
        return self._sum("rejected")

    @property
    def skipped(self) -> int:
        """Messages that the user did not want."""
        return self._sum("skipped")

    @property
    def lost(self) -> int:
        """Messages that are declared but not stored."""
        return self._sum("lost")

    @property
    def nbytes(self) -> int:
        """Arrow bytes sent."""
        return sum(recording.nbytes for recording in self.recordings)

    @property
    def exit_code(self) -> int:
        """0 all stored, 3 stored with losses, 1 something could not be ingested, 130 interrupted."""
        statuses = {recording.status for recording in self.recordings}
        if self.interrupted or RecordingStatus.Interrupted in statuses:
            return 130
        if RecordingStatus.Failed in statuses:
            return 1
        return 3 if RecordingStatus.StoredWithLosses in statuses else 0

    def _sum(self, field: str) -> int:
        """Add up one count over all topics."""
        return sum(getattr(t, field) for recording in self.recordings for t in recording.topics)
