"""The spelling of API keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import InvalidRequestError, UnauthorizedError
from mosaico_ingest.protocol.apikeys import (
    ApiKey,
    KeyCreate,
    KeyCreated,
    KeyRequest,
    KeyStatus,
    allows,
    check_fingerprint,
)
from mosaico_ingest.protocol.wire import dump, load_request, load_response

PAYLOADS = st.from_regex(r"[a-z0-9]{32}", fullmatch=True)


@pytest.mark.parametrize(
    ("payload", "fingerprint"),
    [
        ("vrfeceju4lqivysxgaseefa3tsxs0vrl", "1b676530"),
        ("s3l8gcdwuadege3pkhou0k0n2t5omfij", "f9010b9e"),
    ],
)
def test_published_examples(payload, fingerprint):
    """The fingerprint is the CRC-32 that the platform's own examples have."""
    key = ApiKey.parse(f"msco_{payload}_{fingerprint}")

    assert (payload, fingerprint) == (key.payload, key.fingerprint)


@given(PAYLOADS)
def test_token_survives_parsing(payload):
    """Every payload makes a token that is read back as itself."""
    key = ApiKey(payload)

    assert key == ApiKey.parse(key.token)


@given(st.text())
def test_arbitrary_text_is_no_token(text):
    """Text that is no token is refused as malformed, with nothing else raised."""
    with pytest.raises(UnauthorizedError, match=r"^Unauthorized: malformed API key"):
        ApiKey.parse(text)


@given(PAYLOADS, st.integers(5, 44), st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789_"))
def test_one_wrong_character_is_noticed(payload, at, wrong):
    """A token with one character typed wrong is no token, and is not repeated in the message."""
    token = ApiKey(payload).token
    typed = token[:at] + wrong + token[at + 1 :]
    if typed == token:
        return

    with pytest.raises(UnauthorizedError) as caught:
        ApiKey.parse(typed)

    assert payload[:8] not in str(caught.value)


def test_new_keys_differ_and_suit_all_clients():
    """No two keys are alike; each has a letter and a digit, which the oldest clients look for."""
    keys = {ApiKey.make() for _ in range(200)}

    assert 200 == len(keys)
    assert all(key == ApiKey.parse(key.token) for key in keys)
    assert not [key for key in keys if key.payload.isalpha() or key.payload.isdecimal()]


def test_repr_shows_no_secret():
    """What is printed of a key, or of the answer that brings it, is not the key."""
    key = ApiKey.make()

    assert f"ApiKey(fingerprint='{key.fingerprint}')" == repr(key)
    assert key.payload not in repr(KeyCreated(key.token))


@pytest.mark.parametrize("held", Permission)
def test_permissions_include_the_lower_ones(held):
    """Read, write, delete, manage: each allows what those before it allow, and no more."""
    ladder = [Permission.Read, Permission.Write, Permission.Delete, Permission.Manage]
    allowed = [needed for needed in Permission if allows(held, needed)]

    assert ladder[: ladder.index(held) + 1] == allowed


@given(st.text())
def test_arbitrary_text_is_no_fingerprint(text):
    """Text that is no fingerprint is refused, and is not repeated in the message."""
    with pytest.raises(
        InvalidRequestError, match=r"^Bad request: a key is named by its fingerprint"
    ):
        check_fingerprint(text)


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (
            KeyCreate(permissions=Permission.Write, description="desc"),
            b'{"permissions": "write", "description": "desc"}',
        ),
        (
            KeyCreate(permissions=Permission.Read, description="desc2", expires_at_ns=123),
            b'{"permissions": "read", "description": "desc2", "expires_at_ns": 123}',
        ),
        (KeyRequest("624d474c"), b'{"api_key_fingerprint": "624d474c"}'),
    ],
)
def test_bodies_are_those_of_the_public_client(message, body):
    """Requests are written and read as the public client sends them, to the byte."""
    assert body == dump(message)
    assert message == load_request(type(message), body)


def test_status_without_an_end():
    """A server that leaves the end of a key out means that it has none."""
    body = b'{"api_key_fingerprint": "624d474c", "description": "d", "created_at_ns": 5}'

    assert KeyStatus(
        api_key_fingerprint="624d474c", description="d", created_at_ns=5
    ) == load_response(KeyStatus, body)
