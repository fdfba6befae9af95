"""Bytes are copied out of rows once, or not at all."""

import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mosaico_ingest_ros.decoding.rows import Rows, gather_ranges

from mosaico_ingest.plugin import Payloads

BUFFER = np.arange(4096, dtype=np.uint16).view(np.uint8)


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 60)), min_size=1, max_size=30))
def test_gathered_ranges(ranges):
    """Ranges of any length, in any order, overlapping or not, lie side by side."""
    starts, lengths = np.array(ranges, np.int64).T.copy()
    joined = b"".join(BUFFER[a : a + k].tobytes() for a, k in ranges)

    assert joined == gather_ranges(BUFFER, starts, lengths).tobytes()


@pytest.mark.parametrize("origins", [[0, 10, 20], [20, 10, 0], [3, 3, 3], [5, 6, 90], [7]])
@pytest.mark.parametrize("count", [1, 3])
def test_numbers_are_read_at_any_place(origins, count):
    """Rows at any distance, aligned or not, give the numbers that their bytes are."""
    rows = Rows(BUFFER, np.array(origins), np.full(len(origins), 100))
    expected = [
        value
        for origin in origins
        for value in struct.unpack_from(f"<{count}I", BUFFER.tobytes(), origin + 5)
    ]

    assert expected == rows.read(5, np.dtype("<u4"), count).tolist()
    assert expected == rows.read(np.full(len(origins), 5), np.dtype("<u4"), count).tolist()


def test_a_large_message_is_not_copied(kit):
    """The bytes of a message that came alone stay where they are."""
    decode = kit.compile("cdr", "p/msg/M", b"uint8[] data\n")
    payload = b"\0\1\0\0" + struct.pack("<I", 100_000) + bytes(100_000)
    column = Payloads.from_column(pa.array([payload], pa.binary())).to_view()
    data = decode(column).data["data"]

    assert data.buffers()[2].address == column.buffers()[2].address + 8
