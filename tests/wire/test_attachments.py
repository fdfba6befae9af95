"""Files that travel inside a recording: into the store and back, byte for byte."""

import numpy as np

from mosaico_ingest.cli.export import export_attachments
from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.attachments import PART_BYTES
from mosaico_ingest.run import ingest, serve

LARGE = np.random.default_rng(5).bytes(2 * PART_BYTES + 12_345)
FILES = {
    "calibration.yaml": b"k: 1",
    "../../etc/passwd": b"no path",
    "map.bin": LARGE,
    "empty": b"",
}


def write(path, files, *, messages=1):
    """Write a recording with attachments."""
    from mcap.writer import Writer

    with path.open("wb") as stream:
        writer = Writer(stream, use_chunking=False)
        writer.start()
        if messages:
            channel = writer.register_channel("/attachments", "x", 0)
        for n in range(messages):
            writer.add_message(channel, log_time=1000 + n, publish_time=0, data=b"1")
        for name, data in files:
            writer.add_attachment(7, 6, name, "text/plain", data)
        writer.finish()
    return path


def exported(store, sequence, topic, folder):
    """Return the files that come back, by name."""
    with serve(store) as server, MosaicoClient.connect(server.host, server.port) as client:
        written = export_attachments(client.topic_handler(sequence, topic), folder, force=False)
    assert {path.parent for path, _ in written} <= {folder}
    assert [size for _, size in written] == [path.stat().st_size for path, _ in written]
    return {path.name: path.read_bytes() for path, _ in written}


def test_files_come_back_byte_for_byte(tmp_path, place):
    """Large and empty files, and names that are paths, come back below the folder; channels keep names."""
    files = [*FILES.items(), ("map.bin", b"another"), (f"/{'ä' * 300}.txt", b"long")]
    report = ingest(write(tmp_path / "a.mcap", files), store=place)
    (recording,) = report.recordings

    assert (RecordingStatus.Stored, 1) == (recording.status, report.stored)
    assert "6 attachments in /attachments_2." in recording.findings
    assert {
        "calibration.yaml": b"k: 1",
        "_.._etc_passwd": b"no path",
        "map.bin": LARGE,
        "map_2.bin": b"another",
        "empty": b"",
        f"{'ä' * 118}.txt": b"long",
    } == exported(place, "a", "/attachments_2", tmp_path / "out")


def test_a_recording_of_attachments_alone_is_stored(tmp_path, place):
    """Without any channel, the files are worth a sequence; without files it has nothing to store."""
    files = write(tmp_path / "files.mcap", FILES.items(), messages=0)
    nothing = write(tmp_path / "nothing.mcap", [], messages=0)
    report = ingest([files, nothing], store=place)

    assert [RecordingStatus.Stored, RecordingStatus.Failed] == [r.status for r in report.recordings]
    assert 4 == len(exported(place, "files", "/attachments", tmp_path / "out"))


def test_a_damaged_attachment_costs_itself_alone(tmp_path, place):
    """Its reason is told, and everything else is stored."""
    path = write(
        tmp_path / "a.mcap", [("good", b"fine"), ("bad", b"SPOILT-HERE"), ("last", b"too")]
    )
    data = path.read_bytes()
    path.write_bytes(data.replace(b"SPOILT-HERE", b"SPOILT_HERE"))
    (recording,) = ingest(path, store=place).recordings
    files = exported(place, "a", "/attachments_2", tmp_path / "out")

    assert RecordingStatus.StoredWithLosses == recording.status
    assert ["'bad'" in damage.reason for damage in recording.damage] == [True]
    assert (b"fine", b"too") == (files["good"], files["last"])


def test_attachments_can_be_left_out(tmp_path, place):
    """What the user does not want is told and not stored."""
    path = write(tmp_path / "a.mcap", FILES.items())
    report = ingest(path, store=place, settings=Settings(attachments=False))
    (recording,) = report.recordings
    with serve(place) as server, MosaicoClient.connect(server.host, server.port) as client:
        topics = list(client.sequence_handler("a").topics)

    assert "4 attachments left out (--no-attachments)." in recording.findings
    assert ["/attachments"] == topics


def test_info_and_export_speak_of_files(tmp_path, place, launcher):
    """`info` lists names, types and sizes; `export` writes the files, and overwrites none unasked."""
    ingest(write(tmp_path / "a.mcap", FILES.items(), messages=0), store=place)
    info = launcher.start("info", "a", "--store", place)
    codes = [info.end()]
    for _ in range(2):
        export = launcher.start("export", "a", "--store", place, "--to", tmp_path / "out")
        codes.append(export.end())

    assert [0, 0, 2] == codes
    assert "attachment:    map.bin (text/plain, 8.40 MB)" in info.stdout
    assert b"k: 1" == (tmp_path / "out/attachments/calibration.yaml").read_bytes()
    assert "overwrite it with --force" in export.stderr


def test_a_recording_cut_inside_an_attachment_keeps_its_messages(tmp_path, place):
    """What came before the cut is stored, and the damage is told."""
    path = write(tmp_path / "a.mcap", [("map.bin", LARGE)])
    data = path.read_bytes()
    path.write_bytes(data[: data.index(LARGE[:64]) + PART_BYTES])
    (recording,) = ingest(path, store=place).recordings

    assert RecordingStatus.StoredWithLosses == recording.status
    assert [1] == [topic.stored for topic in recording.topics]
    assert 1 == len(recording.damage)
