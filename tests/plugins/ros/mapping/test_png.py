"""Raw pixels as PNG files."""

import struct
import zlib

import numpy as np
import pyarrow as pa
import pytest
from mosaico_ingest_ros.mapping.mapper import RosOptions
from mosaico_ingest_ros.mapping.png import packed

RNG = np.random.default_rng(3)


def unpacked(file: bytes) -> tuple[int, int, bytes]:
    """Return width, height and the bytes of a grey PNG file, by the rules of its specification."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(file):
        size, name = struct.unpack(">I4s", file[at : at + 8])
        body = file[at + 8 : at + 8 + size]
        assert struct.unpack(">I", file[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            name + body
        )
        chunks[name] = body
        at += 12 + size
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (8, 0, [0, 0, 0]) == (depth, colour, rest)
    lines = zlib.decompress(chunks[b"IDAT"])
    above = [0] * width
    pixels = bytearray()
    for k in range(height):
        line = lines[k * (width + 1) : (k + 1) * (width + 1)]
        assert line[0] in {0, 2}
        previous = above if line[0] == 2 else [0] * width
        above = [(a + b) % 256 for a, b in zip(line[1:], previous, strict=True)]
        pixels += bytes(above)
    return width, height, bytes(pixels)


@pytest.mark.parametrize(("height", "stride"), [(1, 1), (4, 7), (5, 12), (3, 300)])
def test_files_hold_the_bytes(height, stride):
    """A reader of PNG finds the bytes, a line per row."""
    pictures = [RNG.integers(0, 256, height * stride, np.uint8).tobytes() for _ in range(3)]
    sizes = [pa.array([side] * 3, pa.int32()) for side in (height, stride)]
    files, formats = packed(pa.array(pictures, pa.binary()), *sizes)

    assert ["png"] * 3 == formats.to_pylist()
    assert [(stride, height, picture) for picture in pictures] == [
        unpacked(file) for file in files.to_pylist()
    ]


@pytest.mark.parametrize(
    ("data", "height", "stride"),
    [(b"", 0, 0), (b"", 0, 4), (b"12345", 2, 3), (b"1234", -2, -2), (b"1234", 0, 4)],
)
def test_bytes_of_another_size_stay(data, height, stride):
    """Pixels that are not rows of their stride are kept as they are, and said to be raw."""
    files, formats = packed(
        pa.array([data], pa.binary()),
        pa.array([height], pa.int32()),
        pa.array([stride], pa.int32()),
    )

    assert ([data], ["raw"]) == (files.to_pylist(), formats.to_pylist())


def test_images_on_request(ros2, apply_mapper):
    """With `--image png` only data and format of an image change, and other types not at all."""
    base = "sensor_msgs/Image"
    (message,) = ros2.messages(base, 1, 4)
    message.height, message.step = 2, 6
    message.data = np.arange(12, dtype=np.uint8)
    data = ros2.columns(base, [message])
    (raw,) = apply_mapper(ros2.channel(base), data).rows
    (png,) = apply_mapper(ros2.channel(base), data, options=RosOptions(image="png")).rows
    other = "sensor_msgs/CompressedImage"
    pictures = ros2.columns(other, ros2.messages(other, 2, 4))

    assert (6, 2, bytes(range(12))) == unpacked(png["data"])
    assert raw == png | {"data": bytes(range(12)), "format": "raw"}
    assert repr(apply_mapper(ros2.channel(other), pictures).rows) == repr(
        apply_mapper(ros2.channel(other), pictures, options=RosOptions(image="png")).rows
    )
