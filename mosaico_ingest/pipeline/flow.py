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

from mosaico_ingest.enum import TopicLevelErrorPolicy
from mosaico_ingest.errors import (
    MosaicoError,
    PluginError,
    RemoteError,
    ServerFaultError,
    SourceError,
)
from mosaico_ingest.hooks.contracts import AttachmentSource, Recording, RecordingSink, TopicSink
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.batch import LOG_TIME, RawBatch
from mosaico_ingest.model.events import (
    BatchStored,
    DamageFound,
    Event,
    TopicFinished,
    TopicStarted,
)
from mosaico_ingest.model.plan import RecordingPlan, TopicPlan
from mosaico_ingest.model.recording import Damage
from mosaico_ingest.model.report import TopicReport
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.attachments import attachment_rows
from mosaico_ingest.pipeline.codec import Codec, Encoded
from mosaico_ingest.pipeline.ledger import skipped_report
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.routes import Route
from mosaico_ingest.pipeline.stopping import INTERRUPTED, StopSignal
from mosaico_ingest.workers.budget import ByteBudget
from mosaico_ingest.workers.executors import ExecutorPool

__all__ = ["Flow", "Outcome", "Workshop"]


@attrs.frozen(kw_only=True, eq=False)
class Workshop:
    """
    What the recordings of a run share.

    Args:
        registry: Decoders and mappers by name.
        opener: Opens the recordings.
        settings: The settings of the run.
        encoders: Threads that decode and map.
        lanes: One pool of one thread per connection.
        budget: The brake.
        stop: Ends the run.
        emit: Takes events.
    """

    registry: Registry
    opener: Opener
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
        self._routes: list[Route] = []
        self._by_channel: dict[int, list[Route]] = {}
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
        names = [topic.name for topic in plan.topics]
        try:
            for topic in plan.topics:
                codec = Codec(topic, shop.registry, shop.settings.options)
                route = Route(topic, codec, self._sink, names, self._opened)
                self._routes.append(route)
                self._by_channel.setdefault(topic.channel.id, []).append(route)
            self._read(recording)
        except MosaicoError as error:
            self._give_up(str(error))
        except Exception as error:  # noqa: BLE001 - a source's fault costs this recording only
            self._give_up(f"Source {plan.source!r} failed while reading: {error!r}.")
        self._drain()
        if not self._fatal and not shop.stop.is_soft:
            self._attach(recording)
            self._close()
        return self._outcome()

    def _read(self, recording: Recording) -> None:
        """Hand every batch to an encoder, and its future to the topic's lane."""
        shop = self._shop
        for item in recording.batches(list(self._by_channel), shop.settings.batch_bytes):
            if shop.stop.is_soft or self._fatal:
                return
            if isinstance(item, Damage):
                self._note(item)
                continue
            self._widen(item)
            for route in self._by_channel[item.channel_id]:
                self._hand_over(item, route)

    def _hand_over(self, item: RawBatch, route: Route) -> None:
        """Take credits for a batch on its way to one topic; waits until there are enough."""
        shop, messages, nbytes = self._shop, item.messages, item.nbytes
        first = route.ledger.read
        route.ledger.read += messages
        shop.budget.take(nbytes)
        if route.lane < 0:
            route.lane = self._lane_bytes.index(min(self._lane_bytes))
        self._lane_bytes[route.lane] += nbytes
        future = shop.encoders.submit(route.codec.encode, item, first)
        self._last[route.lane] = shop.lanes[route.lane].submit(
            self._store, route, future, messages, nbytes
        )

    def _store(self, route: Route, future: Future[Encoded], messages: int, nbytes: int) -> None:
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

    def _write(self, route: Route, encoded: Encoded, nbytes: int) -> None:
        """Hand rows, and payloads that were rejected, to the sink."""
        route.reject(encoded)
        if encoded.rejected and self._shop.settings.strict:
            first = next(iter(encoded.reasons))
            topic = route.ledger.plan.channel.topic
            self._give_up(f"{topic!r} cannot be decoded: {first} (--strict).")
        for receipt in route.write(encoded):
            self._shop.emit(BatchStored(index=self._index, receipt=receipt, source_bytes=nbytes))
            nbytes = 0

    def _opened(self, topic: TopicPlan) -> None:
        """Tell that a topic was created on the other side."""
        self._shop.emit(TopicStarted(index=self._index, topic=topic))

    def _broken(self, route: Route, messages: int, error: Exception) -> None:
        """The other side did not take a batch: what it has of the topic cannot be completed."""
        ledger, reason = route.ledger, str(error) or repr(error)
        if isinstance(error, ServerFaultError) or (
            isinstance(error, RemoteError) and error.transient
        ):
            # Not the topic's fault: a later run can store all of it, unless this one is completed.
            self._give_up(f"Topic {ledger.plan.name!r} cannot be stored: {reason}")
        ledger.lose(messages, reason)
        ledger.unstore(reason)
        route.abort(reason, self._abort)
        ledger.failure = ledger.failure or reason
        self._topic_failed(route, reason)

    def _topic_failed(self, route: Route, reason: str) -> None:
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

    def _attach(self, recording: Recording) -> None:
        """Store the files that travel inside the recording; one that cannot be read is damage."""
        plan, lane = self._plan.attachments, self._shop.lanes[0]
        if plan is None:
            return
        if not isinstance(recording, AttachmentSource):
            reason = f"Source {self._plan.source!r} lists attachments and cannot read them."
            self._note(Damage(reason=reason))
            return
        try:
            sink = lane.submit(self._sink.topic, plan, 0).result()
            self._opened(plan)
            for index in range(len(recording.info.attachments)):
                try:
                    for part in attachment_rows(recording, recording.info, index):
                        lane.submit(sink.write, part).result()
                except SourceError as error:
                    self._note(Damage(reason=str(error)))
            lane.submit(sink.close).result()
        except Exception as error:  # noqa: BLE001 - whatever a sink or source raises costs this recording only
            self._give_up(f"The attachments cannot be stored: {error}")

    def _close(self) -> None:
        """Complete every topic on its lane; channels without messages become empty topics."""
        for route in self._routes:
            lane = self._shop.lanes[max(route.lane, 0)]
            self._last[max(route.lane, 0)] = lane.submit(self._close_topic, route)
        self._drain()

    def _close_topic(self, route: Route) -> None:
        """Complete one topic; on its lane."""
        try:
            route.close()
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
        reports = [route.ledger.close(self._damage, unread) for route in self._routes]
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
            findings=tuple(finding for route in self._routes for finding in route.findings()),
            error=self._fatal,
        )
