"""API keys may say in which generation of the protocol their bearer is answered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("api_keys", sa.Column("generation", sa.Text))
