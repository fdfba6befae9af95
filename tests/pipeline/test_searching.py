"""Tests of mosaico_ingest.pipeline.searching: what a folder may hold besides recordings."""

import gzip
import os
import socket
import tempfile
from pathlib import Path

import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.plugin import Match, Strength, hookimpl
from mosaico_ingest.testing.lines import LinesPlugin, write_lines


@pytest.fixture
def folder(tmp_path):
    """A folder to search, with one recording in it, inside a folder of other people's things."""
    path = tmp_path / "runs"
    path.mkdir()
    write_lines(path / "good.lines", "/x 1 y")
    return path


@pytest.fixture
def search(host):
    """Search a folder: names found, errors by name, reasons of what was passed over by name."""

    def run(folder, **settings):
        told = find([folder], host.registry.sources, Settings(**settings))
        return (
            [item.path.name for item in told.recordings if not item.error],
            {item.path.name: item.error for item in told.recordings if item.error},
            {item.path.name: item.reason for item in told.aside},
        )

    return run


def test_strangers_are_told_but_are_no_errors(folder, search):
    """Files of no format are passed over with a reason; those that are called like one are errors."""
    (folder / "notes.txt").write_text("hello")
    (folder / "empty").touch()
    (folder / "broken.LINES").write_text("hello")
    (folder / "broken.lines.gz").write_text("hello")
    (folder / "all.tgz").write_bytes(gzip.compress(bytes(257) + b"ustar\x0000" + bytes(300)))

    found, errors, aside = search(folder)

    assert ["good.lines"] == found
    assert ["broken.LINES", "broken.lines.gz"] == sorted(errors)
    assert {
        "notes.txt": "recognised by no plugin",
        "empty": "empty",
        "all.tgz": "a tar archive, not looked into",
    } == aside


def test_links_to_nothing_and_in_circles_are_told(folder, search):
    """A link that leads nowhere is passed over, or an error if it is called like a recording."""
    (folder / "old.txt").symlink_to("gone.txt")
    (folder / "old.lines").symlink_to("gone.lines")
    (folder / "round").symlink_to("round")

    found, errors, aside = search(folder)

    assert ["good.lines"] == found
    assert "is a link to 'gone.lines', which does not exist." in errors["old.lines"]
    assert {"old.txt": "a link to nothing", "round": "a link that leads in a circle"} == aside


def test_links_that_leave_the_folder_are_followed_only_when_asked(folder, search, tmp_path):
    """A link out of the folder is refused with the flag that lifts it, or passed over."""
    outside = tmp_path / "outside"
    outside.mkdir()
    write_lines(outside / "far.lines", "/x 1 y")
    (outside / "notes.txt").write_text("hello")
    (folder / "far.lines").symlink_to(outside / "far.lines")
    (folder / "disk").symlink_to(outside)
    (folder / "notes.txt").symlink_to(outside / "notes.txt")

    found, errors, aside = search(folder)
    followed, no_errors, _ = search(folder, follow_links=True)

    assert ["good.lines"] == found
    assert ["disk", "far.lines"] == sorted(errors)
    assert all("Read it with --follow-links." in error for error in errors.values())
    assert {"notes.txt": "a link that leads elsewhere (--follow-links)"} == aside
    assert ["far.lines", "far.lines", "good.lines"] == sorted(followed)
    assert {} == no_errors


def test_links_in_circles_of_folders_end(folder, search, tmp_path):
    """However links lead, every folder is looked at once; a link inside the folder adds nothing."""
    (folder / "self").symlink_to(".")
    (folder / "deep").mkdir()
    (folder / "deep" / "up").symlink_to(tmp_path)

    found, errors, aside = search(folder, follow_links=True)

    assert ["good.lines"] == found
    assert {} == errors
    assert "a link to what is looked at itself" == aside["self"]
    assert "a link to a folder that was looked at already" == aside["runs"]


def test_pipes_sockets_and_devices_never_block(folder, search, monkeypatch):
    """What is neither file nor folder is named for what it is, and never opened."""
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.lines")
    monkeypatch.chdir(folder)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("listening")
        found, errors, aside = search(folder)

    assert ["good.lines"] == found
    assert ["pipe.lines"] == list(errors)
    assert {"pipe": "a named pipe", "listening": "a socket"} == aside


@pytest.mark.parametrize("path", ["/dev/zero", "pipe"])
def test_naming_a_device_or_pipe_is_refused(folder, search, path):
    """A path that would give bytes for ever is an error, not a reading."""
    os.mkfifo(folder / "pipe")
    _, errors, _ = search(folder / path)

    (error,) = errors.values()
    assert "not a file or folder" in error


def test_a_folder_with_too_many_files_is_refused(folder, search):
    """The bound is told with its flag, and nothing of the folder is taken."""
    for number in range(20):
        (folder / f"{number}.txt").touch()

    found, errors, _ = search(folder, max_files=20)

    assert [] == found
    assert "holds more than 20 files" in errors["runs"]
    assert "--max-files" in errors["runs"]


def test_a_deep_tree_is_walked_to_its_end(folder, search):
    """Folders may lie as deep in each other as the system allows."""
    deep = folder
    for _ in range(500):
        deep /= "d"
    deep.mkdir(parents=True)
    write_lines(deep / "deep.lines", "/x 1 y")

    assert ["good.lines", "deep.lines"] == search(folder)[0]


def test_a_name_that_is_no_text_is_found(folder, search, bench):
    """A file name may be any bytes; the recording is stored under an allowed name."""
    path = os.fsencode(folder) + b"/m\xfcll.lines"
    os.rename(folder / "good.lines", path)  # noqa: PTH104 - bytes

    assert [os.fsdecode(b"m\xfcll.lines")] == search(folder)[0]


def test_an_unreadable_folder_is_an_error(search):
    """A folder that cannot be listed may hold anything: it is told."""
    with (
        tempfile.TemporaryDirectory() as name
    ):  # the folders of other fixtures are for one user only
        folder = Path(name)
        folder.chmod(0o755)
        write_lines(folder / "good.lines", "/x 1 y").chmod(0o644)
        (folder / "closed").mkdir(mode=0)
        as_root = os.geteuid() == 0
        if as_root:  # root reads every folder: look with the eyes of nobody
            os.seteuid(65534)
        try:
            found, errors, _ = search(folder)
        finally:
            if as_root:
                os.seteuid(0)

    assert ["good.lines"] == found
    assert "cannot be listed: Permission denied" in errors["closed"]


class Bags:
    """A plugin whose recordings are folders of `.part` files."""

    MOSAICO_API = (1, 0)
    name, suffixes, options, replaces = "bags", (".part",), None, ()

    @hookimpl
    def mosaico_sources(self):
        return [self]

    def sniff(self, file):
        has_parts = any(name.endswith(".part") for name in file.entries)
        return Match(Strength.STRUCTURE, "holds parts") if has_parts else None

    def open(self, file, options):
        raise AssertionError


@pytest.fixture
def bags():
    """Two formats: of files, and of folders."""
    return Host.empty().with_(LinesPlugin(), Bags()).registry.sources


def test_a_folder_that_is_one_recording_hides_no_other(folder, bags):
    """Files of other formats by their first bytes are read; those that are only called so are told."""
    (folder / "0.part").touch()
    (folder / "deep").mkdir()
    (folder / "deep" / "times.lines").write_text("1\n2\n")
    (folder / "link.lines").symlink_to("good.lines")
    told = find([folder], bags)

    assert [("runs", "bags"), ("good.lines", "lines")] == [
        (item.path.name, item.source) for item in told.recordings
    ]
    assert "holds parts; --no-group" in told.recordings[0].grouping
    assert {"in a folder that is one bags recording; name it to read it"} == {
        item.reason for item in told.aside
    }
    assert ["link.lines", "times.lines"] == sorted(item.path.name for item in told.aside)


def test_a_folder_whose_files_are_no_recordings_stays_one(tmp_path, bags):
    """Without groups a folder is still one recording where none of its files is."""
    folder = tmp_path / "bag"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "0.part").mkdir()
    (folder / "inner" / "notes.txt").touch()
    (folder / "part.part").mkdir()
    told = find([tmp_path], bags, Settings(group=False))

    assert [("bag", "bags")] == [(item.path.name, item.source) for item in told.recordings]
    assert () == told.aside
    write_lines(folder / "inner" / "a.lines", "/x 1 y")
    apart = find([tmp_path], bags, Settings(group=False))
    assert ["a.lines"] == [item.path.name for item in apart.recordings]


def test_parts_of_a_folder_that_are_links_out_of_it_are_refused(folder, bags, tmp_path):
    """A folder that is one recording is no way around the bound on links."""
    (tmp_path / "elsewhere").touch()
    (folder / "0.part").symlink_to(tmp_path / "elsewhere")
    refused = find([folder], bags).recordings
    followed = find([folder], bags, Settings(follow_links=True)).recordings

    assert "has links that lead out of" in refused[0].error
    assert "--follow-links" in refused[0].error
    assert ["bags", "lines"] == [item.source for item in followed]
