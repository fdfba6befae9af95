"""
The gate: a call with a good API key gets in, and its handler learns what its caller may do and understands.

Must not know: how keys are kept, what calls need. Next: `service`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import attrs
from pyarrow import flight

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import UnauthorizedError
from mosaico_ingest.protocol.flight import API_KEY_HEADER
from mosaico_ingest.protocol.generations import Generation
from mosaico_ingest.server.faults import border
from mosaico_ingest.server.keyring import Grant, Keyring

__all__ = ["Caller", "Gate"]

_NAME = "api-key"


@attrs.frozen
class Caller:
    """Who makes a call: what it may do, and the generation of the protocol in which it is answered."""

    permission: Permission
    generation: Generation


class Gate(flight.ServerMiddlewareFactory):  # type: ignore[misc] # pyarrow is untyped
    """
    Looks at the key of every call.

    Args:
        keyring: The keys.
        generation: In which a caller is answered whose key does not say.
        is_open: Whether every call gets in and may do everything; a key then only says the generation.

    Thread: any.
    """

    def __init__(self, keyring: Keyring, generation: Generation, *, is_open: bool = False) -> None:
        super().__init__()
        self._keyring = keyring
        self._generation = generation
        self._is_open = is_open

    @property
    def middleware(self) -> dict[str, flight.ServerMiddlewareFactory]:
        """What a Flight server is given, so that `caller_of` finds what was seen of a call."""
        return {_NAME: self}

    def caller_of(self, context: flight.ServerCallContext) -> Caller:
        """Return who makes a call."""
        admitted = context.get_middleware(_NAME)
        if admitted is None and self._is_open:
            return Caller(Permission.Manage, self._generation)
        grant: Grant = admitted.grant
        permission = Permission.Manage if self._is_open else grant.permission
        return Caller(permission, grant.generation or self._generation)

    def start_call(
        self, _: flight.CallInfo, headers: Mapping[str, Sequence[str]]
    ) -> "_Admitted | None":
        """
        Recognise the key of a call.

        Raises:
            FlightUnauthorizedError: It has none, or none that is good.
        """
        with border():
            tokens = headers.get(API_KEY_HEADER) or [""]
            if self._is_open:
                with suppress(UnauthorizedError):
                    return _Admitted(self._keyring.grant(tokens[0]))
                return None
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
