"""
The door for plugins: everything that a plugin may import from this package, besides `mosaico_ingest.errors`.

Next: `mosaico_ingest.hooks.specs` (when each hook fires), `mosaico_ingest.hooks.contracts` (what its
objects promise), then `mosaico_ingest.model` (what travels).
"""

from mosaico_ingest.enum import SerializationFormat, TimePolicy
from mosaico_ingest.hooks.contracts import (
    API_VERSION,
    Decode,
    Decoder,
    Engine,
    Mapper,
    MapRequest,
    MapRows,
    Observer,
    Recording,
    RecordingSink,
    Sink,
    SinkFactory,
    SourceFormat,
    TopicSink,
)
from mosaico_ingest.hooks.specs import CheckResult, RunContext, hookimpl
from mosaico_ingest.model.batch import (
    LOG_TIME,
    PAYLOAD,
    PUBLISH_TIME,
    ArrowBatch,
    Cursor,
    Decoded,
    RawBatch,
    Receipt,
    Reject,
    Times,
)
from mosaico_ingest.model.collect import Collector
from mosaico_ingest.model.envelope import envelope, is_header
from mosaico_ingest.model.events import (
    BatchStored,
    DamageFound,
    Event,
    PluginFailed,
    RecordingFinished,
    RecordingStarted,
    RunFinished,
    RunStarted,
    TopicFinished,
    TopicStarted,
)
from mosaico_ingest.model.ontology import ENVELOPE, Ontology
from mosaico_ingest.model.payloads import Payloads, gather
from mosaico_ingest.model.plan import (
    Claim,
    Conflict,
    Fit,
    PlannedRecording,
    RecordingPlan,
    SkippedChannel,
    TopicPlan,
)
from mosaico_ingest.model.recording import (
    Attachment,
    Channel,
    Damage,
    MetadataRecord,
    RecordingInfo,
)
from mosaico_ingest.model.report import RecordingReport, RecordingStatus, RunReport, TopicReport
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import HEAD_BYTES, Match, SourceFile, Strength
from mosaico_ingest.units import (
    format_bytes,
    format_count,
    format_duration_ns,
    format_number_of,
    format_seconds,
    format_time_ns,
    printable,
)

__all__ = [
    "API_VERSION",
    "ENVELOPE",
    "HEAD_BYTES",
    "LOG_TIME",
    "PAYLOAD",
    "PUBLISH_TIME",
    "ArrowBatch",
    "Attachment",
    "BatchStored",
    "Channel",
    "CheckResult",
    "Claim",
    "Collector",
    "Conflict",
    "Cursor",
    "Damage",
    "DamageFound",
    "Decode",
    "Decoded",
    "Decoder",
    "Engine",
    "Event",
    "Fit",
    "MapRequest",
    "MapRows",
    "Mapper",
    "Match",
    "MetadataRecord",
    "Observer",
    "Ontology",
    "Payloads",
    "PlannedRecording",
    "PluginFailed",
    "RawBatch",
    "Receipt",
    "Recording",
    "RecordingFinished",
    "RecordingInfo",
    "RecordingPlan",
    "RecordingReport",
    "RecordingSink",
    "RecordingStarted",
    "RecordingStatus",
    "Reject",
    "RunContext",
    "RunFinished",
    "RunReport",
    "RunStarted",
    "SerializationFormat",
    "Settings",
    "Sink",
    "SinkFactory",
    "SkippedChannel",
    "SourceFile",
    "SourceFormat",
    "Strength",
    "TimePolicy",
    "Times",
    "TopicFinished",
    "TopicPlan",
    "TopicReport",
    "TopicSink",
    "TopicStarted",
    "envelope",
    "format_bytes",
    "format_count",
    "format_duration_ns",
    "format_number_of",
    "format_seconds",
    "format_time_ns",
    "gather",
    "hookimpl",
    "is_header",
    "printable",
]
