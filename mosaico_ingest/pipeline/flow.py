"""
One recording through the pipeline: reader, encoders, lanes, receipts.

::

    this thread ── budget.take ──▶ encoders ──▶ lane FIFO of (topic, future) ──▶ lane: write ── budget.give

A topic is bound to one lane for the whole recording, so that its order needs no lock: encoders may
finish in any order, a lane awaits their futures in the order of reading.

Must not know: client, server, which plugins exist. Next: `scheduler`, then `mosaico_ingest.sinks`.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.enum import TopicLevelErrorPolicy
from mosaico_ingest.errors import MosaicoError, PluginError, RemoteError, ServerFaultError
from mosaico_ingest.hooks.contracts import Recording, RecordingSink, TopicSink
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.batch import LOG_TIME, RawBatch
from mosaico_ingest.model.events import (
    BatchStored,
    DamageFound,
    Event,
    TopicFinished,
    TopicStarted,
)
from mosaico_ingest.model.ontology import ENVELOPE
from mosaico_ingest.model.plan import Fit, RecordingPlan, TopicPlan
from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import TopicReport
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.codec import REJECTED, Codec, Encoded
from mosaico_ingest.pipeline.ledger import Ledger, skipped_report
from mosaico_ingest.pipeline.stopping import INTERRUPTED, StopSignal
from mosaico_ingest.pipeline.timekeeping import Timekeeper
from mosaico_ingest.workers.budget import ByteBudget
from mosaico_ingest.workers.executors import ExecutorPool

__all__ = ["Flow", "Outcome", "Workshop"]

_FRAME = ENVELOPE.get_field_index("frame_id")
_MAX_FRAMES = 16


@attrs.frozen(kw_only=True, eq=False)
class Workshop:
    """
    What the recordings of a run share.

    Args:
        registry: Decoders and mappers by name.
        settings: The settings of the run.
        encoders: Threads that decode and map.
        lanes: One pool of one thread per connection.
        budget: The brake.
        stop: Ends the run.
        emit: Takes events.
    """

    registry: Registry
    settings: Settings
    encoders: ExecutorPool
    lanes: Sequence[ExecutorPool]
    budget: ByteBudget
    stop: StopSignal
    emit: Callable[[Event], None]


@attrs.frozen(kw_only=True)
class Outcome:
    """
    How the messages of one recording fared.

    Args:
        findings: What is odd about the times of topics.
        error: Why the recording must be given up.
    """

    topics: tuple[TopicReport, ...]
    damage: tuple[Damage, ...]
    start_ns: int | None
    end_ns: int | None
    is_interrupted: bool
    findings: tuple[str, ...] = ()
    error: str = ""


@attrs.define(kw_only=True, eq=False)
class _Route:
    """The way of one topic. What it collects is written by its lane, but for `read`, the reader's count."""

    codec: Codec
    ledger: Ledger
    times: Timekeeper = attrs.field(factory=Timekeeper)
    lane: int = -1
    sink: TopicSink | None = None
    rejects: TopicSink | None = None


class Flow:
    """
    Moves one recording into its sink.

    Args:
        index: Number of the recording in its run, for events.
        plan: What to do.
        sink: Where to.
        shop: Threads, budget and settings of the run.

    Thread: one; `run` is called once.
    """

    def __init__(
        self, index: int, plan: RecordingPlan, sink: RecordingSink, shop: Workshop
    ) -> None:
        self._index = index
        self._plan = plan
        self._sink = sink
        self._shop = shop
        self._damage: list[Damage] = []
        self._routes: dict[int, _Route] = {}
        self._lane_bytes = [0] * len(shop.lanes)
        self._last: dict[int, Future[None]] = {}
        self._span: tuple[int, int] | None = None
        self._fatal_lock = threading.Lock()  # guards _fatal
        self._fatal = ""

    def run(self, recording: Recording) -> Outcome:
        """
        Read, encode and store everything; failures are told in the outcome.

        What is left for the caller is to finish or fail the sink.
        """
        shop, plan = self._shop, self._plan
        for damage in recording.info.damage:
            self._note(damage)
        try:
            for topic in plan.topics:
                codec = Codec(topic, shop.registry, shop.settings.options)
                self._routes[topic.channel.id] = _Route(codec=codec, ledger=Ledger(plan=topic))
            self._read(recording)
        except MosaicoError as error:
            self._give_up(str(error))
        except Exception as error:  # noqa: BLE001 - a source's fault costs this recording only
            self._give_up(f"Source {plan.source!r} failed while reading: {error!r}.")
        self._drain()
        if not self._fatal:
            self._close()
        return self._outcome()

    def _read(self, recording: Recording) -> None:
        """Hand every batch to an encoder, and its future to the topic's lane."""
        shop = self._shop
        for item in recording.batches(list(self._routes), shop.settings.batch_bytes):
            if shop.stop.is_soft or self._fatal:
                return
            if isinstance(item, Damage):
                self._note(item)
                continue
            route = self._routes[item.channel_id]
            messages, nbytes = item.data.num_rows, item.nbytes
            route.ledger.read += messages
            self._widen(item)
            shop.budget.take(nbytes)
            if route.lane < 0:
                route.lane = self._lane_bytes.index(min(self._lane_bytes))
            self._lane_bytes[route.lane] += nbytes
            future = shop.encoders.submit(route.codec.encode, item)
            self._last[route.lane] = shop.lanes[route.lane].submit(
                self._store, route, future, messages, nbytes
            )

    def _store(self, route: _Route, future: Future[Encoded], messages: int, nbytes: int) -> None:
        """Write one encoded batch; on the lane of its topic."""
        ledger, told = route.ledger, route.ledger.told
        try:
            encoded = future.result()
            if self._shop.stop.is_hard:
                ledger.lose(messages, INTERRUPTED)
            elif ledger.failure:
                ledger.lose(messages, ledger.failure)
            else:
                self._write(route, encoded, nbytes)
        except PluginError as error:
            ledger.lose(messages, str(error))
            self._topic_failed(route, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a sink raises ends its topic, not the run
            # A batch may have been stored in part: its rejects, or all but them.
            self._broken(route, messages - (ledger.told - told), error)
        finally:
            self._shop.budget.give(nbytes)

    def _write(self, route: _Route, encoded: Encoded, nbytes: int) -> None:
        """Hand rows, and payloads that were rejected, to the sink."""
        ledger = route.ledger
        rows = encoded.rows.data
        sink = route.sink or self._open(route, _frames(rows))
        route.times.add(rows.column(0), rows.column(1))
        if encoded.rejected:
            if route.rejects is None:
                route.rejects = self._sink.topic(_rejects_plan(ledger.plan), route.lane)
            route.rejects.write(encoded.rejected)
            ledger.reject(dict(encoded.reasons))
            if self._shop.settings.strict:
                first = next(iter(encoded.reasons))
                self._give_up(
                    f"{ledger.plan.channel.topic!r} cannot be decoded: {first} (--strict)."
                )
        receipt = sink.write(encoded.rows)
        ledger.store(receipt)
        ledger.seconds += encoded.seconds
        self._shop.emit(BatchStored(index=self._index, receipt=receipt, source_bytes=nbytes))

    def _open(self, route: _Route, frames: Sequence[str] = ()) -> TopicSink:
        """Create the topic on the other side; its metadata tells the frames that its first rows are in."""
        plan = route.ledger.plan
        if frames:
            plan = attrs.evolve(plan, metadata={**plan.metadata, "frame_ids": list(frames)})
        route.sink = self._sink.topic(plan, max(route.lane, 0))
        self._shop.emit(TopicStarted(index=self._index, topic=plan))
        return route.sink

    def _broken(self, route: _Route, messages: int, error: Exception) -> None:
        """The other side did not take a batch: what it has of the topic cannot be completed."""
        ledger, reason = route.ledger, str(error) or repr(error)
        if isinstance(error, ServerFaultError) or (
            isinstance(error, RemoteError) and error.transient
        ):
            # Not the topic's fault: a later run can store all of it, unless this one is completed.
            self._give_up(f"Topic {ledger.plan.name!r} cannot be stored: {reason}")
        ledger.lose(messages, reason)
        ledger.unstore(reason)
        for sink in (route.sink, route.rejects):
            if sink:
                self._abort(sink, reason)
        route.sink = route.rejects = None
        ledger.failure = ledger.failure or reason
        self._topic_failed(route, reason)

    def _topic_failed(self, route: _Route, reason: str) -> None:
        """Apply the policies to a topic that failed."""
        policy = self._shop.settings.topic_on_error
        if self._shop.settings.strict or policy is TopicLevelErrorPolicy.Raise:
            self._give_up(f"Topic {route.ledger.plan.name!r} failed: {reason}")
        elif policy is TopicLevelErrorPolicy.Finalize:
            route.ledger.failure = route.ledger.failure or reason

    def _abort(self, sink: TopicSink, reason: str) -> None:
        """Break a topic off; that it cannot even be broken off changes nothing."""
        try:
            sink.abort(reason)
        except MosaicoError as error:
            self._give_up(f"A broken topic cannot be taken back: {error}")

    def _drain(self) -> None:
        """Wait until every lane has done what it was given; lanes are FIFO, so the last one tells."""
        for future in self._last.values():
            future.result()

    def _close(self) -> None:
        """Complete every topic on its lane; channels without messages become empty topics."""
        if self._shop.stop.is_soft:
            return
        for route in self._routes.values():
            lane = self._shop.lanes[max(route.lane, 0)]
            self._last[max(route.lane, 0)] = lane.submit(self._close_topic, route)
        self._drain()

    def _close_topic(self, route: _Route) -> None:
        """Complete one topic; on its lane."""
        ledger = route.ledger
        try:
            if route.rejects:
                route.rejects.close()
            if route.sink:
                route.sink.close()
            elif not ledger.failure:
                self._open(route).close()
        except Exception as error:  # noqa: BLE001 - see _store
            self._broken(route, 0, error)

    def _note(self, damage: Damage) -> None:
        """Remember damage, once."""
        if damage not in self._damage:
            self._damage.append(damage)
            self._shop.emit(DamageFound(index=self._index, damage=damage))
            if self._shop.settings.strict:
                self._give_up(f"The recording is damaged: {damage.reason} (--strict).")

    def _widen(self, item: RawBatch) -> None:
        """Take a batch's log times into the span of the recording."""
        times = np.asarray(item.data.column(LOG_TIME))
        if len(times):
            first, last = int(times.min()), int(times.max())
            span = self._span or (first, last)
            self._span = (min(span[0], first), max(span[1], last))

    def _give_up(self, reason: str) -> None:
        """Let the whole recording fail; the first reason counts."""
        with self._fatal_lock:
            self._fatal = self._fatal or reason

    def _outcome(self) -> Outcome:
        """Balance every ledger."""
        is_stopped = self._shop.stop.is_soft
        unread = (
            INTERRUPTED
            if is_stopped
            else self._fatal or "declared by the recording, but not to be found in it"
        )
        reports = [route.ledger.close(self._damage, unread) for route in self._routes.values()]
        for report in reports:
            self._shop.emit(TopicFinished(index=self._index, report=report))
        reports += [skipped_report(skipped) for skipped in self._plan.skipped]
        info, span = self._plan.info, self._span or (None, None)
        return Outcome(
            topics=tuple(reports),
            damage=tuple(self._damage),
            start_ns=info.start_ns if info.start_ns is not None else span[0],
            end_ns=info.end_ns if info.end_ns is not None else span[1],
            is_interrupted=is_stopped,
            findings=tuple(
                finding
                for route in self._routes.values()
                for finding in route.times.findings(route.ledger.plan.channel.topic)
            ),
            error=self._fatal,
        )


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
    )
