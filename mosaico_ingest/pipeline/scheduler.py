"""
Which recordings, whose turn: takes planned recordings one by one through fingerprint, sink and flow.

Must not know: how plans are made, where a sink leads. Next: `mosaico_ingest.sinks`.
"""

import os
import socket
import time
from collections.abc import Callable

import attrs

from mosaico_ingest.errors import MosaicoError, PlanError
from mosaico_ingest.hooks.contracts import RecordingSink, Sink
from mosaico_ingest.model.events import RecordingFinished, RecordingStarted
from mosaico_ingest.model.plan import PlannedRecording, RecordingPlan
from mosaico_ingest.model.report import RecordingReport, RecordingStatus, TopicReport
from mosaico_ingest.model.settings import chosen
from mosaico_ingest.pipeline.fingerprint import fingerprint
from mosaico_ingest.pipeline.flow import Flow, Outcome, Workshop
from mosaico_ingest.pipeline.stopping import INTERRUPTED
from mosaico_ingest.units import format_number_of

__all__ = ["METADATA_KEY", "Scheduler", "failed_report"]

METADATA_KEY = "mosaico_ingest"
"""Under this key of a sequence's metadata stands where it comes from, and who wrote it."""

_MAX_FILES_NAMED = 1000  # a folder may hold any number of images, metadata a megabyte


@attrs.frozen(kw_only=True, eq=False)
class Scheduler:
    """
    Runs the recordings of one run.

    Args:
        sink: Where they go.
        shop: What they share.
        version: Version of the tool, for the sequences' metadata.
        clock: Seconds, monotonic.
    """

    sink: Sink
    shop: Workshop
    version: str
    clock: Callable[[], float] = time.perf_counter

    def run(self, index: int, planned: PlannedRecording) -> RecordingReport:
        """Ingest one recording; whatever happens ends in the report."""
        began = self.clock()
        try:
            report = self._run(index, planned)
        except (MosaicoError, OSError) as error:  # files may vanish while others are being read
            report = failed_report(planned, str(error))
        report = attrs.evolve(report, seconds=self.clock() - began)
        self.shop.emit(RecordingFinished(index=index, report=report))
        return report

    def _run(self, index: int, planned: PlannedRecording) -> RecordingReport:
        """Ingest one recording that may fail."""
        plan = planned.plan
        if plan is None or planned.error:
            return failed_report(planned, planned.error)
        if self.shop.stop.is_soft:
            return _unread(plan, "", RecordingStatus.Interrupted, INTERRUPTED)
        self.shop.emit(RecordingStarted(index=index, plan=plan))
        mark = fingerprint(plan.info.files)
        known = self.sink.find(mark)
        if known and not self.shop.settings.again:
            reason = f"already stored as {known!r}"
            plan = attrs.evolve(plan, sequence=known)
            return _unread(plan, mark, RecordingStatus.AlreadyStored, reason)
        plan = attrs.evolve(plan, sequence=self._free_name(plan.sequence))
        plan = attrs.evolve(
            plan, metadata={**plan.metadata, METADATA_KEY: self._origin(plan, mark)}
        )
        return self._ingest(index, plan, mark)

    def _ingest(self, index: int, plan: RecordingPlan, mark: str) -> RecordingReport:
        """Move the messages, then complete the recording or give it up."""
        with self.shop.opener.open_planned(plan) as recording:
            sink = self.sink.open(plan)
            outcome = Flow(index, plan, sink, self.shop).run(recording)
        report = _report(plan, mark, outcome)
        if report.error or outcome.is_interrupted:
            return _given_up(sink, report, report.error or INTERRUPTED)
        try:
            sink.finish(report)
        except MosaicoError as error:
            return _given_up(sink, report, _incomplete(report, error))
        return report

    def _free_name(self, name: str) -> str:
        """Return a sequence name that is not taken."""
        taken = self.sink.names()
        if name not in taken:
            return name
        if not self.shop.settings.again:
            msg = (
                f"The sequence {name!r} exists and holds another recording. "
                f"Choose another name with --name, or remove it with `mosaico-ingest rm {name}`."
            )
            raise PlanError(msg)
        number = 2
        while f"{name}_{number}" in taken:
            number += 1
        return f"{name}_{number}"

    def _origin(self, plan: RecordingPlan, mark: str) -> dict[str, object]:
        """Tell in the sequence's metadata which bytes it holds and who writes it."""
        info = plan.info
        named = info.files[:_MAX_FILES_NAMED]
        return {
            "fingerprint": mark,
            "version": self.version,
            "source": plan.source,
            "plugins": self._plugins(plan),
            "settings": chosen(self.shop.settings),
            "format": info.format,
            **({"packing": info.packing} if info.packing else {}),
            "files": [{"name": p.name, "size_bytes": p.stat().st_size} for p in named],
            **({"more_files": more} if (more := len(info.files) - len(named)) else {}),
            "writer": {"host": socket.gethostname(), "pid": os.getpid()},
            "metadata_records": {record.name: dict(record.values) for record in info.metadata},
        }

    def _plugins(self, plan: RecordingPlan) -> dict[str, str]:
        """Return the version of every plugin that reads, decodes or maps the recording."""
        registry = self.shop.registry
        origins = [registry.sources[plan.source].plugin]
        for topic in plan.topics:
            origins.append(registry.mappers[topic.mapper].plugin)
            if topic.decoder:
                origins.append(registry.decoders[topic.decoder].plugin)
        return {origin.name: f"{origin.distribution} {origin.version}" for origin in origins}


def _report(plan: RecordingPlan, mark: str, outcome: Outcome) -> RecordingReport:
    """Judge an outcome."""
    has_losses = bool(outcome.damage) or any(t.lost or t.rejected for t in outcome.topics)
    if outcome.error:
        status = RecordingStatus.Failed
    elif outcome.is_interrupted:
        status = RecordingStatus.Interrupted
    else:
        status = RecordingStatus.StoredWithLosses if has_losses else RecordingStatus.Stored
    notes = [f"{topic.name}: {topic.note}" for topic in plan.topics if topic.note]
    if plan.info.attachments:
        count = format_number_of("attachment", len(plan.info.attachments))
        place = f"in {plan.attachments.name}" if plan.attachments else "left out (--no-attachments)"
        notes.append(f"{count} {place}.")
    return RecordingReport(
        path=str(plan.info.path),
        sequence=plan.sequence,
        status=status,
        source=plan.source,
        fingerprint=mark,
        start_ns=outcome.start_ns,
        end_ns=outcome.end_ns,
        damage=outcome.damage,
        findings=(*plan.info.findings, *notes, *outcome.findings),
        topics=outcome.topics,
        error=outcome.error,
    )


def _incomplete(report: RecordingReport, error: MosaicoError) -> str:
    """Say why a sequence cannot be completed: where no message is stored, what its topics failed for."""
    reasons = dict.fromkeys(reason for topic in report.topics for reason in topic.reasons)
    if reasons and not any(topic.stored for topic in report.topics):
        first, *others = reasons
        more = f" And {format_number_of('other reason', len(others))}." if others else ""
        return f"None of its messages can be stored: {first}{more}"
    return f"Sequence {report.sequence!r} cannot be completed: {error}"


def _given_up(sink: RecordingSink, report: RecordingReport, reason: str) -> RecordingReport:
    """Tell the sink that the recording stays incomplete; what was stored of it counts as lost."""
    topics = tuple(
        attrs.evolve(
            topic,
            stored=0,
            rows=0,
            lost=topic.lost + topic.stored,
            reasons={**topic.reasons, reason: topic.reasons.get(reason, 0) + topic.stored},
        )
        if topic.stored
        else topic
        for topic in report.topics
    )
    is_interrupted = report.status is RecordingStatus.Interrupted
    status = RecordingStatus.Interrupted if is_interrupted else RecordingStatus.Failed
    report = attrs.evolve(report, topics=topics, status=status, error=reason)
    try:
        sink.fail(report)
    except MosaicoError as error:
        return attrs.evolve(report, error=f"{reason} Cleaning up failed too: {error}")
    return report


def _unread(
    plan: RecordingPlan, mark: str, status: RecordingStatus, reason: str
) -> RecordingReport:
    """Report a recording that was not read."""
    channels = [topic.channel for topic in plan.topics] + [s.channel for s in plan.skipped]
    is_lost = status is not RecordingStatus.AlreadyStored
    topics = tuple(
        TopicReport(
            name="",
            channel=channel.topic,
            type=channel.type_name,
            ontology="",
            declared=channel.messages or 0,
            stored=0,
            lost=(channel.messages or 0) if is_lost else 0,
            skipped=0 if is_lost else (channel.messages or 0),
            reasons={reason: channel.messages or 0},
        )
        for channel in channels
    )
    return RecordingReport(
        path=str(plan.info.path),
        sequence=plan.sequence,
        status=status,
        source=plan.source,
        fingerprint=mark,
        start_ns=plan.info.start_ns,
        end_ns=plan.info.end_ns,
        topics=topics,
        error=reason if is_lost else "",
    )


def failed_report(planned: PlannedRecording, error: str) -> RecordingReport:
    """Report a recording that could not begin, for the reason *error*."""
    plan = planned.plan
    report = RecordingReport(
        path=str(planned.path),
        sequence=plan.sequence if plan else "",
        source=plan.source if plan else "",
        status=RecordingStatus.Failed,
        error=error,
    )
    if plan is None:
        return report
    lost = _unread(plan, "", RecordingStatus.Failed, error)
    return attrs.evolve(report, topics=lost.topics, damage=plan.info.damage)
