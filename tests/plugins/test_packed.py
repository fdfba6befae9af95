"""Real recordings in every packing: what is inside comes out, whichever plugin reads it."""

import bz2
import gzip

import lz4.frame
import pytest
import zstandard

import mosaico_ingest as mi
from mosaico_ingest.testing.sink import MemorySink

PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "lz4": lz4.frame.compress,
    "zst": zstandard.compress,
}
RECORDINGS = {
    "mcap": ("mcap/DERIVED/demo_lz4.mcap", 3513),
    "unindexed mcap": ("mcap/DERIVED/demo_unchunked_noindex.mcap", 3513),
    "ros1": ("ros1/foxglove+rosbag/example-lz4.bag", None),
    "db3": ("ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag/wbag_0.db3", 1246),
    "csv": ("csv/jmscslgroup+bagpy/2016-06-01-14-57-13/-gps_odom.csv", None),
    "video": ("video/PlotJuggler+pj-mcap-server/PJ4/pj_scene2D/testdata/test_h264_bframes.mp4", 60),
}


def stored(path):
    """Ingest one recording into memory: its report, and its tables by topic."""
    sink = MemorySink()
    (report,) = mi.ingest(path, sink=sink).recordings
    (recording,) = sink.recordings.values()
    return report, {name: topic.table() for name, topic in recording.topics.items()}


@pytest.fixture(scope="module", params=RECORDINGS)
def original(request, shared_data):
    """A recording as it is: its path, its messages by INDEX.md, and what an ingestion of it gives."""
    name, messages = RECORDINGS[request.param]
    path = shared_data / name
    return path, messages, *stored(path)


@pytest.mark.parametrize("pack", PACK)
def test_a_packed_recording_has_the_same_contents(original, tmp_path, pack):
    """Every row of every topic is that of the unpacked file; the numbers are, too."""
    path, messages, plain, tables = original
    packed = tmp_path / f"{path.name}.{pack}"
    packed.write_bytes(PACK[pack](path.read_bytes()))
    report, unpacked = stored(packed)

    assert tables == unpacked
    assert [topic.stored for topic in plain.topics] == [topic.stored for topic in report.topics]
    assert messages in (None, sum(topic.stored for topic in report.topics))
    assert plain.sequence == report.sequence
    assert (plain.status, str(packed)) == (report.status, report.path)


@pytest.mark.parametrize("share", [0.55, 0.75, 0.95])
def test_a_packed_recording_that_is_cut_off_gives_a_beginning(shared_data, tmp_path, share):
    """What was unpacked before the cut is read as any damaged file: each topic begins like the whole."""
    path = shared_data / RECORDINGS["mcap"][0]
    _, whole = stored(path)
    cut = tmp_path / "cut.mcap.zst"
    data = zstandard.compress(path.read_bytes())
    cut.write_bytes(data[: int(len(data) * share)])
    report, tables = stored(cut)

    assert 0 < sum(topic.stored for topic in report.topics) < RECORDINGS["mcap"][1]
    for name, table in tables.items():
        assert whole[name].slice(0, table.num_rows) == table
    (damage,) = [damage for damage in report.damage if "packing" in damage.reason]
    assert (cut.stat().st_size, cut.stat().st_size) == damage.byte_range


def test_attachments_of_packed_parts_are_stored(shared_data, tmp_path):
    """What travels inside the parts comes along: by the official list, `myFile` holds the bytes 1, 2, 3."""
    official = shared_data / "mcap/foxglove+mcap/tests/conformance/data/OneAttachment"
    data = (official / "OneAttachment-ax-st-sum.mcap").read_bytes()
    (tmp_path / "run_0.mcap").write_bytes(data)
    (tmp_path / "run_1.mcap.gz").write_bytes(gzip.compress(data))
    report, tables = stored(tmp_path)

    assert "run" == report.sequence
    attachments = tables["/attachments"].select(["attachment", "name", "data"]).to_pylist()
    assert [(n, "myFile", b"\x01\x02\x03") for n in (0, 1)] == [
        tuple(row.values()) for row in attachments
    ]


def test_what_a_folder_holds_besides_its_parts_is_told(shared_data, tmp_path):
    """A part that was packed later, which the format of the folder does not look for, is told."""
    bag = shared_data / "ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag"
    (tmp_path / "wbag_0.db3").write_bytes((bag / "wbag_0.db3").read_bytes())
    (tmp_path / "wbag_1.db3.gz").write_bytes(gzip.compress((bag / "wbag_1.db3").read_bytes()))
    (item,) = mi.inspect(tmp_path)

    assert item.info.findings[-1].startswith(
        "Not read with the recording in their folder: wbag_1.db3.gz."
    )
