"""ULIDs: form and order."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.protocol.ulid import make_ulid

INSTANTS = st.integers(0, 2**48 * 1_000_000 - 1)
CHANCE = st.binary(min_size=10, max_size=10)


@given(INSTANTS, CHANCE)
def test_form(time_ns, randomness):
    """A ULID is 26 characters of Crockford's alphabet."""
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", make_ulid(time_ns, randomness))


@given(INSTANTS, CHANCE, INSTANTS, CHANCE)
def test_order(first_ns, first, second_ns, second):
    """ULIDs sort as their milliseconds and, within one, their chance do."""
    ids_sort = make_ulid(first_ns, first) < make_ulid(second_ns, second)

    assert ((first_ns // 1_000_000, first) < (second_ns // 1_000_000, second)) == ids_sort


def test_short_randomness_is_refused():
    """Less chance than the form has room for is an error."""
    with pytest.raises(ValueError, match="10 random bytes"):
        make_ulid(0, b"short")
