"""
The API keys of a catalog: made, told about, revoked, and recognised.

The catalog holds a salted hash of each payload. A payload has 165 random bits, which no guessing reaches, so
the hash may be a fast one and every call can afford it.

Must not know: Flight, which call needs what. Next: `auth`.
"""

import hmac
import os
import threading
import time
from hashlib import blake2b
from typing import Any

import attrs
import sqlalchemy as sa

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import InvalidRequestError, NotFoundError, UnauthorizedError
from mosaico_ingest.protocol.apikeys import (
    ApiKey,
    KeyCreate,
    KeyCreated,
    KeyEntry,
    KeyList,
    KeyRequest,
    KeyStatus,
    check_fingerprint,
)
from mosaico_ingest.protocol.generations import GENERATIONS, Generation
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.tables import api_keys

__all__ = ["Grant", "Keyring"]

_TRUST_NS = 5_000_000_000
"""For how long a key that was recognised is not looked up again, where no other server can revoke it."""


@attrs.frozen(kw_only=True)
class Grant:
    """
    What a recognised key allows.

    Args:
        fingerprint: The key.
        permission: What it may do.
        expires_at_ns: When it ends, None for never.
        generation: In which its bearer is answered, None for the server's own.
    """

    fingerprint: str
    permission: Permission
    expires_at_ns: int | None
    generation: Generation | None = None


class Keyring:
    """
    The keys of one catalog.

    Thread: any.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._trust_ns = 0 if catalog.is_shared else _TRUST_NS
        # Grants are kept under a hash that only this process can make: neither tokens nor what is in
        # the catalog lie in memory, and the time of a look-up tells nothing about a token.
        self._secret = os.urandom(32)
        self._lock = threading.Lock()  # guards the fields below
        self._known: dict[bytes, tuple[int, Grant]] = {}  # with the instant of recognition
        self._revocations = 0

    def create(self, request: KeyCreate) -> KeyCreated:
        """
        Make a key. Its token is told this once: the catalog cannot give it back.

        Raises:
            InvalidRequestError: The generation is unknown.
        """
        if request.generation is not None and request.generation not in GENERATIONS:
            msg = (
                f"Bad request: unknown protocol generation {request.generation[:64]!r}, "
                f"expected one of {', '.join(GENERATIONS)}"
            )
            raise InvalidRequestError(msg)
        while True:
            key, salt = ApiKey.make(), os.urandom(16)
            row = {
                "fingerprint": key.fingerprint,
                "salt": salt,
                "payload_hash": _hash(key, salt),
                "permission": request.permissions.value,
                "description": request.description,
                "created_at_ns": time.time_ns(),
                "expires_at_ns": request.expires_at_ns,
                "generation": request.generation,
            }
            try:
                with self._catalog.write(durable=True) as connection:
                    connection.execute(api_keys.insert(), row)
            except sa.exc.IntegrityError:  # the 32 bits of a fingerprint may meet by chance
                continue
            return KeyCreated(key.token)

    def status(self, request: KeyRequest) -> KeyStatus:
        """
        Tell about a key.

        Raises:
            NotFoundError: There is none.
        """
        with self._catalog.read() as connection:
            row = _find(connection, check_fingerprint(request.api_key_fingerprint))
        if row is None:
            raise _missing(request.api_key_fingerprint)
        return KeyStatus(
            api_key_fingerprint=row.fingerprint,
            description=row.description,
            created_at_ns=row.created_at_ns,
            expires_at_ns=row.expires_at_ns,
        )

    def list_all(self, _: object) -> KeyList:
        """Tell about all keys, oldest first."""
        with self._catalog.read() as connection:
            rows = connection.execute(sa.select(api_keys).order_by(api_keys.c.id)).all()
        return KeyList(
            [
                KeyEntry(
                    api_key_fingerprint=row.fingerprint,
                    permissions=Permission(row.permission),
                    description=row.description,
                    created_at_ns=row.created_at_ns,
                    expires_at_ns=row.expires_at_ns,
                    generation=row.generation,
                )
                for row in rows
            ]
        )

    def revoke(self, request: KeyRequest) -> None:
        """
        Forget a key: from now on it opens nothing here.

        Raises:
            NotFoundError: There is none.
        """
        fingerprint = check_fingerprint(request.api_key_fingerprint)
        with self._catalog.write(durable=True) as connection:
            gone = connection.execute(
                api_keys.delete().where(api_keys.c.fingerprint == fingerprint)
            )
        with self._lock:
            self._revocations += 1
            self._known.clear()
        if not gone.rowcount:
            raise _missing(fingerprint)

    def is_usable(self) -> bool:
        """Tell whether there is a key that has not expired."""
        end = api_keys.c.expires_at_ns
        good = sa.select(api_keys.c.id).where(end.is_(None) | (end > time.time_ns()))
        with self._catalog.read() as connection:
            return connection.scalar(good.limit(1)) is not None

    def grant(self, token: str) -> Grant:
        """
        Recognise a key.

        Raises:
            UnauthorizedError: It is misspelled, unknown or expired.
        """
        key, now_ns = ApiKey.parse(token), time.time_ns()
        mark = blake2b(key.payload.encode(), key=self._secret).digest()
        with self._lock:
            since_ns, grant = self._known.get(mark, (0, None))
            revocations = self._revocations
        if grant is None or not 0 <= now_ns - since_ns < self._trust_ns:
            grant = self._recognise(key)
            with self._lock:
                if revocations == self._revocations:
                    self._known[mark] = now_ns, grant
        if grant.expires_at_ns is not None and grant.expires_at_ns <= now_ns:
            msg = f"Unauthorized: API key {grant.fingerprint} has expired"
            raise UnauthorizedError(msg)
        return grant

    def _recognise(self, key: ApiKey) -> Grant:
        """Look a key up in the catalog."""
        with self._catalog.read() as connection:
            row = _find(connection, key.fingerprint)
        if row is None or not hmac.compare_digest(row.payload_hash, _hash(key, row.salt)):
            msg = f"Unauthorized: unknown API key {key.fingerprint}"
            raise UnauthorizedError(msg)
        return Grant(
            fingerprint=row.fingerprint,
            permission=Permission(row.permission),
            expires_at_ns=row.expires_at_ns,
            generation=GENERATIONS.get(row.generation),
        )


def _find(connection: sa.Connection, fingerprint: str) -> sa.Row[Any] | None:
    query = sa.select(api_keys).where(api_keys.c.fingerprint == fingerprint)
    return connection.execute(query).one_or_none()


def _hash(key: ApiKey, salt: bytes) -> bytes:
    return blake2b(key.payload.encode(), salt=salt, digest_size=32).digest()


def _missing(fingerprint: str) -> NotFoundError:
    return NotFoundError(f"API key {fingerprint} not found")
