"""
A sink in memory, for tests of sources, mappers and pipelines.

Next: `mosaico_ingest.hooks.contracts`.
"""

import threading
from collections.abc import Callable, Collection

import attrs
import pyarrow as pa

from mosaico_ingest.hooks.contracts import RecordingSink, Sink, TopicSink
from mosaico_ingest.model.batch import ArrowBatch, Receipt
from mosaico_ingest.model.plan import RecordingPlan, TopicPlan
from mosaico_ingest.model.report import RecordingReport

__all__ = ["MemoryRecording", "MemorySink", "MemoryTopic"]


@attrs.define(eq=False)
class MemoryTopic(TopicSink):
    """
    One topic in memory.

    Args:
        plan: What it is.
        lane: The lane it was created on.
        fault: Called with every batch; may raise to play a failing destination.
    """

    plan: TopicPlan
    lane: int
    fault: Callable[[ArrowBatch], None]
    batches: list[ArrowBatch] = attrs.field(factory=list)
    threads: set[str] = attrs.field(factory=set)
    is_closed: bool = False
    aborted: str = ""

    def write(self, batch: ArrowBatch) -> Receipt:
        """Keep the batch."""
        self.fault(batch)
        self.threads.add(threading.current_thread().name)
        self.batches.append(batch)
        return Receipt(
            topic=batch.topic,
            messages=batch.messages,
            rows=batch.data.num_rows,
            nbytes=batch.data.nbytes,
            seconds=0.0,
        )

    def close(self) -> None:
        """Complete the topic."""
        self.is_closed = True

    def abort(self, reason: str) -> None:
        """Break the topic off."""
        self.aborted = reason
        self.batches.clear()

    def table(self) -> pa.Table:
        """Return all rows, in the order of writing."""
        schema = self.plan.ontology.schema
        return pa.Table.from_batches([batch.data for batch in self.batches], schema)


@attrs.define(eq=False)
class MemoryRecording(RecordingSink):
    """One recording in memory; *ended* is empty, `finished` or `failed`."""

    plan: RecordingPlan
    fault: Callable[[ArrowBatch], None]
    topics: dict[str, MemoryTopic] = attrs.field(factory=dict)
    ended: str = ""
    report: RecordingReport | None = None

    def topic(self, plan: TopicPlan, lane: int) -> MemoryTopic:
        """Create a topic."""
        topic = self.topics[plan.name] = MemoryTopic(plan, lane, self.fault)
        return topic

    def finish(self, report: RecordingReport) -> None:
        """Complete the recording."""
        self.ended, self.report = "finished", report

    def fail(self, report: RecordingReport) -> None:
        """Give the recording up."""
        self.ended, self.report = "failed", report


class MemorySink(Sink):
    """
    Keeps everything, so that a test can look at it.

    Args:
        lanes: How many topics can be written at the same time.
        fault: Called with every batch before it is kept; may raise.
    """

    name = "memory"
    target = "memory"

    def __init__(
        self, lanes: int = 1, fault: Callable[[ArrowBatch], None] = lambda _: None
    ) -> None:
        self.lanes = lanes
        self.recordings: dict[str, MemoryRecording] = {}
        self._fault = fault

    def find(self, fingerprint: str) -> str | None:
        """Return the finished recording that has *fingerprint*."""
        for name, recording in self.recordings.items():
            report = recording.report
            if recording.ended == "finished" and report and report.fingerprint == fingerprint:
                return name
        return None

    def names(self) -> Collection[str]:
        """Return the names of all recordings."""
        return set(self.recordings)

    def open(self, plan: RecordingPlan) -> MemoryRecording:
        """Begin a recording."""
        recording = self.recordings[plan.sequence] = MemoryRecording(plan, self._fault)
        return recording

    def close(self) -> None:
        """Keep what there is."""
