"""
The control layer: one dedicated connection for metadata, so that no call ever queues behind data.

Must not know: data streams, sessions. Next: `connections`.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pyarrow as pa
import pyarrow.flight as fl

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.errors import border, reason_of
from mosaico_ingest.enum import FlightAction, NotificationType
from mosaico_ingest.errors import (
    InvalidRequestError,
    RemoteError,
    ServerFaultError,
    StateError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)
from mosaico_ingest.protocol.actions import read_envelope
from mosaico_ingest.protocol.flight import InfoCommand
from mosaico_ingest.protocol.messages import Empty, GrpcLimits, ServerInfo, ServerVersion
from mosaico_ingest.protocol.wire import dump, to_json

__all__ = ["Control"]

_CALL_TIMEOUT_S = 120.0
_ATTEMPTS = 3
_FRAME_BYTES = 64 * 1024  # more than what surrounds the rows of a message
_TLS_WORDS = ("Ssl handshake", "SSL", "certificate", "Socket closed", "empty address list")

# Asking twice changes nothing more than asking once.
_IDEMPOTENT = frozenset(
    {
        FlightAction.Version,
        FlightAction.Info,
        FlightAction.SequenceNotificationList,
        FlightAction.SequenceNotificationPurge,
        FlightAction.TopicNotificationList,
        FlightAction.TopicNotificationPurge,
        FlightAction.APIKeyStatus,
        FlightAction.APIKeyList,
        FlightAction.Query,
    }
)

_T = TypeVar("_T")


class Control:
    """
    Asks the server one thing at a time.

    Idempotent calls are tried again where the error is transient; nothing else ever is.

    Args:
        address: The server.
        call_timeout_s: How long one call may take.

    Thread: any.
    """

    def __init__(self, address: Address, *, call_timeout_s: float = _CALL_TIMEOUT_S) -> None:
        self.address = address
        self._client = address.open()
        self._options = address.options(call_timeout_s)
        self._server: ServerVersion | None = None  # what it said last
        self._message_limit = 0  # found out when it matters
        self._is_closed = False

    def probe(self, timeout_s: float) -> ServerVersion:
        """
        Say hello.

        Raises:
            UnreachableError: Nobody answers, TLS settings differ, or it is no Mosaico server.
            TimedOutError: Something is there that does not answer.
            UnauthorizedError: The API key is missing or refused.
        """
        options = self.address.options(timeout_s)
        try:
            return _retried(lambda: self._version(options))
        except RemoteError as err:
            told = self._diagnosed(err, timeout_s)
            if told is None:
                raise
            raise told from err

    def version(self) -> ServerVersion:
        """Return the version that the server states."""
        return _retried(lambda: self._version(self._options))

    @property
    def notification_kinds(self) -> frozenset[NotificationType]:
        """What kinds of notification the server keeps; with more than `error`, it takes several at once."""
        told = set((self._server or self.version()).notification_types)
        others = {kind for kind in NotificationType if kind in told}
        return frozenset({NotificationType.Error} | others)

    @property
    def message_limit(self) -> int:
        """How many bytes of rows the server takes in one message."""
        if not self._message_limit:
            self._message_limit = (
                self._server or self.version()
            ).largest_message_bytes or self._transport_limit()
        return self._message_limit

    def _transport_limit(self) -> int:
        """Return what a server from 0.7 on says of its transport, and what others are known to have."""
        try:
            limits = self.obtain(FlightAction.Info, Empty(), ServerInfo).config
        except (InvalidRequestError, ServerFaultError):
            limits = GrpcLimits()
        return limits.grpc_max_decode_message_size - _FRAME_BYTES

    def ask(self, action: FlightAction, request: object) -> object | None:
        """
        Carry out *action*.

        Args:
            request: An instance of the action's request class.

        Returns:
            An instance of its response class, None where there is nothing to tell.

        Raises:
            RemoteError: As the server refuses it.
        """
        if action in _IDEMPOTENT:
            return _retried(lambda: self._ask(action, request, self._options))
        return self._ask(action, request, self._options)

    def obtain(self, action: FlightAction, request: object, kind: type[_T]) -> _T:
        """
        Carry out an *action* that must answer with a *kind*.

        Raises:
            ServerFaultError: It did not.
        """
        answer = self.ask(action, request)
        if not isinstance(answer, kind):
            msg = f"The server at {self.address.url} gave no answer to {action.value!r}."
            raise ServerFaultError(msg)
        return answer

    def list_sequences(self) -> list[str]:
        """Return the names of all sequences, sorted."""

        def call() -> list[str]:
            with border(self.address.url):
                flights = list(self._open_client().list_flights(b"", self._options))
            paths = [flight.descriptor.path for flight in flights]
            return sorted(b"".join(path).decode() for path in paths if path)

        return _retried(call)

    def describe(self, command: InfoCommand) -> fl.FlightInfo:
        """
        Return what the server tells about a sequence or topic.

        Raises:
            NotFoundError: There is none.
        """
        descriptor = _descriptor(command)

        def call() -> fl.FlightInfo:
            with border(self.address.url):
                return self._open_client().get_flight_info(descriptor, self._options)

        return _retried(call)

    def schema(self, command: InfoCommand) -> pa.Schema:
        """
        Return the columns of a topic, of a server from 0.7 on.

        Raises:
            NotFoundError: There is none.
        """

        def call() -> pa.Schema:
            with border(self.address.url):
                answer = self._open_client().get_schema(_descriptor(command), self._options)
            return answer.schema

        return _retried(call)

    def close(self) -> None:
        """Release the connection; may be called twice."""
        self._is_closed = True
        self._client.close()

    def _version(self, options: fl.FlightCallOptions) -> ServerVersion:
        answer = self._ask(FlightAction.Version, Empty(), options)
        if not isinstance(answer, ServerVersion):
            msg = f"The server at {self.address.url} does not tell its version."
            raise ServerFaultError(msg)
        self._server = answer
        return answer

    def _ask(
        self, action: FlightAction, request: object, options: fl.FlightCallOptions
    ) -> object | None:
        flight_action = fl.Action(action.value, dump(request))
        with border(self.address.url):
            results: Iterator[fl.Result] = self._open_client().do_action(flight_action, options)
            bodies = b"".join(result.body.to_pybytes() for result in results)
        return read_envelope(action, bodies)

    def _open_client(self) -> fl.FlightClient:
        """Return the connection."""
        if self._is_closed:
            msg = f"The client of {self.address.url} is closed. Connect again."
            raise StateError(msg)
        return self._client

    def _diagnosed(self, err: RemoteError, timeout_s: float) -> RemoteError | None:
        """Say which of host, TLS and key is at fault and what to do; None if *err* says all."""
        url, text = self.address.url, reason_of(err.__cause__ or err)
        if isinstance(err, UnauthorizedError):
            return UnauthorizedError(_key_advice(url, text, has_key=bool(self.address.api_key)))
        if isinstance(err, TimedOutError):
            msg = (
                f"Something listens at {url} but does not answer within {timeout_s:g} s. "
                "Check host and port, and whether a firewall or a TLS server stands there."
            )
            return TimedOutError(msg)
        if isinstance(err, UnreachableError) and any(word in text for word in _TLS_WORDS):
            advice = (
                "The server may not speak TLS, or its certificate is not trusted: use tls=False, or "
                "name the certificate file with tls=PATH."
                if self.address.is_encrypted
                else "The server may expect TLS: use a grpc+tls:// address."
            )
            msg = f"No connection to {url} could be set up ({text}). {advice}"
            return UnreachableError(msg)
        if isinstance(err, UnreachableError):
            msg = (
                f"No Mosaico server answers at {url} ({text}). "
                "Check host and port, and that the server runs (mosaico-ingest serve starts one)."
            )
            return UnreachableError(msg)
        if isinstance(err, InvalidRequestError) and "http2" in text:
            msg = f"What answers at {url} is no Mosaico server. Check host and port."
            return UnreachableError(msg)
        return None

    def __repr__(self) -> str:
        return f"<Control {self.address.url}{', closed' if self._is_closed else ''}>"


def _descriptor(command: InfoCommand) -> fl.FlightDescriptor:
    """Return what names a sequence or topic, and a window of it; bounds that are open are left out."""
    fields = {
        "resource_locator": command.resource_locator,
        "timestamp_ns_start": command.timestamp_ns_start,
        "timestamp_ns_end": command.timestamp_ns_end,
    }
    text = to_json({key: value for key, value in fields.items() if value is not None})
    return fl.FlightDescriptor.for_command(text.encode())


def _retried(call: Callable[[], _T]) -> _T:
    """Return what *call* returns, trying again after a transient error."""
    import stamina

    for attempt in stamina.retry_context(
        on=_is_transient, attempts=_ATTEMPTS, wait_initial=0.1, wait_max=0.5, wait_jitter=0.1
    ):
        with attempt:
            return call()
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _is_transient(err: Exception) -> bool:
    """Tell whether the server was not there; one that let us wait is not made to do it again."""
    return isinstance(err, UnreachableError)


def _key_advice(url: str, text: str, *, has_key: bool) -> str:
    """Say what is wrong with the key, and what to do."""
    remedy = (
        "Check the API key: it may be mistyped, expired or revoked."
        if has_key
        else "Pass api_key=… or set MOSAICO_API_KEY."
    )
    return f"The server at {url} refuses the connection ({text}). {remedy}"
