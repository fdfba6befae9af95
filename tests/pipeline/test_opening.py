"""Tests of mosaico_ingest.pipeline.opening: packed recordings, with the plugin of the test kit inside."""

import bz2
import gzip

import lz4.frame
import pytest
import zstandard

from mosaico_ingest.errors import SourceError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.fingerprint import fingerprint
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.plugin import hookimpl
from mosaico_ingest.testing.lines import write_lines
from mosaico_ingest.testing.sink import MemorySink

PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".lz4": lz4.frame.compress,
    ".zst": zstandard.compress,
}
LINES = [f"/a {n} text {n}" for n in range(400)]


def packed(path, pack):
    """Pack a file in its place, under another name."""
    target = path.with_name(path.name + pack)
    target.write_bytes(PACK[pack](path.read_bytes()))
    path.unlink()
    return target


@pytest.mark.parametrize("pack", PACK)
def test_a_packed_recording_gives_what_is_inside(tmp_path, bench, pack):
    """Any format is read from any packing; name, fingerprint and files are those of the packed file."""
    sink = MemorySink()
    path = packed(write_lines(tmp_path / "Drive.LINES", *LINES), pack)
    (report,) = bench.run(path, sink=sink)

    assert (str(path), "Drive", RecordingStatus.Stored) == (
        report.path,
        report.sequence,
        report.status,
    )
    assert fingerprint([path]) == report.fingerprint
    texts = sink.recordings["Drive"].topics["/a"].table()["text"].to_pylist()
    assert [line.split(maxsplit=2)[2] for line in LINES] == texts
    origin = sink.recordings["Drive"].plan.metadata["mosaico_ingest"]
    assert [{"name": path.name, "size_bytes": path.stat().st_size}] == origin["files"]


def test_the_name_of_a_packed_file_does_not_matter(tmp_path, bench):
    """Packed or not is seen by content, as the format is: without ending, or with a wrong one."""
    sink = MemorySink()
    path = packed(write_lines(tmp_path / "x.lines", *LINES), ".gz")
    bare, wrong = tmp_path / "bare", tmp_path / "wrong.zst"
    bare.write_bytes(path.read_bytes())
    path.rename(wrong)
    reports = bench.run(bare, wrong, sink=sink, settings=Settings(again=True))

    assert ["bare", "wrong"] == [report.sequence for report in reports]
    assert [400, 400] == [report.topics[0].stored for report in reports]


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_packed_file_that_is_cut_off_gives_what_came_before(tmp_path, bench, share):
    """The intact lines are stored; the damage names the bytes of the packed file, and no copy."""
    sink = MemorySink()
    path = packed(write_lines(tmp_path / "x.lines", *LINES), ".gz")
    whole = path.read_bytes()
    cut = int(len(whole) * share)
    path.write_bytes(whole[:cut])
    (report,) = bench.run(path, sink=sink)

    assert RecordingStatus.StoredWithLosses == report.status
    assert 50 < report.topics[0].stored < 400
    (damage,) = [item for item in report.damage if "packing" in item.reason]
    assert "The gzip packing is damaged" in damage.reason
    assert (cut, cut) == damage.byte_range  # all that is there was good
    texts = sink.recordings["x"].topics["/a"].table()["text"].to_pylist()
    assert [line.split(maxsplit=2)[2] for line in LINES][: len(texts) - 1] == texts[:-1]


def test_damage_inside_says_whose_bytes_it_counts(tmp_path, bench):
    """A place in the unpacked content is not taken for one in the packed file."""
    path = packed(write_lines(tmp_path / "x.lines", "/a 1 x", "broken", "/a 2 y"), ".lz4")
    (report,) = bench.run(path, sink=MemorySink())

    assert ["not TOPIC TIME_NS TEXT (bytes of the unpacked file)."] == [
        damage.reason for damage in report.damage
    ]


@pytest.mark.parametrize("source", ["", "lines"])
def test_what_cannot_be_unpacked_at_all_names_the_file(tmp_path, bench, source):
    """A file that holds nothing but a head of its packing fails with its own name, not that of a copy."""
    path = tmp_path / "x.lines.zst"
    path.write_bytes(zstandard.compress(b"LINES\n")[:6])
    (report,) = bench.run(path, sink=MemorySink(), settings=Settings(source=source))

    assert RecordingStatus.Failed == report.status
    assert f"Nothing of {str(path)!r} can be unpacked" in report.error


def test_a_file_packed_twice_is_refused(tmp_path, host):
    """One level is unpacked; what is inside a second says so."""
    path = packed(packed(write_lines(tmp_path / "x.lines", *LINES), ".gz"), ".zst")
    (found,) = find([path], host.registry.sources).recordings

    assert "packed twice, with gzip inside zstd" in found.error


def test_archives_are_refused_with_what_to_do(tmp_path, host):
    """A tar inside gzip, as people pack folders, says that it is to be unpacked."""
    path = tmp_path / "runs.tar.gz"
    path.write_bytes(gzip.compress(bytes(257) + b"ustar\x0000" + bytes(300)))
    (found,) = find([path], host.registry.sources).recordings

    assert f"{str(path)!r} is a tar archive" in found.error
    assert "Unpack it" in found.error


def test_a_fault_inside_names_the_packed_file(tmp_path, host):
    """Nobody knows the copy: what a source says of it is said of the file that was named."""
    path = packed(write_lines(tmp_path / "x.lines", *LINES), ".gz")
    (source,) = host.registry.sources.values()

    class Format(type(source.value)):
        name = "broken"

        def open(self, file, options):
            msg = f"Nothing of {str(file.path)!r} makes sense."
            raise SourceError(msg, path=file.path)

    class Plugin:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_sources(self):
            return [Format()]

    registry = Host.empty().with_(Plugin()).registry
    (found,) = find([path], registry.sources).recordings
    with Opener(registry, Settings()) as opener:
        told = opener.read_info(found)

    assert (None, f"Nothing of {str(path)!r} makes sense.") == told
