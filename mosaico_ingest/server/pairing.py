"""
Which catalog a store has: a SQLite file in its folder, or a schema in a database of PostgreSQL.

A store never gets another catalog than its own: chunks that a catalog does not name are swept as what a
crash left. So the store notes the schema, whose name is random, and where there is none it must be empty.

Must not know: what is served. Next: `catalog`.
"""

import json
import os
import tempfile
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from mosaico_ingest.errors import StoreError
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.postgres import admitted, describe, parse_url
from mosaico_ingest.server.rebuild import Rebuilt, rebuild
from mosaico_ingest.server.runner import CATALOG_VARIABLE
from mosaico_ingest.server.store import Store

__all__ = ["catalog_url", "open_catalog", "rebuild_catalog"]


def catalog_url(text: str | None) -> sa.URL | None:
    """
    Read the address of a catalog: *text*, else that in the environment; None is SQLite in the store.

    Raises:
        UsageError: It cannot be used.
    """
    chosen = os.environ.get(CATALOG_VARIABLE) if text is None else text
    return parse_url(chosen) if chosen else None


def open_catalog(store: Store, url: sa.URL | None) -> Catalog:
    """
    Open the catalog of *store*, made if both are new.

    Raises:
        StoreError: It cannot be opened, or the store has another one.
    """
    if url is not None:
        return _open_shared(store, url)
    if store.read_mark() is not None:
        msg = (
            f"The store {str(store.root)!r} has its catalog in PostgreSQL. "
            f"Name it: --catalog postgresql://USER@HOST/DATABASE, or {CATALOG_VARIABLE} in the environment."
        )
        raise StoreError(msg)
    if not store.is_empty() and not _is_file(store.catalog_path):
        msg = (
            f"The store {str(store.root)!r} holds chunks, but its catalog is gone. "
            f"Restore {store.catalog_path.name!r}, or make it anew: mosaico-ingest serve --rebuild."
        )
        raise StoreError(msg)
    return Catalog.open(store.catalog_path)


def rebuild_catalog(store: Store, url: sa.URL | None) -> Rebuilt:
    """
    Give *store* a new catalog, made from what lies in it; the old one is kept, but not used any more.

    Raises:
        StoreError: The new catalog cannot be made; the store is as it was then, but for what was set aside.
    """
    if url is not None:
        with admitted(url):
            schema = _new_schema()
            with Catalog(url, schema) as catalog:
                told = rebuild(catalog, store)
            store.write_mark(_mark_of(schema))
        return told
    path = store.catalog_path
    with tempfile.TemporaryDirectory(dir=store.root, prefix="rebuild-") as folder:
        fresh = Path(folder) / path.name
        with Catalog.open(fresh) as catalog:
            told = rebuild(catalog, store)
        store.replace_catalog(fresh)
    return told


def _is_file(path: Path) -> bool:
    """Tell whether there is more than an empty file, which SQLite takes for a new database."""
    return path.exists() and path.stat().st_size > 0


def _open_shared(store: Store, url: sa.URL) -> Catalog:
    with admitted(url) as connection:
        mark = store.read_mark()
        if mark is not None:
            schema = _schema_in(mark)
            if not sa.inspect(connection).has_schema(schema):
                msg = (
                    f"The catalog of the store {str(store.root)!r} is not in {describe(url)!r}: "
                    f"it has no schema {schema!r}. Name the database that has it."
                )
                raise StoreError(msg)
            return Catalog(url, schema)
        if store.catalog_path.exists() or not store.is_empty():
            msg = (
                f"The store {str(store.root)!r} has a catalog of its own, in SQLite. "
                "Leave --catalog out, or use an empty store."
            )
            raise StoreError(msg)
        schema = _new_schema()
        catalog = Catalog(url, schema)
        store.write_mark(_mark_of(schema))
        return catalog


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
