"""Limits against hostile files, each told with the flag that lifts it, and the distribution to name."""

import pytest
from mosaico_ingest_mcap import McapFormat
from mosaico_ingest_mcap.options import McapOptions

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import read_rows, source_file


def read(path, **options):
    """Return table of contents, rows per channel, and damage."""
    with McapFormat().open(source_file(path), McapOptions(**options)) as recording:
        rows, damage = read_rows(recording)
        return recording.info, rows, damage


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_that_is_too_large_costs_itself(mcap_file, compression, kit):
    """A chunk that unpacks to more than allowed is damage that names the flag; the others are read."""
    path = mcap_file(oversized=True, **kit.variants[compression])
    whole = kit.rows(path)
    _, rows, damage = read(path, max_record_bytes=8000)
    lost = {c: len(whole[c]) - len(rows.get(c, [])) for c in whole}

    assert [True] == ["--max-record-bytes 8000" in found.reason for found in damage]
    assert {c: n for c, n in lost.items() if n} == damage[0].lost
    assert all(set(rows[c]) <= set(whole[c]) for c in rows)
    assert (whole, []) == read(path, max_record_bytes=20_000)[1:]


def test_a_message_that_is_too_large_costs_itself(mcap_file, kit):
    """Outside chunks, a message larger than allowed and than the window is damage of one message."""
    path = mcap_file(use_chunking=False)
    large = bytes(5 << 20)
    content = path.read_bytes()
    at = 8 + 9 + int.from_bytes(content[9:17], "little")  # behind the header
    while content[at] != 5:
        at += 9 + int.from_bytes(content[at + 1 : at + 9], "little")
    body = content[at + 9 : at + 31] + large
    path.write_bytes(content[:at] + b"\5" + len(body).to_bytes(8, "little") + body)
    _, rows, damage = read(path, max_record_bytes=4 << 20)

    assert {} == rows
    assert [] == [found for found in damage if found.lost not in ({}, {1: 1})]
    assert [{1: 5}] == [{c: len(own[0][-1]) >> 20} for c, own in read(path)[1].items()]


def test_too_many_channels_are_refused(mcap_file):
    """A recording of more channels than allowed is refused with the flag; its files are closed."""
    with pytest.raises(SourceError, match=r"has 4 channels, more than --max-channels 3 allows"):
        read(mcap_file(), max_channels=3)


def test_the_distribution_is_named(mcap_file):
    """The distribution that the user names is on every channel, for the decoder."""
    info, *_ = read(mcap_file(), ros_distro="jazzy")

    assert {"jazzy"} == {channel.metadata["ros_distro"] for channel in info.channels}
