"""
The tables of the catalog. Their history is in `migrations`; a test holds the two together.

A sequence has sessions, a session topics, a topic chunks, a chunk the bounds of its columns; deleting a row
deletes what hangs on it.

Must not know: engines and connections. Next: `catalog`.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "TopicState",
    "api_keys",
    "chunks",
    "column_bounds",
    "metadata",
    "notifications",
    "sequences",
    "servers",
    "sessions",
    "topics",
    "uploads",
]

metadata = MetaData()


class TopicState(StrEnum):
    """How far the upload of a topic has come."""

    Empty = "empty"
    Uploading = "uploading"
    Finalized = "finalized"


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _parent(name: str, target: str, *, index: bool = False) -> Column[int]:
    key = ForeignKey(f"{target}.id", ondelete="CASCADE")
    return Column(name, Integer, key, nullable=False, index=index)


sequences = Table(
    "sequences",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("user_metadata", Text, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    _parent("sequence_id", "sequences", index=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("ulid", Text, nullable=False, unique=True),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("completed_at_ns", BigInteger),
)

topics = Table(
    "topics",
    metadata,
    _id(),
    _parent("sequence_id", "sequences"),
    _parent("session_id", "sessions", index=True),
    Column("name", Text, nullable=False),
    Column("uuid", Text, nullable=False, unique=True),
    Column("ontology_tag", Text, nullable=False),
    Column("serialization_format", Text, nullable=False),
    Column("user_metadata", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("arrow_schema", LargeBinary),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("completed_at_ns", BigInteger),
    UniqueConstraint("sequence_id", "name"),
)

servers = Table(
    "servers",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("beats", BigInteger, nullable=False),
    sqlite_autoincrement=True,  # a server that was taken for dead must not meet its id again
)

uploads = Table(
    "uploads",
    metadata,
    Column("topic_id", Integer, ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True),
    _parent("server_id", "servers", index=True),
)
"""The topics that are UPLOADING, and the server that takes them; gone with it."""

chunks = Table(
    "chunks",
    metadata,
    _id(),
    _parent("topic_id", "topics", index=True),
    Column("path", Text, nullable=False, unique=True),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("min_ns", BigInteger, nullable=False),
    Column("max_ns", BigInteger, nullable=False),
)

column_bounds = Table(
    "column_bounds",
    metadata,
    Column("chunk_id", Integer, ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
    Column("column", Text, primary_key=True),
    Column("min_number", Float(53)),
    Column("max_number", Float(53)),
    Column("min_text", Text),
    Column("max_text", Text),
    Column("has_nulls", Boolean, nullable=False),
)

notifications = Table(
    "notifications",
    metadata,
    _id(),
    _parent("sequence_id", "sequences", index=True),
    Column("topic_id", Integer, ForeignKey("topics.id", ondelete="CASCADE"), index=True),
    Column("notification_type", Text, nullable=False),
    Column("msg", Text, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("salt", LargeBinary, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("permission", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("expires_at_ns", BigInteger),
    Column("generation", Text),
)
