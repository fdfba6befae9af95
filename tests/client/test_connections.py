import psutil
import pytest

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.connections import ConnectionPool, default_connections
from mosaico_ingest.client.stream import UploadStream
from mosaico_ingest.errors import StateError, UsageError
from mosaico_ingest.protocol.flight import PutCommand


class Load:
    """A stream of so many bytes."""

    def __init__(self, nbytes):
        self.nbytes = nbytes
        self.is_broken_off = False

    def break_off(self):
        self.is_broken_off = True


@pytest.fixture
def pool(server):
    """Three connections to `server`."""
    pool = ConnectionPool(Address.parse(server.url), 3)
    yield pool
    pool.close()


def sockets_to(server):
    """Return how many TCP connections of this process go to *server*."""
    found = psutil.Process().net_connections("tcp")
    return sum(bool(c.raddr) and c.raddr.port == server.port for c in found)


def test_default_is_a_connection_per_core_up_to_four():
    """Nobody has to choose the number of connections."""
    assert 1 <= default_connections() <= 4


def test_connections_open_when_used(pool, server):
    """A connection that carries nothing is never opened."""
    before = repr(pool)
    command = PutCommand("a/b", "uuid")
    stream = UploadStream(pool[1], command, Load)  # its schema is not looked at before it opens

    after_binding = repr(pool)
    stream.break_off()

    assert "<ConnectionPool 0/3 open, 0 streams, 0 bytes>" == before
    assert "<ConnectionPool 0/3 open, 1 streams, 0 bytes>" == after_binding
    assert 0 == sockets_to(server)


def test_n_lanes_are_n_tcp_connections(client, server, point, points):
    """Uploads on different connections have TCP connections of their own, besides that for metadata."""
    alone = sockets_to(server)

    with client.sequence_create("s") as sequence:
        for number in range(client.connections):
            topic = sequence.topic_create(f"/t{number}", ontology=point, connection=number)
            topic.write(points(1))
        striped = sockets_to(server)

    assert (1, 1 + client.connections) == (alone, striped)


def test_two_uploads_share_the_connection_they_are_bound_to(client, server, point, points):
    """Several topics on one connection need no more than that one."""
    with client.sequence_create("s") as sequence:
        for name in ("/a", "/b", "/c"):
            sequence.topic_create(name, ontology=point, connection=1).write(points(1))
        shared = sockets_to(server)

    assert 2 == shared


def test_least_loaded_has_fewest_bytes_then_fewest_streams(pool):
    """Bytes weigh first, streams second, the number last."""
    pool[0].bind(Load(5))
    pool[1].bind(Load(0))

    by_streams = pool.least_loaded().number
    pool[2].bind(Load(9))
    by_bytes = pool.least_loaded().number

    assert (2, 1) == (by_streams, by_bytes)


def test_released_stream_weighs_nothing(pool):
    """What has ended is no load; releasing twice is fine."""
    load = Load(5)
    pool[0].bind(load)

    pool[0].release(load)
    pool[0].release(load)

    assert (0, 0) == pool[0].load


@pytest.mark.parametrize("number", [-1, 3])
def test_connection_that_does_not_exist_is_refused(pool, number):
    """Connections are numbered from 0."""
    with pytest.raises(UsageError, match="Expected 0 to 2"):
        pool[number]


def test_pool_needs_a_connection(server):
    """A pool of nothing is refused."""
    with pytest.raises(UsageError, match="at least one"):
        ConnectionPool(Address.parse(server.url), 0)


def test_close_breaks_streams_off(pool):
    """A stream that is open when the pool closes is broken off; closing twice is fine."""
    load = Load(5)
    pool[0].bind(load)

    pool.close()
    pool.close()

    assert load.is_broken_off
    with pytest.raises(StateError, match="closed"):
        pool[0].bind(load)


def test_close_goes_on_after_an_error(pool):
    """One connection that fails to close does not keep the others open."""

    class Bad(Load):
        def break_off(self):
            raise RuntimeError("bad")

    good = Load(0)
    pool[0].bind(good)
    pool[2].bind(Bad(0))

    with pytest.raises(RuntimeError, match="bad"):
        pool.close()

    assert good.is_broken_off
