import pyarrow as pa
import pyarrow.flight as fl
import pytest

from mosaico_ingest import errors
from mosaico_ingest.client.errors import border
from mosaico_ingest.protocol.faults import fault_info, fault_text

NATIVE = {
    "Flight returned invalid argument error, with message: ": errors.InvalidRequestError,
    "Flight returned not found error, with message: ": errors.NotFoundError,
    "Unknown: Flight returned already exists error, with message: ": errors.AlreadyExistsError,
    "Flight returned unauthorized error, with message: ": errors.UnauthorizedError,
    "Flight returned unauthenticated error, with message: ": errors.UnauthorizedError,
    "gRPC returned precondition failed error, with message: ": errors.PreconditionError,
    "gRPC returned resource exhausted error, with message: ": errors.ServerFaultError,
    "gRPC returned out-of-range error, with message: ": errors.InvalidRequestError,
    "Flight returned unimplemented error, with message: ": errors.InvalidRequestError,
    "Flight returned internal error, with message: ": errors.ServerFaultError,
    "gRPC returned aborted error, with message: ": errors.ServerFaultError,
    "Flight cancelled call, with message: ": errors.ServerFaultError,
    "Flight RPC failed with message: ": errors.ServerFaultError,
}


@pytest.mark.parametrize(("words", "kind"), NATIVE.items())
def test_status_words_of_a_native_server_decide_the_kind(words, kind):
    """A refusal in the words of plain gRPC becomes our error with the server's sentence alone."""
    with pytest.raises(errors.RemoteError) as caught, border("grpc://h:1"):
        raise pa.ArrowInvalid(words + "drive_1 is odd.")

    assert (kind, "drive_1 is odd.") == (type(caught.value), str(caught.value))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (fl.FlightUnauthorizedError, errors.UnauthorizedError),
        (fl.FlightUnauthenticatedError, errors.UnauthorizedError),
        (pa.ArrowKeyError, errors.NotFoundError),
        (pa.ArrowInvalid, errors.InvalidRequestError),
        (pa.ArrowNotImplementedError, errors.InvalidRequestError),
        (pa.ArrowCapacityError, errors.InvalidRequestError),
        (fl.FlightInternalError, errors.ServerFaultError),
        (fl.FlightServerError, errors.ServerFaultError),
        (OSError, errors.ServerFaultError),
    ],
)
def test_class_decides_where_words_do_not(raised, kind):
    """What a pyarrow server raised is told by its class, and its traceback is cut off."""
    text = "drive_1 is odd. Detail: Python exception: Traceback (most recent call last)"

    with pytest.raises(errors.RemoteError) as caught, border("grpc://h:1"):
        raise raised(text)

    assert (kind, "drive_1 is odd.") == (type(caught.value), str(caught.value))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (fl.FlightUnavailableError, errors.UnreachableError),
        (fl.FlightTimedOutError, errors.TimedOutError),
    ],
)
def test_silence_names_the_server(raised, kind):
    """Where no server had a word, the error names the address and the reason, and is transient."""
    with pytest.raises(kind) as caught, border("grpc://h:1"):
        raise raised("no way: last error: Connection refused")

    assert "grpc://h:1" in str(caught.value)
    assert "Connection refused)" in str(caught.value)
    assert caught.value.transient


def test_words_of_the_server_itself_are_left_alone():
    """A server of this package that says it is stopping is quoted, not interpreted."""
    told = errors.UnreachableError("The server is stopping.")

    with pytest.raises(errors.UnreachableError) as caught, border("grpc://h:1"):
        raise fl.FlightUnavailableError(fault_text(told), fault_info(told))

    assert "The server is stopping." == str(caught.value)


def test_cause_is_kept():
    """Flight's own exception stays the cause, for whoever debugs."""
    cause = pa.ArrowInvalid("x")

    with pytest.raises(errors.InvalidRequestError) as caught, border("grpc://h:1"):
        raise cause

    assert cause is caught.value.__cause__


def test_errors_of_others_pass():
    """What is no error of Flight goes through unchanged."""
    with pytest.raises(ZeroDivisionError), border("grpc://h:1"):
        raise ZeroDivisionError
