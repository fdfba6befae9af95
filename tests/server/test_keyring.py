"""API keys in a catalog."""

import time

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import InvalidRequestError, NotFoundError, UnauthorizedError
from mosaico_ingest.protocol.apikeys import ApiKey, KeyCreate, KeyRequest
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.keyring import Keyring
from mosaico_ingest.server.tables import api_keys


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Give a catalog for all tests of this file."""
    with Catalog.open(tmp_path_factory.mktemp("keys") / "catalog.sqlite") as catalog:
        yield catalog


@pytest.fixture(scope="module")
def keyring(catalog):
    """Give the keys of `catalog`."""
    return Keyring(catalog)


def make(keyring, permission=Permission.Read, **more):
    request = KeyCreate(permissions=permission, **({"description": ""} | more))
    return keyring.create(request).api_key_token


@pytest.mark.parametrize("permission", Permission)
def test_key_is_recognised_with_its_permission(permission, keyring):
    """A token that was made here is recognised, as what it was made for."""
    token = make(keyring, permission)
    grant = keyring.grant(token)

    assert (ApiKey.parse(token).fingerprint, permission) == (grant.fingerprint, grant.permission)


def test_catalog_holds_no_token(catalog, keyring):
    """Neither the token nor its payload can be read in the catalog; equal hashes do not occur."""
    tokens = [make(keyring), make(keyring)]
    with catalog.read() as connection:
        rows = connection.execute(sa.select(api_keys)).all()

    assert not [1 for token in tokens for row in rows if token.split("_")[1] in repr(tuple(row))]
    assert len({row.salt for row in rows}) == len({row.payload_hash for row in rows}) == len(rows)


def test_unknown_key(keyring):
    """A well spelled token that nobody made is refused, and only its fingerprint is told."""
    key = ApiKey.make()

    with pytest.raises(UnauthorizedError, match=f"unknown API key {key.fingerprint}") as caught:
        keyring.grant(key.token)

    assert key.payload not in str(caught.value)


def test_fingerprint_alone_opens_nothing(catalog, keyring):
    """A payload whose fingerprint is that of a key, but which is another, is refused."""
    token, other = make(keyring), ApiKey.make()
    with catalog.write() as connection:
        connection.execute(
            api_keys.update()
            .where(api_keys.c.fingerprint == ApiKey.parse(token).fingerprint)
            .values(fingerprint=other.fingerprint)
        )

    with pytest.raises(UnauthorizedError, match="unknown API key"):
        keyring.grant(other.token)


def test_revoked_key_is_refused_at_once(keyring):
    """A key that was in use a moment ago is unknown as soon as it is revoked."""
    token = make(keyring)
    fingerprint = keyring.grant(token).fingerprint
    keyring.revoke(KeyRequest(fingerprint))

    with pytest.raises(UnauthorizedError, match="unknown API key"):
        keyring.grant(token)
    with pytest.raises(NotFoundError, match=f"API key {fingerprint} not found"):
        keyring.revoke(KeyRequest(fingerprint))
    with pytest.raises(NotFoundError, match=f"API key {fingerprint} not found"):
        keyring.status(KeyRequest(fingerprint))


def test_key_revoked_by_another_server_is_refused_soon(catalog, keyring, monkeypatch):
    """A key that another server of the same catalog revokes is not trusted for longer than seconds."""
    token = make(keyring)
    grant = keyring.grant(token)
    Keyring(catalog).revoke(KeyRequest(grant.fingerprint))
    later_ns = time.time_ns() + 6_000_000_000
    trusted = keyring.grant(token)
    monkeypatch.setattr(time, "time_ns", lambda: later_ns)

    assert grant == trusted
    with pytest.raises(UnauthorizedError, match="unknown API key"):
        keyring.grant(token)


def test_known_key_needs_no_catalog(catalog, keyring, monkeypatch):
    """A key that was just recognised costs no look-up."""
    token = make(keyring)
    grant = keyring.grant(token)
    monkeypatch.setattr(catalog, "read", None)

    assert grant == keyring.grant(token)


def test_key_expires(keyring, monkeypatch):
    """A key is good until its instant, also where it was recognised before."""
    expires_ns = time.time_ns() + 3_000_000_000
    token = make(keyring, expires_at_ns=expires_ns)
    good = keyring.grant(token)
    monkeypatch.setattr(time, "time_ns", lambda: expires_ns)

    assert expires_ns == good.expires_at_ns
    with pytest.raises(UnauthorizedError, match=f"API key {good.fingerprint} has expired"):
        keyring.grant(token)


def test_status_and_list(tmp_path):
    """The status tells what was said at the creation; the list has all keys, oldest first."""
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        keyring, before_ns = Keyring(catalog), time.time_ns()
        marks = [
            keyring.grant(
                make(keyring, Permission.Write, description="robot", expires_at_ns=2**62)
            ),
            keyring.grant(make(keyring, Permission.Manage)),
        ]
        told = keyring.status(KeyRequest(marks[0].fingerprint))
        entries = keyring.list_all(None).api_keys

    assert ("robot", 2**62) == (told.description, told.expires_at_ns)
    assert before_ns <= told.created_at_ns <= time.time_ns()
    assert [(m.fingerprint, m.permission) for m in marks] == [
        (entry.api_key_fingerprint, entry.permissions) for entry in entries
    ]


def test_keys_that_are_no_use(tmp_path):
    """Without a key, or with none that has not expired, a keyring is of no use to anybody."""
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        keyring = Keyring(catalog)
        states = [keyring.is_usable()]
        for expires_ns in (1, 2**62):
            make(keyring, expires_at_ns=expires_ns)
            states.append(keyring.is_usable())

    assert [False, False, True] == states


def test_token_in_the_place_of_a_fingerprint(keyring):
    """Who gives a whole token where a fingerprint is wanted does not find it in the message."""
    token = make(keyring)

    with pytest.raises(InvalidRequestError, match="eight digits") as caught:
        keyring.status(KeyRequest(token))

    assert token.split("_")[1] not in str(caught.value)


@given(st.text() | st.from_regex(r"msco_[a-z0-9]{32}_[0-9a-f]{8}", fullmatch=True))
def test_arbitrary_text_is_refused(keyring, token):
    """Whatever stands in the place of a token, the answer is a refusal."""
    with pytest.raises(UnauthorizedError, match=r"^Unauthorized: (malformed|unknown) API key"):
        keyring.grant(token)
