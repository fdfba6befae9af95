"""
What a server tells about sequences, sessions, topics and notifications, as values.

Must not know: how it was asked. Next: `handlers`.
"""

from typing import Self

import attrs
import pyarrow as pa

from mosaico_ingest.protocol.manifests import (
    SessionManifest,
    TopicAppMetadata,
)
from mosaico_ingest.protocol.messages import Notification, parse_created_ns
from mosaico_ingest.protocol.names import LocatorKind, parse_locator, unpack
from mosaico_ingest.protocol.schema import CONTEXT, PROPERTIES, USER_METADATA
from mosaico_ingest.protocol.wire import load_response

__all__ = [
    "Notice",
    "SequenceSystemInfo",
    "SessionInfo",
    "TopicInfo",
    "TopicSystemInfo",
    "bare_schema",
]


@attrs.frozen(kw_only=True)
class SessionInfo:
    """
    One upload session.

    Args:
        locator: Its address, `NAME:ULID`; the uuid with servers before 0.5.
        created_ns, completed_ns: When it was created and finalized, None while it is open.
        locked: Whether it is finalized.
        topics: Names of its topics, with a leading slash.
    """

    locator: str
    created_ns: int
    completed_ns: int | None
    locked: bool
    topics: tuple[str, ...]

    @classmethod
    def read(cls, manifest: SessionManifest) -> Self:
        """Return what *manifest* says."""
        return cls(
            locator=manifest.locator or manifest.uuid,
            created_ns=manifest.created_at_ns,
            completed_ns=manifest.completed_at_ns,
            locked=manifest.locked,
            topics=tuple(unpack(locator)[1] for locator in manifest.topics),
        )


@attrs.frozen(kw_only=True)
class TopicInfo:
    """
    The size and state of one topic.

    Args:
        sequence, name: Which one; the name has a leading slash.
        ontology_tag: Its type; empty where an older server tells it with the topic's schema only.
        created_ns, completed_ns: When it was created and its upload ended, None before.
        locked: Whether its upload is complete.
        rows: How many it has, None where an older server does not count.
        chunks, size_bytes: How many files they are stored in, and how large these are.
        start_ns, end_ns: The first and the last `timestamp_ns`, both inside; None without rows.
    """

    sequence: str
    name: str
    ontology_tag: str
    created_ns: int
    completed_ns: int | None
    locked: bool
    rows: int | None
    chunks: int
    size_bytes: int
    start_ns: int | None
    end_ns: int | None

    @classmethod
    def read(cls, text: bytes) -> Self:
        """
        Return what the JSON of an endpoint says.

        Raises:
            ServerFaultError: It is not what the protocol says.
        """
        told = load_response(TopicAppMetadata, text)
        sequence, name = unpack(told.resource_locator)
        old, new = told.info, told.data_info
        span = new.interval if new else old.timestamp if old else None
        return cls(
            sequence=sequence,
            name=name,
            ontology_tag=told.ontology_tag,
            created_ns=told.created_at_ns,
            completed_ns=told.completed_at_ns,
            locked=told.locked,
            rows=new.total_row_count if new else None,
            chunks=new.total_chunks_count if new else old.chunks_number if old else 0,
            size_bytes=new.total_bytes if new else old.total_bytes if old else 0,
            start_ns=span.start_ns if span else None,
            end_ns=span.end_ns if span else None,
        )

    @property
    def system_info(self) -> "TopicSystemInfo":
        """What of this concerns storage."""
        return TopicSystemInfo(
            total_size_bytes=self.size_bytes,
            chunks_number=self.chunks,
            created_ns=self.created_ns,
            is_locked=self.locked,
            rows=self.rows,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
        )


@attrs.frozen(kw_only=True)
class SequenceSystemInfo:
    """
    The size and state of a sequence.

    Args:
        total_size_bytes, chunks_number: How large the files of its topics are, and how many.
        created_ns: When it was created.
        is_locked: Whether it has sessions and all are finalized.
        sessions: Its uploads.
        rows: How many rows its topics have, None where an older server does not count.
        start_ns, end_ns: The first and the last `timestamp_ns`, both inside; None without rows.
    """

    total_size_bytes: int
    chunks_number: int
    created_ns: int
    is_locked: bool
    sessions: tuple[SessionInfo, ...]
    rows: int | None
    start_ns: int | None
    end_ns: int | None


@attrs.frozen(kw_only=True)
class TopicSystemInfo:
    """The size and state of a topic, as of a sequence; *is_locked* if its upload is complete."""

    total_size_bytes: int
    chunks_number: int
    created_ns: int
    is_locked: bool
    rows: int | None
    start_ns: int | None
    end_ns: int | None


@attrs.frozen(kw_only=True)
class Notice:
    """
    A notification.

    Args:
        sequence, topic: What it was left on; *topic* is empty for the sequence itself.
        kind: How much it matters, a word of `NotificationType`.
        text: What happened.
        created_ns: When it was left.
    """

    sequence: str
    topic: str
    kind: str
    text: str
    created_ns: int

    @classmethod
    def read(cls, told: Notification) -> Self:
        """Return what *told* says."""
        locator = parse_locator(told.name)
        return cls(
            sequence=locator.sequence,
            topic=locator.topic if locator.kind is LocatorKind.Topic else "",
            kind=told.notification_type,
            text=told.msg,
            created_ns=parse_created_ns(told.created_datetime),
        )


def bare_schema(schema: pa.Schema) -> pa.Schema:
    """Return *schema* without what a server adds to it."""
    own = {CONTEXT, PROPERTIES, USER_METADATA}
    kept = {key: value for key, value in (schema.metadata or {}).items() if key not in own}
    return schema.with_metadata(kept) if kept else schema.remove_metadata()
