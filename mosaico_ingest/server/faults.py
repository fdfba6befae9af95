"""
The border where our errors become Flight's; no traceback and no path of this machine crosses it.

Must not know: what is being served. Next: `service`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, ParamSpec, TypeVar

import pyarrow as pa
from pyarrow import flight

from mosaico_ingest.errors import (
    InvalidRequestError,
    NameRefusedError,
    RemoteError,
    ServerFaultError,
    StoreFullError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)
from mosaico_ingest.protocol.faults import fault_info, fault_text

__all__ = ["border", "guarded", "untraced"]

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")
_CLASSES: dict[type[RemoteError], type[flight.FlightError]] = {
    UnauthorizedError: flight.FlightUnauthorizedError,
    ServerFaultError: flight.FlightInternalError,
    UnreachableError: flight.FlightUnavailableError,
    TimedOutError: flight.FlightTimedOutError,
}


@contextmanager
def border() -> Iterator[None]:
    """Raise what a client may see in the place of whatever is raised inside."""
    try:
        yield
    except flight.FlightError:
        raise
    except Exception as err:  # noqa: BLE001 - whatever it is, the client gets a sentence
        told = _translate(err)
        kind = _CLASSES.get(type(told), flight.FlightServerError)
        raise kind(fault_text(told), fault_info(told)) from None


class _Untraced(pa.ArrowInvalid):  # type: ignore[misc] # pyarrow is untyped
    """An error of which pyarrow sends the message and this class's name: its traceback cannot be made."""

    @property
    def __cause__(self) -> NoReturn:
        msg = "has no traceback"
        raise RuntimeError(msg)


@contextmanager
def untraced() -> Iterator[None]:
    """Keep the traceback from a client where pyarrow does not know Flight's errors, and would send it."""
    try:
        yield
    except flight.FlightError as err:
        raise _Untraced(str(err)) from None


def guarded(rows: Callable[_P, Iterator[_T]]) -> Callable[_P, Iterator[_T]]:
    """Put `border` around a generator, for what is raised while a stream is being read."""

    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[_T]:
        with border():
            yield from rows(*args, **kwargs)

    return wrapped


def _translate(err: Exception) -> RemoteError:
    if isinstance(err, RemoteError):
        return err
    if isinstance(err, NameRefusedError):
        return InvalidRequestError(str(err))
    if isinstance(err, StoreFullError):
        _log.error("%s", err)
        return ServerFaultError(str(err))
    if isinstance(err, OSError) and err.errno is None:  # pyarrow's, of a storage over the network
        _log.error("The storage failed: %s", str(err).partition("\n")[0])
        return ServerFaultError("The storage of the server failed; try again, or look at its log.")
    if isinstance(err, pa.ArrowInvalid):
        return InvalidRequestError(f"Stream error: {str(err).partition(chr(10))[0]}")
    _log.error("A request failed.", exc_info=err)
    return ServerFaultError("Internal error: see the log of the server")
