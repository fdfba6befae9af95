"""
The way of one topic through the flow: its codec, its counts, and where its rows go.

Must not know: threads, budgets. Next: `flow`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.hooks.contracts import RecordingSink, TopicSink
from mosaico_ingest.model.batch import Receipt
from mosaico_ingest.model.ontology import ENVELOPE
from mosaico_ingest.model.plan import Fit, TopicPlan
from mosaico_ingest.pipeline.codec import REJECTED, Codec, Encoded
from mosaico_ingest.pipeline.ledger import Ledger
from mosaico_ingest.pipeline.splitting import Splitter
from mosaico_ingest.pipeline.timekeeping import Timekeeper
from mosaico_ingest.units import format_number_of

__all__ = ["Route"]

_FRAME = ENVELOPE.get_field_index("frame_id")
_MAX_FRAMES = 16


class Route:
    """
    The way of one topic.

    Args:
        plan: The topic.
        codec: Makes its rows.
        sink: Where the recording goes.
        taken: Names of the recording's topics.
        opened: Told of every topic that is created.

    Attributes:
        lane: Number of its lane, -1 before the first batch.

    Thread: that of its lane, but for `lane` and `ledger.read`, which are the reader's.
    """

    def __init__(
        self,
        plan: TopicPlan,
        codec: Codec,
        sink: RecordingSink,
        taken: Collection[str],
        opened: Callable[[TopicPlan], None],
    ) -> None:
        self.codec = codec
        self.ledger = Ledger(plan=plan)
        self.lane = -1
        self._plan = plan
        self._sink = sink
        self._opened = opened
        self._splitter = Splitter(plan, taken) if plan.split_by else None
        self._times = Timekeeper()
        self._told: Counter[str] = Counter()
        self._open: dict[str, TopicSink] = {}
        self._rejects: TopicSink | None = None

    def reject(self, encoded: Encoded) -> None:
        """Keep the payloads that were rejected, in the neighbour topic."""
        if encoded.rejected:
            if self._rejects is None:
                self._rejects = self._sink.topic(_rejects_plan(self._plan), max(self.lane, 0))
            self._rejects.write(encoded.rejected)
            self.ledger.reject(dict(encoded.reasons))

    def write(self, encoded: Encoded) -> Iterator[Receipt]:
        """Write the rows, yielding what was taken; what has several rows counts with the first."""
        batch = encoded.rows
        self.ledger.skip(encoded.skipped)
        self._told.update(encoded.findings)
        if encoded.metadata and not self._open:
            metadata = {**self._plan.metadata, **encoded.metadata}
            self._plan = attrs.evolve(self._plan, metadata=metadata)
        self._times.add(batch.data.column(0), batch.data.column(1))
        parts = self._splitter.parts(batch.data) if self._splitter else [(batch.topic, batch.data)]
        messages = batch.messages
        # Where each message is a row, each part has the messages of its rows.
        is_row_each = batch.messages == batch.data.num_rows
        for name, rows in parts:
            sink = self._open.get(name) or self._create(name, _frames(rows))
            own = rows.num_rows if is_row_each else messages
            part = attrs.evolve(batch, topic=name, data=rows, messages=own)
            receipt = sink.write(part)
            messages -= own
            self.ledger.store(receipt)
            yield receipt
        if messages:  # a split of no rows: nothing to write, and nothing lost
            self.ledger.stored += messages
        self.ledger.seconds += encoded.seconds

    def close(self) -> None:
        """Complete the topic on the other side; one without messages becomes an empty topic."""
        if self._rejects:
            self._rejects.close()
        if not self._open and not self.ledger.failure and not self._splitter:
            self._create(self._plan.name, ())
        for sink in self._open.values():
            sink.close()

    def abort(self, reason: str, abort: Callable[[TopicSink, str], None]) -> None:
        """Break off whatever is open, each by *abort*."""
        for sink in (*self._open.values(), self._rejects):
            if sink:
                abort(sink, reason)
        self._open = {}
        self._rejects = None

    def findings(self) -> Iterator[str]:
        """Yield what a person should know of the topic."""
        channel = self._plan.channel.topic
        yield from self._times.findings(channel)
        for finding, messages in self._told.items():
            yield f"{channel}: {finding}, in {format_number_of('message', messages)}."
        if self._splitter and self._splitter.names:
            names = self._splitter.names
            count = format_number_of("topic", len(names))
            yield f"{self._plan.name} is split into {count}: {', '.join(names)}."

    def _create(self, name: str, frames: Sequence[str]) -> TopicSink:
        """Create a topic on the other side; its metadata tells the frames that its first rows are in."""
        plan = attrs.evolve(self._plan, name=name)
        if frames:
            plan = attrs.evolve(plan, metadata={**plan.metadata, "frame_ids": list(frames)})
        sink = self._open[name] = self._sink.topic(plan, max(self.lane, 0))
        self._opened(plan)
        return sink


def _frames(rows: pa.RecordBatch) -> list[str]:
    """Return the first few frames that rows are in."""
    frames = pc.unique(rows.column(_FRAME)).drop_null()
    return [frame for frame in frames[:_MAX_FRAMES].to_pylist() if frame]


def _rejects_plan(plan: TopicPlan) -> TopicPlan:
    """Plan the neighbour that keeps the payloads of rejected messages."""
    return attrs.evolve(
        plan,
        name=f"{plan.name}/_rejected",
        ontology=REJECTED,
        mapper="",
        fit=Fit.FALLBACK,
        reason="payloads that could not be decoded",
        losses=(),
        split_by=(),
    )
