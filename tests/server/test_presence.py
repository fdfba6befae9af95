"""Servers of one catalog: who lives, who is taken for dead, and what that means for what they were doing."""

import numpy as np
import pytest
import sqlalchemy as sa

from mosaico_ingest.server import presence as presence_module
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.postgres import parse_url
from mosaico_ingest.server.presence import Presence
from mosaico_ingest.server.recovery import recover
from mosaico_ingest.server.service import MosaicoServer
from mosaico_ingest.server.tables import servers


@pytest.fixture
def catalog(postgres):
    """Give an empty catalog that is shared; its schema goes at the end."""
    with Catalog(parse_url(postgres), "presence") as catalog:
        yield catalog
        with catalog.write() as connection:
            connection.execute(sa.schema.DropSchema("presence", cascade=True))


@pytest.fixture
def two(place, postgres):
    """Give two servers of one catalog and store that only beat when they are told to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presence_module, "BEAT_S", 3600)
        one = MosaicoServer(place, catalog=postgres)
        other = MosaicoServer(place, catalog=postgres)
        yield one, other
        other.close()
        one.close()


def known(catalog):
    with catalog.read() as connection:
        return set(connection.scalars(sa.select(servers.c.id)))


def test_living_servers_stay(catalog):
    """Servers that move their counters are left alone, however often they look."""
    one, other = Presence(catalog), Presence(catalog)
    found = [server.beat() for _ in range(10) for server in (one, other)]

    assert ({False}, {one.id, other.id}) == (set(found), known(catalog))


def test_dead_server_is_found(catalog):
    """A server that stands still over several looks is taken for dead, once."""
    one, other = Presence(catalog), Presence(catalog)
    found = [one.beat() for _ in range(10)]

    assert [False] * 6 + [True] + [False] * 3 == found
    assert {one.id} == known(catalog) != {other.id}


def test_frozen_server_comes_back_as_another(catalog):
    """A server that was taken for dead goes on under a new id."""
    one, other = Presence(catalog), Presence(catalog)
    before = other.id
    while not one.beat():
        pass
    other.beat()

    assert (True, {one.id, other.id}) == (before != other.id, known(catalog))


def test_server_that_leaves(catalog):
    """A server that ends well leaves no row."""
    one, other = Presence(catalog), Presence(catalog)
    one.leave()

    assert {other.id} == known(catalog)


def test_alone(tmp_path):
    """Where a catalog has one server at a time, the one that starts has outlived all others."""
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        first, second = Presence(catalog), Presence(catalog)

        assert ({second.id}, True) == (known(catalog), first.id != second.id)


def parts(server):
    return sorted(path.name for path in (server.store / "chunks").rglob("*.part"))


def begin(peer, rows, locator):
    """Open an upload and wait until its first file is there."""
    session = peer.session()
    writer = peer.open(peer.topic(session, locator), locator)
    for step in range(40):  # enough for a row group: 16 MiB
        writer.write_batch(rows(np.arange(step * 30_000, (step + 1) * 30_000)))
    return session, writer


@pytest.mark.folder
def test_uploads_of_living_servers_are_not_touched(two, connect, rows, postgres):
    """Cleaning up spares what another living server is writing, and what is nobody's goes."""
    one, other = two
    peer = connect(other.port)
    session, writer = begin(peer, rows, "s/t")
    while not parts(other):
        pass
    stray = other.store / "chunks" / session / "x-00000.parquet.part"
    stray.write_bytes(b"half")
    recover(one._catalog, one._store)
    assert (1, False) == (len(parts(other)), stray.exists())
    writer.close()
    peer.act("session_finalize", session_uuid=session)

    assert 1_200_000 == connect(one.port).read().num_rows


def test_late_end_of_an_upload(two, connect, rows):
    """An upload that ends after its server was taken for dead is refused, also with nothing swept yet."""
    one, other = two
    peer = connect(other.port)
    session = peer.session()
    writer = peer.open(peer.topic(session))
    writer.write_batch(rows([1]))
    peer.await_upload(session)
    while not one._presence.beat():
        pass

    kind, message = peer.refusal(writer.close)

    assert ("PreconditionError", True) == (kind, "taken for dead" in message)
    assert [] == list(other._store.names())


@pytest.mark.folder
def test_upload_of_a_server_that_was_taken_for_dead(two, connect, rows):
    """A server that was frozen cannot complete what it was taking; what it takes afterwards it can."""
    one, other = two
    peer = connect(other.port)
    session, writer = begin(peer, rows, "s/t")
    while not parts(other):
        pass
    while not one._presence.beat():
        pass
    recover(one._catalog, one._store)
    assert [] == parts(other)
    assert "PreconditionError" == peer.refusal(writer.close)[0]
    assert (
        "UnreachableError"
        == peer.refusal(peer.put, peer.topic(session, "s/u"), rows([1]), locator="s/u")[0]
    )
    other._presence.beat()
    peer.act("topic_delete", locator="s/t")
    peer.act("topic_delete", locator="s/u")
    peer.put(peer.topic(session, "s/t"), rows([1, 2]))
    peer.act("session_finalize", session_uuid=session)

    assert [1, 2] == connect(one.port).read()["timestamp_ns"].to_pylist()
