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

from mosaico_ingest.errors import PluginError
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
    RawBatch,
    Reject,
    Times,
)
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.payloads import longest
from mosaico_ingest.model.plan import TopicPlan
from mosaico_ingest.pipeline.clocks import field_clock

__all__ = ["PAYLOAD_COLUMNS", "REJECTED", "Codec", "Encoded"]

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
        seconds: Time that decoding and mapping took.
    """

    rows: ArrowBatch
    rejected: ArrowBatch | None = None
    reasons: Mapping[str, int] = attrs.field(factory=dict)
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
            self._read_clock = (
                field_clock(columns, topic.clock, channel.topic) if topic.clock.field else None
            )
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

    def encode(self, raw: RawBatch) -> Encoded:
        """
        Turn one batch into rows.

        Raises:
            PluginError: The decoder or mapper fails, or breaks its contract.
        """
        began = time.perf_counter()
        topic = self.topic
        columns, times = _columns(raw.data)
        kept = rejected = None
        reasons: dict[str, int] = {}
        if self._decode is not None:
            try:
                decoded = self._decode(raw.data.column(PAYLOAD))
            except Exception as error:
                raise self._fault(topic.decoder, "decode", error) from error
            columns, kept = decoded.data, decoded.kept
            for reject in decoded.rejects:
                reasons[reject.reason] = reasons.get(reject.reason, 0) + len(reject.rows)
            if decoded.rejects:
                rejected = _rejected(raw, decoded.rejects, f"{topic.name}/_rejected")
        if kept is not None:
            at = pa.array(kept)
            publish = None if times.publish_ns is None else times.publish_ns.take(at)
            times = Times(log_ns=times.log_ns.take(at), publish_ns=publish)
        messages = len(times.log_ns)
        refused = sum(reasons.values())
        if (columns.num_rows, messages + refused) != (messages, raw.data.num_rows):
            told = f"{columns.num_rows} rows and {refused} rejects"
            fault = ValueError(f"gave {told} for {raw.data.num_rows} messages")
            raise self._fault(topic.decoder, "decode", fault)
        if raw.rejects:
            rejected = _refused(raw.seq, raw.rejects, f"{topic.name}/_rejected")
            reasons = dict(Counter(raw.rejects.column(REASON).to_pylist()))
        rows = self._mapped(columns, times)
        batch = ArrowBatch(
            topic=topic.name,
            seq=raw.seq,
            data=rows,
            messages=messages,
            largest_bytes=longest(raw.data.column(PAYLOAD)) if self._has_payload else 0,
        )
        seconds = time.perf_counter() - began
        return Encoded(rows=batch, rejected=rejected, reasons=reasons, seconds=seconds)

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
            rows = self._map(columns, times)
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
