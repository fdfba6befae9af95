"""
The catalog: opens the database, brings its tables up to date, hands out transactions.

Must not know: what the rows mean, where chunks lie. Next: `tables`, then `store`.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from mosaico_ingest.errors import (
    InvalidRequestError,
    MosaicoError,
    StoreError,
    StoreFullError,
    UnreachableError,
)
from mosaico_ingest.server.postgres import describe, open_engine

__all__ = ["REVISION", "Catalog"]

_log = logging.getLogger(__name__)

REVISION = "0004"
"""The newest migration; a catalog that has it is opened without importing alembic."""


class Catalog:
    """
    The database of one store.

    On SQLite writers take turns, so that a transaction never has to start over. On PostgreSQL several servers
    may share it, and the writers of one sequence take turns: `lookup.claim`. Readers see the last commit.

    Args:
        url: SQLAlchemy URL of the database.
        schema: Where the tables are in a database of PostgreSQL; made if missing.

    Raises:
        StoreError: It cannot be opened, or was written by a newer version.

    Thread: any.
    """

    def __init__(self, url: sa.URL, schema: str = "") -> None:
        self.is_shared = bool(schema)
        self._name = describe(url) if schema else str(url.database)
        self._schema = schema
        self._engine = open_engine(url, schema) if schema else _open_sqlite(url)
        self._readers = self._engine
        self._turns: nullcontext[None] | threading.Lock = threading.Lock()
        if self.is_shared:
            self._turns = nullcontext()
            self._readers = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        try:
            self._migrate()
        except sa.exc.DatabaseError as err:
            self.close()
            msg = (
                f"Cannot open the catalog {self._name!r}: {_first_line(err)}. "
                "Expected a database of mosaico-ingest; use another store or restore the file."
            )
            raise StoreError(msg) from err
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the SQLite file at *path*, creating it if missing; see the class."""
        return cls(sa.URL.create("sqlite", database=str(path)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"<Catalog {self._name} {self._schema}>" if self._schema else f"<Catalog {self._name}>"
        )

    def close(self) -> None:
        """Close every connection; may be called twice."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """
        Give one consistent view of the catalog.

        Raises:
            UnreachableError: The database does not answer.
        """
        with _told(), self._readers.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sa.Connection]:
        """
        Give a transaction that commits when the block ends well.

        Args:
            durable: Whether it, and all before it, must survive a power cut when the block is left.

        Raises:
            StoreFullError: No space is left for it.
            UnreachableError: The database does not answer, or gave the transaction up.
        """
        with _told(), self._turns, self._engine.connect() as connection:
            if not self.is_shared:
                # SQLite keeps commits in order either way, and is told outside of a transaction.
                raw = connection.connection.driver_connection
                assert raw is not None
                raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            with connection.begin():
                if self.is_shared and durable:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO DEFAULT")
                yield connection

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            found = None
            if sa.inspect(connection).has_table("alembic_version"):
                found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        if found == REVISION:
            return
        if found is not None and found > REVISION:
            msg = (
                f"The catalog has revision {found!r}, this version knows {REVISION!r}. "
                "It was written by a newer mosaico-ingest; use that one."
            )
            raise StoreError(msg)
        _upgrade(self._engine, self._schema)


def _upgrade(engine: sa.Engine, schema: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if schema:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _told() -> Iterator[None]:
    """Raise what a client may see in the place of what the database says about space, links and NUL."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.TimeoutError, sa.exc.DataError) as err:
        told = _translate(err)
        if told is None:
            raise
        raise told from err


def _translate(err: sa.exc.SQLAlchemyError) -> MosaicoError | None:
    orig = getattr(err, "orig", None)
    state = getattr(orig, "sqlstate", None) or ""
    if state == "53100" or "is full" in str(orig):
        msg = "The store is full: the catalog cannot grow. Free some space and try again."
        return StoreFullError(msg)
    if isinstance(err, sa.exc.DataError):
        if "NUL" not in str(orig):
            return None
        msg = "The catalog of this server cannot hold the character NUL (U+0000); leave it out."
        return InvalidRequestError(msg)
    if isinstance(orig, sqlite3.Error):
        return None
    _log.warning("The catalog does not answer: %s.", _first_line(err))
    return UnreachableError("The catalog of the server does not answer; try again.")


def _first_line(err: sa.exc.SQLAlchemyError) -> str:
    return str(getattr(err, "orig", None) or err).partition("\n")[0].rstrip(".")


def _open_sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
