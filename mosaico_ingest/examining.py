"""
A destination that keeps nothing but looks at every row: what `inspect --deep` sends recordings to.

Must not know: formats, terminals. Next: `mosaico_ingest.reports.health`.
"""

from collections.abc import Collection

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.hooks.contracts import RecordingSink, Sink, TopicSink
from mosaico_ingest.model.batch import ArrowBatch, Receipt
from mosaico_ingest.model.health import TopicHealth
from mosaico_ingest.model.plan import RecordingPlan, TopicPlan
from mosaico_ingest.model.report import RecordingReport
from mosaico_ingest.pipeline.timekeeping import Timekeeper

__all__ = ["Examiner", "Pulse"]

_BINS_PER_OCTAVE = (
    16  # a bin's intervals are within 4.4 % of each other; their mean stands for them
)
_BINS = 64 * _BINS_PER_OCTAVE
_GAP = 3

Int64s = npt.NDArray[np.int64]


class Pulse:
    """
    The intervals of one topic, counted in bins of a logarithmic scale, so that any number of rows fits.

    Thread: one at a time; batches come in stored order.
    """

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, np.int64)
        self._sums = np.zeros(_BINS, np.float64)
        self._rows = self._out_of_order = self._longest_ns = 0
        self._longest_at_ns: int | None = None
        self._last: int | None = None
        self._newest: int | None = None

    def add(self, stamps: pa.Int64Array) -> None:
        """Take the `timestamp_ns` of a batch."""
        times: Int64s = np.asarray(stamps)
        if not len(times):
            return
        self._rows += len(times)
        newest = np.maximum.accumulate(times)
        if self._newest is not None:
            newest = np.maximum(newest, self._newest)
        self._out_of_order += int((times < newest).sum())
        self._newest = int(newest[-1])
        if self._last is not None:
            times = np.concatenate([[self._last], times])
        self._last = int(times[-1])
        intervals = np.diff(times)
        if len(intervals) and intervals.max() > self._longest_ns:
            at = int(intervals.argmax())
            self._longest_ns, self._longest_at_ns = int(intervals[at]), int(times[at])
        forward = intervals[intervals >= 0].astype(np.float64)
        bins = (np.log2(np.maximum(forward, 1)) * _BINS_PER_OCTAVE).astype(np.int64)
        self._bins += np.bincount(bins, minlength=_BINS)
        self._sums += np.bincount(bins, forward, minlength=_BINS)

    def health(self, name: str, jumps: int, largest_bytes: int) -> TopicHealth:
        """Return the numbers so far."""
        median = self._quantile(0.5)
        late = self._quantile(0.99)
        gaps = 0
        if median:
            first = int(np.log2(median * _GAP) * _BINS_PER_OCTAVE) + 1
            gaps = int(self._bins[first:].sum())
        return TopicHealth(
            name=name,
            rows=self._rows,
            interval_ns=median,
            jitter_ns=None if median is None or late is None else late - median,
            gaps=gaps,
            longest_gap_ns=self._longest_ns,
            longest_gap_at_ns=self._longest_at_ns,
            out_of_order=self._out_of_order,
            jumps=jumps,
            largest_bytes=largest_bytes,
        )

    def _quantile(self, share: float) -> int | None:
        """Return the interval below which *share* of all lie, None if there are none."""
        total = int(self._bins.sum())
        if not total:
            return None
        number = int(np.searchsorted(np.cumsum(self._bins), share * total))
        return round(self._sums[number] / self._bins[number])


@attrs.define(eq=False)
class _Topic(TopicSink):
    """One topic under examination."""

    name: str
    pulse: Pulse = attrs.field(factory=Pulse)
    times: Timekeeper = attrs.field(factory=Timekeeper)
    largest_bytes: int = 0

    def write(self, batch: ArrowBatch) -> Receipt:
        """Look at the rows."""
        stamps, log = batch.data.column(0), batch.data.column(1)
        self.pulse.add(stamps)
        self.times.add(stamps, log)
        self.largest_bytes = max(self.largest_bytes, batch.largest_bytes)
        return Receipt(
            topic=self.name,
            messages=batch.messages,
            rows=batch.data.num_rows,
            nbytes=int(batch.data.nbytes),
            seconds=0.0,
        )

    def close(self) -> None:
        """Do nothing."""

    def abort(self, reason: str) -> None:
        """Do nothing: what was seen stays seen."""

    def health(self) -> TopicHealth:
        """Return what was seen."""
        return self.pulse.health(self.name, self.times.jumps, self.largest_bytes)


class Examiner(Sink):
    """
    Takes recordings, keeps their health and nothing else.

    Thread: any.
    """

    name = "examiner"
    target = "nowhere"
    lanes = 1

    def __init__(self) -> None:
        self._recordings: dict[str, _Recording] = {}

    def find(self, fingerprint: str) -> str | None:
        """Return None: nothing is ever stored."""
        return None

    def names(self) -> Collection[str]:
        """Return no names."""
        return ()

    def open(self, plan: RecordingPlan) -> RecordingSink:
        """Begin with a recording."""
        recording = self._recordings[str(plan.info.path)] = _Recording()
        return recording

    def health(self, path: str) -> tuple[TopicHealth, ...]:
        """Return the health of the topics of the recording at *path*, by name."""
        recording = self._recordings.get(path)
        if recording is None:
            return ()
        return tuple(topic.health() for topic in sorted(recording.topics, key=lambda t: t.name))

    def close(self) -> None:
        """Do nothing."""


class _Recording(RecordingSink):
    """One recording under examination."""

    def __init__(self) -> None:
        self.topics: list[_Topic] = []

    def topic(self, plan: TopicPlan, lane: int) -> TopicSink:
        """Begin with a topic; there is one lane, so one thread."""
        topic = _Topic(plan.name)
        if plan.mapper:  # neither rejected payloads nor attachments have a pulse
            self.topics.append(topic)
        return topic

    def finish(self, report: RecordingReport) -> None:
        """Do nothing."""

    def fail(self, report: RecordingReport) -> None:
        """Do nothing."""
