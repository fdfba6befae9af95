"""
Recordings that nobody here wrote, into one store and back, counted by readers that are not ours.

`recordings.tsv` lists, for every channel of every recording, what must be stored, rejected, skipped and lost,
and how that was found. A test counts again what other readers can count; the rest was counted by hand.
"""

import csv
import sqlite3
import struct
from collections import Counter
from pathlib import Path

import av
import pytest
import zstandard
from mcap.records import Channel, Message
from mcap.stream_reader import StreamReader
from rosbags.rosbag1 import Reader as Ros1Reader

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import NotificationType
from mosaico_ingest.model.report import RecordingReport, TopicReport
from mosaico_ingest.run import ingest, serve

TABLE = Path(__file__).parent / "recordings.tsv"
DEMO = "mcap/reductstore+reductstore_agent/testdata/demo.mcap"
CUT = "mcap/DERIVED/demo_truncated_mid_chunk.mcap"
HUSKY = "ros1/cra-ros-pkg+robot_localization/test/test1.bag"
BROKEN = "ros1/DERIVED/test1_corrupt_bz2_chunk.bag"
LETTERS = "ros2/ros2+rosbag2/rosbag2_py/test/resources/sqlite3/wbag"
CONFORMANCE = "mcap/foxglove+mcap/tests/conformance/data"
BY_KIND = ["by kind"]
PARTS = {  # the topics that a table's columns, or rows, are divided into: read from its header by hand
    "iris_gps": BY_KIND,
    "-gps_odom": ["pose", "gps_odom"],
    "sensor_data": ["imu", "magnetometer"],
}
DAMAGED = {
    CUT: "The file ends inside a chunk",
    BROKEN: "The chunk cannot be unpacked",
}
REFUSED = {
    "mcap/foxglove+foxglove-sdk/scripts/fixtures/empty.mcap": "declares no channel",
    "ros1/foxglove+rosbag/empty-file.bag": "is empty (0 bytes)",
    "ros1/foxglove+rosbag/no-messages.bag": "declares no channel",
    "video/DERIVED/nasa_13013_truncated.mp4": "has no index (moov box)",
}


def recordings(data: Path) -> list[Path]:
    """Return the recordings: bag directories, and the files that are in none."""
    bags = {
        p.parent for kind in ("mcap", "ros1", "ros2") for p in data.glob(f"{kind}/**/metadata.yaml")
    }
    files = [p for kind in ("mcap", "ros1", "ros2") for p in (data / kind).rglob("*")]
    loose = {
        p
        for p in files
        if p.suffix in (".mcap", ".bag", ".db3")
        and p.parent not in bags
        and not p.is_relative_to(data / CONFORMANCE)
    }
    others = {p for kind in ("csv", "video") for p in (data / kind).rglob("*") if p.is_file()}
    return sorted(bags | loose | others)


def count(path: Path, scratch: Path) -> Counter:
    """Count the messages per channel of a recording, without a line of ours."""
    counts: Counter = Counter()
    parts = [p for p in path.iterdir() if p.is_file()] if path.is_dir() else [path]
    for part in parts:
        if part.suffix == ".mcap":
            counts.update(count_mcap(part))
        elif part.suffix == ".bag":
            counts.update(count_ros1(part))
        elif part.suffix == ".db3":
            counts.update(count_db3(part))
        elif part.suffix == ".csv":
            counts.update(count_csv(part))
        elif "video" in part.parts:
            counts.update(count_video(part))
        elif part.suffix == ".zstd":
            unpacked = scratch / part.stem
            unpacked.write_bytes(
                zstandard.ZstdDecompressor().stream_reader(part.read_bytes()).read()
            )
            counts.update(count_db3(unpacked))
    return counts


def count_mcap(path: Path) -> Counter:
    """Count with mcap's own reader."""
    topics: dict[int, str] = {}
    counts: Counter = Counter()
    with path.open("rb") as file:
        for record in StreamReader(file).records:
            if isinstance(record, Channel):
                topics[record.id] = record.topic
                counts[record.topic] += 0
            elif isinstance(record, Message):
                counts[topics[record.channel_id]] += 1
    return counts


def count_ros1(path: Path) -> Counter:
    """Count with rosbags' reader: what the index of the file declares."""
    counts: Counter = Counter()
    with Ros1Reader(path) as reader:
        for connection in reader.connections:
            counts[connection.topic] += connection.msgcount
    return counts


def count_db3(path: Path) -> Counter:
    """Count with sqlite3, which leaves nothing beside an immutable file."""
    connection = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        return Counter(
            dict(
                connection.execute(
                    "SELECT name, count(messages.id) FROM topics "
                    "LEFT JOIN messages ON messages.topic_id = topics.id GROUP BY name"
                )
            )
        )
    finally:
        connection.close()


def count_csv(path: Path) -> Counter:
    """Count rows with the csv module: by their second cell where that is a name, else all for each topic."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row and row[0][:1].isdigit()]
    topics = PARTS.get(path.stem, [path.stem.lstrip("-")])
    if topics == BY_KIND:
        return Counter(f"/{row[1]}" for row in rows)
    return Counter({f"/{topic}": len(rows) for topic in topics})


def count_video(path: Path) -> Counter:
    """Count packets with PyAV's demuxer, by kind of stream, and number where there are several of it."""
    with av.open(str(path)) as container:
        packets = Counter(p.stream.index for p in container.demux() if p.size)
        kinds = [stream.type for stream in container.streams]
    return Counter(
        {
            f"/{kind}" if kinds.count(kind) == 1 else f"/{kind}/{kinds[:index].count(kind)}": n
            for index, n in sorted(packets.items())
            for kind in [kinds[index]]
        }
    )


def total(report: RecordingReport, field: str) -> Counter:
    """Add one count of a report up per channel."""
    counts: Counter = Counter()
    for topic in channels(report):
        counts[topic.channel] += getattr(topic, field)
    return counts


def channels(report: RecordingReport) -> list[TopicReport]:
    """Return what became of the channels of a recording, without its attachments."""
    return [topic for topic in report.topics if topic.ontology != "attachment"]


def table() -> list[dict[str, str]]:
    """Read the table: a row for each channel."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_recording_is_in_the_report(archive):
    """A folder's recordings are all found: files, and bag directories as one recording each."""
    reported = sorted(Path(report.path) for report in archive.first.recordings)

    assert recordings(archive.data) == reported


def test_every_channel_ends_as_the_table_says(archive):
    """Of every channel, exactly so many messages are stored, rejected, skipped and lost."""
    fields = ("stored", "rejected", "skipped", "lost")
    expected = {(r["recording"], r["channel"]): tuple(int(r[f]) for f in fields) for r in table()}
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for report in archive.first.recordings:
        counts = {f: total(report, f) for f in fields}
        for channel in {topic.channel for topic in channels(report)}:
            name = str(Path(report.path).relative_to(archive.data)), channel
            found[name] = tuple(counts[f][channel] for f in fields)

    assert expected == found


def test_the_table_is_what_other_readers_count(archive, tmp_path):
    """The table's numbers of undamaged recordings are counted again by readers that are not ours."""
    rows = [row for row in table() if not row["how"].startswith("by hand")]
    stored: dict[str, Counter] = {}
    for row in rows:
        stored.setdefault(row["recording"], Counter())[row["channel"]] = int(row["stored"])

    assert {name: count(archive.data / name, tmp_path) for name in stored} == stored
    assert {"0"} == {row[f] for row in rows for f in ("rejected", "skipped", "lost")}


def test_the_table_misses_no_recording(archive):
    """Every recording is in the table, unless nothing of it can be stored."""
    named = {row["recording"] for row in table()} | REFUSED.keys()

    assert {str(p.relative_to(archive.data)) for p in recordings(archive.data)} == named


def test_undamaged_recordings_are_stored(archive):
    """An undamaged recording is `stored`, without an error or damage."""
    odd = {str(archive.data / path) for path in [*DAMAGED, *REFUSED]}
    whole = [report for report in archive.first.recordings if report.path not in odd]

    assert {("stored", "", ())} == {(r.status.value, r.error, r.damage) for r in whole}


def test_what_a_bag_says_wrongly_of_itself_is_told(archive):
    """The data decide over metadata.yaml, and the report tells the difference."""
    report = archive.report(LETTERS)
    (finding,) = report.findings

    assert (1000, 2998) == (report.start_ns, report.end_ns)
    assert ["metadata.yaml", "2623", "411"] == [
        word for word in ("metadata.yaml", "2623", "411") if word in finding
    ]


@pytest.mark.parametrize("path", sorted(DAMAGED))
def test_damage_is_named(archive, path):
    """A damaged recording is `stored_with_losses`, and the report says where and what."""
    report = archive.report(path)

    assert "stored_with_losses" == report.status
    assert [True] == [damage.reason.startswith(DAMAGED[path]) for damage in report.damage]
    assert [True] == [damage.byte_range is not None for damage in report.damage]


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_recordings_of_no_use_fail_in_one_line(archive, path):
    """A recording that holds nothing, or lost its index, is no success: the report says so in one line."""
    report = archive.report(path)

    assert "failed" == report.status
    assert REFUSED[path] in report.error
    assert 1 == len(report.error.splitlines())


def test_messages_before_a_cut_are_stored(archive):
    """All complete messages of a chunk that a cut ended are stored, and they are those of the original."""
    expected = count_cut_mcap(archive.data / CUT)
    stored = total(archive.report(CUT), "stored")
    imu = "/nissan/gps/duro/imu"

    assert sum(expected.values()) > 1000
    assert expected == stored
    assert archive.rows(DEMO, imu)[: expected[imu]] == archive.rows(CUT, imu)


def count_cut_mcap(path: Path) -> Counter:
    """Count the messages of an MCAP that ends inside its one chunk, by walking its plain bytes."""
    data = path.read_bytes()
    at = 8
    while data[at] != 0x06:
        at += 9 + struct.unpack_from("<Q", data, at + 1)[0]
    at += 9 + struct.calcsize("<QQQIIQ")  # the chunk's header; its compression is the empty string
    topics: dict[int, str] = {}
    counts: Counter = Counter()
    while at + 9 <= len(data):
        kind, nbytes = struct.unpack_from("<BQ", data, at)
        body = data[at + 9 : at + 9 + nbytes]
        at += 9 + nbytes
        if len(body) < nbytes:
            break
        if kind == 0x04:
            number, _, topic_bytes = struct.unpack_from("<HHI", body)
            topics[number] = body[8 : 8 + topic_bytes].decode()
            counts[topics[number]] += 0
        elif kind == 0x05:
            counts[topics[struct.unpack_from("<H", body)[0]]] += 1
    return counts


def test_messages_around_a_broken_chunk_are_stored(archive):
    """A broken chunk costs its own messages: what is stored and what is lost give the original."""
    declared, report = count_ros1(archive.data / BROKEN), archive.report(BROKEN)
    originals = {channel: rows_by_stamp(archive.rows(HUSKY, channel)) for channel in declared}
    kept = {channel: rows_by_stamp(archive.rows(BROKEN, channel)) for channel in declared}

    assert declared == total(report, "declared")
    assert declared == total(report, "stored") + total(report, "lost")
    assert +total(report, "lost") == total(report, "lost")  # the chunk had every channel
    assert all(kept[channel].items() <= originals[channel].items() for channel in declared)


def rows_by_stamp(rows: list[dict]) -> dict[int, str]:
    """Return rows by the time at which they were recorded."""
    return {row["recording_timestamp_ns"]: repr(row) for row in rows}


def test_rows_on_the_server_are_those_of_the_report(archive):
    """What a report calls rows can be read back, topic by topic."""
    client = archive.client
    told, found = {}, {}
    for report in archive.first.recordings:
        for topic in report.topics:
            key = report.sequence, topic.name
            told[key] = topic.rows
            found[key] = sum(batch.num_rows for batch in client.topic_handler(*key).read())

    assert told == found


def test_losses_leave_a_notification(archive):
    """Who asks the server alone learns of the damage too."""
    sequence = archive.report(BROKEN).sequence
    notices = archive.client.list_sequence_notifications(sequence)
    topic_notices = archive.client.list_topic_notifications(
        sequence, "/imu/data", {NotificationType.Error}
    )

    assert DAMAGED[BROKEN] in notices[0].text
    assert "1,244" in topic_notices[0].text


def test_a_second_run_changes_nothing(archive):
    """The same bytes again are recognised: nothing is written, everything is `already_stored`."""
    _, between, after = archive.states
    stored = [(r.path, r.sequence) for r in archive.first.recordings if r.status != "failed"]
    known = [
        (r.path, r.sequence) for r in archive.second.recordings if r.status == "already_stored"
    ]

    assert (between.chunks, between.sequences) == (after.chunks, after.sequences)
    assert stored == known


def test_sources_are_left_alone(archive):
    """Reading leaves nothing in or beside a recording, WAL files of sqlite3 included."""
    before, between, after = archive.states

    assert before.sources == between.sources == after.sources


def test_conformance_files_are_stored_as_their_makers_count_them(shared_data, place):
    """Of the MCAP conformance set, every file with a channel is stored to the last message."""
    folder = shared_data / CONFORMANCE
    if not folder.is_dir():
        pytest.skip(f"The MCAP conformance set is absent: {folder} does not exist.")
    expected = {str(p): count_mcap(p) for p in sorted(folder.rglob("*.mcap"))}
    with (
        serve(place) as server,
        MosaicoClient.connect(server.host, server.port) as client,
    ):
        report = ingest(folder, client=client)
        rows = {
            r.path: sum(
                b.num_rows
                for t in channels(r)
                for b in client.topic_handler(r.sequence, t.name).read()
            )
            for r in report.recordings
            if channels(r)
        }

    assert expected == {r.path: total(r, "stored") for r in report.recordings}
    assert {p: c.total() for p, c in expected.items() if c} == rows
