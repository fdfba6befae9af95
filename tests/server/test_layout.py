"""Which form a column gets in Parquet."""

import os

import numpy as np
import pyarrow as pa
import pytest

from mosaico_ingest.errors import InvalidRequestError
from mosaico_ingest.server.layout import choose_layout


def test_numbers():
    """Floats are split by byte, integers stored as differences, both compressed."""
    layout = choose_layout(
        pa.table({"i": [1, 2], "f": [1.0, 2.0], "s": [{"x": np.float32(1)}] * 2, "l": [[1.0]] * 2})
    )

    assert {
        "i": "DELTA_BINARY_PACKED",
        "f": "BYTE_STREAM_SPLIT",
        "s.x": "BYTE_STREAM_SPLIT",
        "l.list.element": "BYTE_STREAM_SPLIT",
    } == layout.encodings
    assert {"lz4"} == set(layout.compression.values())


def test_bytes_are_sampled():
    """Bytes are compressed if that makes them smaller, and kept out of the statistics."""
    noise, zeros = pa.array([os.urandom(5000), os.urandom(5000)]), pa.array([bytes(5000)] * 2)
    layout = choose_layout(pa.table({"noise": noise, "zeros": zeros, "text": ["a", "b"]}))

    assert {"noise": "none", "zeros": "lz4", "text": "lz4"} == layout.compression
    assert ["text"] == layout.statistics


@pytest.mark.parametrize("values", [[None, None], [b"", b""]])
def test_nothing_to_sample(values):
    """Bytes that are not there do not stop the choice."""
    layout = choose_layout(pa.table({"data": pa.array(values, pa.binary())}))

    assert {"data": "lz4"} == layout.compression


def test_no_form():
    """A column that Parquet cannot hold is refused."""
    with pytest.raises(InvalidRequestError, match="Unsupported schema"):
        choose_layout(pa.table({"x": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}))
