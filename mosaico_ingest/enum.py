"""
The public enumerations; their values are the words that travel on the wire.

Must not know: anything else of this package.
"""

import warnings
from enum import IntEnum, StrEnum
from typing import Any

__all__ = [
    "APIKeyPermissionEnum",
    "FlightAction",
    "GRPCCompressionAlgorithm",
    "GRPCCompressionLevel",
    "NotificationType",
    "OnErrorPolicy",  # noqa: F822 - served by __getattr__
    "SequenceStatus",
    "SerializationFormat",
    "SessionLevelErrorPolicy",
    "SessionStatus",
    "TimePolicy",
    "TopicLevelErrorPolicy",
    "TopicWriterStatus",
]


class SerializationFormat(StrEnum):
    """How a server may lay out the rows of a topic."""

    Default = "default"
    Ragged = "ragged"
    Image = "image"


class SessionStatus(StrEnum):
    """Where an upload session stands, as its writer sees it."""

    Null = "null"
    Pending = "pending"
    Finalized = "finalized"
    Error = "error"


SequenceStatus = SessionStatus


class TopicWriterStatus(StrEnum):
    """Where a topic's upload stands, as its writer sees it."""

    Active = "active"
    Finalized = "finalized"
    FinalizedWithError = "finalized_with_error"
    IgnoredLastError = "ignored_last_error"
    RaisedException = "raised_exception"


class SessionLevelErrorPolicy(StrEnum):
    """What happens to a session whose upload fails: kept and reported, or deleted."""

    Report = "report"
    Delete = "delete"


class TopicLevelErrorPolicy(StrEnum):
    """What a failure inside a topic's block does: ends the session, is ignored, or ends the topic."""

    Raise = "raise"
    Ignore = "ignore"
    Finalize = "finalize"


class NotificationType(StrEnum):
    """How much a notification matters. Every server keeps `error`; some say that they keep the others too."""

    Error = "error"
    Warning = "warning"
    Info = "info"


class APIKeyPermissionEnum(StrEnum):
    """What an API key allows; each level includes the ones before it."""

    Read = "read"
    Write = "write"
    Delete = "delete"
    Manage = "manage"


class TimePolicy(StrEnum):
    """Which clock becomes ``timestamp_ns``: the header's where there is one, the log's, the publisher's."""

    Header = "header"
    Log = "log"
    Publish = "publish"


class GRPCCompressionAlgorithm(IntEnum):
    """How messages are compressed; the values are gRPC's. Not every gRPC knows `StreamGzip`."""

    Null = 0
    Gzip = 2
    StreamGzip = 3


class GRPCCompressionLevel(IntEnum):
    """How much effort goes into compression; the values are gRPC's."""

    Low = 1
    Medium = 2
    High = 3


class FlightAction(StrEnum):
    """The DoAction types of the protocol, generation 0.5, and additions: of 0.6 and 0.7, and of this package.

    `api_key_list` and `notifications_create` are known to servers of this package only.
    """

    Version = "version"
    Info = "info"
    SequenceCreate = "sequence_create"
    SequenceDelete = "sequence_delete"
    SessionCreate = "session_create"
    SessionFinalize = "session_finalize"
    SessionDelete = "session_delete"
    TopicCreate = "topic_create"
    TopicDelete = "topic_delete"
    SequenceNotificationCreate = "sequence_notification_create"
    SequenceNotificationList = "sequence_notification_list"
    SequenceNotificationPurge = "sequence_notification_purge"
    TopicNotificationCreate = "topic_notification_create"
    TopicNotificationList = "topic_notification_list"
    TopicNotificationPurge = "topic_notification_purge"
    NotificationsCreate = "notifications_create"
    Query = "query"
    TopicFilterClusterize = "topic_filter_clusterize"
    TopicFilterIntersect = "topic_filter_intersect"
    APIKeyCreate = "api_key_create"
    APIKeyStatus = "api_key_status"
    APIKeyList = "api_key_list"
    APIKeyRevoke = "api_key_revoke"


def __getattr__(name: str) -> Any:
    """Serve the deprecated `OnErrorPolicy`, an alias of `SessionLevelErrorPolicy`."""
    if name == "OnErrorPolicy":
        warnings.warn(
            "OnErrorPolicy is deprecated; use SessionLevelErrorPolicy.",
            DeprecationWarning,
            stacklevel=2,
        )
        return SessionLevelErrorPolicy
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
