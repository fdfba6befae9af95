"""Two servers of one catalog: writers of one sequence take turns, and every race has one winner."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pyarrow import flight

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.protocol.apikeys import ApiKey, KeyCreate
from mosaico_ingest.protocol.faults import read_fault
from mosaico_ingest.server.keyring import Keyring
from mosaico_ingest.server.security import Security
from mosaico_ingest.server.service import MosaicoServer

ROUNDS = 10


@pytest.fixture
def peers(place, postgres, connect):
    """Give clients of two servers of one catalog and store."""
    with (
        MosaicoServer(place, catalog=postgres) as one,
        MosaicoServer(place, catalog=postgres) as other,
    ):
        peers = connect(one.port), connect(other.port)
        yield peers
        for peer in peers:
            peer.close()


@pytest.fixture
def race():
    """Do one thing each at the same moment: the names of the errors they end with, or "done"."""
    with ThreadPoolExecutor(2) as pool:

        def race(*deeds):
            start = Barrier(len(deeds))

            def run(deed):
                start.wait()
                try:
                    deed()
                except flight.FlightError as err:
                    kind, _ = read_fault(str(err), err.extra_info)
                    return kind.__name__
                return "done"

            return list(pool.map(run, deeds))

        yield race


def test_one_name(peers, race):
    """Of two sequences of one name one is made."""
    for number in range(ROUNDS):
        ends = race(
            *(
                lambda p=p, n=number: p.act("sequence_create", locator=f"s{n}", user_metadata={})
                for p in peers
            )
        )
        assert ["AlreadyExistsError", "done"] == sorted(ends)
    assert ROUNDS == len(peers[0].names())


def test_one_topic(peers, race):
    """Of two topics of one name one is made."""
    session = peers[0].session()
    for number in range(ROUNDS):
        ends = race(*(lambda p=p, n=number: p.topic(session, f"s/t{n}") for p in peers))
        assert ["AlreadyExistsError", "done"] == sorted(ends)


def test_one_upload(peers, race, rows):
    """Of two uploads of one topic one is taken, and the rows of the other are nowhere."""
    session = peers[0].session()
    for number in range(ROUNDS):
        locator = f"s/t{number}"
        uuid = peers[0].topic(session, locator)
        ends = race(
            *(
                lambda p=p, n=n, u=uuid, at=locator: p.put(u, rows([n]), locator=at)
                for n, p in enumerate(peers)
            )
        )
        assert ["PreconditionError", "done"] == sorted(ends)
        winner = ends.index("done")
        assert [winner] == peers[0].read(locator)["timestamp_ns"].to_pylist()


def test_finalize_against_delete(peers, race, rows):
    """A session that is finalized and deleted at once is gone, or was gone before it could be finalized."""
    for number in range(ROUNDS):
        name = f"s{number}"
        session = peers[0].session(name)
        peers[0].put(peers[0].topic(session, f"{name}/t"), rows([1]), locator=f"{name}/t")
        finalized, deleted = race(
            lambda s=session: peers[0].act("session_finalize", session_uuid=s),
            lambda n=name: peers[1].act("sequence_delete", locator=n),
        )
        assert "done" == deleted
        assert finalized in ("done", "NotFoundError")
    assert [] == peers[0].names()


def test_topic_against_finalize(peers, race, rows):
    """A topic that is made while its session is finalized is in it or refused, never in a locked session."""
    for number in range(ROUNDS):
        name = f"s{number}"
        session = peers[0].session(name)
        peers[0].put(peers[0].topic(session, f"{name}/t"), rows([1]), locator=f"{name}/t")
        ends = race(
            lambda s=session: peers[0].act("session_finalize", session_uuid=s),
            lambda s=session, n=name: peers[1].topic(s, f"{n}/late"),
        )
        assert ["PreconditionError", "done"] == sorted(ends)


def test_notes_of_many_sequences(peers, race):
    """Notes on the same sequences, named in different orders, do not wait for each other for ever."""
    names = [f"s{number}" for number in range(5)]
    for name in names:
        peers[0].session(name)

    def leave(peer, order):
        notes = [{"locator": name, "notification_type": "error", "msg": "m"} for name in order]
        peer.act("notifications_create", notifications=notes)

    for _ in range(ROUNDS):
        assert ["done"] * 2 == race(
            lambda: leave(peers[0], names), lambda: leave(peers[1], names[::-1])
        )
    listed = peers[0].act("sequence_notification_list", locator="s0")["notifications"]
    assert 2 * ROUNDS == len(listed)


def test_revoked_key(place, postgres, connect):
    """A key that one server revokes opens nothing at the other from then on."""
    security = Security(require_api_key=True)
    with MosaicoServer(place, catalog=postgres) as server:
        keyring = Keyring(server._catalog)
        made = [
            keyring.create(KeyCreate(permissions=permission, description="")).api_key_token
            for permission in (Permission.Manage, Permission.Read)
        ]
    with (
        MosaicoServer(place, catalog=postgres, security=security) as one,
        MosaicoServer(place, catalog=postgres, security=security) as other,
    ):
        manager, reader = connect(one.port, made[0]), connect(other.port, made[1])
        before = reader.names()
        fingerprint = ApiKey.parse(made[1]).fingerprint
        manager.act("api_key_revoke", api_key_fingerprint=fingerprint)

        assert [] == before
        assert "UnauthorizedError" == reader.refusal(reader.names)[0]
        manager.close()
        reader.close()
