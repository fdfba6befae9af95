"""
The servers of one catalog: each shows that it lives, and finds out which of the others do not.

A server has a row with a counter that it moves. One whose counter stands still over several looks of another
is taken for dead, and its row removed; with the row goes its claim on the uploads it was taking, so one that
was only frozen cannot complete them any more. Looks are counted, not seconds: clocks need not agree, and
while the database is away nobody dies. A lock of the database would be found free at once, but servers that
live lose theirs when it restarts.

Must not know: uploads, files. Next: `recovery`.
"""

import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

import attrs
import sqlalchemy as sa

from mosaico_ingest.errors import MosaicoError
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import Row
from mosaico_ingest.server.tables import servers

__all__ = ["BEAT_S", "Presence", "find_living"]

BEAT_S = 5.0
"""How often a server moves its counter, and looks at those of the others."""

_PATIENCE = 6  # looks that see a counter stand still

_log = logging.getLogger(__name__)


@attrs.frozen
class _Seen:
    beats: int
    still: int


class Presence:
    """
    One server among those of its catalog.

    Args:
        catalog: One that is not shared has no other server that lives.

    Thread: `beat` one at a time, the rest any.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen: dict[int, _Seen] = {}
        with catalog.write() as connection:
            if not catalog.is_shared:
                connection.execute(servers.delete())
            self._id = _register(connection)

    def __repr__(self) -> str:
        return f"<Presence {self._id}>"

    @property
    def id(self) -> int:
        """The row of this server; another one after it was taken for dead."""
        return self._id

    def beat(self) -> bool:
        """Show life and look at the others; tells whether any was found dead."""
        with self._catalog.write() as connection:
            mine = servers.c.id == self._id
            moved = connection.execute(
                servers.update().where(mine).values(beats=servers.c.beats + 1)
            )
            known = self._id if moved.rowcount else _register(connection)
            rows = connection.execute(sa.select(servers).where(servers.c.id != known)).all()
        if known != self._id:
            _log.warning("This server was taken for dead; uploads it was taking are refused.")
            self._id = known
        dead = self._judge(rows)
        for row in dead:
            # Unless it moved since: then it lives.
            same = sa.and_(servers.c.id == row.id, servers.c.beats == row.beats)
            with self._catalog.write(durable=True) as connection:
                if connection.execute(servers.delete().where(same)).rowcount:
                    _log.warning("The server %s is gone; what it left is cleaned up.", row.name)
        return bool(dead)

    def leave(self) -> None:
        """Say that this server ends; the others find out by themselves where that fails."""
        with suppress(MosaicoError), self._catalog.write() as connection:
            connection.execute(servers.delete().where(servers.c.id == self._id))

    def _judge(self, rows: Sequence[Row]) -> list[Row]:
        before, self._seen = self._seen, {}
        for row in rows:
            last = before.get(row.id)
            still = last.still + 1 if last and last.beats == row.beats else 0
            self._seen[row.id] = _Seen(row.beats, still)
        return [row for row in rows if self._seen[row.id].still >= _PATIENCE]


def find_living(connection: sa.Connection, schema: str) -> str | None:
    """
    Watch the servers of the catalog in *schema* of PostgreSQL until one shows that it lives.

    Returns:
        The name of that one; None once all are gone, or stood still for so long that they are dead.
    """
    if not sa.inspect(connection).has_table(servers.name, schema):
        return None
    where = {"schema_translate_map": {None: schema}}
    first: dict[int, int] | None = None
    ends = time.monotonic() + BEAT_S * _PATIENCE
    while time.monotonic() < ends:
        rows = connection.execute(sa.select(servers), execution_options=where).all()
        if first is None:
            first = {row.id: row.beats for row in rows}
            if rows:
                _log.warning("Looking whether %s still lives.", ", ".join(r.name for r in rows))
        if not rows:
            return None
        for row in rows:
            if first.get(row.id) != row.beats:
                return str(row.name)
        time.sleep(BEAT_S / 10)
    return None


def _register(connection: sa.Connection) -> int:
    row = {"name": f"{os.getpid()} on {socket.gethostname()}", "beats": 0}
    key = connection.execute(servers.insert(), row).inserted_primary_key
    assert key is not None
    return int(key[0])
