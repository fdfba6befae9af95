"""
The work on one channel: payloads to ontology rows, by the decoder and mapper that its plan names.

Must not know: threads, sinks. Next: `flow`.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import MosaicoError, PluginError
from mosaico_ingest.expressions.evaluation import compile_expression
from mosaico_ingest.hooks.contracts import Decode, MapRequest, MapRows
from mosaico_ingest.hooks.options import make_options
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.batch import (
    LOG_TIME,
    PAYLOAD,
    PLACE,
    PUBLISH_TIME,
    REASON,
    ArrowBatch,
    Decoded,
    RawBatch,
    Reject,
    Times,
)
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.payloads import longest
from mosaico_ingest.model.plan import TopicPlan
from mosaico_ingest.pipeline.clocks import field_clock
from mosaico_ingest.pipeline.selecting import Selector

__all__ = ["PAYLOAD_COLUMNS", "REJECTED", "Codec", "Encoded", "without_clocks"]

PAYLOAD_COLUMNS = pa.schema([pa.field(PAYLOAD, pa.binary(), nullable=False)])
"""The columns of a channel that is kept as bytes."""

REJECTED = Ontology(
    tag="rejected_payload",
    fields=pa.schema(
        [pa.field(PAYLOAD, pa.binary(), nullable=False), pa.field("reason", pa.string(), False)]
    ),
    summary="Payloads of a topic that could not be decoded, as they are, with the reason.",
)
"""What is kept of messages that are rejected, in a topic beside theirs."""


@attrs.frozen(kw_only=True, eq=False)
class Encoded:
    """
    What became of one raw batch.

    Args:
        rows: The rows of the topic.
        rejected: The rows of its `REJECTED` neighbour, None if all messages were decoded.
        reasons: Messages rejected, per reason.
        skipped: Messages that a rule does not want, per reason.
        metadata: User metadata of the topic, from the first message of the batch.
        findings: What the decoder tells of messages, with their number.
        seconds: Time that decoding and mapping took.
    """

    rows: ArrowBatch
    rejected: ArrowBatch | None = None
    reasons: Mapping[str, int] = attrs.field(factory=dict)
    skipped: Mapping[str, int] = attrs.field(factory=dict)
    metadata: Mapping[str, object] = attrs.field(factory=dict)
    findings: Mapping[str, int] = attrs.field(factory=dict)
    seconds: float = 0.0


class Codec:
    """
    Decode and map one channel.

    Args:
        topic: Its plan.
        registry: Where the decoder and mapper are found by name.
        options: Options of mappers, by name.

    Raises:
        PluginError: The decoder or mapper cannot be prepared as planned.

    Thread: any, several at once.
    """

    def __init__(self, topic: TopicPlan, registry: Registry, options: Mapping[str, object]) -> None:
        self.topic = topic
        channel = topic.channel
        self._decode: Decode | None = None
        columns = channel.columns if channel.columns is not None else PAYLOAD_COLUMNS
        self._has_payload = channel.columns is None
        stage = topic.decoder or topic.mapper
        try:
            if topic.decoder:
                self._decode = registry.decoders[topic.decoder].value.compile(channel)
                columns = self._decode.schema
            columns = without_clocks(columns)
            self._select = Selector(topic.selection, columns)
            self._metadata = {
                key: compile_expression(text, columns) for key, text in topic.metadata_of.items()
            }
            self._read_clock = (
                field_clock(columns, topic.clock, channel.topic) if topic.clock.field else None
            )
            if topic.columns:
                columns = pa.schema([columns.field(name) for name in topic.columns])
            stage = topic.mapper
            mapper = registry.mappers[topic.mapper].value
            request = MapRequest(
                channel=channel,
                columns=columns,
                ontology=topic.ontology,
                time=topic.clock.policy,
                options=make_options(mapper.options, options.get(topic.mapper), topic.mapper),
            )
            self._map: MapRows = mapper.compile(request)
        except Exception as error:
            msg = f"{stage!r} cannot handle channel {channel.topic!r} as planned: {error}"
            raise PluginError(msg, plugin=stage, stage="compile") from error

    def encode(self, raw: RawBatch, first: int = 0) -> Encoded:
        """
        Turn one batch into rows.

        Args:
            first: Number of the batch's first message in its channel.

        Raises:
            PluginError: The decoder or mapper fails, or breaks its contract.
        """
        began = time.perf_counter()
        topic = self.topic
        largest = longest(raw.data.column(PAYLOAD)) if self._has_payload else 0
        raw, skipped = self._select.messages(raw, first)
        decoded, times = self._decoded(raw)
        columns, rejects = decoded.data, decoded.rejects
        rejected, reasons = None, _counts(rejects)
        if rejects:
            rejected = _rejected(raw, rejects, f"{topic.name}/_rejected")
        if raw.rejects:
            rejected = _refused(raw.seq, raw.rejects, f"{topic.name}/_rejected")
            reasons = dict(Counter(raw.rejects.column(REASON).to_pylist()))
        try:
            columns, times, unwanted = self._select.rows(columns, times)
            metadata = self._told(columns)
        except MosaicoError as error:
            raise self._fault(topic.mapper, "select from", error) from error
        batch = ArrowBatch(
            topic=topic.name,
            seq=raw.seq,
            data=self._mapped(columns, times),
            messages=len(times.log_ns),
            largest_bytes=largest,
        )
        return Encoded(
            rows=batch,
            rejected=rejected,
            reasons=reasons,
            skipped={**skipped, **unwanted},
            metadata=metadata,
            findings=decoded.findings,
            seconds=time.perf_counter() - began,
        )

    def _decoded(self, raw: RawBatch) -> tuple[Decoded, Times]:
        """
        Return what became of a batch, and the clocks of the rows that are left.

        Raises:
            PluginError: The decoder fails, or loses messages.
        """
        columns, times = _columns(raw.data)
        if self._decode is None:
            return Decoded(data=columns), times
        decoder = self.topic.decoder
        try:
            decoded = self._decode(raw.data.column(PAYLOAD))
        except Exception as error:
            raise self._fault(decoder, "decode", error) from error
        if decoded.kept is not None:
            at = pa.array(decoded.kept)
            publish = None if times.publish_ns is None else times.publish_ns.take(at)
            times = Times(log_ns=times.log_ns.take(at), publish_ns=publish)
        messages, refused = len(times.log_ns), sum(_counts(decoded.rejects).values())
        if (decoded.data.num_rows, messages + refused) != (messages, raw.data.num_rows):
            told = f"{decoded.data.num_rows} rows and {refused} rejects"
            fault = ValueError(f"gave {told} for {raw.data.num_rows} messages")
            raise self._fault(decoder, "decode", fault)
        return decoded, times

    def _told(self, columns: pa.RecordBatch) -> dict[str, object]:
        """Return the metadata that the first message gives; what is null is not told."""
        if not self._metadata or not columns.num_rows:
            return {}
        first = columns.slice(0, 1)
        values = {key: expression(first)[0].as_py() for key, expression in self._metadata.items()}
        return {key: value for key, value in values.items() if value is not None}

    def _mapped(self, columns: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        """
        Return the rows of decoded columns.

        Raises:
            PluginError: The mapper fails, or gives other columns than the type has.
        """
        topic = self.topic
        try:
            if self._read_clock is not None:
                # The mapper takes the field for the publisher's clock, as its policy says.
                times = attrs.evolve(times, publish_ns=self._read_clock(columns))
            if topic.columns:
                columns = columns.select(topic.columns)
            rows = self._map(columns, times)
            if topic.offset_ns:
                stamps = pc.add(rows.column(0), pa.scalar(topic.offset_ns))
                rows = rows.set_column(0, rows.schema.field(0), stamps)
        except Exception as error:
            raise self._fault(topic.mapper, "map", error) from error
        if rows.schema != topic.ontology.schema:
            fault = ValueError(f"gave columns that are not those of {topic.ontology.tag!r}")
            raise self._fault(topic.mapper, "map", fault)
        return rows

    def _fault(self, plugin: str, stage: str, error: Exception) -> PluginError:
        """Name who failed in which stage."""
        msg = f"{plugin!r} failed to {stage} {self.topic.channel.topic!r}: {error}"
        return PluginError(msg, plugin=plugin, stage=stage)


def without_clocks(columns: pa.Schema) -> pa.Schema:
    """Return the columns of typed rows that are not their clocks."""
    return pa.schema([field for field in columns if field.name not in (LOG_TIME, PUBLISH_TIME)])


def _counts(rejects: Sequence[Reject]) -> dict[str, int]:
    """Count rejected messages per reason."""
    counts: dict[str, int] = {}
    for reject in rejects:
        counts[reject.reason] = counts.get(reject.reason, 0) + len(reject.rows)
    return counts


def _columns(data: pa.RecordBatch) -> tuple[pa.RecordBatch, Times]:
    """Part a raw batch's clocks from its other columns."""
    names = data.schema.names
    publish = data.column(PUBLISH_TIME) if PUBLISH_TIME in names else None
    times = Times(log_ns=data.column(LOG_TIME), publish_ns=publish)
    rest = data.select([name for name in names if name not in (LOG_TIME, PUBLISH_TIME)])
    return rest, times


def _rejected(raw: RawBatch, rejects: Sequence[Reject], topic: str) -> ArrowBatch:
    """Keep the payloads of rejected messages with their reasons, in stored order."""
    rows = np.concatenate([reject.rows for reject in rejects])
    reasons = np.repeat(np.arange(len(rejects)), [len(reject.rows) for reject in rejects])
    order = np.argsort(rows, kind="stable")
    at = pa.array(rows[order])
    words = pa.array([reject.reason for reject in rejects], pa.string())
    payloads = raw.data.column(PAYLOAD).take(at).cast(pa.binary())
    log = raw.data.column(LOG_TIME).take(at)
    return _rejected_rows(raw.seq, topic, log, payloads, words.take(pa.array(reasons[order])))


def _refused(seq: int, rejects: pa.RecordBatch, topic: str) -> ArrowBatch:
    """Keep what the source itself could not turn into columns, each with its reason and place."""
    where, why = rejects.column(PLACE), rejects.column(REASON)
    reasons = pc.binary_join_element_wise(where, why, ": ")
    return _rejected_rows(seq, topic, rejects.column(LOG_TIME), rejects.column(PAYLOAD), reasons)


def _rejected_rows(
    seq: int, topic: str, log_ns: pa.Array, payloads: pa.Array, reasons: pa.Array
) -> ArrowBatch:
    """Return rows of the neighbour."""
    n = len(log_ns)
    envelope = [log_ns, log_ns, pa.nulls(n, pa.string()), pa.nulls(n, pa.uint32())]
    data = pa.RecordBatch.from_arrays([*envelope, payloads, reasons], schema=REJECTED.schema)
    return ArrowBatch(topic=topic, seq=seq, data=data, messages=n)
