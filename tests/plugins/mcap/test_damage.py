"""Damaged files: every intact message comes, what is lost is named with its place, nothing raises."""

import os
import struct

import numpy as np
import pytest
from mcap.records import Chunk, DataEnd
from mcap.stream_reader import StreamReader
from mosaico_ingest_mcap.compression import decompress
from mosaico_ingest_mcap.records import MalformedError


def _chunks(path):
    """Return (start, end) of every chunk record."""
    data, at, found = path.read_bytes(), 8, []
    while True:
        op, length = struct.unpack_from("<BQ", data, at)
        if op == 6:
            found.append((at, at + 9 + length))
        if op == 15:
            return found
        at += 9 + length


def _patch(path, at, content):
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)


def _without(rows, path, chunk, kit, tmp_path):
    """Return *rows* without the messages of chunk number *chunk*."""
    lost = {}
    with path.open("rb") as stream:
        reader = StreamReader(stream, emit_chunks=True)
        chunks = [record for record in reader.records if isinstance(record, Chunk)]
    from mcap.records import Message
    from mcap.stream_reader import breakup_chunk

    for record in breakup_chunk(chunks[chunk]):
        if isinstance(record, Message):
            lost.setdefault(record.channel_id, []).append(record.data)
    return {
        channel: [row for row in own if row[-1] not in lost.get(channel, ())]
        for channel, own in rows.items()
    }, {channel: len(own) for channel, own in lost.items()}


def test_a_file_cut_inside_its_only_chunk_gives_all_before_the_cut(shared_data, kit):
    """A cut uncompressed chunk gives every message that is whole."""
    original = kit.rows(shared_data / "mcap/reductstore+reductstore_agent/testdata/demo.mcap")
    path = shared_data / "mcap/DERIVED/demo_truncated_mid_chunk.mcap"
    info, rows, damage = kit.read(path)
    given = sum(map(len, rows.values()))
    # The stored order over all channels is that of the log times here: what is whole is a prefix.
    merged = sorted(row for own in original.values() for row in own)

    assert 2303 == given == info.messages
    assert all(own == original[channel][: len(own)] for channel, own in rows.items())
    assert merged[:given] == sorted(row for own in rows.values() for row in own)
    assert [(559, path.stat().st_size)] == [d.byte_range for d in damage]


@pytest.mark.parametrize("variant", ["zstd", "lz4", "none", "unchunked", "no summary, no index"])
def test_a_cut_at_60_percent_gives_a_prefix(variant, kit, tmp_path):
    """A file cut anywhere gives the messages before the cut, and says where it ends."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants[variant])
    whole = kit.rows(path)
    os.truncate(path, path.stat().st_size * 6 // 10)
    info, rows, damage = kit.read(path)
    numbers = sorted(struct.unpack("<I", row[-1][:4])[0] for own in rows.values() for row in own)

    assert list(range(len(numbers))) == numbers
    assert 250 < len(numbers) == info.messages
    assert all(own == whole[channel][: len(own)] for channel, own in rows.items())
    assert [path.stat().st_size] == [d.byte_range[1] for d in damage]


def test_a_cut_zstd_chunk_gives_what_decompresses(kit, tmp_path):
    """The last, cut chunk of a zstd file still gives the blocks before the cut."""
    path = kit.write(tmp_path / "a.mcap", 20_000, chunk_size=4 << 20)
    ((start, end),) = _chunks(path)
    os.truncate(path, start + (end - start) * 8 // 10)
    _, rows, damage = kit.read(path)
    given = sum(map(len, rows.values()))

    assert 14_000 < given < 17_000
    assert ["The file ends inside a chunk; the messages before the cut were read."] == [
        d.reason for d in damage
    ]


def test_a_cut_footer_costs_no_message(mcap_file, kit):
    """Without footer the data are read to their end; the missing end is told."""
    path = mcap_file()
    whole = kit.rows(path)
    os.truncate(path, path.stat().st_size - 20)
    info, rows, damage = kit.read(path)

    assert whole == rows
    assert (500, False) == (info.messages, info.has_index)
    assert ["The summary cannot be used. The file does not end with the MCAP magic."] == [
        d.reason for d in damage
    ]


def test_a_cut_before_the_end_marker_is_told(mcap_file, kit):
    """A file that ends exactly between two records is not taken for complete."""
    path = mcap_file(use_chunking=False)
    with path.open("rb") as stream:
        end = next(
            stream.tell() for record in StreamReader(stream).records if isinstance(record, DataEnd)
        )
    os.truncate(path, end - 13)
    info, rows, damage = kit.read(path)

    assert 500 == info.messages == sum(map(len, rows.values()))
    assert ["The file ends without its end marker; more may have been recorded."] == [
        d.reason for d in damage
    ]


@pytest.mark.parametrize("variant", ["zstd", "lz4", "no statistics"])
def test_a_flipped_bit_costs_its_chunk(variant, kit, tmp_path):
    """A chunk whose contents do not fit their checksum is lost as a whole, and counted per channel."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants[variant])
    start, end = _chunks(path)[1]
    expected, lost = _without(kit.rows(path), path, 1, kit, tmp_path)
    _patch(path, (start + end) // 2, bytes([path.read_bytes()[(start + end) // 2] ^ 4]))
    info, rows, damage = kit.read(path)

    assert expected == rows
    assert [((start, end), lost)] == [(d.byte_range, d.lost) for d in damage]
    assert sum(lost.values()) + sum(map(len, rows.values())) == info.messages
    assert damage[0].time_range_ns is not None


def test_a_wrong_checksum_costs_an_uncompressed_chunk(kit, tmp_path):
    """Contents that do not fit their checksum are not given even where they could be parsed."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants["none"])
    start, end = _chunks(path)[0]
    _patch(path, end - 1, b"\xff\xff"[:1])
    _, rows, damage = kit.read(path)

    assert ["A chunk is damaged. Its contents do not fit their checksum."] == [
        d.reason for d in damage
    ]
    assert (start, end) == damage[0].byte_range
    assert 0 not in {struct.unpack("<I", row[-1][:4])[0] for own in rows.values() for row in own}


@pytest.mark.parametrize(
    ("variant", "reason"),
    [("zstd", "the summary tells where it ends"), ("no summary, no index", "were passed over")],
)
def test_a_garbage_chunk_length_costs_its_chunk(variant, reason, kit, tmp_path):
    """A chunk whose length is garbage is passed over: by the summary, or to the next that looks like one."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants[variant])
    start, _ = _chunks(path)[1]
    expected, _ = _without(kit.rows(path), path, 1, kit, tmp_path)
    _patch(path, start + 1, b"\xff" * 8)
    _, rows, damage = kit.read(path)

    assert expected == rows
    assert [True] == [reason in d.reason for d in damage]
    assert start == damage[0].byte_range[0]


@pytest.mark.parametrize("variant", ["zstd", "no summary, no index"])
def test_garbage_between_chunks_costs_nothing_else(variant, kit, tmp_path):
    """Where records stop making sense, reading goes on at the next chunk."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants[variant])
    whole = kit.rows(path)
    _, end = _chunks(path)[2]
    following = path.read_bytes()[end]
    assert following in {6, 7}
    _patch(path, end + 1, b"\xee" * 8)
    _, rows, damage = kit.read(path)
    lost = sum(map(len, whole.values())) - sum(map(len, rows.values()))

    assert (0 if variant == "zstd" else lost) == lost
    assert lost <= 60
    assert len(damage) == (variant != "zstd")


def test_a_chunk_of_absurd_size_is_refused(kit, tmp_path):
    """A length that claims more than any frame can give is damage, not an allocation."""
    path = kit.write(tmp_path / "a.mcap", 500)
    start, _ = _chunks(path)[0]
    _patch(path, start + 9 + 16, struct.pack("<Q", 1 << 60))
    _, rows, damage = kit.read(path)

    assert [True] == ["--max-record-bytes" in d.reason for d in damage]
    assert rows


def test_an_unknown_compression_is_told(kit, tmp_path):
    """A chunk of an unknown compression is lost with its reason, the others are read."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants["no summary, no index"])
    start, _ = _chunks(path)[0]
    _patch(path, start + 9 + 32, b"zst9")
    _, rows, damage = kit.read(path)

    assert ["A chunk is damaged. Its compression 'zst9' is none of zstd, lz4 and none."] == [
        d.reason for d in damage
    ]
    assert rows


@pytest.mark.parametrize("wrong", ["times", "offsets", "missing"])
def test_the_records_decide_not_the_index(wrong, kit, tmp_path):
    """A message index that is wrong or covers too little changes nothing of what is read."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants["none"])
    whole = kit.rows(path)
    _, end = _chunks(path)[0]
    data = bytearray(path.read_bytes())
    op, length, _, nbytes = struct.unpack_from("<BQHI", data, end)
    assert (7, 6 + nbytes) == (op, length)
    rows = np.frombuffer(data, "<u8", nbytes // 8, end + 15).reshape(-1, 2).copy()
    if wrong == "times":
        rows[:, 0] += 1
    elif wrong == "offsets":
        rows[1:, 1] += 3
    else:
        rows[2] = rows[1]
    data[end + 15 : end + 15 + nbytes] = rows.tobytes()
    path.write_bytes(data)
    _, found, damage = kit.read(path)

    assert whole == found
    assert damage == []


def test_an_index_in_log_time_order_keeps_stored_order(kit, tmp_path):
    """Rows come in stored order although indexes are ordered by log time."""
    path = kit.write(tmp_path / "a.mcap", 500)
    _, rows, _ = kit.read(path)
    numbers = [struct.unpack("<I", row[-1][:4])[0] for row in rows[1]]
    times = [row[0] for row in rows[1]]

    assert sorted(numbers) == numbers
    assert sorted(times) != times


def _renumber(path, before, after):
    """Give the messages of channel *before* to channel *after*; return how many there were."""
    data = bytearray(path.read_bytes())
    at, found = 8, 0
    while data[at] != 15:
        (length,) = struct.unpack_from("<Q", data, at + 1)
        if data[at] == 5 and struct.unpack_from("<H", data, at + 9) == (before,):
            data[at + 9 : at + 11] = struct.pack("<H", after)
            found += 1
        at += 9 + length
    path.write_bytes(data)
    return found


def test_messages_of_an_undescribed_channel_are_kept(kit, tmp_path):
    """Messages whose channel is nowhere described are given under its number."""
    path = kit.write(tmp_path / "a.mcap", 100, **kit.variants["unchunked, no index"])
    count = _renumber(path, 2, 99)
    info, rows, damage = kit.read(path)

    assert (100, []) == (info.messages, damage)
    assert (count, "/channel_99") == (len(rows[99]), info.channels[-1].topic)
    assert ("Channel 99 is described nowhere; its messages are given as /channel_99.",) == (
        info.findings
    )


def test_messages_of_a_channel_the_summary_lacks_are_told(kit, tmp_path):
    """Messages of a channel that a complete summary does not know cannot be given; they are counted."""
    path = kit.write(tmp_path / "a.mcap", 100, **kit.variants["unchunked"])
    count = _renumber(path, 2, 99)
    info, rows, damage = kit.read(path)

    assert (100, 100 - count) == (info.messages, sum(map(len, rows.values())))
    assert [f"{count} messages belong to channel 99, which the file does not describe."] == [
        d.reason for d in damage
    ]


def test_a_lost_first_chunk_costs_no_later_message(kit, tmp_path):
    """Where the chunk that describes the channels is lost, the messages of the others are still given."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants["no summary, no index"])
    expected, _ = _without(kit.rows(path), path, 0, kit, tmp_path)
    start, end = _chunks(path)[0]
    _patch(path, (start + end) // 2, b"\x00\x01\x02\x03")
    info, rows, damage = kit.read(path)

    assert expected == rows
    assert {f"/channel_{k}" for k in expected} == {channel.topic for channel in info.channels}
    assert [(start, end)] == [d.byte_range for d in damage]


def test_lz4_that_gives_less_than_declared_is_refused():
    """A frame that ends early is an error, never memory that nobody wrote."""
    import lz4.frame

    frame = np.frombuffer(lz4.frame.compress(b"abc"), np.uint8)

    with pytest.raises(MalformedError, match="3 bytes instead of 4"):
        decompress("lz4", frame, 4, 1 << 20)


@pytest.mark.parametrize("content", [b"\x00", b"\x05" + b"\xff" * 8, b"\x06" + b"\x77" * 30])
def test_garbage_between_messages_costs_its_place(content, kit, tmp_path):
    """Outside chunks, reading goes on at the next message record that others follow."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants["unchunked, no index"])
    whole = kit.rows(path)
    victim = whole[1][50]
    at = path.read_bytes().index(victim[-1]) - 31
    _patch(path, at, content)
    info, rows, damage = kit.read(path)
    numbers = {struct.unpack("<I", row[-1][:4])[0] for own in rows.values() for row in own}
    lost = set(range(500)) - numbers

    assert struct.unpack("<I", victim[-1][:4])[0] in lost
    assert 500 - len(lost) == info.messages
    assert len(lost) <= 2
    assert [at] == [d.byte_range[0] for d in damage]


@pytest.mark.parametrize("variant", ["none", "no checksums"])
def test_chunks_too_large_to_load_are_read_in_windows(variant, kit, tmp_path, monkeypatch):
    """An uncompressed chunk of any size is read without being loaded, and gives the same."""
    path = kit.write(tmp_path / "a.mcap", 500, **kit.variants[variant])
    monkeypatch.setattr("mosaico_ingest_mcap.walking._LOADED_BYTES", 0)
    start, end = _chunks(path)[1]
    expected, _ = _without(kit.rows(path), path, 1, kit, tmp_path)
    info, rows, damage = kit.read(path)

    assert kit.rows(path) == rows
    assert (500, []) == (info.messages, damage)
    if variant == "none":
        _patch(path, end - 1, b"\xa5")
        _, rows, damage = kit.read(path)

        assert expected == rows
        assert [(start, end)] == [d.byte_range for d in damage]


def test_a_cut_chunk_too_large_to_load_gives_its_beginning(shared_data, kit, monkeypatch):
    """The same messages come before the cut whether the chunk is loaded or read in windows."""
    path = shared_data / "mcap/DERIVED/demo_truncated_mid_chunk.mcap"
    _, expected, _ = kit.read(path)
    monkeypatch.setattr("mosaico_ingest_mcap.walking._LOADED_BYTES", 0)
    _, rows, damage = kit.read(path)

    assert expected == rows
    assert [path.stat().st_size] == [d.byte_range[1] for d in damage]
