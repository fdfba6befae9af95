"""Tests of the public enumerations."""

import pytest

import mosaico_ingest
from mosaico_ingest import enum
from mosaico_ingest.enum import SessionLevelErrorPolicy, SessionStatus


def test_the_old_name_of_the_policy_works_and_warns():
    """`OnErrorPolicy` is `SessionLevelErrorPolicy` under its first name, in both places, with a warning."""
    for place in (mosaico_ingest, enum):
        with pytest.warns(DeprecationWarning, match="use SessionLevelErrorPolicy"):
            old = place.OnErrorPolicy

        assert SessionLevelErrorPolicy is old


def test_other_names_do_not_exist():
    """A name that is none is refused as by any module."""
    with pytest.raises(AttributeError, match="'Nonsense'"):
        _ = enum.Nonsense


def test_sequences_and_sessions_have_the_same_statuses():
    """`SequenceStatus` is another name, not another enumeration."""
    assert SessionStatus is enum.SequenceStatus
    assert ["null", "pending", "finalized", "error"] == list(SessionStatus)
