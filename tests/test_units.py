import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import UsageError
from mosaico_ingest.units import format_time_ns, parse_time_ns

SECOND_NS = 1_000_000_000


@given(st.integers(-(10**18), 10**18))
def test_instants_are_read_as_they_are_printed(time_ns):
    """What `format_time_ns` prints is read back to the microsecond, plain numbers exactly."""
    assert time_ns // 1000 * 1000 == parse_time_ns(format_time_ns(time_ns))
    assert time_ns == parse_time_ns(str(time_ns))


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-02", 86_400 * SECOND_NS),
        ("1970-01-01T00:01", 60 * SECOND_NS),
        ("1970-01-01 00:00:00.000000001 UTC", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.5Z", -SECOND_NS // 2),
    ],
)
def test_instants_in_their_forms(text, time_ns):
    """A date, a clock, a fraction and a zone may be given; without a zone it is UTC."""
    assert time_ns == parse_time_ns(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "1970-13-01", "1.5", "1970-01-01T", "\u0665", "1970-01-01.5"]
)
def test_what_is_no_instant_is_refused(text):
    """Anything else is refused with an example."""
    with pytest.raises(UsageError, match=r"Expected nanoseconds, or 2026-01-02T10:00:00Z\.$"):
        parse_time_ns(text)
