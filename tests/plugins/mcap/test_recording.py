"""Whole recordings: what is read is what an independent reader finds, in every variant and real file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from mosaico_ingest_mcap import McapFormat, mosaico_sources

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import SourceContract, read_rows, source_file

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
FILES = sorted(p for p in DATA.rglob("*.mcap") if "conformance" not in p.parts)
CONFORMANCE = DATA / "mcap/foxglove+mcap/tests/conformance/data"
CASES = sorted(CONFORMANCE.rglob("*.mcap"))


def _name(path: Path) -> str:
    return path.stem


class TestMcapContract(SourceContract):
    """The MCAP format keeps the promises of a source, with and without index and chunks."""

    plugin_module = "mosaico_ingest_mcap"
    variants = ("zstd", "lz4", "no summary, no index")
    has_checksums = True

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        (source,) = mosaico_sources()
        return source

    @pytest.fixture
    def recordings(self, kit, tmp_path) -> Mapping[Path, Mapping[str, int]]:
        """A recording in some variants, and a bag of two parts."""
        counts = {"/imu": 102, "/note": 12, "/plain": 6}
        paths = [
            kit.write(tmp_path / f"{k}.mcap", 120, **kit.variants[variant])
            for k, variant in enumerate(self.variants)
        ]
        bag = tmp_path / "bag"
        bag.mkdir()
        for k in range(2):
            kit.write(bag / f"bag_{k}.mcap", 60, **kit.variants[self.variants[0]])
        return dict.fromkeys([*paths, bag], counts)


class TestMcapContractWithoutChecksums(TestMcapContract):
    """So it does where no checksum can tell a wrong message."""

    variants = ("unchunked", "unchunked, no index", "no checksums")
    has_checksums = False


def test_reads_what_an_independent_reader_finds(variant, kit):
    """Payloads and both times of every channel are those that mcap's stream reader finds."""
    info, rows, damage = kit.read(variant)

    assert kit.rows(variant) == rows
    assert 500 == info.messages == sum(map(len, rows.values()))
    assert kit.topics(variant) == {channel.id: channel.topic for channel in info.channels}
    assert damage == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_reads_real_files_as_an_independent_reader(path, kit):
    """Every real file that mcap's stream reader can read gives the same rows here."""
    if path.name == "demo_truncated_mid_chunk.mcap":
        pytest.skip("The independent reader cannot read a file that is cut inside its only chunk.")
    info, rows, damage = kit.read(path)

    assert kit.rows(path) == rows
    assert {c.id: c.messages for c in info.channels if c.messages} == {
        channel: len(own) for channel, own in rows.items()
    }
    assert damage == []


@pytest.mark.parametrize("path", CASES, ids=_name)
def test_conformance(path, kit):
    """Every file of the official set gives exactly the records that the set lists."""
    listed = [
        {"type": record["type"], **dict(record["fields"])}
        for record in json.loads(path.with_suffix(".json").read_text())["records"]
    ]
    cut = [r["type"] for r in listed].index("DataEnd")

    def some(kind):
        return [r for r in listed[:cut] if r["type"] == kind]

    messages = some("Message")
    rows_by_channel = {int(r["channel_id"]): [] for r in messages}
    for r in messages:
        rows_by_channel[int(r["channel_id"])].append(
            (int(r["log_time"]), int(r["publish_time"]), bytes(map(int, r["data"])))
        )
    schemas = {r["id"]: r for r in some("Schema")}
    channels = {int(r["id"]): (r, schemas.get(r["schema_id"])) for r in some("Channel")}
    statistics = next((r for r in listed if r["type"] == "Statistics"), None)
    info, rows, damage = kit.read(path)
    with kit.open(path) as recording:
        attached = [b"".join(recording.attachment(i)) for i in range(len(info.attachments))]

    assert rows_by_channel == rows
    assert {
        number: (
            r["topic"],
            r["message_encoding"],
            r["metadata"],
            *((s["name"], s["encoding"], bytes(map(int, s["data"]))) if s else ("", "", b"")),
            len(rows_by_channel.get(number, [])),
        )
        for number, (r, s) in channels.items()
    } == {
        c.id: (
            c.topic,
            c.message_encoding,
            c.metadata,
            c.type_name,
            c.schema_encoding,
            c.definition,
            c.messages,
        )
        for c in info.channels
    }
    assert [
        (r["name"], r["media_type"], int(r["log_time"]), bytes(map(int, r["data"])))
        for r in some("Attachment")
    ] == [
        (a.name, a.media_type, a.log_time_ns, data)
        for a, data in zip(info.attachments, attached, strict=True)
    ]
    assert [(r["name"], r["metadata"]) for r in some("Metadata")] == [
        (m.name, m.values) for m in info.metadata
    ]
    if statistics and messages:
        span = statistics["message_start_time"], statistics["message_end_time"]
        assert tuple(map(int, span)) == (info.start_ns, info.end_ns)
    if statistics:
        assert int(statistics["message_count"]) == info.messages
        assert int(statistics["chunk_count"]) == sum(info.compression.values())
    assert (damage, info.findings) == ([], ())


def test_conformance_set_is_there(shared_data):
    """The official set is found where the shared recordings are."""
    assert 188 // 2 <= len(list((shared_data / "mcap").rglob("conformance/**/*.mcap")))


def test_info_tells_what_the_file_tells(mcap_file, kit):
    """Types, definitions, QoS, compression, time range, attachments and metadata are listed."""
    info, _, _ = kit.read(mcap_file())
    imu = info.channels[0]

    assert ("MCAP (ros2, zstd)", True) == (info.format, info.has_index)
    assert ("sensor_msgs/msg/Imu", "cdr", "ros2msg") == (
        imu.type_name,
        imu.message_encoding,
        imu.schema_encoding,
    )
    assert (b"float64 x", {"offered_qos_profiles": "- depth: 5"}) == (imu.definition, imu.metadata)
    assert {"zstd"} == info.compression.keys()
    assert (10**9, 10**9 + 4990) == (info.start_ns, info.end_ns)
    assert ("calibration.yaml", 4) == (info.attachments[0].name, info.attachments[0].size_bytes)
    assert {"name": "kilo"} == info.metadata[0].values


def test_a_scan_finds_what_the_summary_says(variant, mcap_file, kit):
    """Without a summary, a way through the file finds the same channels, counts, range and records."""
    indexed, _, _ = kit.read(mcap_file("indexed.mcap"))
    info, _, _ = kit.read(variant)
    plain = [
        [(c.id, c.topic, c.type_name, c.definition, c.messages) for c in i.channels]
        for i in (info, indexed)
    ]

    assert plain[0] == plain[1]
    assert (indexed.start_ns, indexed.end_ns) == (info.start_ns, info.end_ns)
    assert (indexed.attachments, indexed.metadata) == (info.attachments, info.metadata)


def test_two_channels_of_one_topic_stay_apart(mcap_file, kit):
    """Channels that share a topic but not their schema keep their own rows."""
    info, rows, _ = kit.read(mcap_file())
    notes = [channel for channel in info.channels if channel.topic == "/note"]

    assert ["Note", "sensor_msgs/msg/Imu"] == [channel.type_name for channel in notes]
    assert all(rows[channel.id] for channel in notes)


def test_a_message_larger_than_a_chunk_is_read(mcap_file, kit):
    """A message beyond the chunk size comes like any other."""
    path = mcap_file(oversized=True)

    assert kit.rows(path) == kit.read(path)[1]


def test_a_message_larger_than_the_window_is_read(mcap_file, kit, tmp_path):
    """Outside chunks, a message of any size is read whole."""
    from mcap.writer import Writer

    path = tmp_path / "large.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream, use_chunking=False)
        writer.start()
        channel = writer.register_channel("/large", "x", 0)
        for size in (10, 5_000_000, 10, 70_000, 9_000_000):
            writer.add_message(channel, log_time=size, publish_time=0, data=bytes(size))
        writer.finish()

    assert kit.rows(path) == kit.read(path)[1]


def test_refuses_what_is_not_mcap(tmp_path, kit):
    """A file that does not begin with the magic is refused in one sentence."""
    path = tmp_path / "a.mcap"
    path.write_bytes(b"#ROSBAG V2.0\n")

    with pytest.raises(SourceError, match=r"is not an MCAP file.*\.$") as caught:
        kit.open(path)
    assert path == caught.value.path


def test_refuses_an_empty_file(tmp_path, kit):
    """An empty file is refused."""
    path = tmp_path / "a.mcap"
    path.touch()

    with pytest.raises(SourceError, match="is not an MCAP file"):
        kit.open(path)


def test_refuses_a_file_that_vanished(mcap_file, kit):
    """A file that is gone between sniffing and opening is refused."""
    path = mcap_file()
    seen = source_file(path)
    path.unlink()

    with pytest.raises(SourceError, match="Cannot open"):
        McapFormat().open(seen, None)


def test_a_closed_recording_says_so(mcap_file, kit):
    """Reading on after the block raises an error of ours."""
    with kit.open(mcap_file()) as recording:
        pass

    with pytest.raises(SourceError, match="closed"):
        read_rows(recording)


def test_a_recording_can_be_read_twice(mcap_file, kit):
    """Each call of `batches` starts anew."""
    with kit.open(mcap_file()) as recording:
        assert read_rows(recording) == read_rows(recording)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_file_that_becomes_shorter_is_an_error(chunked, mcap_file, kit):
    """A file that shrinks under the reader is neither damage nor an endless loop, but told."""
    path = mcap_file(use_chunking=chunked)
    with kit.open(path) as recording:
        os.truncate(path, 300)

        with pytest.raises(SourceError, match="became shorter"):
            read_rows(recording)


def test_chunks_of_unwanted_channels_are_left_alone(tmp_path, kit):
    """A chunk that holds no wanted channel is not even loaded: its damage is not met."""
    from mcap.writer import Writer

    path = tmp_path / "a.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=1000)
        writer.start()
        first, second = (writer.register_channel(topic, "x", 0) for topic in ("/a", "/b"))
        for channel, count in ((first, 100), (second, 50)):
            for k in range(count):
                writer.add_message(channel, log_time=k, publish_time=k, data=b"payload %d" % k)
        writer.finish()
    content = bytearray(path.read_bytes())
    content[content.index(b"zstd") + 40] ^= 1
    path.write_bytes(content)
    with kit.open(path) as recording:
        rows, damage = read_rows(recording, {second})
        _, met = read_rows(recording)

    assert ([second], 50, []) == (list(rows), len(rows[second]), damage)
    assert len(met) == 1
