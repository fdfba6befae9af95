"""Refusals on the wire."""

import pytest

from mosaico_ingest import errors
from mosaico_ingest.protocol.faults import fault_info, fault_text, read_fault

KINDS = [
    errors.NotFoundError,
    errors.AlreadyExistsError,
    errors.InvalidRequestError,
    errors.PreconditionError,
    errors.UnauthorizedError,
    errors.ServerFaultError,
    errors.UnreachableError,
    errors.TimedOutError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_kind_and_message_survive(kind):
    """A client gets back the kind and the message that the server raised, from text or note."""
    error = kind("Session `u` is empty.")
    text = f"{fault_text(error)}. Detail: Failed. gRPC client debug context: …"

    assert (kind, "Session `u` is empty.") == read_fault(text)
    assert (kind, "Session `u` is empty.") == read_fault("anything", fault_info(error))


def test_refusal_says_unauthorized():
    """A refused key is told with the word that clients look for."""
    assert "unauthorized" in fault_text(errors.UnauthorizedError("Missing API key"))


def test_unknown_text():
    """A message without status words has no kind."""
    assert (None, "boom.") == read_fault("boom. Detail: Failed", b"\xff not json")


def test_long_message_is_cut():
    """A message is cut to what the trailers of a call can hold."""
    error = errors.NotFoundError("x" * 100_000)

    assert len(fault_info(error)) + len(fault_text(error)) < 4096
