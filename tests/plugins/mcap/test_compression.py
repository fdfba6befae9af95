"""Compressions: whole contents exactly, cut ones as far as they go, wrong lengths refused."""

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from mosaico_ingest_mcap.compression import decompress, decompress_prefix
from mosaico_ingest_mcap.records import MalformedError

MOST = 1 << 20
COMPRESS = {"": bytes, "zstd": zstandard.compress, "lz4": lz4.frame.compress}


def _compressed(compression, content):
    return np.frombuffer(COMPRESS[compression](content), np.uint8)


@given(st.sampled_from(list(COMPRESS)), st.binary(max_size=3000))
def test_whole_contents_come_back(compression, content):
    """What was compressed is what comes back, also nothing."""
    found = decompress(compression, _compressed(compression, content), len(content), MOST)

    assert content == found.tobytes()


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("difference", [-1, 1])
def test_a_wrong_length_is_refused(compression, difference):
    """Contents of another length than declared are refused, never padded or cut."""
    data = _compressed(compression, b"abc" * 100)

    with pytest.raises(MalformedError):
        decompress(compression, data, 300 + difference, MOST)


@given(st.sampled_from(list(COMPRESS)), st.integers(0, 10**6), st.integers(0, 2**32))
def test_a_prefix_is_a_prefix(compression, share, seed):
    """A cut stream gives the beginning of the contents, the whole stream all of them."""
    content = np.random.default_rng(seed).integers(0, 9, 300_000, dtype=np.uint8).tobytes()
    data = _compressed(compression, content)
    found = decompress_prefix(compression, data[: len(data) * share // 10**6], len(content), MOST)

    assert content.startswith(found.tobytes())
    assert content == decompress_prefix(compression, data, len(content), MOST).tobytes()


@given(st.sampled_from(["zstd", "lz4"]), st.binary(max_size=300), st.integers(0, 2**64 - 1))
def test_garbage_is_refused(compression, data, nbytes):
    """No bytes raise anything but the one error, whatever length they claim."""
    try:
        found = decompress(compression, np.frombuffer(data, np.uint8), nbytes, MOST)
    except MalformedError:
        return

    assert nbytes == len(found)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_more_than_allowed_is_refused(compression):
    """Contents that unpack to more than allowed are refused by what they state, or before it is exceeded."""
    data = _compressed(compression, bytes(MOST + 1))

    with pytest.raises(MalformedError, match="--max-record-bytes 1048576"):
        decompress(compression, data, MOST + 1, MOST)
    with pytest.raises(MalformedError):
        decompress(compression, data, 1000, MOST)
