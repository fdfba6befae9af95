"""Videos and folders of images, with the places of their packets and pictures."""

import re
import struct
import zlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import attrs
import numpy as np
from mosaico_ingest_video import ImageFolder, VideoFormat
from mosaico_ingest_video.options import VideoOptions

from .subjects import Message, Part, Range, Subject, opener

_FRAMES = 60
_CLUSTER = b"\x1f\x43\xb6\x75"
_PICTURE = re.compile(rb"\x00\x00\x01[\x01\x21\x41\x61\x05\x25\x45\x65]")
_PICTURES = 24


def _packets(folder: Path, suffix: str, **container: str) -> tuple[Subject, bytes]:
    """Write a video, and find its packets; what lies before the first of them is needed by all."""
    import av

    path = folder / f"video{suffix}"
    noise = np.random.default_rng(8)
    with av.open(str(path), "w", container_options=container) as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"bf": "0", "g": "10", "sc_threshold": "0"}
        stream.codec_context.thread_count = 1
        for k in range(_FRAMES):
            pixels = noise.integers(0, 256, (48, 64, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    options = VideoOptions(fps="25") if suffix == ".h264" else VideoOptions()
    opened = opener(VideoFormat(), options)
    with av.open(str(path)) as given:
        places = [packet.pos for packet in given.demux() if packet.size]
    with opened(path) as recording:
        payloads = [
            _picture_in((payload,))
            for batch in recording.batches([c.id for c in recording.info.channels], 1 << 20)
            for payload in batch.data.column("payload").to_pylist()
        ]
    assert len(places) == len(payloads) == len(set(payloads)) == _FRAMES
    data = path.read_bytes()
    parts = [
        ((start, end), [payload])
        for start, end, payload in zip(places, [*places[1:], len(data)], payloads, strict=True)
    ]
    vital = ((0, places[0]),)
    return Subject(
        open=opened, path=path, parts=parts, vital=vital, same=_picture_in, is_timed=False
    ), data


def _picture_in(message: Message) -> Message:
    """Return a packet from its picture on: FFmpeg may put sets before it that it found in damage."""
    (payload,) = message
    assert isinstance(payload, bytes)
    found = _PICTURE.search(payload)
    return (payload[found.start() :] if found else payload,)


def mp4(folder: Path) -> Subject:
    """Write an MP4 with its index in front, which tells where each packet is."""
    return _packets(folder, ".mp4", movflags="faststart")[0]


def fragmented_mp4(folder: Path) -> Subject:
    """Write an MP4 of fragments; FFmpeg refuses some whose boxes, but for those of the data, are damaged."""
    subject, data = _packets(folder, ".frag.mp4", movflags="frag_keyframe+empty_moov")
    chain: list[Range] = []
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        chain.append((at, at + (8 if kind == b"mdat" else size)))
        at += size
    return attrs.evolve(subject, vital=tuple(chain))


def matroska(folder: Path) -> Subject:
    """Write a Matroska file, and find its clusters, at which reading can begin again."""
    subject, data = _packets(folder, ".mkv", cluster_time_limit="200")
    starts = [k for k in range(len(data)) if data.startswith(_CLUSTER, k)]
    parts: list[Part] = [
        (
            (start, end),
            [m for (place, _), found in subject.parts if start < place < end for m in found],
        )
        for start, end in pairwise([*starts, len(data)])
    ]
    return attrs.evolve(subject, parts=parts, pieces=subject.parts, vital=((0, starts[0]),))


def transport_stream(folder: Path) -> Subject:
    """Write an MPEG-TS; where a picture ends is told by the next one only."""
    return attrs.evolve(_packets(folder, ".ts")[0], margin=2, judged=(0, 5000), open_ends=1)


def raw_h264(folder: Path) -> Subject:
    """Write a raw stream; where a picture ends is told by the next one only."""
    subject, _ = _packets(folder, ".h264")
    return attrs.evolve(subject, margin=1, open_ends=1, vital=(subject.parts[0][0],))


def _picture(grey: int) -> bytes:
    """Return a PNG of one pixel."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(struct.pack(">BH", 0, grey))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def images(folder: Path, *, damage_list: bool) -> Subject:
    """Write a folder of images and the list of their times, in which each line names its image."""
    within = folder / ("listed" if damage_list else "pictures")
    (within / "data").mkdir(parents=True)
    text, parts, others = b"#timestamp [ns],filename\n", [], []
    head = len(text)
    for k in range(_PICTURES):
        time_ns, picture = 10**18 + 50_000_000 * k, _picture(1000 + k)
        (within / "data" / f"{time_ns}.png").write_bytes(picture)
        line = f"{time_ns},{time_ns}.png\n".encode()
        start = max(len(text) - 1, head)
        text += line
        parts.append(((start, len(text)), [(time_ns, picture)]))
        if k:
            others.append((time_ns, picture))
    (within / "data.csv").write_bytes(text)
    opened = opener(ImageFolder())
    if damage_list:
        path = within / "data.csv"
        vital, judged = ((0, head),), (0, len(text))
        return Subject(
            open=opened, path=path, within=within, parts=parts, vital=vital, judged=judged
        )
    path = within / "data" / f"{10**18}.png"
    own = (0, path.stat().st_size), parts[0][1]
    return Subject(open=opened, path=path, within=within, parts=[own, ((0, 0), others)])
