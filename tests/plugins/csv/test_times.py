"""Texts to nanoseconds: exact wherever the text is."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_DOWN, Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mosaico_ingest_csv.times import DIGITS, dates, misfits, numbers, parse_start, typed

from mosaico_ingest.errors import UsageError

SECONDS = st.decimals(min_value=-(10**9), max_value=4 * 10**9, places=9)


def _all(stamps):
    ns, ok = stamps
    assert ok.all()
    return ns.tolist()


@given(st.lists(SECONDS, min_size=1, max_size=20), st.sampled_from(list(DIGITS)))
def test_numbers_are_exact(values, unit):
    """A decimal in any unit is read digit by digit; what lies below a nanosecond is cut off."""
    texts = [format(value, "f") for value in values]

    expected = [int((v * 10 ** DIGITS[unit]).to_integral_value(ROUND_DOWN)) for v in values]
    assert expected == _all(numbers(pa.array(texts), unit))


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20))
def test_whole_nanoseconds(values):
    """64-bit integers pass unchanged, as text and as numbers."""
    assert values == _all(numbers(pa.array([str(v) for v in values]), "ns"))
    assert values == _all(typed(pa.array(values), "ns", "UTC"))


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - zones are drawn
            st.sampled_from([None, 0, 120, -330]),
            st.sampled_from(["T", " "]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_dates_with_and_without_zone(moments):
    """ISO 8601 is read with and without zone, mixed in one column; without, the zone given is taken."""
    texts, expected = [], []
    for naive, minutes, separator in moments:
        zone = UTC if minutes is None else timezone(timedelta(minutes=minutes))
        aware = naive.replace(tzinfo=zone)
        texts.append((naive if minutes is None else aware).isoformat(separator))
        since = aware - datetime(1970, 1, 1, tzinfo=UTC)
        expected.append((since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000)

    assert expected == _all(dates(pa.array(texts), "UTC"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-02-26 22:00", 1551218400 * 10**9),
        ("2019/02/26 22:00:00,5", 1551218400 * 10**9 + 500_000_000),
        ("2019-02-26T22:00:00.1234567899Z", 1551218400 * 10**9 + 123_456_789),
        ("2019-02-26T22:00:00+0200", 1551211200 * 10**9),
        ("2019-02-26 22:00:00 +02:00", 1551211200 * 10**9),
        ("2019-02-26", 1551139200 * 10**9),
    ],
)
def test_spellings_of_dates(text, expected):
    """The spellings that people use are read; digits below the nanosecond are cut off."""
    assert [expected] == _all(dates(pa.array([text]), "UTC"))


def test_the_zone_of_dates_without_one():
    """Rome is an hour ahead of UTC in winter and two in summer."""
    texts = pa.array(["2024-01-01T01:00:00", "2024-07-01T02:00:00"])

    assert [1704067200 * 10**9, 1719792000 * 10**9] == _all(dates(texts, "Europe/Rome"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 1.5", 1_500_000_000),
        ("1.5e9", 15 * 10**17),
        ("5.4012345E-05", 54012),
        ("1,25", 1_250_000_000),
    ],
)
def test_spellings_of_numbers(text, expected):
    """Blanks, exponents and decimal commas are read."""
    assert [expected] == _all(numbers(pa.array([text]), "s"))


def test_what_is_no_time_is_told():
    """Rubbish, nulls and numbers beyond 64 bits are no times, their neighbours are."""
    texts = pa.array(["1", "x", None, "1e300", "", "2"])

    ns, ok = numbers(texts, "s")

    assert [True, False, False, False, False, True] == ok.tolist()
    assert [10**9, 2 * 10**9] == ns[ok].tolist()


def test_floats_are_as_exact_as_they_are():
    """A float of seconds is rounded to the nearest nanosecond that it can mean."""
    value = 1464818234.3041987

    expected = int((Decimal(value) * 10**9).to_integral_value())
    assert [expected] == _all(typed(pa.array([value]), "s", "UTC"))


@given(st.lists(st.sampled_from(["1", "2.5", "x", "", "-"]), max_size=50))
def test_misfits_are_found(texts):
    """Exactly the values that are no numbers are found."""
    expected = [k for k, text in enumerate(texts) if text in ("x", "", "-")]

    assert expected == misfits(pa.array(texts, pa.string()), pa.float64()).tolist()


@pytest.mark.parametrize(
    "text",
    ["2024-01-01", "2024-01-01T00:00:00Z", "1704067200", "1704067200.0", "1704067200000000000"],
)
def test_start(text):
    """`--start` is ISO 8601, seconds or nanoseconds."""
    assert 1704067200 * 10**9 == parse_start(text, "UTC")


def test_start_that_is_none():
    """Anything else is refused with its value."""
    with pytest.raises(UsageError, match="'noon'"):
        parse_start("noon", "UTC")


def test_misfits_are_found_wherever_a_value_comes_again():
    """Every row of a value that is no number is named, in order; nulls and rows outside a slice are not."""
    values = pa.array(["x", "1", "x", None, "y", "2", "x", "y"]).slice(1)

    assert [1, 3, 5, 6] == misfits(values, pa.int64()).tolist()
