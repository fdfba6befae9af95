"""A store and its catalog belong together, in SQLite or in PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from mosaico_ingest.errors import StoreError, StoreLockedError
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.pairing import catalog_url, open_catalog
from mosaico_ingest.server.postgres import admitted
from mosaico_ingest.server.service import MosaicoServer

pytestmark = [pytest.mark.folder, pytest.mark.usefixtures("sqlite_catalog")]


@pytest.fixture
def stored(tmp_path, postgres, connect, rows):
    """A store whose catalog is in PostgreSQL, with the topic `s/t`."""
    with MosaicoServer(tmp_path / "shared", catalog=postgres) as server:
        peer = connect(server.port)
        peer.store(rows([1, 2]))
        peer.close()
    return tmp_path / "shared"


def chunks(store):
    return sorted(path.name for path in (store / "chunks").rglob("*.parquet"))


def test_it_is_found_again(stored, postgres, monkeypatch, connect):
    """The store notes where its catalog is; the address comes from an argument or the environment."""
    monkeypatch.setenv("MOSAICO_CATALOG", postgres)
    with MosaicoServer(stored) as server:
        assert [1, 2] == connect(server.port).read()["timestamp_ns"].to_pylist()
    assert not (stored / "catalog.sqlite").exists()


def test_stores_of_one_database(stored, postgres, tmp_path, connect):
    """Stores in one database do not see each other."""
    with MosaicoServer(tmp_path / "other", catalog=postgres) as server:
        assert [] == connect(server.port).names()


def test_without_its_catalog(stored):
    """A store whose catalog is elsewhere is not served without it, and nothing is swept."""
    before = chunks(stored)
    with pytest.raises(StoreError, match="has its catalog in PostgreSQL"):
        MosaicoServer(stored)

    assert before == chunks(stored) != []


def test_in_another_database(stored, postgres):
    """A database that does not have the catalog of a store is refused, and nothing is swept."""
    url = catalog_url(postgres)
    with admitted(url) as connection:
        connection.execute(sa.text("CREATE DATABASE another"))
    another = url.set(database="another").render_as_string(hide_password=False)
    before = chunks(stored)
    with pytest.raises(StoreError, match=r"is not in '.*/another': it has no schema"):
        MosaicoServer(stored, catalog=another)

    assert before == chunks(stored) != []


def test_store_with_sqlite(tmp_path, postgres):
    """A store with a catalog in SQLite keeps it."""
    MosaicoServer(tmp_path / "store").close()

    with pytest.raises(StoreError, match="of its own, in SQLite"):
        MosaicoServer(tmp_path / "store", catalog=postgres)


def test_note_that_is_broken(stored, postgres):
    """A note that makes no sense is told, not guessed at."""
    (stored / "catalog.json").write_text('{"schema": "x; DROP SCHEMA public"}')

    with pytest.raises(StoreError, match="cannot be read"):
        MosaicoServer(stored, catalog=postgres)


def test_many_open_a_new_store(tmp_path, postgres):
    """Servers that start on an empty store at once agree on its catalog."""

    def start(_):
        with (
            FolderStore(tmp_path / "store", shared=True) as store,
            closing(open_catalog(store, catalog_url(postgres))) as catalog,
        ):
            return repr(catalog)

    with ThreadPoolExecutor(4) as pool:
        assert 1 == len(set(pool.map(start, range(4))))


def test_shared_and_alone(tmp_path, postgres):
    """Servers with one catalog share a store; one with a catalog of its own has it alone."""
    shared = [MosaicoServer(tmp_path / "store", catalog=postgres) for _ in range(2)]
    with pytest.raises(StoreLockedError):
        FolderStore(tmp_path / "store")
    for server in shared:
        server.close()
    with FolderStore(tmp_path / "store"), pytest.raises(StoreLockedError):
        MosaicoServer(tmp_path / "store", catalog=postgres)
