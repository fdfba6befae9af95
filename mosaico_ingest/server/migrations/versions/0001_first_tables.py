"""Sequences, sessions, topics, chunks, their bounds, and notifications."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sequences",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("user_metadata", sa.Text, nullable=False),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        _parent("sequence_id", "sequences", index=True),
        sa.Column("uuid", sa.Text, nullable=False, unique=True),
        sa.Column("ulid", sa.Text, nullable=False, unique=True),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
        sa.Column("completed_at_ns", sa.BigInteger),
    )
    op.create_table(
        "topics",
        sa.Column("id", sa.Integer, primary_key=True),
        _parent("sequence_id", "sequences"),
        _parent("session_id", "sessions", index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False, unique=True),
        sa.Column("ontology_tag", sa.Text, nullable=False),
        sa.Column("serialization_format", sa.Text, nullable=False),
        sa.Column("user_metadata", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("arrow_schema", sa.LargeBinary),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
        sa.Column("completed_at_ns", sa.BigInteger),
        sa.UniqueConstraint("sequence_id", "name"),
    )
    op.create_table(
        "chunks",
        sa.Column("id", sa.Integer, primary_key=True),
        _parent("topic_id", "topics", index=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("min_ns", sa.BigInteger, nullable=False),
        sa.Column("max_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "column_bounds",
        sa.Column(
            "chunk_id",
            sa.Integer,
            sa.ForeignKey("chunks.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("column", sa.Text, primary_key=True),
        sa.Column("min_number", sa.Float(53)),
        sa.Column("max_number", sa.Float(53)),
        sa.Column("min_text", sa.Text),
        sa.Column("max_text", sa.Text),
        sa.Column("has_nulls", sa.Boolean, nullable=False),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Integer, primary_key=True),
        _parent("sequence_id", "sequences", index=True),
        sa.Column(
            "topic_id", sa.Integer, sa.ForeignKey("topics.id", ondelete="CASCADE"), index=True
        ),
        sa.Column("notification_type", sa.Text, nullable=False),
        sa.Column("msg", sa.Text, nullable=False),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
    )


def _parent(name: str, target: str, *, index: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey(f"{target}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Integer, key, nullable=False, index=index)
