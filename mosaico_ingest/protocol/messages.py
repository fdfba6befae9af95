"""
The requests and responses of the actions, one attrs class per JSON shape.

Some clients accept exactly the keys of a response and no others, so a class here is a promise: its fields are
the keys. Requests may carry unknown keys, which are ignored.

Must not know: which action uses which (`actions`), sockets. Next: `filters`.
"""

from datetime import UTC, datetime

import attrs

from mosaico_ingest.enum import NotificationType, SerializationFormat
from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.protocol.manifests import TimeSpan
from mosaico_ingest.protocol.wire import OMIT_DEFAULT, JsonObject
from mosaico_ingest.units import format_time_ns

__all__ = [
    "Cluster",
    "Empty",
    "GrpcLimits",
    "Notification",
    "NotificationCreate",
    "NotificationList",
    "NotificationListRequest",
    "NotificationsCreate",
    "QueriedSequence",
    "QueriedTopic",
    "QueryAnswer",
    "QueryRequest",
    "ResourceRequest",
    "SemVer",
    "SequenceCreate",
    "ServerInfo",
    "ServerVersion",
    "SessionCreated",
    "SessionDelete",
    "SessionFinalize",
    "TopicClusterize",
    "TopicCreate",
    "TopicCreated",
    "TopicFilter",
    "TopicIntersect",
    "TopicNote",
    "UuidOnly",
    "format_created",
    "parse_created_ns",
]


@attrs.frozen
class Empty:
    """A request without arguments."""


@attrs.frozen
class ResourceRequest:
    """A request that only names its sequence, session or topic."""

    locator: str


@attrs.frozen(kw_only=True)
class SequenceCreate:
    """Create a sequence under a free name."""

    locator: str
    user_metadata: JsonObject


@attrs.frozen
class SessionFinalize:
    """Complete a session; its uuid is the right to do so."""

    session_uuid: str


@attrs.frozen(kw_only=True)
class SessionDelete:
    """Delete a session, named by its locator or, by the oldest clients, its uuid; one of them is set."""

    locator: str = ""
    session_uuid: str = ""


@attrs.frozen(kw_only=True)
class TopicNote:
    """A notification that a new topic begins with."""

    notification_type: str
    msg: str


@attrs.frozen(kw_only=True)
class TopicCreate:
    """Create a topic in an open session; only a server that tells its notification types reads the *note*."""

    session_uuid: str
    locator: str
    serialization_format: SerializationFormat
    ontology_tag: str
    user_metadata: JsonObject
    note: TopicNote | None = attrs.field(default=None, metadata=OMIT_DEFAULT)


@attrs.frozen(kw_only=True)
class NotificationCreate:
    """Leave a notification on a sequence or topic."""

    locator: str
    notification_type: str = NotificationType.Error.value
    msg: str


@attrs.frozen
class NotificationsCreate:
    """Leave several notifications on sequences and topics, all or none."""

    notifications: list[NotificationCreate]


@attrs.frozen(kw_only=True)
class NotificationListRequest:
    """Ask for the notifications of a sequence or topic: `error` alone, unless types are named."""

    locator: str
    notification_types: tuple[str, ...] = attrs.field(default=(), metadata=OMIT_DEFAULT)


@attrs.frozen(kw_only=True)
class SessionCreated:
    """The new session: its uuid is a capability, its locator a name, which servers before 0.5 leave out."""

    uuid: str
    locator: str = ""


@attrs.frozen
class UuidOnly:
    """A new topic, or a new session as clients before 0.5 want to be told."""

    uuid: str


TopicCreated = UuidOnly


@attrs.frozen(kw_only=True)
class Notification:
    """
    One notification.

    Args:
        name: Locator of the sequence or topic it was left on.
        notification_type: A word of `NotificationType`.
        msg: What happened.
        created_datetime: When, as `format_created` writes it.
    """

    name: str
    notification_type: str
    msg: str
    created_datetime: str


@attrs.frozen
class NotificationList:
    """The notifications of exactly one sequence or topic, oldest first."""

    notifications: list[Notification]


@attrs.frozen(kw_only=True)
class SemVer:
    """A version number in parts; *pre* is empty for a release."""

    major: int
    minor: int
    patch: int
    pre: str = ""


@attrs.frozen(kw_only=True)
class ServerVersion:
    """
    The answer to `version`.

    Args:
        version, semver: The same number twice.
        notification_types: What kinds of notification the server keeps, where it says so. Such a server
            also takes several in one action, and one along with a new topic.
        largest_message_bytes: What it takes in one message of an upload, where it says so.
    """

    version: str
    semver: SemVer
    notification_types: tuple[str, ...] = attrs.field(default=(), metadata=OMIT_DEFAULT)
    largest_message_bytes: int = attrs.field(default=0, metadata=OMIT_DEFAULT)


@attrs.frozen(kw_only=True)
class GrpcLimits:
    """How large messages may be, in bytes; clients of 0.7 keep their batches below."""

    grpc_max_decode_message_size: int = 50 * 1024 * 1024
    grpc_max_encode_message_size: int = 50 * 1024 * 1024
    grpc_target_encode_message_size: int = 25 * 1024 * 1024


@attrs.frozen(kw_only=True)
class ServerInfo:
    """The answer to `info`."""

    version: str
    semver: SemVer
    config: GrpcLimits


@attrs.frozen(kw_only=True)
class QueryRequest:
    """The conditions of a query by section, as `filters` reads and writes them; a section may be missing."""

    sequence: JsonObject | None = attrs.field(default=None, metadata=OMIT_DEFAULT)
    topic: JsonObject | None = attrs.field(default=None, metadata=OMIT_DEFAULT)
    ontology: JsonObject | None = attrs.field(default=None, metadata=OMIT_DEFAULT)


@attrs.frozen(kw_only=True)
class QueriedTopic:
    """
    A topic that a query found.

    Args:
        locator: Its wire locator.
        ontology_tag: Its type; a server before 0.6 leaves it out.
        timestamp_range: The first and the last `timestamp_ns` of its matching rows, both inside; missing
            where it was not asked for.
    """

    locator: str
    ontology_tag: str = ""
    timestamp_range: tuple[int, int] | None = attrs.field(default=None, metadata=OMIT_DEFAULT)


@attrs.frozen(kw_only=True)
class QueriedSequence:
    """A sequence and those of its topics that a query found."""

    sequence: str
    topics: list[QueriedTopic]


@attrs.frozen
class QueryAnswer:
    """The answer to `query`."""

    items: list[QueriedSequence]


@attrs.frozen(kw_only=True)
class TopicFilter:
    """
    Which rows of a topic are wanted, and how far apart they may be to belong together.

    Args:
        locator: The topic.
        clustering_dt_ns: Rows that are further apart begin a new cluster; 0 makes one cluster of all.
        ontology: Conditions on its rows, as in a query.
    """

    locator: str
    clustering_dt_ns: int
    ontology: JsonObject


@attrs.frozen(kw_only=True)
class TopicClusterize(TopicFilter):
    """The clusters of one topic are wanted, of the rows with `start <= t < end`, all if None."""

    timestamp_range: TimeSpan | None = None


@attrs.frozen(kw_only=True)
class TopicIntersect:
    """Wanted is when all of some topics have a cluster, those *intersect_dt_ns* apart being together."""

    topics: list[TopicFilter]
    intersect_dt_ns: int


@attrs.frozen(kw_only=True)
class Cluster:
    """One page of the answer: the first and the last time of a cluster, both inside, and its number."""

    ts: TimeSpan
    id: int


def format_created(time_ns: int) -> str:
    """
    Write the instant of a notification, always with six digits after the second.

    Example:
        >>> format_created(1_767_322_985_123_456_789)
        '2026-01-02 03:03:05.123456 UTC'
    """
    return format_time_ns(time_ns)


def parse_created_ns(text: str) -> int:
    """
    Read the instant of a notification; without a zone it is UTC, more than six digits are cut.

    Raises:
        ServerFaultError: It is no instant.

    Example:
        >>> parse_created_ns("2026-01-02 03:03:05.123456 UTC")
        1767322985123456000
    """
    bare = text.removesuffix(" UTC")
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError as err:
        msg = f"The server sent {text!r} as an instant. Expected YYYY-MM-DD HH:MM:SS.ffffff UTC."
        raise ServerFaultError(msg) from err
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
