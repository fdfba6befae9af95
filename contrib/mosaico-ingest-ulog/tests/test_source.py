"""The source: the promises of every source, and what flight logs are like."""

import random
import struct
from collections import Counter

import mosaico_ingest_ulog
import pytest
from mosaico_ingest_ulog import contents, recording
from pyulog import ULog

from mosaico_ingest import ingest
from mosaico_ingest.errors import SourceError, UsageError
from mosaico_ingest.testing.sink import MemorySink
from mosaico_ingest.testing.source import SourceContract, read_rows, source_file


@pytest.fixture
def source_format():
    """The format under test."""
    return mosaico_ingest_ulog.UlogFormat()


@pytest.fixture
def read(source_format, tmp_path):
    """Return the table of contents, and payloads per topic, of the bytes of a log."""

    def read(content, **options):
        path = tmp_path / "read.ulg"
        path.write_bytes(content)
        with source_format.open(source_file(path), source_format.options(**options)) as log:
            rows, damage = read_rows(log)
            assert [] == damage
            return log.info, {c.topic: rows.get(c.id, []) for c in log.info.channels}

    return read


class TestContract(SourceContract):
    """What every source promises."""

    plugin_module = "mosaico_ingest_ulog"
    heavy_modules = ("pandas", "pyulog")
    cuts = flips = 60

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        return mosaico_ingest_ulog.UlogFormat()

    @pytest.fixture
    def recordings(self, tmp_path, writer, flight, counts):
        """A flight; without a GPS, since a log cut before its fixes has another clock than the whole."""
        path = tmp_path / "flight.ulg"
        path.write_bytes(flight(writer(), has_gps=False).content)
        return {path: counts}


def test_the_same_messages_as_an_independent_reader(read, path):
    """Every message that pyulog finds is there, in its order, with its time."""
    _, rows = read(path.read_bytes())
    for data in ULog(str(path)).data_list:
        topic = f"/{data.name}/{data.multi_id}" if data.multi_id else f"/{data.name}"
        stamps = [struct.unpack_from("<Q", payload)[0] for _, payload in rows[topic]]

        assert data.data["timestamp"].tolist() == stamps


def test_times_are_of_the_gps(read, path, flight, writer):
    """The median of what the GPS tells is the vehicle's start; fixes without a time are left out."""
    info, rows = read(path.read_bytes())

    assert 1_700_000_001_000_000_000 + 27_000 == rows["/sensor_combined"][0][0]
    assert info.start_ns == rows["/sensor_combined"][0][0]
    assert "by the median of 3 GPS times" in info.findings[0]
    assert "--start is not needed" in read(path.read_bytes(), start="1")[0].findings[0]


def test_times_without_a_gps(read, flight, writer):
    """Without a GPS times count from the vehicle's start, and `--start` says when the log begins."""
    content = flight(writer(begin_us=900_000), has_gps=False).content
    undated, rows = read(content)
    dated, dated_rows = read(content, start="2025-01-01T00:00:00.5Z")

    assert 1_000_000_000 == rows["/sensor_combined"][0][0]
    assert "as if from 1970; --start" in undated.findings[0]
    assert 1_735_689_600_600_000_000 == dated_rows["/sensor_combined"][0][0]
    assert "(--start)" in dated.findings[0]
    with pytest.raises(UsageError, match="Expected ISO 8601"):
        read(content, start="yesterday")


def test_the_time_of_a_fix_is_not_that_of_its_message(read, writer):
    """Newer firmware says how far the time that the GPS tells is from the message's own."""
    log = writer().flags()
    fields = "uint64_t timestamp;int32_t timestamp_time_relative;uint64_t time_utc_usec;"
    log.record("F", f"vehicle_gps_position:{fields}".encode())
    log.subscribe("vehicle_gps_position", 0)
    log.data(0, "QiQ", 2_000_000, -500_000, 1_700_000_000_000_000)
    _, rows = read(log.content)

    assert 1_700_000_000_500_000_000 == rows["/vehicle_gps_position"][0][0]


def test_what_is_said_once_is_metadata(read, path):
    """Information, parameters and their defaults are tables; bytes among them are an attachment."""
    info, _ = read(path.read_bytes())
    tables = {record.name: dict(record.values) for record in info.metadata}

    assert {
        "information": {
            "sys_name": "PX4",
            "ver_sw_release": str(0x010E00FF),
            "time_ref_utc": "3600",
            "perf": "one two",
        },
        "parameters": {"MC_ROLL_P": "6.5", "SYS_AUTOSTART": "4001"},
        "system_defaults": {"MC_ROLL_P": "6.0"},
        "setup_defaults": {"MC_ROLL_P": "6.0"},
    } == tables
    assert [("events", 5)] == [(a.name, a.size_bytes) for a in info.attachments]


def test_attachments_have_their_bytes(source_format, path):
    """The parts of bytes among the information are put together."""
    with source_format.open(source_file(path), None) as log:
        assert b"\xfd7z\1\2" == b"".join(log.attachment(0))


def test_gaps_are_told(read, path):
    """What the logger could not write is a finding with its duration."""
    info, _ = read(path.read_bytes())

    assert any("once: 150.0 ms were not recorded" in finding for finding in info.findings)


def test_a_cut_loses_the_message_that_it_meets(read, flight, writer):
    """A log that ends inside a message gives all before, and says what is lost."""
    log = flight(writer())
    info, rows = read(log.content[:-3])
    lost = {c.topic: info.damage[0].lost.get(c.id, 0) for c in info.channels}

    assert "The file ends inside a record; everything before was read." == info.damage[0].reason
    assert (len(log.content) - 3) == info.damage[0].byte_range[1]
    assert (1, 19) == (lost["/sensor_accel/1"], len(rows["/sensor_accel/1"]))
    assert 40 == len(rows["/sensor_combined"])


def test_zeros_at_the_end(read, path):
    """Space that was reserved and never written is told as such, and costs no message."""
    info, rows = read(path.read_bytes() + bytes(5000))

    assert ["The file ends in 5.00 kB of zeros: the log was not closed."] == [
        damage.reason for damage in info.damage
    ]
    assert 40 == len(rows["/sensor_combined"])


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 100, b"\0" * 100, bytes(range(1, 256)), b"DDDD" * 40]
)
def test_reading_goes_on_after_garbage(garbage, read, flight, writer):
    """Bytes in between that are no records cost nothing but themselves."""
    log = flight(writer())
    at = log.places[len(log.places) // 2]
    info, rows = read(log.content[:at] + garbage + log.content[at:])

    assert [(at, at + len(garbage))] == [damage.byte_range for damage in info.damage]
    assert (40, 40, 20) == tuple(
        len(rows[f"/{name}"]) for name in ("sensor_combined", "sensor_accel", "sensor_accel/1")
    )


def test_a_wrong_size_costs_one_message(read, flight, writer):
    """A message whose size is wrong does not take the ones behind it along."""
    log = flight(writer())
    record = next(
        k for k, at in enumerate(log.places) if k > 60 and log.content[at + 2 : at + 5] == b"D\0\0"
    )
    at, after = log.places[record : record + 2]
    content = bytearray(log.content)
    content[at : at + 2] = struct.pack("<H", 4321)
    info, rows = read(content)

    assert [(at, after)] == [damage.byte_range for damage in info.damage]
    assert (39, 40) == (len(rows["/sensor_combined"]), len(rows["/sensor_accel"]))


def test_one_wrong_bit_costs_one_message(read, flight, writer):
    """A bit turned anywhere among the messages costs the one that it is in, and hardly ever another."""
    log = flight(writer())
    begin = next(at for at in log.places if log.content[at + 2 : at + 3] == b"D")
    chance = random.Random(20)
    whole = payloads(read(log.content)[1])
    lost = []
    for _ in range(200):
        content = bytearray(log.content)
        content[chance.randrange(begin, len(content))] ^= 1 << chance.randrange(8)
        lost.append((whole - payloads(read(content)[1])).total())

    assert sum(lost) <= 1.05 * len(lost)
    assert max(lost) <= 5


def payloads(rows):
    """Count the payloads of all topics."""
    return Counter(payload for own in rows.values() for _, payload in own)


def test_unknown_kinds_are_passed_over(read, flight, writer):
    """Records of a kind that a later version brings are counted and skipped."""
    log = flight(writer())
    log.record("Z", b"new").record("Z", b"new").data(1, "Q3f", 5_000_000, 1, 2, 3)
    info, rows = read(log.content)

    assert () == info.damage
    assert "2 records of the kind 'Z', which is unknown, were passed over." in info.findings
    assert 41 == len(rows["/sensor_accel"])


def test_unknown_kinds_before_garbage(read, flight, writer):
    """Many records of an unknown kind, and then nothing that makes sense, are damage that ends."""
    log = flight(writer())
    for _ in range(20):
        log.record("Z", b"new")
    info, rows = read(log.content + b"\xff" * 500)

    assert 40 == len(rows["/sensor_accel"])
    assert len(log.content) + 500 == info.damage[-1].byte_range[1]


def test_messages_of_unknown_ids_are_told(read, flight, writer):
    """Messages that were never subscribed cannot be told: their ids and number are damage."""
    log = flight(writer()).data(9, "Q", 1).data(9, "Q", 2).text(5_000_000, "end")
    info, rows = read(log.content)

    assert ["2 messages cannot be told: nothing says what their ids (9) mean."] == [
        damage.reason for damage in info.damage
    ]
    assert 3 == len(rows["/logged_text"])


def test_data_that_were_appended(read, flight, writer):
    """What was appended after a crash is read, also behind a record that the crash cut off."""
    whole = flight(writer())
    size = len(whole.content) - 3
    again = writer().flags(size)
    content = bytearray(whole.content[:size])
    content[: len(again.content)] = again.content
    crash = writer().text(9_000_000, "hardfault", level="0").content[16:]
    info, rows = read(content + crash)

    assert ["The log was cut off inside a record before more was appended to it."] == [
        damage.reason for damage in info.damage
    ]
    assert 3 == len(rows["/logged_text"])
    assert (19, 40) == (len(rows["/sensor_accel/1"]), len(rows["/sensor_accel"]))


def test_a_way_of_writing_that_is_not_known(read, writer):
    """A log that says it is written otherwise is refused, not misread."""
    with pytest.raises(SourceError, match="A newer version of this plugin may read it"):
        read(writer().flags(incompatible=2).content)


def test_a_header_alone(read, writer):
    """A log that was begun and never written to has no channels."""
    info, rows = read(writer().content)

    assert ((), 0, {}) == (info.channels, info.messages, rows)
    with pytest.raises(SourceError, match="is no ULog file"):
        read(writer().content[:10])


def test_messages_that_do_not_follow_their_format(flight, writer, tmp_path):
    """A message that is shorter than its format, and intact otherwise, is rejected and kept as bytes."""
    log = flight(writer()).data(1, "Q", 7_000_000).text(8_000_000, "end")
    path = tmp_path / "flight.ulg"
    path.write_bytes(log.content)
    sink = MemorySink()
    topic = next(
        t for t in ingest(path, sink=sink).recordings[0].topics if t.name == "/sensor_accel"
    )
    rejected = sink.recordings["flight"].topics["/sensor_accel/_rejected"].table()

    assert (41, 40, 1) == (topic.declared, topic.stored, topic.rejected)
    assert [struct.pack("<Q", 7_000_000)] == rejected["payload"].to_pylist()


def test_formats_that_nobody_defines(flight, writer, tmp_path):
    """A topic whose format the log does not define is kept as bytes, and the plan says why."""
    log = flight(writer()).subscribe("secret", 8).data(8, "Q", 1).data(8, "QQ", 2, 3)
    path = tmp_path / "flight.ulg"
    path.write_bytes(log.content)
    sink = MemorySink()
    report = ingest(path, sink=sink)
    topic = sink.recordings["flight"].topics["/secret"]

    assert 0 == report.exit_code
    assert "kept as bytes" in topic.plan.note
    assert [struct.pack("<Q", 1), struct.pack("<QQ", 2, 3)] == topic.table()["payload"].to_pylist()


def test_windows_do_not_show(read, flight, writer, monkeypatch):
    """Records that lie across the ends of what is read at once are found all the same."""
    content = flight(writer(), steps=6000).content
    at = content.index(b"D\0\0", 200_000)
    content = content[:at] + b"\xff" * 99 + content[at:]
    whole, rows = read(content)
    for module in (contents, recording):
        monkeypatch.setattr(module, "WINDOW_BYTES", 70_000)

    assert (whole, rows) == read(content)
    assert 70_000 * 5 < len(content)
    assert (1, 6000, 3000) == (
        len(whole.damage),
        len(rows["/sensor_accel"]),
        len(rows["/sensor_accel/1"]),
    )


def test_too_many_topics(source_format, path):
    """A log with more topics than anybody has is refused, with the flag that lifts it."""
    options = source_format.options(max_channels=3)
    with pytest.raises(SourceError, match="more topics than --max-channels 3"):
        source_format.open(source_file(path), options)


def test_ids_may_change_their_meaning(read, writer):
    """A message id that is subscribed anew stands for the new topic from there on."""
    log = writer().flags().formats("sensor_accel", "sensor_combined").subscribe("sensor_accel", 1)
    log.data(1, "Q3f", 1, 1, 2, 3).record("R", b"\1\0").subscribe("sensor_combined", 1)
    log.data(1, "Q3fIi3fB", 2, 1, 0.5, -1.0, 4000, 0, 0.25, 1, -9.81, 0).subscribe(
        "sensor_accel", 1
    )
    log.data(1, "Q3f", 3, 1, 2, 3)
    _, rows = read(log.content)

    assert (2, 1) == (len(rows["/sensor_accel"]), len(rows["/sensor_combined"]))
