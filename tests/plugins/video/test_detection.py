"""What is claimed, how strongly, and what is left to others."""

from pathlib import Path

import pytest
from mosaico_ingest_video import ImageFolder, VideoFormat, mosaico_sources

from mosaico_ingest.plugin import SourceFile, Strength

SETS = b"\0\0\0\1\x67\x42\0\x0c" + b"\0\0\0\1\x68\xce\x3c\x80" + b"\0\0\1\x65\x88"
HEVC_SETS = (
    b"\0\0\0\1\x40\1\x0c" + b"\0\0\0\1\x42\1\1" + b"\0\0\0\1\x44\1\xc1" + b"\0\0\1\x26\1\xaf"
)
EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1"


def a_file(name: str, head: bytes) -> SourceFile:
    """Return a file as sniffers see it."""
    return SourceFile(path=Path("/x") / name, size_bytes=len(head), mtime_ns=0, head=head)


def a_folder(*entries: str) -> SourceFile:
    """Return a folder as sniffers see it."""
    return SourceFile(path=Path("/x/f"), size_bytes=9, mtime_ns=0, entries=entries, is_dir=True)


def test_both_kinds_are_handed_in():
    """The plugin hands in videos and folders of images."""
    assert ["video", "images"] == [source.name for source in mosaico_sources()]


@pytest.mark.parametrize(
    ("name", "head", "strength"),
    [
        ("a", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", Strength.MAGIC),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", None),
        ("a", b"\0\0\0\x08wide\0\0\x10\0mdat", Strength.STRUCTURE),
        ("a", b"\0\0\0\x08wide\0\0\x10\0noise", None),
        ("a", EBML + b"\x42\x82\x88matroska", Strength.MAGIC),
        ("a", EBML + b"\x42\x82\x84webm", Strength.MAGIC),
        ("a", EBML + b"\x42\x82\x84text", None),
        ("a", b"RIFF\x10\0\0\0AVI LIST", Strength.MAGIC),
        ("a.wav", b"RIFF\x10\0\0\0WAVEfmt ", None),
        ("a", b"FLV\1\5\0\0\0\x09", Strength.MAGIC),
        ("a", b"DKIF\0\0\x20\0VP90", Strength.MAGIC),
        ("a", (b"\x47" + bytes(187)) * 4, Strength.STRUCTURE),
        ("a", (b"\0\0\0\0\x47" + bytes(187)) * 4, Strength.STRUCTURE),
        ("a.ts", b"GET = 1\n" * 90, None),
        ("a", SETS, Strength.STRUCTURE),
        ("a", HEVC_SETS, Strength.STRUCTURE),
        ("a.264", b"\0\0\0\1\x41\x9a\x22", Strength.SUFFIX),
        ("a.h265", b"\0\0\0\1\2\1\xd0", Strength.SUFFIX),
        ("a", b"\0\0\0\1\x41\x9a\x22", None),
        ("a.mpg", b"\0\0\1\xba\x44\0\4\0", None),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9", None),
        ("a", b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9\xff\xd8\xff", Strength.STRUCTURE),
        ("a.mjpeg", b"\xff\xd8\xff\xe0" + bytes(40), Strength.STRUCTURE),
        ("a.png", b"\x89PNG\r\n\x1a\n", None),
        ("a.mp4", b"", None),
        ("a.mp4", bytes(4096), None),
        ("a.mcap", b"\x89MCAP0\r\n", None),
    ],
)
def test_files(name, head, strength):
    """A video is known by its bytes; a name decides only for a raw stream that starts in its middle."""
    match = VideoFormat().sniff(a_file(name, head))

    assert strength == (match.strength if match else None)


@pytest.mark.parametrize(
    ("entries", "is_claimed"),
    [
        (("data", "timestamps.txt"), True),  # KITTI
        (("data", "data.csv", "sensor.yaml"), True),  # EuRoC, camera
        (("data.csv", "sensor.yaml"), False),  # EuRoC, IMU
        (("calib.txt", "image_0", "image_1", "times.txt"), True),  # KITTI odometry
        (("data", "timestamps.txt", "timestamps_start.txt"), False),  # KITTI, lidar
        (("data", "dataformat.txt", "timestamps.txt"), False),  # KITTI, positions
        (("0.png", "1.png", "times.txt", ".hidden"), True),
        (("0.JPG", "1.JPG"), True),
        (("logo.png",), False),
        (("0.png", "1.png", "run.mcap"), False),
        (("0.png", "1.png", "more"), False),
        (("0.png", "1.png", "drive.csv"), False),  # a recording of its own
        (("0.png", "1.png", "cam0_timestamps.csv", "calib.txt", "README.md"), True),
        ((), False),
    ],
)
def test_folders(entries, is_claimed):
    """A folder is claimed if it holds images and their lists alone, or as data sets lay them out."""
    assert is_claimed == bool(ImageFolder().sniff(a_folder(*entries)))
    assert VideoFormat().sniff(a_folder(*entries)) is None
