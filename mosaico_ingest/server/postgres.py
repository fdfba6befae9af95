"""
PostgreSQL as the catalog's database: how it is reached, and its errors in words for people.

Each store has a schema of its own, so one database may hold the catalogs of many.

Must not know: tables, stores. Next: `catalog`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from mosaico_ingest.errors import StoreError, UsageError

__all__ = ["admitted", "describe", "open_engine", "parse_url"]

_OPENING_KEY = 0x6D6F_7361_6963_6F01
"""The advisory lock of those who open a catalog, one per database."""

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_CONNECT_S = 10
_CONNECTIONS, _MORE_CONNECTIONS = 4, 12
"""How many connections a server keeps, and how many it adds when calls pile up."""


def parse_url(text: str) -> sa.URL:
    """
    Read the address of a database.

    Raises:
        UsageError: It is none of PostgreSQL, or its driver is not installed.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _SCHEMES or not url.database:
        # The text is not repeated: it may hold a password.
        scheme = text.partition("://")[0] if "://" in text else "no scheme"
        msg = (
            f"Cannot use the catalog: its address, which begins with {scheme!r}, cannot be read. "
            "Expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
        if url is not None and url.drivername in _SCHEMES:
            msg = (
                f"Cannot use the catalog {describe(url)!r}: it names no database. "
                "Expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
            )
        raise UsageError(msg)
    _check_driver()
    return url.set(drivername="postgresql+psycopg")


def describe(url: sa.URL) -> str:
    """Return *url* as it may be shown: no password, nor options, which may hold one."""
    shown = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return shown.render_as_string()


def open_engine(url: sa.URL, schema: str) -> sa.Engine:
    """Return an engine whose connections look into *schema*; none is opened yet."""
    engine = sa.create_engine(
        url,
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        connect_args={} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_S},
    )

    def prepare(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(_settings(schema))
        cursor.close()
        connection.commit()

    sa.event.listen(engine, "connect", prepare)
    return engine


def _settings(schema: str) -> str:
    """
    Return the statements that every connection begins with.

    Commits are in order, but only durable ones wait for the disk; see `Catalog.write`. A server that stops
    in the middle of a transaction, frozen or cut off, holds its locks for a minute at most.
    """
    return (
        f"SET search_path = {schema}; "
        "SET synchronous_commit = off; "
        "SET idle_in_transaction_session_timeout = '60s'"
    )


@contextmanager
def admitted(url: sa.URL) -> Iterator[sa.Connection]:
    """
    Give a connection while nobody else opens a catalog in the database.

    Raises:
        StoreError: The database cannot be reached, or does not let us in.
    """
    engine = sa.create_engine(
        url,
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_S},
    )
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_OPENING_KEY)))
            yield connection
    except sa.exc.OperationalError as err:
        raise _refusal(url, str(err.orig)) from err


def _check_driver() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as err:  # it, or the library below it
        msg = (
            f"A catalog in PostgreSQL needs psycopg: {str(err).partition(chr(10))[0]}. "
            "Install it: pip install 'mosaico-ingest[postgres]'."
        )
        raise UsageError(msg) from err


def _refusal(url: sa.URL, told: str) -> StoreError:
    reason = _first_reason(told)
    if "password" in reason or "authentication" in reason:
        advice = "Check its user and password; PGPASSWORD or ~/.pgpass may hold the latter."
    elif "does not exist" in reason:
        advice = (
            "Create it first: the tables are made by the server, the database and its user are not."
        )
    else:
        advice = "Check that PostgreSQL runs there and can be reached from here."
    msg = f"Cannot open the catalog {describe(url)!r}: {reason}. {advice}"
    return StoreError(msg)


def _first_reason(told: str) -> str:
    """Return what is said about the last host that was tried, in one line."""
    lines = [line.strip(" -\t") for line in told.splitlines() if line.strip()]
    known = [line for line in lines if "failed" in line or "FATAL" in line or "timeout" in line]
    reason = (known or lines or ["no reason was given"])[-1]
    return reason.rpartition("FATAL: ")[2].strip().rstrip(".")
