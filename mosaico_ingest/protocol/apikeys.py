"""
API keys: how a token is spelled, what part of it may be seen, and what the actions about keys say.

    msco_<payload>_<fingerprint>

The payload, 32 characters of `a-z0-9`, is the secret. The fingerprint is the CRC-32 of the payload as eight
hexadecimal digits: it finds typing errors, names the key in actions, and may be shown to anybody.

Must not know: who holds keys, where they are kept. Next: `actions`.
"""

import re
import secrets
import string
import zlib
from typing import Self

import attrs

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import InvalidRequestError, UnauthorizedError
from mosaico_ingest.protocol.wire import OMIT_DEFAULT

__all__ = [
    "ApiKey",
    "KeyCreate",
    "KeyCreated",
    "KeyEntry",
    "KeyList",
    "KeyRequest",
    "KeyStatus",
    "allows",
    "check_fingerprint",
]

_HEADER = "msco"
_ALPHABET = string.ascii_lowercase + string.digits
_LENGTH = 32
_PAYLOAD = re.compile(rf"[{_ALPHABET}]{{{_LENGTH}}}")
_FINGERPRINT = re.compile(r"[0-9a-f]{8}")
_LEVELS = {permission: level for level, permission in enumerate(Permission)}


@attrs.frozen
class ApiKey:
    """
    A key whose spelling is right; whether it opens anything is for a server to say.

    Args:
        payload: The secret, 32 characters of `a-z0-9`.
    """

    payload: str = attrs.field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """Return a new key, with 165 bits that nobody can guess."""
        while True:
            payload = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
            # The oldest clients take a payload for malformed that has no letter or no digit.
            if not payload.isalpha() and not payload.isdecimal():
                return cls(payload)

    @classmethod
    def parse(cls, token: str) -> Self:
        """
        Read a token.

        Raises:
            UnauthorizedError: It is misspelled; the message does not repeat it.

        Example:
            >>> ApiKey.parse("msco_s3l8gcdwuadege3pkhou0k0n2t5omfij_f9010b9e")
            ApiKey(fingerprint='f9010b9e')
        """
        parts = token.split("_")
        if len(parts) != 3 or parts[0] != _HEADER:
            why = f"expected {_HEADER}_PAYLOAD_FINGERPRINT"
        elif not _PAYLOAD.fullmatch(parts[1]):
            why = f"its payload is not {_LENGTH} characters of a-z and 0-9"
        elif cls(parts[1]).fingerprint != parts[2]:
            why = "its fingerprint does not fit its payload"
        else:
            return cls(parts[1])
        msg = f"Unauthorized: malformed API key, {why}."
        raise UnauthorizedError(msg)

    @property
    def fingerprint(self) -> str:
        """The part that may be seen."""
        return f"{zlib.crc32(self.payload.encode()):08x}"

    @property
    def token(self) -> str:
        """The whole, which only its holder may see."""
        return f"{_HEADER}_{self.payload}_{self.fingerprint}"

    def __repr__(self) -> str:
        return f"ApiKey(fingerprint={self.fingerprint!r})"


def allows(held: Permission, needed: Permission) -> bool:
    """
    Tell whether a key of one permission may do what needs another.

    Example:
        >>> allows(Permission.Delete, Permission.Write), allows(Permission.Read, Permission.Write)
        (True, False)
    """
    return _LEVELS[held] >= _LEVELS[needed]


def check_fingerprint(text: str) -> str:
    """
    Return *text* if it can be the fingerprint of a key.

    Raises:
        InvalidRequestError: It cannot; the message does not repeat it, it might be a whole token.
    """
    if not _FINGERPRINT.fullmatch(text):
        msg = "Bad request: a key is named by its fingerprint, eight digits of 0-9 and a-f."
        raise InvalidRequestError(msg)
    return text


@attrs.frozen(kw_only=True)
class KeyCreate:
    """
    Make a key.

    Args:
        permissions: What it allows.
        description: What it is for.
        expires_at_ns: An instant, None for a key that stays good.
        generation: The generation in which its bearer is answered, None for the server's own.
    """

    permissions: Permission
    description: str
    expires_at_ns: int | None = attrs.field(default=None, metadata=OMIT_DEFAULT)
    generation: str | None = attrs.field(default=None, metadata=OMIT_DEFAULT)


@attrs.frozen
class KeyCreated:
    """The new key: its token is told this once."""

    api_key_token: str = attrs.field(repr=False)


@attrs.frozen
class KeyRequest:
    """A request that only names its key."""

    api_key_fingerprint: str


@attrs.frozen(kw_only=True)
class KeyStatus:
    """What may be known of one key."""

    api_key_fingerprint: str
    description: str
    created_at_ns: int
    expires_at_ns: int | None = None


@attrs.frozen(kw_only=True)
class KeyEntry:
    """One key of the list; clients of the status accept no key beyond its own, so this is apart."""

    api_key_fingerprint: str
    permissions: Permission
    description: str
    created_at_ns: int
    expires_at_ns: int | None = None
    generation: str | None = None


@attrs.frozen
class KeyList:
    """All keys, oldest first."""

    api_keys: list[KeyEntry]
