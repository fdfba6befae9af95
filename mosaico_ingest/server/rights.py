"""
What a permission allows: the refusals in the words that clients look for.

Must not know: Flight, keys. Next: `control`.
"""

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import UnauthorizedError
from mosaico_ingest.protocol.actions import ACTIONS
from mosaico_ingest.protocol.apikeys import allows

__all__ = ["check_action", "check_stream"]


def check_action(held: Permission, action: FlightAction) -> None:
    """
    Let an action pass, or refuse it.

    Raises:
        UnauthorizedError: It needs more than *held*.
    """
    needed = ACTIONS[action].permission
    if needed is not None and not allows(held, needed):
        msg = (
            "Unauthorized: provided API key has not enough permissions "
            f"to execute {action.name} action."
        )
        raise UnauthorizedError(msg)


def check_stream(held: Permission, needed: Permission) -> None:
    """
    Let a call pass that is no action, or refuse it.

    Raises:
        UnauthorizedError: It needs more than *held*.
    """
    if not allows(held, needed):
        msg = f"Unauthorized: provided API key does not have {needed.name.upper()} permissions."
        raise UnauthorizedError(msg)
