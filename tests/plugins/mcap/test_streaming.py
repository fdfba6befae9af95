"""Compressed chunks that are too large to be loaded give what loaded ones give."""

import pytest
from mcap.writer import CompressionType, IndexType
from mosaico_ingest_mcap import streaming

from mosaico_ingest.plugin import RawBatch
from mosaico_ingest.testing.source import read_rows

OPTIONS = {
    "zstd": {"compression": CompressionType.ZSTD},
    "lz4": {"compression": CompressionType.LZ4},
    "no index": {"index_types": IndexType.NONE, "use_statistics": False},
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Have chunks of a few kilobytes be too large, and read them in windows of one."""
    monkeypatch.setattr(streaming, "LOADED_BYTES", 3000)
    monkeypatch.setattr(streaming, "_WINDOW_BYTES", 1000)
    monkeypatch.setattr(streaming, "_CUT_STEP_BYTES", 10)


@pytest.fixture(params=OPTIONS)
def path(request, mcap_file):
    """A recording of 500 messages in chunks of 20 kB, one message larger than a window."""
    return mcap_file(chunk_size=20_000, oversized=True, **OPTIONS[request.param])


def test_every_message_comes(path, kit):
    """Messages, order and table of contents are those of an independent reader."""
    info, rows, damage = kit.read(path)

    assert kit.rows(path) == rows
    assert (500, []) == (info.messages, damage)


@pytest.mark.parametrize("after", range(4))
def test_reading_goes_on_after_any_batch(path, kit, after):
    """A cursor inside a chunk that is streamed leads to exactly the messages that follow."""
    with kit.open(path) as recording:
        channels = [channel.id for channel in recording.info.channels]
        whole, _ = read_rows(recording)
        seen: dict[int, int] = {}
        for at, batch in enumerate(recording.batches(channels, 2000)):
            assert isinstance(batch, RawBatch)
            seen[batch.channel_id] = seen.get(batch.channel_id, 0) + batch.data.num_rows
            if at == 5 * after:
                break
        rest: dict[int, int] = {}
        for item in recording.batches(channels, 2000, batch.cursor):
            rest[item.channel_id] = rest.get(item.channel_id, 0) + item.data.num_rows

    assert {c: len(own) for c, own in whole.items()} == {
        c: seen.get(c, 0) + rest.get(c, 0) for c in whole
    }


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_that_does_not_fit_its_checksum_is_lost_whole(mcap_file, kit, compression):
    """No message of a damaged chunk is given, all of the others are; the index counts what is lost."""
    path = mcap_file(chunk_size=20_000, **OPTIONS[compression])
    whole = kit.rows(path)
    data = bytearray(path.read_bytes())
    data[data.index(compression.encode()) + 2000] ^= 1
    path.write_bytes(data)
    _, rows, damage = kit.read(path)

    assert [True] == ["A chunk is damaged" in found.reason for found in damage]
    assert {c: len(own) for c, own in whole.items()} == {
        c: len(rows.get(c, [])) + damage[0].lost.get(c, 0) for c in whole
    }
    assert all(set(own) <= set(whole[c]) for c, own in rows.items())


def test_a_chunk_that_is_cut_off_gives_its_beginning(mcap_file, kit):
    """Of a chunk in which the file ends, the messages before the cut come."""
    path = mcap_file(messages=4000, chunk_size=1 << 20, **OPTIONS["zstd"])
    whole = sorted(row for own in kit.rows(path).values() for row in own)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"zstd") + 300_000])
    _, rows, damage = kit.read(path)
    given = sorted(row for own in rows.values() for row in own)

    assert len(given) > 100
    assert set(given) <= set(whole)
    assert ["The file ends inside a chunk; the messages before the cut were read."] == [
        found.reason for found in damage
    ]
