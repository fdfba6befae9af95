"""The key sets of responses and the instants of notifications."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.protocol import messages
from mosaico_ingest.protocol.wire import dump


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        (messages.SessionCreated(uuid="u", locator="s:1"), {"uuid", "locator"}),
        (messages.UuidOnly("u"), {"uuid"}),
        (messages.NotificationList([]), {"notifications"}),
        (
            messages.Notification(
                name="s", notification_type="error", msg="m", created_datetime="c"
            ),
            {"name", "notification_type", "msg", "created_datetime"},
        ),
    ],
)
def test_exact_keys(message, keys):
    """A response has exactly the keys that clients take."""
    assert keys == set(json.loads(dump(message)))


@given(st.integers(0, 253_402_300_799 * 10**9))
def test_instants_survive_to_the_microsecond(time_ns):
    """A notification's instant is read as it was written, to the microsecond."""
    assert time_ns // 1000 * 1000 == messages.parse_created_ns(messages.format_created(time_ns))


@pytest.mark.parametrize(
    "text", ["1970-01-01 00:00:01", "1970-01-01 00:00:01 UTC", "1970-01-01T01:00:01+01:00"]
)
def test_other_spellings(text):
    """No fraction, no zone, another zone: all are understood."""
    assert 1_000_000_000 == messages.parse_created_ns(text)


def test_no_instant():
    """A text that is no instant is the server's fault."""
    with pytest.raises(ServerFaultError, match="yesterday"):
        messages.parse_created_ns("yesterday")
