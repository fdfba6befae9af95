"""The catalog: its tables, their history, its transactions."""

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mosaico_ingest.errors import StoreError, StoreFullError
from mosaico_ingest.server import catalog as catalog_module
from mosaico_ingest.server.catalog import REVISION, Catalog
from mosaico_ingest.server.tables import metadata, sequences

ROW = {"name": "s", "user_metadata": "{}", "created_at_ns": 1}


@pytest.fixture
def catalog(tmp_path):
    """Give an empty catalog."""
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        yield catalog


def test_migrations_end_at_the_tables(catalog):
    """The tables that the migrations make are those that the code speaks of."""
    with catalog.read() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)


def test_revision_is_the_newest():
    """The revision that saves the import of alembic is the last migration."""
    config = Config()
    config.set_main_option(
        "script_location", str(catalog_module.Path(catalog_module.__file__).parent / "migrations")
    )

    assert REVISION == ScriptDirectory.from_config(config).get_current_head()


def test_opening_again_needs_no_alembic(catalog, tmp_path):
    """A catalog that is up to date is opened without alembic."""
    code = """
import sys
from pathlib import Path
from mosaico_ingest.server.catalog import Catalog
Catalog.open(Path(sys.argv[1])).close()
print("alembic" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "catalog.sqlite")]

    assert (
        "False"
        == subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    )


def test_older_catalog_is_brought_up_to_date(catalog, tmp_path):
    """A catalog of the first version keeps its rows and gets the tables that came since."""
    with catalog.write() as connection:
        connection.execute(sequences.insert(), ROW)
        for table in ("api_keys", "uploads", "servers"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))

    with Catalog.open(tmp_path / "catalog.sqlite") as again, again.read() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)
        assert ["s"] == connection.scalars(sa.select(sequences.c.name)).all()


def test_newer_catalog(catalog, tmp_path):
    """A catalog of a newer version is refused, not changed."""
    with catalog.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="newer mosaico-ingest"):
        Catalog.open(tmp_path / "catalog.sqlite")


def test_failed_transaction_leaves_nothing(catalog):
    """What a block did before it failed is undone."""

    def fail():
        with catalog.write() as connection:
            connection.execute(sequences.insert(), ROW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with catalog.read() as connection:
        assert [] == connection.execute(sa.select(sequences)).all()


def test_durable_commits_wait_for_the_disk(catalog):
    """A durable transaction is written through, others are not."""
    for durable, expected in ((True, 2), (False, 1)):
        with catalog.write(durable=durable) as connection:
            assert expected == connection.scalar(sa.text("PRAGMA synchronous"))


def test_full_disk(catalog):
    """A catalog that cannot grow says that the store is full."""

    def fill():
        with catalog.write() as connection:
            connection.execute(sa.text("PRAGMA max_page_count = 1"))
            connection.execute(sequences.insert(), ROW | {"user_metadata": "x" * 1_000_000})

    with pytest.raises(StoreFullError, match="store is full"):
        fill()


def test_foreign_keys_hold(catalog):
    """A row without its parent is refused."""
    with pytest.raises(sa.exc.IntegrityError), catalog.write() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO sessions (sequence_id, uuid, ulid, created_at_ns) VALUES (7, 'u', 'l', 1)"
            )
        )
