"""The table of actions and the envelope."""

import json
from contextlib import suppress

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import InvalidRequestError, ServerFaultError
from mosaico_ingest.protocol.actions import ACTIONS, envelope, read_envelope
from mosaico_ingest.protocol.messages import SessionCreated
from mosaico_ingest.protocol.wire import dump, load_request

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


FIELDS = sorted({field.name for spec in ACTIONS.values() for field in attrs.fields(spec.request)})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.sampled_from(sorted(ACTIONS)), st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON)
def test_arbitrary_json_is_a_request_or_refused(action, value):
    """Whatever JSON comes is a request that can be written again, or refused with a sentence."""
    kind = ACTIONS[action].request
    with suppress(InvalidRequestError):
        request = load_request(kind, json.dumps(value).encode())

        assert request == load_request(kind, dump(request))


@given(st.sampled_from(sorted(ACTIONS)), st.binary())
def test_arbitrary_bytes_are_refused(action, body):
    """Bytes that are no JSON object are refused, with nothing else raised."""
    with suppress(InvalidRequestError):
        load_request(ACTIONS[action].request, body)

        assert isinstance(json.loads(body), dict)


@given(st.sampled_from(sorted(ACTIONS)), JSON)
def test_arbitrary_answers_are_read_or_refused(action, value):
    """Whatever a server answers is an answer, nothing, or its fault."""
    with suppress(ServerFaultError):
        answer = read_envelope(action, json.dumps({"action": action, "response": value}).encode())

        assert answer is None or isinstance(answer, ACTIONS[action].response)
