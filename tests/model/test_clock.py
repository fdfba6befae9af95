"""Tests of mosaico_ingest.model.clock."""

import pytest

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.clock import Clock


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("log", Clock(TimePolicy.Log)),
        ("status.at", Clock(TimePolicy.Publish, "status.at")),
        ("status.at:ms", Clock(TimePolicy.Publish, "status.at", "ms")),
        ("std::time", Clock(TimePolicy.Publish, "std::time")),
    ],
)
def test_a_clock_is_a_policy_or_a_field_with_a_unit(text, clock):
    """The names of policies are taken; anything else is a field, and a known unit after a colon its unit."""
    assert clock == Clock.parse(text)
    assert text == str(clock)
