"""The table of actions and the envelope."""

import json

import attrs
import pytest

from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.protocol.actions import ACTIONS, envelope, read_envelope
from mosaico_ingest.protocol.messages import SessionCreated

CREATED = SessionCreated(uuid="u", locator="s:1")


def test_table_holds_attrs_classes():
    """Each action names attrs classes for what it takes and gives."""
    kinds = [k for spec in ACTIONS.values() for k in (spec.request, spec.response) if k]

    assert all(attrs.has(kind) for kind in kinds)


def test_envelope():
    """The answer repeats the action beside the response."""
    body = envelope(FlightAction.SessionCreate, CREATED)

    assert {"action": "session_create", "response": {"uuid": "u", "locator": "s:1"}} == json.loads(
        body
    )


def test_answer_round_trip():
    """A client reads the answer that a server wrote."""
    body = envelope(FlightAction.SessionCreate, CREATED)

    assert CREATED == read_envelope(FlightAction.SessionCreate, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"action": "empty"}',
        b'{"action": "session_create", "response": null}',
        b'{"action": "other", "response": {}}',
        b'{"response": {"uuid": "u", "locator": "s:1"}}',
    ],
)
def test_no_data(body):
    """The many ways of saying nothing all mean success without data."""
    assert read_envelope(FlightAction.SessionCreate, body) is None


@pytest.mark.parametrize("body", [b"{", b'{"action": "session_create", "response": {"uuid": 1}}'])
def test_broken_answer(body):
    """An answer that is no JSON or lacks its keys is the server's fault."""
    with pytest.raises(ServerFaultError):
        read_envelope(FlightAction.SessionCreate, body)
