"""
The API keys of a server, and what one's own key allows.

Must not know: how a server keeps keys. Next: `client`.
"""

import time

import attrs

from mosaico_ingest.client.control import Control
from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import (
    InvalidRequestError,
    NotFoundError,
    UnauthorizedError,
    UsageError,
)
from mosaico_ingest.protocol import apikeys, messages

__all__ = ["APIKeyStatus", "create", "find_permission", "list_all", "revoke", "status"]

_NOBODY = "mosaico_ingest_asks"
_NO_UUID = "00000000-0000-0000-0000-000000000000"

# A call that each permission allows and the one below does not, about what is not there.
_QUESTIONS: tuple[tuple[Permission, FlightAction, object], ...] = (
    (
        Permission.Read,
        FlightAction.SequenceNotificationList,
        messages.ResourceRequest(_NOBODY),
    ),
    (Permission.Write, FlightAction.SessionFinalize, messages.SessionFinalize(_NO_UUID)),
    (
        Permission.Delete,
        FlightAction.SequenceNotificationPurge,
        messages.ResourceRequest(_NOBODY),
    ),
    (Permission.Manage, FlightAction.APIKeyStatus, apikeys.KeyRequest("0" * 8)),
)


@attrs.frozen(kw_only=True)
class APIKeyStatus:
    """
    What may be known of an API key.

    Args:
        fingerprint: Its name; not secret.
        description: What it is for.
        created_ns: When it was made.
        expires_ns: When it ends, None for never.
        permission: What it allows, None where the server does not tell: only the list does.
        generation: In which its bearer is answered, None for the server's own; only the list tells.
    """

    fingerprint: str
    description: str
    created_ns: int
    expires_ns: int | None
    permission: Permission | None = None
    generation: str | None = None

    @property
    def is_expired(self) -> bool:
        """Whether it has ended."""
        return self.expires_ns is not None and self.expires_ns <= time.time_ns()


def create(
    control: Control,
    permission: Permission,
    description: str,
    expires_ns: int | None,
    generation: str | None,
) -> str:
    """Make a key and return its token."""
    if permission not in list(Permission):
        msg = f"There is no permission {permission!r}. Expected one of {', '.join(Permission)}."
        raise UsageError(msg)
    request = apikeys.KeyCreate(
        permissions=Permission(permission),
        description=description,
        expires_at_ns=expires_ns,
        generation=generation,
    )
    return control.obtain(FlightAction.APIKeyCreate, request, apikeys.KeyCreated).api_key_token


def status(control: Control, fingerprint: str | None) -> APIKeyStatus:
    """Return what is known of a key, by default of one's own."""
    if fingerprint is None:
        token = control.address.api_key
        if not token:
            msg = "This client has no API key of its own. Name the fingerprint of a key."
            raise UsageError(msg)
        fingerprint = apikeys.ApiKey.parse(token).fingerprint
    request = apikeys.KeyRequest(apikeys.check_fingerprint(fingerprint))
    told = control.obtain(FlightAction.APIKeyStatus, request, apikeys.KeyStatus)
    return APIKeyStatus(
        fingerprint=told.api_key_fingerprint,
        description=told.description,
        created_ns=told.created_at_ns,
        expires_ns=told.expires_at_ns,
    )


def list_all(control: Control) -> list[APIKeyStatus]:
    """Return what is known of all keys."""
    told = control.obtain(FlightAction.APIKeyList, messages.Empty(), apikeys.KeyList)
    return [
        APIKeyStatus(
            fingerprint=entry.api_key_fingerprint,
            description=entry.description,
            created_ns=entry.created_at_ns,
            expires_ns=entry.expires_at_ns,
            permission=entry.permissions,
            generation=entry.generation,
        )
        for entry in told.api_keys
    ]


def revoke(control: Control, fingerprint: str) -> None:
    """Revoke a key."""
    request = apikeys.KeyRequest(apikeys.check_fingerprint(fingerprint))
    control.ask(FlightAction.APIKeyRevoke, request)


def find_permission(control: Control) -> Permission | None:
    """Find the highest permission with which a server lets one ask about what it does not have."""
    held = None
    for permission, action, request in _QUESTIONS:
        try:
            control.ask(action, request)
        except NotFoundError:
            pass
        except (UnauthorizedError, InvalidRequestError):  # the latter: it knows nothing of keys
            break
        held = permission
    return held
