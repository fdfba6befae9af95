"""Properties of payload columns: whatever the sizes, order and slicing, the bytes are the same."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mosaico_ingest.model.payloads import Payloads, gather, longest

RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=40)
SIZES = st.sampled_from([0, 1, 3, 12, 13, 40])


def _buffer() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, 400, dtype=np.uint8)


def _payloads(ranges) -> Payloads:
    starts, lengths = np.array(ranges, np.int64).reshape(-1, 2).T
    return Payloads(_buffer(), np.ascontiguousarray(starts), np.ascontiguousarray(lengths))


def _values(payloads: Payloads) -> list[bytes]:
    ends = payloads.starts + payloads.lengths
    return [bytes(payloads.buffer[a:b]) for a, b in zip(payloads.starts, ends, strict=True)]


@given(RANGES)
def test_columns_hold_the_byte_ranges(ranges):
    """Both kinds of column hold exactly the bytes of each range, in order."""
    payloads = _payloads(ranges)
    expected = _values(payloads)

    assert expected == payloads.to_binary().to_pylist()
    assert expected == payloads.to_view().to_pylist()
    payloads.to_binary().validate(full=True)
    payloads.to_view().validate(full=True)


@given(st.lists(st.integers(0, 300), max_size=40), SIZES)
def test_ranges_of_one_size(starts, size):
    """Equal sizes, which take a shorter way, give the same bytes: also unordered, overlapping, repeated."""
    payloads = _payloads([(start, size) for start in starts])

    assert _values(payloads) == payloads.to_binary().to_pylist()


@given(st.integers(1, 30), SIZES, st.integers(1, 12), st.integers(0, 10))
def test_ranges_of_one_size_and_stride(n, size, stride, first):
    """A constant stride, shorter than the size or longer, gives the same bytes."""
    payloads = _payloads([(first + k * stride, size) for k in range(n)])

    assert _values(payloads) == payloads.to_binary().to_pylist()


def test_large_ranges_of_several_sizes():
    """Ranges that are worth a slice each give the same bytes as small ones."""
    buffer = np.random.default_rng(5).integers(0, 256, 20_000, dtype=np.uint8)
    starts, lengths = np.array([9000, 17, 9001]), np.array([5000, 301, 10_000])
    expected = b"".join(bytes(buffer[a : a + n]) for a, n in zip(starts, lengths, strict=True))

    assert expected == gather(buffer, starts, lengths).tobytes()


@given(
    st.lists(st.binary(max_size=40), max_size=20),
    st.integers(0, 8),
    st.integers(0, 20),
    st.sampled_from([pa.binary(), pa.large_binary(), pa.binary_view()]),
)
def test_looks_through_any_column(values, offset, length, kind):
    """A column of any binary type, sliced or empty, gives its values."""
    column = pa.array(values, kind).slice(offset, length)

    assert column.to_pylist() == _values(Payloads.from_column(column))


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(13, 60)), min_size=1), st.data())
def test_a_view_is_looked_through_without_a_copy(ranges, data):
    """A view column over one buffer gives that buffer back, also when it is sliced."""
    payloads = _payloads(ranges)
    first = data.draw(st.integers(0, len(ranges) - 1))
    again = Payloads.from_column(payloads.to_view().slice(first))

    assert payloads.buffer.ctypes.data == again.buffer.ctypes.data
    assert _values(payloads)[first:] == _values(again)


def test_a_view_over_several_buffers_is_gathered():
    """Columns that were put together from several chunks are looked through as well."""
    parts = [_payloads([(k, 40), (k + 50, 5)]) for k in range(3)]
    column = pa.concat_arrays([part.to_view() for part in parts])

    assert [v for part in parts for v in _values(part)] == _values(Payloads.from_column(column))


@given(hnp.arrays(np.int64, st.integers(0, 9), elements=st.integers(0, 5)))
def test_take_gives_rows_in_the_order_asked(rows):
    """Rows may be left out, repeated and reordered."""
    payloads = _payloads([(10 * k, k) for k in range(6)])

    assert [_values(payloads)[k] for k in rows] == _values(payloads.take(rows))


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_an_empty_column_has_no_payloads(kind):
    """No rows are no payloads, whatever buffers pyarrow allocates for them."""
    for column in (pa.array([], kind), pa.nulls(0, kind), pa.array([b"a"], kind).slice(1)):
        assert 0 == len(Payloads.from_column(column)) == len(Payloads.from_column(column).to_view())


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_the_longest_value_of_a_column_is_found(kind):
    """In every layout, sliced or not, inline or not; an empty column has none."""
    column = pa.array([b"x" * 40, b"ab", b"", b"y" * 13], kind)

    assert 40 == longest(column)
    assert 13 == longest(column[1:])
    assert 2 == longest(column[1:3])
    assert 0 == longest(column[4:])
