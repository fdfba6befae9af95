"""
Which store is opened, and which catalog it has: a SQLite file, or a schema in a database of PostgreSQL.

A store never gets another catalog than its own: chunks that a catalog does not name are swept as what a
crash left. So a store whose catalog is not in its folder notes which it is, the schema, whose name is random,
or a random number in the SQLite file; where there is no note it must be empty.

Must not know: what is served. Next: `catalog`.
"""

import json
import os
import secrets
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from mosaico_ingest.errors import StoreError, StoreLockedError, UsageError
from mosaico_ingest.server.addresses import is_bucket
from mosaico_ingest.server.bucket import BucketStore
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.folder import FolderStore
from mosaico_ingest.server.postgres import admitted, describe, parse_url
from mosaico_ingest.server.presence import find_living
from mosaico_ingest.server.rebuild import Rebuilt, rebuild
from mosaico_ingest.server.runner import CATALOG_VARIABLE
from mosaico_ingest.server.store import Store

__all__ = ["catalog_url", "open_catalog", "open_store", "rebuild_catalog"]

_SQLITE = "sqlite:///"


def catalog_url(text: str | None) -> sa.URL | None:
    """
    Read the address of a catalog: *text*, else that in the environment; None is SQLite in the store.

    Raises:
        UsageError: It cannot be used.
    """
    chosen = os.environ.get(CATALOG_VARIABLE) if text is None else text
    if chosen and chosen.startswith(_SQLITE) and chosen != _SQLITE:
        path = Path(chosen.removeprefix(_SQLITE)).absolute()
        return sa.URL.create("sqlite", database=str(path))
    return parse_url(chosen) if chosen else None


def open_store(place: str | Path, url: sa.URL | None, *, alone: bool = False) -> Store:
    """
    Open the store at *place*, whose catalog is at *url*.

    Args:
        alone: Whether no other server may serve it, even of a catalog that can be shared.

    Raises:
        UsageError: The two do not go together.
        StoreError: It cannot be used; `StoreLockedError` if another server holds it.
    """
    path = _path_of(url)
    if not (isinstance(place, str) and is_bucket(place)):
        if path is not None:
            msg = (
                f"The catalog {str(path)!r} is of no use to a store in a folder, which has its own. "
                "Leave --catalog out, or name a store in a bucket: --store s3://BUCKET/PREFIX."
            )
            raise UsageError(msg)
        return FolderStore(Path(place), shared=url is not None and not alone)
    if url is None:
        msg = (
            "A store in a bucket has its catalog elsewhere. Name it: --catalog sqlite:///PATH for one "
            "server, --catalog postgresql://USER@HOST/DATABASE for several."
        )
        raise UsageError(msg)
    store = BucketStore(place)
    if path is not None:
        try:
            is_held = store.hold(path.with_name(path.name + ".lock"))
        except OSError as err:
            store.close()
            msg = f"Cannot use the catalog {str(path)!r}: {err.strerror}. Expected a path in a folder."
            raise StoreError(msg) from err
        if not is_held:
            store.close()
            msg = f"The catalog {str(path)!r} is held by another server. Stop that one, or use PostgreSQL."
            raise StoreLockedError(msg)
    return store


def open_catalog(store: Store, url: sa.URL | None) -> Catalog:
    """
    Open the catalog of *store*, made if both are new.

    Raises:
        StoreError: It cannot be opened, or the store has another one.
    """
    path = _path_of(url)
    if path is not None:
        return _open_noted(store, path)
    if url is not None:
        return _open_shared(store, url)
    own = store.catalog_path
    assert own is not None
    if store.read_mark() is not None:
        msg = (
            f"The store {store.name!r} has its catalog in PostgreSQL. "
            f"Name it: --catalog postgresql://USER@HOST/DATABASE, or {CATALOG_VARIABLE} in the environment."
        )
        raise StoreError(msg)
    if not store.is_empty() and not _is_file(own):
        msg = (
            f"The store {store.name!r} holds chunks, but its catalog is gone. "
            f"Restore {own.name!r}, or make it anew: mosaico-ingest serve --rebuild."
        )
        raise StoreError(msg)
    return Catalog.open(own)


def rebuild_catalog(store: Store, url: sa.URL | None) -> Rebuilt:
    """
    Give *store* a new catalog, made from what lies in it; the old one is kept, but not used any more.

    Raises:
        StoreLockedError: Another server of the old catalog, in PostgreSQL, is alive.
        StoreError: The new catalog cannot be made; the store is as it was then, but for what was set aside.
    """
    path = _path_of(url)
    if url is not None and path is None:
        with admitted(url) as connection:
            mark = store.read_mark()
            if mark is not None:
                _refuse_if_served(connection, store, mark)
            schema = _new_schema()
            with Catalog(url, schema) as catalog:
                told = rebuild(catalog, store)
            store.write_mark(_mark_of(schema))
        return told
    target = path or store.catalog_path
    assert target is not None
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="rebuild-") as folder:
        fresh = Path(folder) / target.name
        with Catalog.open(fresh) as catalog:
            told = rebuild(catalog, store)
        number = _give_number(fresh)
        _replace(target, fresh)
    if path is not None:
        store.write_mark(_mark_of(number))
    else:
        store.remove_mark()
    return told


def _refuse_if_served(connection: sa.Connection, store: Store, mark: bytes) -> None:
    """Raise where a server of the catalog that a store notes lives: it would go on with that one."""
    try:
        schema = _schema_in(mark)
    except StoreError:  # as good as none
        return
    name = find_living(connection, schema)
    if name is not None:
        msg = f"The store {store.name!r} is being served by process {name}. Stop all its servers first."
        raise StoreLockedError(msg)


def _path_of(url: sa.URL | None) -> Path | None:
    """Return the file of a catalog in SQLite that is named; None for any other."""
    if url is None or url.drivername != "sqlite":
        return None
    return Path(str(url.database))


def _is_file(path: Path) -> bool:
    """Tell whether there is more than an empty file, which SQLite takes for a new database."""
    return path.exists() and path.stat().st_size > 0


def _open_noted(store: Store, path: Path) -> Catalog:
    """Open the SQLite file of a store that notes its number."""
    mark = store.read_mark()
    if mark is None and store.is_empty() and not _is_file(path):
        catalog = Catalog.open(path)
        store.write_mark(_mark_of(_give_number(path)))
        return catalog
    if mark is None or not _is_file(path) or _schema_in(mark) != _number_of(path):
        msg = (
            f"The file {str(path)!r} is not the catalog of the store {store.name!r}. "
            "Name that one, or make it anew: mosaico-ingest serve --rebuild."
        )
        raise StoreError(msg)
    return Catalog.open(path)


def _give_number(path: Path) -> str:
    """Mark a SQLite file so that a store can know it again."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {1 + secrets.randbelow(2**31 - 1)}")
    return _number_of(path)


def _number_of(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path)) as connection:
            (number,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as err:
        msg = (
            f"Cannot open the catalog {str(path)!r}: {err}. Expected a database of mosaico-ingest."
        )
        raise StoreError(msg) from err
    return f"sqlite_{number}"


def _replace(path: Path, fresh: Path) -> None:
    """Let *fresh*, a closed SQLite file, be at *path*; the file that is there is kept beside it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.stem}-{stamp}{path.suffix}")
    while kept.exists():
        kept = kept.with_name(f"{kept.stem}-again{kept.suffix}")
    for tail in ("", "-wal", "-shm"):  # SQLite looks for these beside the file, by its name
        old = path.with_name(path.name + tail)
        if old.exists():
            old.rename(kept.with_name(kept.name + tail))
    fresh.rename(path)
    for written in (path, path.parent):
        descriptor = os.open(written, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _open_shared(store: Store, url: sa.URL) -> Catalog:
    with admitted(url) as connection:
        mark = store.read_mark()
        if mark is not None:
            schema = _schema_in(mark)
            if not sa.inspect(connection).has_schema(schema):
                msg = (
                    f"The catalog of the store {store.name!r} is not in {describe(url)!r}: "
                    f"it has no schema {schema!r}. Name the database that has it."
                )
                raise StoreError(msg)
            return Catalog(url, schema)
        if _has_own(store) or not store.is_empty():
            msg = (
                f"The store {store.name!r} has a catalog of its own, in SQLite. "
                "Leave --catalog out, or use an empty store."
            )
            raise StoreError(msg)
        schema = _new_schema()
        catalog = Catalog(url, schema)
        store.write_mark(_mark_of(schema))
        return catalog


def _has_own(store: Store) -> bool:
    return store.catalog_path is not None and store.catalog_path.exists()


def _new_schema() -> str:
    return f"mosaico_{uuid4().hex}"


def _mark_of(schema: str) -> bytes:
    return json.dumps({"schema": schema}).encode()


def _schema_in(mark: bytes) -> str:
    """Return the schema that a store notes, a plain word."""
    try:
        schema = str(json.loads(mark)["schema"])
    except (ValueError, TypeError, KeyError):
        schema = ""
    if not schema.isidentifier() or not schema.isascii():
        msg = "The store's note of its catalog, 'catalog.json', cannot be read. Restore it."
        raise StoreError(msg)
    return schema
