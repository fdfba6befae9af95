"""
The gate: a call with a good API key gets in, and its handler learns what the key allows.

Must not know: how keys are kept, what calls need. Next: `service`.
"""

from collections.abc import Mapping, Sequence

from pyarrow import flight

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import UnauthorizedError
from mosaico_ingest.protocol.flight import API_KEY_HEADER
from mosaico_ingest.server.faults import border
from mosaico_ingest.server.keyring import Grant, Keyring

__all__ = ["Gate", "permission_of"]

_NAME = "api-key"


class Gate(flight.ServerMiddlewareFactory):  # type: ignore[misc] # pyarrow is untyped
    """
    Asks every call for its key.

    Thread: any.
    """

    def __init__(self, keyring: Keyring) -> None:
        super().__init__()
        self._keyring = keyring

    @property
    def middleware(self) -> dict[str, flight.ServerMiddlewareFactory]:
        """What a Flight server is given, so that `permission_of` finds the grant of a call."""
        return {_NAME: self}

    def start_call(self, _: flight.CallInfo, headers: Mapping[str, Sequence[str]]) -> "_Admitted":
        """
        Recognise the key of a call.

        Raises:
            FlightUnauthorizedError: It has none, or none that is good.
        """
        with border():
            tokens = headers.get(API_KEY_HEADER) or [""]
            if not tokens[0]:
                msg = "Missing API key in request header"
                raise UnauthorizedError(msg)
            if len(tokens) > 1:
                msg = "Unauthorized: more than one API key in request header"
                raise UnauthorizedError(msg)
            return _Admitted(self._keyring.grant(tokens[0]))


class _Admitted(flight.ServerMiddleware):  # type: ignore[misc] # pyarrow is untyped
    """The grant of one call."""

    def __init__(self, grant: Grant) -> None:
        super().__init__()
        self.grant = grant


def permission_of(context: flight.ServerCallContext) -> Permission:
    """Return what the key of a call allows: everything, where the server has no gate."""
    admitted = context.get_middleware(_NAME)
    return Permission.Manage if admitted is None else admitted.grant.permission
