"""Tests of mosaico_ingest.pipeline.finding and fingerprint."""

import os

import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.fingerprint import fingerprint
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.plugin import Match, Strength, hookimpl
from mosaico_ingest.testing.lines import LinesPlugin, write_lines


def rival(strength, name="rival", folder=""):
    """Make a plugin whose format claims everything, or folders of a name, with *strength*."""

    class Format:
        suffixes, options, replaces = (), None, ()

        def sniff(self, file):
            if folder and file.path.name != folder:
                return None
            return Match(strength, "anything")

        def open(self, file, options):
            raise AssertionError

    Format.name = name

    class Plugin:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_sources(self):
            return [Format()]

    return Plugin()


def names(found):
    """Return (file name, source) of what was found."""
    return [(item.path.name, item.source) for item in found]


def test_files_folders_and_globs_are_found_once(tmp_path, host):
    """Every recording comes once, however often the paths name it."""
    write_lines(tmp_path / "a.lines", "/x 1 y")
    (tmp_path / "deep").mkdir()
    write_lines(tmp_path / "deep" / "b.dat", "/x 1 y")
    paths = [tmp_path / "a.lines", tmp_path, str(tmp_path / "**" / "*.dat")]

    assert [("a.lines", "lines"), ("b.dat", "lines")] == names(
        find(paths, host.registry.sources).recordings
    )


def test_strangers_in_a_folder_are_passed_over_but_broken_recordings_are_not(tmp_path, host):
    """A file that should be a recording by its name is told; any other stranger is not."""
    write_lines(tmp_path / "good.lines", "/x 1 y")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.lines").touch()
    found = find([tmp_path], host.registry.sources).recordings

    assert [("empty.lines", ""), ("good.lines", "lines")] == names(found)
    assert "is empty (0 bytes)" in found[0].error


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.touch(), "is empty (0 bytes)"),
        (lambda path: path.write_text("hi"), "No plugin recognises"),
        (lambda path: path.mkdir(), "holds no recording"),
    ],
)
def test_what_is_no_recording_says_why_in_one_line(tmp_path, host, make, message):
    """Missing, empty, unknown and barren paths each have their sentence."""
    path = tmp_path / "thing"
    make(path)
    (found,) = find([path], host.registry.sources).recordings

    assert message in found.error
    assert found.error.endswith(".")
    assert "\n" not in found.error


def test_an_unreadable_file_is_told(tmp_path, host):
    """A file without read permission names the permission."""
    path = write_lines(tmp_path / "a.lines", "/x 1 y")
    path.chmod(0)
    as_root = os.geteuid() == 0
    if as_root:  # root reads every file: look with the eyes of nobody
        os.seteuid(65534)
    try:
        (found,) = find([path], host.registry.sources).recordings
    finally:
        if as_root:
            os.seteuid(0)

    assert "Check its permissions" in found.error


def test_a_weaker_claim_gives_way(tmp_path, host):
    """The strongest claim wins, whoever makes it."""
    path = write_lines(tmp_path / "a.lines", "/x 1 y")
    sources = host.with_(rival(Strength.STRUCTURE)).registry.sources

    assert [("a.lines", "lines")] == names(find([path], sources).recordings)


def test_a_tie_is_a_conflict_that_names_both_and_the_flag(tmp_path, host):
    """Two equal claims stop the file; `--source` settles it."""
    path = write_lines(tmp_path / "a.lines", "/x 1 y")
    sources = host.with_(rival(Strength.MAGIC)).registry.sources
    (tied,) = find([path], sources).recordings
    (settled,) = find([path], sources, Settings(source="rival")).recordings

    assert "lines and rival both claim" in tied.error
    assert "--source lines" in tied.error
    assert "rival" == settled.source


def test_a_folder_may_be_one_recording(tmp_path, host):
    """A folder that a source claims is not searched any further."""
    folder = tmp_path / "bag"
    folder.mkdir()
    write_lines(folder / "part", "/x 1 y")
    sources = host.with_(rival(Strength.STRUCTURE, folder="bag")).registry.sources

    assert [("bag", "rival")] == names(find([tmp_path], sources).recordings)


def test_a_sniffer_that_raises_does_not_take_the_file_from_others(tmp_path):
    """A broken sniffer is passed over where another source claims the file, and told where none does."""
    path = write_lines(tmp_path / "a.lines", "/x 1 y")
    other = tmp_path / "b"
    other.write_text("hi")

    class Broken:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_sources(self):
            (original,) = LinesPlugin().mosaico_sources()
            broken = type("Broken", (type(original),), {"name": "broken", "sniff": None})
            return [broken()]

    host = Host.empty().with_(LinesPlugin(), Broken())
    good, bad = find([path, other], host.registry.sources).recordings

    assert "lines" == good.source
    assert "Source 'broken' of Broken" in bad.error


def test_no_path_and_an_unknown_source_are_usage_errors(host, tmp_path):
    """Both say what was expected."""
    with pytest.raises(UsageError, match="at least one"):
        find([], host.registry.sources)
    with pytest.raises(UsageError, match=r"'nope'.*Installed formats: lines"):
        find([tmp_path], host.registry.sources, Settings(source="nope"))


def test_the_fingerprint_is_of_the_bytes_and_not_of_the_names(tmp_path):
    """Copies have one fingerprint; any other byte, order or cut makes another."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"abc")
    two.write_bytes(b"abc")
    parts = [tmp_path / "ab", tmp_path / "c"]
    parts[0].write_bytes(b"ab")
    parts[1].write_bytes(b"c")

    assert fingerprint([one]) == fingerprint([two])
    assert 3 == len({fingerprint([one]), fingerprint(parts), fingerprint(parts[::-1])})
