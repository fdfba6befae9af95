"""PostgreSQL as the catalog: its address, what is said when it does not work, its transactions."""

import sys

import pyarrow as pa
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mosaico_ingest.cli import main
from mosaico_ingest.errors import InvalidRequestError, StoreError, UnreachableError, UsageError
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.postgres import admitted, describe, parse_url
from mosaico_ingest.server.service import MosaicoServer
from mosaico_ingest.server.tables import metadata, sequences

SECRET = "s3cr3t"
ROW = {"name": "s", "user_metadata": "{}", "created_at_ns": 1}


@pytest.fixture
def catalog(postgres):
    """Give an empty catalog in PostgreSQL; its schema goes at the end."""
    with Catalog(parse_url(postgres), "tested") as catalog:
        yield catalog
        with catalog.write() as connection:
            connection.execute(sa.schema.DropSchema("tested", cascade=True))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"mysql://u:{SECRET}@host/db", "begins with 'mysql'"),
        (f"u:{SECRET}@host/db", "begins with 'no scheme'"),
        (f"postgresql://u:{SECRET}@host", "'postgresql://u@host': it names no database"),
        (f"postgresql://u:{SECRET}@host:port/db", "Expected postgresql://"),
    ],
)
def test_address_is_refused(address, told):
    """What is no address of a database of PostgreSQL is refused, and no password is repeated."""
    pytest.importorskip("psycopg")
    with pytest.raises(UsageError) as caught:
        parse_url(address)

    assert (True, False) == (told in str(caught.value), SECRET in str(caught.value))


def test_driver_is_missing(monkeypatch):
    """Without its driver the message names what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(UsageError, match=r"pip install 'mosaico-ingest\[postgres\]'"):
        parse_url("postgresql://u@host/db")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"port": 1}, "Connection refused. Check that PostgreSQL runs there"),
        ({"host": "nowhere.invalid"}, "nowhere.invalid"),
        ({"password": SECRET}, 'password authentication failed for user "tester". Check its user'),
        ({"database": "other"}, 'database "other" does not exist. Create it first'),
    ],
    ids=["port", "host", "password", "database"],
)
def test_nobody_lets_us_in(postgres, tmp_path, change, told):
    """One line says which part of the address is wrong, never its password."""
    url = parse_url(postgres).set(**change)
    with pytest.raises(StoreError) as caught:
        MosaicoServer(tmp_path / "store", catalog=url.render_as_string(hide_password=False))

    message = str(caught.value)
    assert describe(url) in message
    assert told in message
    assert "\n" not in message
    assert url.password not in message


def test_command_line(postgres, tmp_path, capsys):
    """`serve` ends with a line on stderr and no traceback where the catalog cannot be opened."""
    url = parse_url(postgres).set(password=SECRET).render_as_string(hide_password=False)
    code = main(["serve", "--store", str(tmp_path / "store"), "--catalog", url])
    told = capsys.readouterr()

    assert (1, "") == (code, told.out)
    assert "password authentication failed" in told.err
    assert ("Traceback" in told.err, SECRET in told.err) == (False, False)


def test_migrations_end_at_the_tables(catalog):
    """The tables that the migrations make are those that the code speaks of."""
    with catalog.read() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)


def test_password_is_not_shown(catalog, postgres):
    """What is printed of a catalog has its user, not its password."""
    password = parse_url(postgres).password

    assert ("tester" in repr(catalog), password in repr(catalog)) == (True, False)


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


def test_readers_see_one_state(catalog):
    """A reader sees what was there when it began, whatever is committed meanwhile."""
    count = sa.select(sa.func.count()).select_from(sequences)
    with catalog.read() as reader:
        before = reader.scalar(count)
        with catalog.write() as writer:
            writer.execute(sequences.insert(), ROW)
        meanwhile = reader.scalar(count)
    with catalog.read() as reader:
        assert (0, 0, 1) == (before, meanwhile, reader.scalar(count))


def test_durable_commits_wait_for_the_disk(catalog):
    """A durable transaction is written through as the database is told to, others are not."""
    for durable, expected in ((True, "on"), (False, "off")):
        with catalog.write(durable=durable) as connection:
            assert expected == connection.scalar(sa.text("SHOW synchronous_commit"))


def test_nul(catalog):
    """The one character that PostgreSQL cannot hold is refused with a sentence."""
    with pytest.raises(InvalidRequestError, match="NUL"), catalog.write() as connection:
        connection.execute(sequences.insert(), ROW | {"name": "a\0b"})


def test_connections_that_were_cut(catalog, postgres):
    """After the database dropped every connection one call fails, as one that may be tried again."""
    count = sa.select(sa.func.count()).select_from(sequences)
    with catalog.read() as connection:
        connection.scalar(count)
    others = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
    )
    with admitted(parse_url(postgres)) as connection:
        connection.execute(others)

    with pytest.raises(UnreachableError, match="try again"), catalog.read() as connection:
        connection.scalar(count)
    with catalog.read() as connection:
        assert 0 == connection.scalar(count)


def test_text_with_nul_in_rows_is_stored(postgres, tmp_path, connect):
    """Rows may hold what the catalog cannot: their bounds are just not known."""
    schema = pa.schema([("timestamp_ns", pa.int64()), ("data", pa.string())])
    batch = pa.record_batch([pa.array([1, 2]), pa.array(["a\0", "b"])], schema=schema)
    with MosaicoServer(tmp_path / "store", catalog=postgres) as server:
        peer = connect(server.port)
        peer.store(batch, schema=schema)
        asked = {"floating64.data": {"$eq": "b"}}

        assert ["a\0", "b"] == peer.read()["data"].to_pylist()
        assert 1 == len(peer.act("query", ontology=asked)["items"])
        peer.close()
