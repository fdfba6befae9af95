"""Tests of mosaico_ingest.pipeline.grouping and joining, with the plugin of the test kit."""

import gzip

import pytest

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.batch import RawBatch
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.plugin import hookimpl
from mosaico_ingest.testing.lines import write_lines
from mosaico_ingest.testing.sink import MemorySink

SECOND = 1_000_000_000


def write_parts(folder, *names):
    """Write a recording in parts: one line per part and topic, a second apart."""
    for number, name in enumerate(names):
        write_lines(folder / name, f"/a {number * SECOND} a{number}", f"/{number} 5 only{number}")


def found(host, *paths, **settings):
    """Search, and return names and numbers of parts."""
    told = find(paths, host.registry.sources, Settings(**settings)).recordings
    return [(item.path.name, [part.name for part in item.parts]) for item in told]


@pytest.fixture
def info(host):
    """Return the table of contents of the only recording under a folder."""

    def ask(folder):
        (item,) = find([folder], host.registry.sources).recordings
        with Opener(host.registry, Settings()) as opener:
            contents, error = opener.read_info(item)
        assert "" == error
        return contents

    return ask


def test_numbered_parts_are_one_recording_by_number(tmp_path, host):
    """Parts are put in the order of their numbers, not of their letters; others stay by themselves."""
    numbered = [f"run_{n}.lines" for n in range(11)]
    write_parts(tmp_path, *numbered, "other.lines")

    assert [("other.lines", []), ("run_*.lines", numbered)] == found(host, tmp_path)
    assert 12 == len(found(host, tmp_path, group=False))


@pytest.mark.parametrize(
    "names",
    [
        ("run_1.lines", "run_2.lines"),  # somebody counts recordings
        ("run_0.lines", "run_30.lines"),  # minutes
        ("run_0.lines", "run_00.lines"),
        ("run_0.lines", "walk_1.lines"),
        ("_0.lines", "_1.lines"),
        ("run_0.lines",),
    ],
)
def test_what_may_be_several_recordings_is_not_grouped(tmp_path, host, names):
    """Names that count recordings, or tell the time, do not make one of them."""
    write_parts(tmp_path, *names)

    assert sorted((name, []) for name in names) == sorted(found(host, tmp_path))


def test_naming_one_part_reads_that_part(tmp_path, host):
    """One part on the command line is that file alone; all of them are the recording."""
    write_parts(tmp_path, "run_0.lines", "run_1.lines")
    one, two = tmp_path / "run_0.lines", tmp_path / "run_1.lines"

    assert [("run_1.lines", [])] == found(host, two)
    assert [("run_*.lines", ["run_0.lines", "run_1.lines"])] == found(host, two, one)


def test_a_format_must_say_that_it_has_parts(tmp_path, host):
    """Numbers in the names of a format whose recorders do not split mean something else."""
    write_parts(tmp_path, "cam_0.lines", "cam_1.lines")
    (source,) = host.registry.sources.values()

    class Plain:
        MOSAICO_API = (1, 0)

        @hookimpl
        def mosaico_sources(self):
            return [type("Plain", (type(source.value),), {"splits": False})()]

    plain = Host.empty().with_(Plain())

    assert [("cam_0.lines", []), ("cam_1.lines", [])] == found(plain, tmp_path)


def test_parts_become_one_sequence(tmp_path, bench):
    """Channels that are the same are one topic, in the order of the parts; packed parts are parts."""
    sink = MemorySink()
    write_parts(tmp_path, "run_0.lines", "run_1.lines", "run_2.lines")
    last = tmp_path / "run_2.lines"
    (tmp_path / "run_2.lines.gz").write_bytes(gzip.compress(last.read_bytes()))
    last.unlink()
    (report,) = bench.run(tmp_path, sink=sink)

    assert (RecordingStatus.Stored, "run", str(tmp_path / "run_*.lines")) == (
        report.status,
        report.sequence,
        report.path,
    )
    recording = sink.recordings["run"]
    texts = {name: topic.table()["text"].to_pylist() for name, topic in recording.topics.items()}
    assert {"/a": ["a0", "a1", "a2"], "/0": ["only0"], "/1": ["only1"], "/2": ["only2"]} == texts
    assert ["run_0.lines", "run_1.lines", "run_2.lines.gz"] == [
        file["name"] for file in recording.plan.metadata["mosaico_ingest"]["files"]
    ]


def test_the_contents_say_how_and_why_parts_were_put_together(tmp_path, info):
    """What is one of many names its files, the reason and the flag that undoes it."""
    write_parts(tmp_path, "run_0.lines", "run_1.lines")
    contents = info(tmp_path)

    assert "2 parts, numbered from run_0.lines to run_1.lines; --no-group" in contents.grouping
    assert ["run_0.lines", "run_1.lines"] == [file.name for file in contents.files]
    assert (4, 0, SECOND) == (contents.messages, contents.start_ns, contents.end_ns)
    assert {"/a": 2, "/0": 1, "/1": 1} == {c.topic: c.messages for c in contents.channels}
    assert () == contents.findings


def test_missing_parts_are_found(tmp_path, info):
    """A number that is missing between others is told, and the rest is read."""
    write_parts(tmp_path, "run_0.lines", "run_1.lines", "run_3.lines")
    contents = info(tmp_path)

    assert ("Part 2 of 'run' is missing.",) == contents.findings
    assert 3 == len(contents.files)


def test_times_that_contradict_are_found(tmp_path, info):
    """Parts that overlap, or lie far apart, may be recordings of their own: the flag is named."""
    write_lines(tmp_path / "run_0.lines", "/a 0 x", f"/a {9 * SECOND} y")
    write_lines(tmp_path / "run_1.lines", f"/a {5 * SECOND} x", f"/a {10 * SECOND} y")
    write_lines(tmp_path / "run_2.lines", f"/a {100 * SECOND} y")
    overlap, pause = info(tmp_path).findings

    assert "run_1.lines begins 4.0 s before run_0.lines ends" in overlap
    assert "run_2.lines begins 90.0 s after run_1.lines ends" in pause
    assert overlap.endswith("use --no-group.")


def test_what_many_parts_say_is_told_once(tmp_path, host):
    """A hundred parts that lie too far apart are one finding: the worst."""
    for n in range(100):
        write_lines(tmp_path / f"run_{n}.lines", f"/a {n * n * 100 * SECOND} x")
    (item,) = find([tmp_path], host.registry.sources).recordings
    with Opener(host.registry, Settings()) as opener:
        contents, _ = opener.read_info(item)

    (finding,) = contents.findings
    assert finding.startswith("run_99.lines begins 5 h 28 min after run_98.lines ends")


def test_a_part_that_cannot_be_read_costs_itself(tmp_path, bench):
    """The other parts are stored; the damage names the part."""
    write_parts(tmp_path, "run_0.lines", "run_1.lines")
    bad = tmp_path / "run_2.lines"
    bad.write_bytes(gzip.compress(b"LINES\n" + b"/a 9 z\n" * 20_000_000))  # a bomb
    settings = Settings(max_expansion=2)
    (report,) = bench.run(tmp_path, sink=MemorySink(), settings=settings)

    assert RecordingStatus.StoredWithLosses == report.status
    assert [bad] == [damage.path for damage in report.damage]
    assert "--max-expansion" in report.damage[0].reason
    assert 4 == sum(topic.stored for topic in report.topics)


def test_reading_can_start_again_after_any_batch(tmp_path, host):
    """The cursor of a batch says in which part to go on, and what of it was given."""
    for part in range(3):
        lines = [f"/{'ab'[n % 2]} {part * 100 + n} p{part}n{n}" for n in range(20)]
        write_lines(tmp_path / f"run_{part}.lines", *lines)
    (item,) = find([tmp_path], host.registry.sources).recordings

    def read(cursor=None):
        with (
            Opener(host.registry, Settings()) as opener,
            opener.open(item.path, item.source, item.parts) as recording,
        ):
            channels = [channel.id for channel in recording.info.channels]
            return list(recording.batches(channels, 16, cursor))

    def rows(batches):
        told = {}
        for batch in batches:
            assert isinstance(batch, RawBatch)
            told.setdefault(batch.channel_id, []).extend(batch.data["payload"].to_pylist())
        return told

    whole = read()
    for index, batch in enumerate(whole):
        before, after = rows(whole[: index + 1]), rows(read(batch.cursor))
        assert rows(whole) == {c: before.get(c, []) + after.get(c, []) for c in rows(whole)}
    assert [[*range(len(seqs))] for seqs in _seqs(whole)] == _seqs(whole)


def _seqs(batches):
    """Return the numbers of the batches, channel by channel."""
    channels = sorted({batch.channel_id for batch in batches})
    return [[batch.seq for batch in batches if batch.channel_id == c] for c in channels]
