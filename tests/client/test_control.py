import contextlib
import socket

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from mosaico_ingest.client.address import Address
from mosaico_ingest.client.control import Control
from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import (
    NotFoundError,
    ServerFaultError,
    StateError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)
from mosaico_ingest.protocol.flight import InfoCommand
from mosaico_ingest.protocol.messages import (
    QueryRequest,
    ResourceRequest,
    SequenceCreate,
    SessionCreated,
)


@pytest.fixture
def open_control():
    """`open_control(url, **options)`: a control layer, closed at the end."""
    controls = []

    def open_(url, **options):
        controls.append(Control(Address.parse(url, **options)))
        return controls[-1]

    yield open_
    for control in controls:
        control.close()


class Flaky(fl.FlightServerBase):
    """Is unavailable for the first *failures* calls."""

    def __init__(self, failures):
        super().__init__("grpc://127.0.0.1:0")
        self.url = f"grpc://127.0.0.1:{self.port}"
        self.failures = failures
        self.calls = 0

    def _fail(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise fl.FlightUnavailableError("later")

    def list_flights(self, context, criteria):
        self._fail()
        return iter([])

    def get_flight_info(self, context, descriptor):
        self._fail()
        return fl.FlightInfo(pa.schema([]), descriptor, [])

    def do_action(self, context, action):
        self._fail()
        if action.type != "version":
            return []
        version = '{"version": "0.5.0", "semver": {"major": 0, "minor": 5, "patch": 0, "pre": ""}}'
        return [f'{{"action": "version", "response": {version}}}'.encode()]


def test_answer_is_typed(server, open_control):
    """An action's answer comes as its response class."""
    control = open_control(server.url)
    control.ask(FlightAction.SequenceCreate, SequenceCreate(locator="a", user_metadata={}))

    session = control.obtain(FlightAction.SessionCreate, ResourceRequest("a"), SessionCreated)

    assert "a:uuid-1" == session.locator


def test_missing_answer_is_a_fault(server, open_control):
    """An action that must answer and does not is the server's fault."""
    control = open_control(server.url)

    with pytest.raises(ServerFaultError, match="sequence_create"):
        control.obtain(
            FlightAction.SequenceCreate,
            SequenceCreate(locator="a", user_metadata={}),
            SessionCreated,
        )


def test_idempotent_call_is_tried_again(open_control):
    """A server that is away for a moment is asked again where asking twice does no harm."""
    with Flaky(failures=2) as server:
        version = open_control(server.url).version()

        assert (3, "0.5.0") == (server.calls, version.version)


@pytest.mark.parametrize(
    "call",
    [
        lambda control: control.ask(FlightAction.Query, QueryRequest()),
        lambda control: control.ask(FlightAction.TopicNotificationPurge, ResourceRequest("a/b")),
        lambda control: control.list_sequences(),
        lambda control: control.describe(InfoCommand("a")),
    ],
)
def test_whatever_changes_nothing_twice_is_tried_again(open_control, call):
    """Queries, lists and descriptions outlast a server that is away for a moment, and so does a purge."""
    with Flaky(failures=2) as server:
        call(open_control(server.url))

        assert 3 == server.calls


def test_other_calls_are_tried_once(open_control):
    """A call that changes something is never repeated."""
    with Flaky(failures=2) as server:
        with pytest.raises(UnreachableError):
            open_control(server.url).ask(FlightAction.SequenceDelete, ResourceRequest("a"))

        assert 1 == server.calls


def test_retries_end(open_control):
    """After three attempts the error is told."""
    with Flaky(failures=9) as server:
        with pytest.raises(UnreachableError, match="later"):
            open_control(server.url).version()

        assert 3 == server.calls


def test_window_bounds_are_sent_only_if_given(server, open_control):
    """A question without a window is worded without one."""
    control = open_control(server.url)

    with pytest.raises(NotFoundError, match=r"^a not found\.$"):
        control.describe(InfoCommand("a", timestamp_ns_end=7))

    assert [("info", {"resource_locator": "a", "timestamp_ns_end": 7})] == server.log


def test_refused_connection_blames_the_host(open_control):
    """Where nobody listens, host and port are to be checked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(
        UnreachableError, match=f"127.0.0.1:{port} .*Connection refused.* Check host"
    ):
        open_control(f"grpc://127.0.0.1:{port}").probe(5)


def test_silent_peer_times_out(open_control):
    """What accepts connections and says nothing is told after the time given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"grpc://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(TimedOutError, match=r"does not answer within 0\.2 s"):
            open_control(url).probe(0.2)


class Failing(fl.FlightServerBase):
    """Fails in every action."""

    def do_action(self, context, action):
        raise RuntimeError("out of luck")


def test_other_failures_of_the_greeting_are_told_as_they_are(open_control):
    """A server that answers with an error of its own is quoted, with Flight's exception as the cause."""
    with Failing("grpc://127.0.0.1:0") as server:
        control = open_control(f"grpc://127.0.0.1:{server.port}")

        with pytest.raises(ServerFaultError, match=r"^out of luck\.$") as caught:
            control.probe(5)

    assert isinstance(caught.value.__cause__, fl.FlightServerError)


def test_a_call_takes_no_longer_than_it_may():
    """A server that falls silent later is told too, after the time that one call may take."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address.parse(f"grpc://127.0.0.1:{listener.getsockname()[1]}")
        with contextlib.closing(Control(address, call_timeout_s=0.2)) as control:
            for call in (control.version, control.list_sequences):
                with pytest.raises(TimedOutError, match="did not answer in time"):
                    call()


def test_missing_key_is_blamed(start_server, open_control):
    """A server with keys that is asked without one says so, with what to set."""
    server = start_server(api_key="good")

    with pytest.raises(UnauthorizedError, match=r"Missing API key.*MOSAICO_API_KEY"):
        open_control(server.url).probe(5)


def test_wrong_key_is_blamed_and_not_shown(start_server, open_control):
    """A refused key is to be checked, and is not repeated in the message."""
    server = start_server(api_key="good")

    with pytest.raises(UnauthorizedError, match=r"unknown API key.*mistyped") as caught:
        open_control(server.url, api_key="s3cret").probe(5)

    assert "s3cret" not in str(caught.value)


def test_right_key_opens(start_server, open_control):
    """The key goes along with every call."""
    server = start_server(api_key="good")

    assert "0.5.0" == open_control(server.url, api_key="good").probe(5).version


@pytest.fixture
def tls_url(certificate):
    """Address of a TLS server whose certificate is `certificate`, in plain scheme."""
    pair = tuple(path.read_bytes() for path in certificate)
    with Tls("grpc+tls://127.0.0.1:0", tls_certificates=[pair]) as server:
        yield f"127.0.0.1:{server.port}"


class Tls(fl.FlightServerBase):
    """Answers `version`, encrypted."""

    def do_action(self, context, action):
        return Flaky.do_action(_Counter(), context, action)


class _Counter:
    calls = failures = 0
    _fail = Flaky._fail


def test_tls_with_the_right_certificate_connects(tls_url, certificate, open_control):
    """A certificate file makes a TLS server trusted."""
    control = open_control(f"grpc+tls://{tls_url}", tls=certificate[0])

    assert "0.5.0" == control.probe(5).version


def test_untrusted_certificate_is_blamed(tls_url, open_control):
    """A certificate that the system does not know asks for the file."""
    with pytest.raises(UnreachableError, match=r"certificate.*tls=PATH"):
        open_control(f"grpc+tls://{tls_url}").probe(5)


def test_plain_client_of_tls_server_is_told(tls_url, open_control):
    """A client without TLS learns that the server may want it."""
    with pytest.raises(UnreachableError, match=r"may expect TLS.*grpc\+tls"):
        open_control(f"grpc://{tls_url}").probe(5)


def test_tls_client_of_plain_server_is_told(server, open_control):
    """A client with TLS learns that the server may not speak it."""
    with pytest.raises(UnreachableError, match="may not speak TLS"):
        open_control(server.url.replace("grpc:", "grpc+tls:")).probe(5)


def test_closed_control_refuses(server, open_control):
    """After `close`, which may come twice, calls say that the client is closed."""
    control = open_control(server.url)
    control.close()
    control.close()

    with pytest.raises(StateError, match="closed"):
        control.version()
