"""
What a plugin's objects promise, as Protocols. Hooks hand these objects in; the pipeline works with them.

Must not know: discovery, registry, pipeline. Next: `specs`, then `mosaico_ingest.model`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import attrs
import pyarrow as pa

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.batch import ArrowBatch, Cursor, Decoded, RawBatch, Receipt, Times
from mosaico_ingest.model.events import Event
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import Claim, PlannedRecording, RecordingPlan, TopicPlan
from mosaico_ingest.model.recording import Channel, Damage, RecordingInfo
from mosaico_ingest.model.report import RecordingReport
from mosaico_ingest.model.source import Match, SourceFile

__all__ = [
    "API_VERSION",
    "AttachmentSource",
    "Decode",
    "Decoder",
    "Engine",
    "MapRequest",
    "MapRows",
    "Mapper",
    "Observer",
    "Recording",
    "RecordingSink",
    "SampleDecoder",
    "Sink",
    "SinkFactory",
    "SourceFormat",
    "TopicSink",
]

API_VERSION = (1, 0)
"""What a plugin states as `MOSAICO_API`: loaded if the major is equal and the minor not above this one."""


class Recording(AbstractContextManager["Recording", None], Protocol):
    """
    One opened recording.

    Thread: one; leaving the block closes every file.
    """

    @property
    def info(self) -> RecordingInfo:
        """The table of contents, from the index where there is one."""

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """
        Yield the messages of *channels*, batch by batch; the rows of one channel come in stored order.

        Args:
            channels: Ids of the channels wanted; the others are not even decompressed where avoidable.
            target_bytes: About the payload bytes of one batch; a larger message goes alone.
            cursor: Start after the batch that carried it.

        Yields:
            `RawBatch`, with `seq` contiguous per channel, and `Damage` where something cannot be read,
            besides what `info.damage` has told.

        Raises:
            SourceError: The file vanished or the disk failed. Damage is never raised.
        """


@runtime_checkable
class AttachmentSource(Protocol):
    """What a `Recording` that lists attachments has besides: their bytes."""

    def attachment(self, index: int) -> Iterator[bytes]:
        """
        Yield the bytes of `info.attachments[index]`, block by block, none of them large.

        Raises:
            SourceError: They cannot be read; a checksum that does not fit is known at their end only.
        """


class SourceFormat(Protocol):
    """
    A kind of recording that a plugin can read.

    Attributes:
        name: What `--source` and `plan` call it.
        suffixes: File name endings, a hint only.
        options: attrs class of its settings (they become flags and config keys), or None.
        replaces: Names of source formats that this one stands in for.
        splits: Optional, False where it is absent: whether its recorders cut a recording into files that
            they number from 0 (`run_0.bag`, `run_1.bag`). The core then reads such files as one recording.

    Packed files (gzip, bzip2, lz4, zstd) need no code: `sniff` sees the head of what is inside, and `open` is
    given an unpacked copy.
    """

    name: str
    suffixes: Sequence[str]
    options: type | None
    replaces: Sequence[str]

    def sniff(self, file: SourceFile) -> Match | None:
        """
        Say whether *file* is of this kind, from its head or entries alone.

        Thread: any. Pure, below 1 ms, never opens anything, never raises.
        """

    def open(self, file: SourceFile, options: object) -> Recording:
        """
        Open *file*; heavy imports belong here.

        Raises:
            SourceError: It cannot be read at all; damage is told in `RecordingInfo.damage` instead.
        """


class Decode(Protocol):
    """
    Payloads of one channel to Arrow columns.

    Attributes:
        schema: The columns it gives, always the same.
        note: Empty, or what the user should know: why it works message by message, where its columns are
            from (shown by `plan`).
    """

    schema: pa.Schema
    note: str

    def __call__(self, payload: pa.Array) -> Decoded:
        """
        Decode a column of payloads (`binary`, `large_binary` or `binary_view`, possibly sliced or empty).

        Thread: any, several at once.
        """


class Decoder(Protocol):
    """
    A payload encoding.

    Attributes:
        name: What `plan` calls it.
        replaces: Names of decoders that this one stands in for.
    """

    name: str
    replaces: Sequence[str]

    def claim(self, channel: Channel) -> Match | None:
        """Say whether it can decode *channel*, from encodings and names alone."""

    def compile(self, channel: Channel) -> Decode:
        """
        Prepare the decoding of *channel*.

        Raises:
            DecodeError: The definition cannot be used; the channel is kept as bytes, with this reason.
        """


@runtime_checkable
class SampleDecoder(Protocol):
    """What a `Decoder` has besides that chooses its columns by looking at messages."""

    def wants_sample(self, channel: Channel) -> bool:
        """Say whether `compile` is to be given a channel that it claimed with `channel.sample`."""


@attrs.frozen(kw_only=True)
class MapRequest:
    """
    What a mapper needs to prepare one topic.

    Args:
        channel: Where the messages come from.
        columns: The decoded columns.
        ontology: The type that the rows must have, exactly.
        time: Which clock becomes `timestamp_ns`.
        options: The mapper's own settings.
    """

    channel: Channel
    columns: pa.Schema
    ontology: Ontology
    time: TimePolicy
    options: object


MapRows = Callable[[pa.RecordBatch, Times], pa.RecordBatch]
"""Decoded columns and their clocks to rows of the ontology; called from several threads, pure."""


class Mapper(Protocol):
    """
    A way from decoded columns to an ontology type.

    Attributes:
        name: What `--map /topic=NAME` and `plan` call it.
        options: attrs class of its settings, or None.
        replaces: Names of mappers that this one stands in for.
    """

    name: str
    options: type | None
    replaces: Sequence[str]

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Offer to map *channel*, or not."""

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare the mapping of one topic; zero-copy where the layout allows."""


class TopicSink(Protocol):
    """
    Where the rows of one topic go.

    Thread: the one of the topic's lane.
    """

    def write(self, batch: ArrowBatch) -> Receipt:
        """Take the rows; returns when they are handed over."""

    def close(self) -> None:
        """Complete the topic; raises if the other side did not take everything."""

    def abort(self, reason: str) -> None:
        """Break the topic off."""


class RecordingSink(Protocol):
    """Where one recording goes: a sequence and its session."""

    def topic(self, plan: TopicPlan, lane: int) -> TopicSink:
        """Create a topic on lane number *lane*; called from several threads."""

    def finish(self, report: RecordingReport) -> None:
        """
        Make the recording visible as complete, with a notice of all that *report* says was lost.

        Raises:
            MosaicoError: It cannot be completed; `fail` follows.
        """

    def fail(self, report: RecordingReport) -> None:
        """Give the recording up, under the sink's policy: kept unlocked with a notice, or deleted."""


class Sink(Protocol):
    """
    A destination of recordings.

    Attributes:
        name: What `--sink` calls it.
        target: Where it is, for people.
        lanes: How many topics can be written at the same time.
    """

    name: str
    target: str
    lanes: int

    def find(self, fingerprint: str) -> str | None:
        """Return the complete sequence that already holds the recording; unfinished ones are cleaned up."""

    def names(self) -> Collection[str]:
        """Return the sequence names that are taken."""

    def open(self, plan: RecordingPlan) -> RecordingSink:
        """Create the sequence and its session."""

    def close(self) -> None:
        """Release everything; may be called twice."""


class SinkFactory(Protocol):
    """
    Makes a destination for one run.

    Attributes:
        name: What `--sink` calls it.
    """

    name: str

    def open(self, target: str) -> Sink:
        """Open the destination that *target* names (`--sink NAME:TARGET`)."""


class Engine(Protocol):
    """
    A way to run the jobs of a run: here, or elsewhere. Jobs move, batches never.

    Attributes:
        name: What `--engine` calls it.
    """

    name: str

    def run(
        self,
        jobs: Sequence[PlannedRecording],
        work: Callable[[int, PlannedRecording], RecordingReport],
    ) -> Sequence[RecordingReport]:
        """Run *work* on every job, in any order, and return the reports in the order of the jobs."""


class Observer(Protocol):
    """
    A listener of one run. May be slow, never fatal.

    Thread: one, a few times a second.
    """

    def on_event(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """End; nothing follows."""
