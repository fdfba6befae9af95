"""Clocks, order and damage of videos that are made for the purpose."""

import json
import subprocess
import sys
from fractions import Fraction

import pytest
from mosaico_ingest_video import VideoFormat
from mosaico_ingest_video.clock import max_ticks, to_ns
from mosaico_ingest_video.options import VideoOptions

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import RawBatch
from mosaico_ingest.testing.source import source_file

STARTED = VideoOptions(start="1700000000")
T0 = 1_700_000_000 * 10**9
B_FRAMES = {"g": "6", "bf": "2", "b-adapt": "0"}


def test_ticks_become_nanoseconds_by_integers():
    """Any number of ticks is rounded once, to the nearest; large ones and odd bases included."""
    cases = [
        (Fraction(1001, 30000), [0, 1, 2, 107892, -1]),
        (Fraction(1, 90000), [6000, 2**33, -(2**33)]),
        (Fraction(1, 2**33 + 1), [2**40, 1]),
        (Fraction(1, 1000), [2**40]),
    ]
    for base, ticks in cases:
        expected = [
            (2 * t * base.numerator * 10**9 + base.denominator) // (2 * base.denominator)
            for t in ticks
        ]

        assert expected == to_ns(ticks, base).tolist()
        assert abs(to_ns([max_ticks(base)], base)[0]) <= 2**62


def test_variable_rate(make_video, rows_of, tmp_path):
    """Times are those of the packets, never a number divided by a rate."""
    pts = [0, 10, 11, 500, 501, 9000]
    path = make_video(
        tmp_path / "v.mkv", frames=6, pts=pts, time_base=Fraction(1, 1000), options={"bf": "0"}
    )
    _, tables, _ = rows_of(VideoFormat(), path, STARTED)

    assert [T0 + p * 10**6 for p in pts] == tables["/video"].column("publish_time_ns").to_pylist()


def test_b_frames_are_told_and_ordered(make_video, rows_of, tmp_path):
    """Packets stay in the order of decoding, by number and log time; the time shown is another column."""
    path = make_video(tmp_path / "b.mp4", frames=9, options=B_FRAMES)
    info, tables, _ = rows_of(VideoFormat(), path, STARTED)
    table = tables["/video"]
    shown = table.column("publish_time_ns").to_pylist()

    assert [T0 + k * 40_000_000 for k in range(9)] == sorted(shown)
    assert shown != sorted(shown)
    assert [T0 + k * 40_000_000 for k in range(9)] == table.column("log_time_ns").to_pylist()
    assert any("B-frames" in finding for finding in info.findings)


def test_list_of_times(make_video, rows_of, tmp_path):
    """The k-th time belongs to the k-th picture shown, whatever the order of the packets."""
    path = make_video(tmp_path / "b.mp4", frames=9, options=B_FRAMES)
    times = [T0 + k * k for k in range(9)]
    (tmp_path / "times.csv").write_text(
        "frame,time_ns\n" + "".join(f"{k},{t}\n" for k, t in enumerate(times))
    )
    plain = rows_of(VideoFormat(), path, STARTED)[1]["/video"].column("publish_time_ns").to_pylist()
    _, tables, _ = rows_of(VideoFormat(), path, VideoOptions(timestamps="times.csv"))

    expected = [times[(shown - T0) // 40_000_000] for shown in plain]
    assert expected == tables["/video"].column("publish_time_ns").to_pylist()
    assert times == tables["/video"].column("log_time_ns").to_pylist()


def test_list_of_times_for_a_raw_stream(make_video, rows_of, tmp_path, av):
    """A raw stream gets its times from a list; relative ones count from --start."""
    path = make_video(tmp_path / "r.h264", frames=5, options={"bf": "0"})
    (tmp_path / "t.json").write_text(json.dumps([0.0, 0.1, 0.2, 0.3, 0.5]))
    _, tables, _ = rows_of(
        VideoFormat(), path, VideoOptions(timestamps="t.json", start="1700000000")
    )

    expected = [T0 + k * 10**8 for k in (0, 1, 2, 3, 5)]
    assert expected == tables["/video"].column("publish_time_ns").to_pylist()


def test_list_of_another_length(make_video, tmp_path):
    """A list that does not fit is refused with both numbers."""
    path = make_video(tmp_path / "v.mp4", frames=5)
    (tmp_path / "t.txt").write_text("0.0\n0.1\n")

    with pytest.raises(SourceError, match=r"lists 2 times, but stream 0 .* has 5 packets"):
        VideoFormat().open(source_file(path), VideoOptions(timestamps="t.txt"))


BEGINNINGS = [
    ("2024-05-01T12:00:00.000000Z", VideoOptions(), 1714564800 * 10**9, "creation_time"),
    ("2024-05-01T12:00:00.000000Z", STARTED, T0, ""),
    ("", VideoOptions(), 0, "Nothing says when it was recorded"),
]


@pytest.mark.parametrize("case", BEGINNINGS)
def test_when_a_container_begins(make_video, rows_of, tmp_path, case):
    """--start, else the file's creation_time, else 1970, and a finding says which."""
    tag, options, start_ns, finding = case
    metadata = {"creation_time": tag} if tag else {}
    path = make_video(tmp_path / "v.mp4", options={"bf": "0"}, metadata=metadata)
    info, tables, _ = rows_of(VideoFormat(), path, options)

    stored = tables["/video"].column("log_time_ns").to_pylist()
    assert start_ns == info.start_ns == stored[0]
    assert info.end_ns == stored[-1]
    assert finding in " ".join(info.findings)
    assert bool(finding) == bool(info.findings)


def test_key_frames_stand_alone(make_video, rows_of, tmp_path, av):
    """Every key frame carries its parameter sets: a decoder can start at each."""
    path = make_video(tmp_path / "v.mp4", frames=12, options={"g": "4", "bf": "0"})
    _, tables, _ = rows_of(VideoFormat(), path, STARTED)
    payloads = tables["/video"].column("payload").to_pylist()

    for first in (0, 4, 8):
        context = av.CodecContext.create("h264", "r")
        frames = [f for data in payloads[first:] for f in context.decode(av.Packet(data))]

        assert 12 - first == len([*frames, *context.decode(None)])


def test_batches_begin_with_key_frames(make_video, tmp_path):
    """A group of pictures is not parted where it fits."""
    path = make_video(tmp_path / "v.mkv", frames=24, options={"g": "4", "bf": "0"})
    with VideoFormat().open(source_file(path), STARTED) as recording:
        batches = [b for b in recording.batches([1], 600) if isinstance(b, RawBatch)]

    assert len(batches) > 2
    assert {0} == {b.data.column("number")[0].as_py() % 4 for b in batches}


@pytest.mark.parametrize("name", ["v.mkv", "v.ts", "v.flv"])
@pytest.mark.parametrize("share", [0.4, 0.75])
def test_cut_containers(make_video, rows_of, tmp_path, name, share):
    """What survives being cut gives every packet before the cut; the last one may be cut itself."""
    path = make_video(tmp_path / name, frames=60, options={"g": "10", "bf": "0"}, size=(160, 120))
    whole = rows_of(VideoFormat(), path, STARTED)[1]["/video"]
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    _, tables, _ = rows_of(VideoFormat(), path, STARTED)
    found = tables["/video"]
    n = found.num_rows - 1

    assert 60 * (share - 0.3) < n < 60 * (share + 0.3)
    assert whole.slice(0, n).equals(found.slice(0, n))


def test_cut_mp4_with_its_index_in_front(make_video, rows_of, tmp_path):
    """The index tells how many packets are lost, so that the sums can be told."""
    path = make_video(
        tmp_path / "v.mp4", frames=30, options={"bf": "0"}, container={"movflags": "faststart"}
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 8 // 10])
    info, tables, damage = rows_of(VideoFormat(), path, STARTED)
    stored = tables["/video"].num_rows

    assert 30 == info.messages
    assert 0 < stored < 30
    assert 30 - stored == sum(sum(item.lost.values()) for item in damage)
    assert "before its stated end" in info.damage[0].reason
    assert (len(data) * 8 // 10, len(data)) == info.damage[0].byte_range


def test_a_packet_of_nothing_is_lost(make_video, rows_of, tmp_path, av):
    """A packet whose bytes were wiped is no picture of no bytes, but lost; all others are stored."""
    path = make_video(tmp_path / "v.mp4", frames=9, options={"bf": "0"})
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux() if packet.size][4]
        start, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    _, tables, damage = rows_of(VideoFormat(), path, STARTED)

    assert 8 == tables["/video"].num_rows
    assert [1] == [sum(item.lost.values()) for item in damage]


def test_streams_of_all_kinds(make_video, rows_of, tmp_path, av):
    """Sound is a topic of its own, byte for byte, on the same clock."""
    path = make_video(tmp_path / "v.mkv", frames=5, options={"bf": "0"}, sound=True)
    info, tables, _ = rows_of(VideoFormat(), path, STARTED)
    sound = tables["/audio"]

    assert ["video/h264", "audio/pcm_s16le"] == [channel.type_name for channel in info.channels]
    assert [T0 + k * 40_000_000 for k in range(5)] == sound.column("publish_time_ns").to_pylist()
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert packets == sound.column("payload").to_pylist()
    assert "8000" == info.channels[1].metadata["sample_rate"]


def test_facts_of_a_stream(make_video, rows_of, tmp_path):
    """Codec, size and time base are in the channel's metadata."""
    path = make_video(tmp_path / "v.mkv", frames=3)
    facts = rows_of(VideoFormat(), path, STARTED)[0].channels[0].metadata

    assert {
        "codec": "h264",
        "width": "64",
        "height": "48",
        "pixel_format": "yuv420p",
    }.items() <= facts.items()
    assert "1/1000" == facts["time_base"]


def test_rotation_is_told_and_not_applied(make_video, rows_of, tmp_path):
    """The display matrix of a track becomes a fact and a finding; the packets stay as they are."""
    path = make_video(tmp_path / "v.mp4", frames=3, options={"bf": "0"})
    upright = rows_of(VideoFormat(), path, STARTED)[1]["/video"]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version, flags and times come before the matrix
    turned = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(v.to_bytes(4, "big", signed=True) for v in turned)
    path.write_bytes(data)
    info, tables, _ = rows_of(VideoFormat(), path, STARTED)

    assert info.channels[0].metadata["rotation_degrees"] in ("90", "-90")
    assert any("turned by" in finding for finding in info.findings)
    assert upright.equals(tables["/video"])


def test_mjpeg_without_tables_gets_them(make_video, rows_of, tmp_path, av):
    """Pictures of AVI that leave out the Huffman tables become whole JPEG pictures."""
    path = make_video(
        tmp_path / "v.avi", "mjpeg", 3, pixels="yuvj420p", options={"huffman": "default"}
    )
    data = path.read_bytes()
    start = data.index(b"\xff\xc4")
    length = 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    # The tables become a comment of the same length.
    table = b"\xff\xfe" + data[start + 2 : start + 4] + bytes(length - 4)
    path.write_bytes(data.replace(data[start : start + length], table))
    _, tables, damage = rows_of(VideoFormat(), path, STARTED)
    pictures = tables["/video"].column("payload").to_pylist()

    assert [] == damage
    assert [True] * 3 == [b"\xff\xc4" in picture for picture in pictures]


def test_a_broken_configuration_costs_no_packet(make_video, rows_of, tmp_path):
    """If the decoder's configuration makes no sense, packets are kept as bytes, and that is told."""
    path = make_video(tmp_path / "v.mp4", frames=5, options={"bf": "0"})
    data = bytearray(path.read_bytes())
    at = data.index(b"avcC") + 4 + 6  # the length of the first parameter set
    data[at : at + 2] = b"\xff\xff"
    path.write_bytes(data)
    info, tables, _ = rows_of(VideoFormat(), path, STARTED)

    assert "video/h264 without configuration" == info.channels[0].type_name
    assert 5 == tables["/video"].num_rows
    assert "kept as bytes" in info.damage[0].reason


def test_png_in_a_container(make_video, rows_of, tmp_path):
    """Pictures that a container holds whole stay what they are, in both modes."""
    path = make_video(tmp_path / "v.mov", "png", 3, pixels="rgb24")
    for mode in ("store", "frames"):
        info, tables, _ = rows_of(VideoFormat(), path, VideoOptions(video=mode, start="0"))
        pictures = tables["/video"].column("payload").to_pylist()

        assert "image/png" == info.channels[0].type_name
        assert [b"\x89PNG"] * 3 == [picture[:4] for picture in pictures]


def test_an_unknown_codec_is_kept_as_bytes(make_video, rows_of, tmp_path):
    """A codec that FFmpeg does not know is no reason to leave its packets out."""
    path = make_video(tmp_path / "v.mp4", frames=5, options={"bf": "0"})
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))
    for mode in ("store", "frames"):
        info, tables, _ = rows_of(VideoFormat(), path, VideoOptions(video=mode, start="0"))

        assert ["video/unknown"] == [channel.type_name for channel in info.channels]
        assert 5 == tables["/video"].num_rows


def test_pictures_too_large_to_decode(make_video, rows_of, tmp_path):
    """A stream that claims giant pictures is stored, and costs no memory when it is to be decoded."""
    path = make_video(tmp_path / "v.avi", "rawvideo", 2, pixels="bgr24")
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = (1 << 20).to_bytes(4, "little") * 2
    path.write_bytes(data)
    stored = rows_of(VideoFormat(), path, STARTED)[1]["/video"]
    _, tables, damage = rows_of(VideoFormat(), path, VideoOptions(video="frames", start="0"))

    assert 2 == stored.num_rows
    assert {} == tables
    assert 2 == sum(sum(item.lost.values()) for item in damage)


def test_large_packets_are_not_copied(make_video, tmp_path):
    """A batch of large packets refers to their own memory; its rows are the same bytes."""
    path = make_video(tmp_path / "v.avi", "rawvideo", 3, size=(64, 48), pixels="bgr24")
    with VideoFormat().open(source_file(path), STARTED) as recording:
        (batch,) = recording.batches([1], 1 << 20)
    payload = batch.data.column("payload")

    assert "binary_view" == str(payload.type)
    assert [64 * 48 * 3] * 3 == [len(data) for data in payload.to_pylist()]
    assert batch.nbytes >= 3 * 64 * 48 * 3


def test_without_pyav_a_video_names_the_extra(tmp_path):
    """The file is still recognised, and the error says what to install."""
    path = tmp_path / "v.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")
    code = (
        "import sys; sys.modules['av'] = None\n"
        "from pathlib import Path\n"
        "from mosaico_ingest.testing.source import source_file\n"
        "from mosaico_ingest_video import VideoFormat, VideoOptions\n"
        f"file = source_file(Path({str(path)!r}))\n"
        "assert VideoFormat().sniff(file)\n"
        "try: VideoFormat().open(file, VideoOptions())\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "SourceError" in told.stdout
    assert "pip install 'mosaico-ingest[video]'" in told.stdout
