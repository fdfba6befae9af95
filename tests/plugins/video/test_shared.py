"""Every real video: counts by PyAV's own demuxer, times by fractions, pictures by decoding what is stored."""

import hashlib
import io
import math
from fractions import Fraction

import pytest
from mosaico_ingest_video import VideoFormat
from mosaico_ingest_video.options import VideoOptions

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import source_file

MP4FF = "Eyevinn+mp4ff"
TORCH = "pytorch+torchcodec/test/resources"
CISCO = "cisco+openh264/res"

# Packets per stream, in the order of the file: by `ffprobe -count_packets`, as in the list of recordings.
CONTAINERS = {
    "DERIVED/nasa_13013_mjpeg.avi": [120],
    f"{MP4FF}/cmd/mp4ff-nallister/testdata/h264.mp4": [50],
    f"{MP4FF}/cmd/mp4ff-nallister/testdata/hevc.mp4": [50],
    f"{MP4FF}/mp4/testdata/bbb_prog_10s.mp4": [238, 428],
    f"{MP4FF}/mp4/testdata/prog_8s.mp4": [375, 240],
    f"{MP4FF}/mp4/testdata/prog_8s_dec_dashinit.mp4": [240, 375],
    "PlotJuggler+pj-mcap-server/PJ4/pj_scene2D/testdata/test_h264_bframes.mp4": [60],
    "cgohlke+vidsrc/tests/test.avi": [48],
    f"{TORCH}/av1_video.mkv": [125],
    f"{TORCH}/bt709_full_range.mp4": [30],
    f"{TORCH}/h265_10bits.mp4": [30],
    f"{TORCH}/h265_video.mp4": [10],
    f"{TORCH}/nasa_13013.mp4": [325, 103, 5, 390, 205, 5],
    f"{TORCH}/var_fps_video.mp4": [300],
}
RAW = {
    "DERIVED/nasa_13013_bframes.h264": 325,
    f"{MP4FF}/cmd/mp4ff-nallister/testdata/hevc.265": 50,
    f"{CISCO}/Cisco_Men_whisper_640x320_CABAC_Bframe_9.264": 9,
    f"{CISCO}/Cisco_Men_whisper_640x320_CAVLC_Bframe_9.264": 9,
    f"{CISCO}/VID_1280x720_cabac_temporal_direct.264": 300,
    f"{CISCO}/test_vd_1d.264": 9,
}
# The raw streams that were made of a container's: it tells the order in which their pictures are shown.
TWINS = {
    "DERIVED/nasa_13013_bframes.h264": f"{TORCH}/nasa_13013.mp4",
    f"{MP4FF}/cmd/mp4ff-nallister/testdata/hevc.265": (
        f"{MP4FF}/cmd/mp4ff-nallister/testdata/hevc.mp4"
    ),
}


def demuxed(av, path):
    """Return per stream the packets as PyAV gives them: times, bytes and codec."""
    with av.open(str(path)) as container:
        found = {s.index: (s.time_base, s.codec_context.codec.name, []) for s in container.streams}
        for packet in container.demux():
            if packet.size or packet.dts is not None:
                found[packet.stream.index][2].append((packet.pts, packet.dts, bytes(packet)))
    return found


def fingerprint(frames):
    """Return a digest of each frame's pixels."""
    return [
        hashlib.blake2b(frame.to_ndarray().tobytes(), digest_size=16).hexdigest()
        for frame in frames
    ]


def decoded(av, codec, payloads):
    """Return digests of what a fresh decoder makes of stored payloads, packet by packet."""
    context = av.CodecContext.create(codec, "r")
    frames = [frame for data in payloads for frame in context.decode(av.Packet(data))]
    return fingerprint([*frames, *context.decode(None)])


def nearest(ticks, base):
    """Return ticks in nanoseconds, halves up."""
    return math.floor(Fraction(ticks) * base * 10**9 + Fraction(1, 2))


@pytest.mark.parametrize("name", CONTAINERS)
def test_packets_and_times_of_containers(name, shared_data, av, rows_of):
    """Every packet of every stream comes, with its time to the nearest nanosecond, and nothing is damaged."""
    path = shared_data / "video" / name
    info, tables, damage = rows_of(VideoFormat(), path, VideoOptions(start="1970-01-01T00:01:00Z"))
    streams = demuxed(av, path)

    assert CONTAINERS[name] == [tables[channel.topic].num_rows for channel in info.channels]
    assert ([], ()) == (damage, info.damage)
    for channel, (base, codec, packets) in zip(info.channels, streams.values(), strict=True):
        table = tables[channel.topic]
        shown = [60 * 10**9 + nearest(pts, base) for pts, _, _ in packets]
        stored = table.column("log_time_ns").to_pylist()

        assert shown == table.column("publish_time_ns").to_pylist()
        assert list(range(len(packets))) == table.column("number").to_pylist()
        assert sorted(stored) == stored
        assert channel.start_ns == stored[0]
        if codec not in ("h264", "hevc"):
            assert [data for _, _, data in packets] == table.column("payload").to_pylist()


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name.endswith(".mp4")])
def test_stored_packets_decode_to_the_same_pictures(name, shared_data, av, rows_of):
    """What is stored, given to a fresh decoder packet by packet, makes exactly the pictures of the file."""
    path = shared_data / "video" / name
    info, tables, _ = rows_of(VideoFormat(), path)
    with av.open(str(path)) as container:
        videos = [(s.index, s.codec_context.name) for s in container.streams.video]
    for index, codec in videos:
        with av.open(str(path)) as container:
            expected = fingerprint(container.decode(container.streams[index]))
        payloads = tables[info.channels[index].topic].column("payload").to_pylist()

        assert expected == decoded(av, codec, payloads)
        assert expected
    assert videos


@pytest.mark.parametrize("name", [name for name in RAW if "1280x720" not in name])
def test_stored_packets_make_a_stream_again(name, shared_data, av, rows_of):
    """The stored packets one after the other are a stream with exactly the pictures of the file."""
    path = shared_data / "video" / name
    _, tables, _ = rows_of(VideoFormat(), path, VideoOptions(fps="25"))
    joined = io.BytesIO(b"".join(tables["/video"].column("payload").to_pylist()))
    with av.open(str(path)) as container:
        expected = fingerprint(container.decode(video=0))
        codec = container.format.name
    with av.open(joined, format=codec) as container:
        found = fingerprint(container.decode(video=0))

    assert RAW[name] == len(expected)
    assert expected == found


@pytest.mark.parametrize("name", RAW)
def test_raw_streams(name, shared_data, rows_of):
    """A raw stream gives all its packets, shown at the rate that was stated, each at a time of its own."""
    path = shared_data / "video" / name
    info, tables, damage = rows_of(VideoFormat(), path, VideoOptions(fps="25", start="100"))
    shown = tables["/video"].column("publish_time_ns").to_pylist()

    assert RAW[name] == info.messages == len(shown)
    assert [100 * 10**9 + k * 40_000_000 for k in range(RAW[name])] == sorted(shown)
    assert ([], ()) == (damage, info.damage)


@pytest.mark.parametrize("name", TWINS)
def test_raw_streams_are_shown_in_the_order_of_their_origin(name, shared_data, av, rows_of):
    """Without a container, pictures are shown in the order that the container of the same stream tells."""
    path = shared_data / "video" / name
    _, tables, _ = rows_of(VideoFormat(), path, VideoOptions(fps="25"))
    _, _, packets = demuxed(av, shared_data / "video" / TWINS[name])[0]
    ticks = [pts for pts, _, _ in packets]
    places = [sorted(ticks).index(pts) for pts in ticks]

    assert [place * 40_000_000 for place in places] == tables["/video"].column(
        "publish_time_ns"
    ).to_pylist()


@pytest.mark.parametrize("name", RAW)
def test_raw_streams_without_a_clock_are_refused(name, shared_data):
    """Nobody guesses a rate: both flags that settle it are named."""
    with pytest.raises(SourceError, match=r"--timestamps FILE .* --fps"):
        VideoFormat().open(source_file(shared_data / "video" / name), VideoOptions())


def test_mp4_without_its_index(shared_data):
    """An MP4 whose recording was broken off says what is missing and what to do."""
    path = shared_data / "video/DERIVED/nasa_13013_truncated.mp4"

    with pytest.raises(SourceError, match=r"no index \(moov box\).*untrunc"):
        VideoFormat().open(source_file(path), VideoOptions())


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        (f"{TORCH}/av1_video.mkv", 125),
        ("cgohlke+vidsrc/tests/test.avi", 48),
        (f"{TORCH}/h265_10bits.mp4", 30),
        (f"{MP4FF}/mp4/testdata/prog_8s.mp4", 240),
        ("DERIVED/nasa_13013_mjpeg.avi", 120),
    ],
)
def test_frames(name, pictures, shared_data, av, rows_of):
    """On request every frame becomes a whole JPEG, at the time at which it is shown."""
    path = shared_data / "video" / name
    info, tables, damage = rows_of(
        VideoFormat(), path, VideoOptions(video="frames", start="1970-01-01T00:00:00Z")
    )
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        shown = [nearest(frame.pts, base) for frame in container.decode(video=0)]
    table = tables["/video"]
    first = table.column("payload")[0].as_py()
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(first))

    assert "image/jpeg" == next(c.type_name for c in info.channels if c.topic == "/video")
    assert (pictures, []) == (table.num_rows, damage)
    assert shown == table.column("publish_time_ns").to_pylist()
    assert table.column("log_time_ns").equals(table.column("publish_time_ns"))
    assert shown[0] == next(c.start_ns for c in info.channels if c.topic == "/video")
    assert all(d.startswith(b"\xff\xd8") for d in table.column("payload").to_pylist())
    assert info.channels[-1].metadata.get("width") == str(frame.width)
