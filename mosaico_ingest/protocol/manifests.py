"""
What a server tells about sequences and topics in `app_metadata`, as JSON.

One shape carries what clients of all generations look for: a session has uuid and locator, a topic `info`
(to 0.6) and `data_info` (from 0.7). Reading is lenient, since an older server leaves some of it out.

Must not know: how a server comes by the facts. Next: `schema`.
"""

import attrs

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.protocol.wire import JsonObject

__all__ = [
    "SequenceAppMetadata",
    "SessionManifest",
    "TimeSpan",
    "TopicAppMetadata",
    "TopicDataInfo",
    "TopicInfo",
    "WindowInfo",
]


@attrs.frozen(kw_only=True)
class SessionManifest:
    """
    One upload session of a sequence.

    Args:
        created_at_ns, completed_at_ns: When it began and was finalized, None while it is open.
        locked: Whether it is finalized.
        topics: Locators of its topics.
        uuid, locator: Its ids; an older server knows one of them only.
    """

    created_at_ns: int
    completed_at_ns: int | None = None
    locked: bool
    topics: list[str] = attrs.field(factory=list)
    uuid: str = ""
    locator: str = ""


@attrs.frozen(kw_only=True)
class SequenceAppMetadata:
    """A sequence and its sessions, finalized or not."""

    created_at_ns: int
    resource_locator: str
    user_metadata: JsonObject = attrs.field(factory=dict)
    sessions: list[SessionManifest] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class TimeSpan:
    """The first and the last `timestamp_ns`, both inside."""

    start_ns: int
    end_ns: int


@attrs.frozen(kw_only=True)
class TopicInfo:
    """The data of a topic as clients to 0.6 read it; *timestamp* is None without rows."""

    chunks_number: int
    total_bytes: int
    timestamp: TimeSpan | None = None


@attrs.frozen(kw_only=True)
class TopicDataInfo:
    """The data of a topic as clients from 0.7 read it; *interval* is None without rows."""

    interval: TimeSpan | None = None
    total_row_count: int
    total_bytes: int
    total_chunks_count: int


@attrs.frozen(kw_only=True)
class WindowInfo:
    """What of a topic lies in the window that was asked for."""

    interval: TimeSpan | None = None
    row_count: int


@attrs.frozen(kw_only=True)
class TopicAppMetadata:
    """
    A topic.

    Args:
        created_at_ns, completed_at_ns: When it was created and its upload ended, None before.
        locked: Whether its upload is complete.
        resource_locator: Its wire locator.
        info, data_info: The whole topic's data; an older server gives one of them, or neither.
        ontology_tag, serialization_format, user_metadata: As created; an older server gives them in the
            schema only.
        time_window_info: None unless a window was asked for.
    """

    created_at_ns: int
    completed_at_ns: int | None = None
    locked: bool
    resource_locator: str
    info: TopicInfo | None = None
    ontology_tag: str = ""
    serialization_format: SerializationFormat = SerializationFormat.Default
    user_metadata: JsonObject = attrs.field(factory=dict)
    data_info: TopicDataInfo | None = None
    time_window_info: WindowInfo | None = None
