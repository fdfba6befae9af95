"""Tests of mosaico_ingest.pipeline.copies."""

import gzip

import pytest
import zstandard

from mosaico_ingest.errors import SourceError
from mosaico_ingest.pipeline.copies import Copies

MIB = 1 << 20
KEPT_FREE = 256 * MIB


@pytest.fixture
def temp(tmp_path):
    """An empty folder for copies."""
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


def pack(folder, name, data):
    """Write a packed file."""
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else zstandard.compress(data))
    return path


def lend(copies, path):
    """Borrow a copy of *path*."""
    kind = "gzip" if path.name.endswith(".gz") else "zstd"
    return copies.lend(path, kind, path.read_bytes()[:64])


def test_a_file_is_unpacked_once_and_removed_at_the_end(tmp_path, temp):
    """Whoever asks again gets the same copy, for nobody else's eyes; nothing is left after the run."""
    path = pack(tmp_path, "Run.bag.zst", b"content")
    with Copies(temp, 10) as copies:
        first, second = lend(copies, path), lend(copies, path)
        assert first is second
        assert ("Run.bag", b"content") == (first.path.name, first.path.read_bytes())
        assert 0o700 == first.path.parent.parent.stat().st_mode & 0o777

    assert [] == list(temp.iterdir())


def test_a_file_that_changed_is_unpacked_again(tmp_path, temp):
    """A copy stands for the bytes that it was made of."""
    path = pack(tmp_path, "a.zst", b"one")
    with Copies(temp, 10) as copies:
        lend(copies, path)
        pack(tmp_path, "a.zst", b"another")

        assert b"another" == lend(copies, path).path.read_bytes()


@pytest.mark.parametrize("name", ["bomb.zst", "bomb.gz"])
def test_a_bomb_is_refused_and_its_copy_removed(tmp_path, temp, name):
    """What grows beyond the bound is refused, whether its header says so or not; the flag is named."""
    bomb = pack(tmp_path, name, bytes(40 * MIB))
    with Copies(temp, 100) as copies:
        with pytest.raises(SourceError, match=r"more than 16.8 MB, 100 times.*--max-expansion"):
            lend(copies, bomb)
        assert [] == [path for path in temp.rglob("*") if path.is_file()]

    with Copies(temp, 100_000) as copies:
        assert 40 * MIB == lend(copies, bomb).path.stat().st_size


def test_without_room_nothing_is_written(tmp_path, temp):
    """A size that is known is compared with the room beforehand; the flag is named."""
    path = pack(tmp_path, "a.zst", bytes(1000))
    with Copies(temp, 10, free_bytes=lambda _: KEPT_FREE + 999) as copies:
        with pytest.raises(SourceError, match=r"no room in '.*temp' to unpack.*--temp DIR"):
            lend(copies, path)

        assert [] == [path for path in temp.rglob("*") if path.is_file()]


def test_copies_that_nobody_reads_make_room(tmp_path, temp):
    """The copy used longest ago goes first; one that is being read stays."""
    paths = [pack(tmp_path, f"{n}.zst", bytes(1000)) for n in range(3)]

    def free(folder):
        used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return KEPT_FREE + 2000 - used

    with Copies(temp, 10, free_bytes=free) as copies:
        first, second = lend(copies, paths[0]), lend(copies, paths[1])
        copies.give_back(second)
        lend(copies, paths[2])
        assert [True, False] == [first.path.exists(), second.path.exists()]
        with pytest.raises(SourceError, match="no room"):
            lend(copies, paths[1])


def test_ctrl_c_leaves_nothing(tmp_path, temp):
    """Whoever interrupts the unpacking finds the folder as it was."""
    path = pack(tmp_path, "a.gz", bytes(10 * MIB))
    asked = []

    def free(_):
        asked.append(1)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return KEPT_FREE * 2

    copies = Copies(temp, 10_000, free_bytes=free)
    with pytest.raises(KeyboardInterrupt), copies:
        lend(copies, path)

    assert [] == list(temp.iterdir())


def test_a_run_that_shall_end_unpacks_no_further(tmp_path, temp):
    """Who asks for the end does not wait for a large file."""
    path = pack(tmp_path, "a.gz", bytes(10 * MIB))
    copies = Copies(temp, 1000, is_stopped=lambda: True)
    with copies, pytest.raises(SourceError, match="the run was interrupted"):
        lend(copies, path)


def test_a_folder_that_does_not_exist_is_told(tmp_path):
    """A wrong --temp is an error that names the flag."""
    path = pack(tmp_path, "a.zst", b"x")
    copies = Copies(tmp_path / "missing", 10)
    with copies, pytest.raises(SourceError, match=r"No such file.*--temp DIR"):
        lend(copies, path)
