"""Tests of mosaico_ingest.pipeline.packing."""

import bz2
import gzip
import random
import zlib

import lz4.frame
import pytest
import zstandard

from mosaico_ingest.model.source import HEAD_BYTES
from mosaico_ingest.pipeline.packing import (
    PackedStream,
    archive_kind,
    inner_name,
    packing,
    stated_size,
)

DATA = random.Random(4).randbytes(300_000) + bytes(500_000)

PACK = {
    "gzip": gzip.compress,
    "bz2": lambda data: bz2.compress(data, 1),
    "lz4": lz4.frame.compress,
    "zstd": zstandard.compress,
}


def unpack_what_is_there(kind, packed):
    """Unpack the beginning of a file with the library that each format's own people keep."""
    unpacker = {
        "gzip": lambda: zlib.decompressobj(31),
        "bz2": bz2.BZ2Decompressor,
        "lz4": lz4.frame.LZ4FrameDecompressor,
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    }[kind]()
    return unpacker.decompress(packed)


@pytest.fixture(params=PACK)
def kind(request):
    """Each way of packing."""
    return request.param


@pytest.fixture
def stream(tmp_path, kind):
    """Write bytes to a file and read it as packed."""

    def make(packed):
        path = tmp_path / "file"
        path.write_bytes(packed)
        return PackedStream(path, kind)

    return make


def test_files_of_several_frames_are_read_to_their_end(kind, stream):
    """Packed files may be strung together; nothing after the first is forgotten."""
    packed = PACK[kind](DATA)
    whole = stream(packed + packed)

    assert kind == packing(packed)
    assert DATA + DATA == b"".join(whole.blocks())
    assert "" == whole.fault


@pytest.mark.parametrize("share", [0.05, 0.3, 0.65, 0.99])
def test_a_file_that_is_cut_off_gives_all_before_the_cut(kind, stream, share):
    """As much comes out as the format's own library gets out, and the fault is placed near the end."""
    packed = PACK[kind](DATA)
    packed = packed[: int(len(packed) * share)]
    cut = stream(packed)

    assert unpack_what_is_there(kind, packed) == b"".join(cut.blocks())
    assert "Truncated" in cut.fault
    assert len(packed) - 16_384 <= cut.fault_at <= len(packed)


def test_what_follows_a_damage_is_not_made_up(stream, kind):
    """Bytes that no longer unpack end the content there: what came is a beginning of what was packed."""
    packed = bytearray(PACK[kind](DATA) + PACK[kind](DATA))
    middle = len(packed) // 2
    packed[middle : middle + 16] = b"\xff" * 16
    damaged = stream(bytes(packed))
    content = b"".join(damaged.blocks())

    assert (DATA + DATA).startswith(content)
    assert len(DATA) - 70_000 <= len(content) < 2 * len(DATA)
    assert damaged.fault
    assert damaged.fault_at <= middle + 16


def test_all_before_a_damage_comes(stream, kind):
    """As much comes out as the format's own library gets out of what lies before the damage."""
    data = b"".join(b"%d,%d\n" % (n, n * n) for n in range(60_000))
    packed = bytearray(PACK[kind](data))
    middle = len(packed) // 2
    packed[middle : middle + 300] = b"\xff" * 300
    intact = unpack_what_is_there(kind, bytes(packed[:middle]))
    content = b"".join(stream(bytes(packed)).blocks())

    assert len(intact) > 300_000
    assert data.startswith(intact)
    assert content.startswith(intact)


def test_the_head_is_that_of_the_content(kind, stream):
    """Sniffers see the first 64 KiB of what is inside, also of a file that is cut off soon after."""
    packed = PACK[kind](DATA)

    assert DATA[:HEAD_BYTES] == stream(packed).head()
    if kind != "bz2":  # which unpacks 100 kB at a time
        assert DATA[:1000] == stream(packed[:66_000]).head()[:1000]


def test_a_text_that_begins_with_three_letters_is_not_bzip2():
    """The magic of bzip2 alone may begin a table; its first block's mark does not."""
    assert "" == packing(b"BZh,height\n1,2\n")
    assert "bz2" == packing(bz2.compress(b""))


@pytest.mark.parametrize(
    ("packed", "kind", "size"),
    [
        (zstandard.compress(b"x" * 300), "zstd", 300),
        (zstandard.compress(DATA), "zstd", len(DATA)),
        (zstandard.ZstdCompressor(write_content_size=False).compress(DATA), "zstd", None),
        (lz4.frame.compress(DATA), "lz4", len(DATA)),
        (lz4.frame.compress(DATA, store_size=False), "lz4", None),
        (gzip.compress(DATA), "gzip", None),
        (b"\x28\xb5\x2f\xfd", "zstd", None),
    ],
)
def test_a_stated_size_is_read_from_the_header(packed, kind, size):
    """Where a header says how large the content is, that is known before anything is unpacked."""
    assert size == stated_size(packed, kind)


@pytest.mark.parametrize(
    ("name", "kind", "inside"),
    [
        ("run.bag.GZ", "gzip", "run.bag"),
        ("run.db3.zstd", "zstd", "run.db3"),
        ("run.gz", "zstd", "run.gz"),
        (".zst", "zstd", ".zst"),
    ],
)
def test_the_inner_name_is_without_the_ending(name, kind, inside):
    """Only the ending of the packing that the content shows is taken off."""
    assert inside == inner_name(name, kind)


def test_archives_are_told_from_packed_files():
    """An archive holds several files; its kind is known by its magic."""
    tar = bytes(257) + b"ustar\x0000"

    assert ["a tar archive", "a zip archive", "packed with xz", ""] == [
        archive_kind(head) for head in (tar, b"PK\x03\x04..", b"\xfd7zXZ\x00", b"LINES\n")
    ]
