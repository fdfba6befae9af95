"""
How a refusal travels: the status words of Flight before the message, and a machine-readable note beside it.

A server written with pyarrow cannot send most gRPC statuses. So the sentence is worded as the client of a
native server would see it, and `extra_info` says exactly which error of our tree it is.

Must not know: pyarrow.flight. Next: `generations`.
"""

import json

from mosaico_ingest.errors import (
    AlreadyExistsError,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
    RemoteError,
    ServerFaultError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)

__all__ = ["fault_info", "fault_text", "read_fault"]

_STATUS_WORDS: dict[type[RemoteError], str] = {
    NotFoundError: "Flight returned not found error, with message: ",
    AlreadyExistsError: "Flight returned already exists error, with message: ",
    InvalidRequestError: "Flight returned invalid argument error, with message: ",
    PreconditionError: "gRPC returned precondition failed error, with message: ",
    UnauthorizedError: "Flight returned unauthorized error, with message: ",
    ServerFaultError: "Flight returned internal error, with message: ",
    UnreachableError: "Flight returned unavailable error, with message: ",
    TimedOutError: "Flight returned timeout error, with message: ",
}
_MESSAGE_LIMIT = 500
_KINDS = {kind.code: kind for kind in _STATUS_WORDS}
_OTHER_WORDS: dict[str, type[RemoteError]] = {
    "Flight returned unauthenticated error, with message: ": UnauthorizedError,
    "gRPC returned resource exhausted error, with message: ": ServerFaultError,
    "gRPC returned out-of-range error, with message: ": InvalidRequestError,
    "gRPC returned aborted error, with message: ": ServerFaultError,
    "gRPC returned data loss error, with message: ": ServerFaultError,
    "Flight returned unimplemented error, with message: ": InvalidRequestError,
    "Flight cancelled call, with message: ": ServerFaultError,
    "Flight RPC failed with message: ": ServerFaultError,
}


def fault_text(error: RemoteError) -> str:
    """
    Return the sentence that a client shall see.

    Example:
        >>> fault_text(NotFoundError("drive_1 not found"))
        'Flight returned not found error, with message: drive_1 not found'
    """
    words = _STATUS_WORDS.get(type(error), _STATUS_WORDS[ServerFaultError])
    return words + _bounded(error).removesuffix(".")  # pyarrow goes on with ". Detail: …"


def fault_info(error: RemoteError) -> bytes:
    """Return what goes along as `extra_info`."""
    return json.dumps({"code": error.code, "message": _bounded(error)}).encode()


def read_fault(text: str, info: bytes = b"") -> tuple[type[RemoteError] | None, str]:
    """
    Return the kind of error that a server's refusal is, None if it does not say, and its bare message.

    Args:
        text: The message of the exception that pyarrow raised.
        info: Its `extra_info`, which only a server of this package fills.

    Example:
        >>> kind, message = read_fault("Flight returned not found error, with message: x not found.")
        >>> kind.__name__, message
        ('NotFoundError', 'x not found.')
    """
    kind, message = _read_info(info)
    if kind is not None and message:
        return kind, _sentence(message)
    for known, words in [*_STATUS_WORDS.items(), *((k, w) for w, k in _OTHER_WORDS.items())]:
        _, found, message = text.partition(words)
        if found:
            return known, _strip_details(message)
    return None, _strip_details(text)


def _bounded(error: RemoteError) -> str:
    """Return the message, cut to what fits the trailers of a gRPC call beside its other copies."""
    return str(error)[:_MESSAGE_LIMIT]


def _read_info(info: bytes) -> tuple[type[RemoteError] | None, str]:
    try:
        value = json.loads(info)
    except ValueError:
        return None, ""
    if not isinstance(value, dict):
        return None, ""
    return _KINDS.get(str(value.get("code"))), str(value.get("message") or "")


def _sentence(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _strip_details(message: str) -> str:
    """Cut what gRPC and Arrow append about themselves."""
    for tail in (". Detail: ", ". gRPC client debug context: ", ". Client context: "):
        message = message.partition(tail)[0]
    return _sentence(message.strip())
