"""
Flight's exceptions to our tree, at the one border between the two.

Must not know: what the call was for. Next: `address`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.flight as fl

from mosaico_ingest.errors import (
    InvalidRequestError,
    NotFoundError,
    RemoteError,
    ServerFaultError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)
from mosaico_ingest.protocol.faults import read_fault

__all__ = ["border", "reason_of"]

_FOREIGN = (pa.ArrowException, fl.FlightError, OSError)

# What a refusal is where its words do not say; the first class that fits decides.
_KINDS: tuple[tuple[type[BaseException], type[RemoteError]], ...] = (
    (fl.FlightUnauthorizedError, UnauthorizedError),
    (fl.FlightUnauthenticatedError, UnauthorizedError),
    (fl.FlightUnavailableError, UnreachableError),
    (fl.FlightTimedOutError, TimedOutError),
    (pa.ArrowKeyError, NotFoundError),
    (pa.ArrowNotImplementedError, InvalidRequestError),
    (pa.ArrowInvalid, InvalidRequestError),
    (pa.ArrowCapacityError, InvalidRequestError),
)


@contextmanager
def border(server: str) -> Iterator[None]:
    """
    Turn what Flight raises inside the block into an error of our tree that holds the server's bare sentence.

    Args:
        server: Address of the server, for the errors in which no server had a word.
    """
    try:
        yield
    except _FOREIGN as err:
        raise _translated(err, server) from err


def reason_of(err: BaseException) -> str:
    """Return what *err*, an exception of Flight, says at its core, without a full stop."""
    _, message = read_fault(str(err), _info(err))
    return message.rpartition("last error: ")[2].removesuffix(".")


def _translated(err: BaseException, server: str) -> RemoteError:
    """Return the error of our tree that *err* stands for."""
    kind, message = read_fault(str(err), _info(err))
    if kind is None:
        kind = next((ours for theirs, ours in _KINDS if isinstance(err, theirs)), ServerFaultError)
    if _info(err):
        return kind(message)  # the server itself had a word
    if kind is UnreachableError:
        message = (
            f"The server at {server} does not answer ({reason_of(err)}). "
            "Check that it runs and that host, port and TLS setting are right."
        )
    elif kind is TimedOutError:
        message = (
            f"The server at {server} did not answer in time ({reason_of(err)}). Try again later."
        )
    return kind(message)


def _info(err: BaseException) -> bytes:
    """Return the note that a server of this package leaves beside its message."""
    return getattr(err, "extra_info", None) or b""
