"""
The catalog: opens the database, brings its tables up to date, hands out transactions.

Must not know: what the rows mean, where chunks lie. Next: `tables`, then `store`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from mosaico_ingest.errors import StoreError, StoreFullError

__all__ = ["REVISION", "Catalog"]

REVISION = "0003"
"""The newest migration; a catalog that has it is opened without importing alembic."""


class Catalog:
    """
    The database of one store.

    Writers take turns, so that a transaction never has to start over; readers see the last commit.

    Args:
        url: SQLAlchemy URL of the database.

    Raises:
        StoreError: It cannot be opened, or was written by a newer version.

    Thread: any.
    """

    def __init__(self, url: sa.URL) -> None:
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        self._writing = threading.Lock()  # guards the one write transaction
        try:
            self._migrate()
        except sa.exc.DatabaseError as err:
            self.close()
            msg = (
                f"Cannot open the catalog {self._engine.url.render_as_string()!r}: {err.orig}. "
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
        return f"<Catalog {self._engine.url.render_as_string()}>"

    def close(self) -> None:
        """Close every connection; may be called twice."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give one consistent view of the catalog."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sa.Connection]:
        """
        Give a transaction that commits when the block ends well.

        Args:
            durable: Whether it, and all before it, must survive a power cut when the block is left.

        Raises:
            StoreFullError: No space is left for it.
        """
        try:
            with self._writing, self._engine.connect() as connection:
                self._set_durable(connection, durable)
                with connection.begin():
                    yield connection
        except sa.exc.OperationalError as err:
            if "full" in str(err.orig):
                msg = "The store is full: the catalog cannot grow. Free some space and try again."
                raise StoreFullError(msg) from err
            raise

    def _set_durable(self, connection: sa.Connection, durable: bool) -> None:
        """Let the commit wait for the disk or not: SQLite keeps commits in order either way."""
        if connection.dialect.name == "sqlite":
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")

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
        _upgrade(self._engine)


def _upgrade(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
