"""
Raw pixels as PNG files, without loss whatever the pixels are.

A picture is not coloured in: its bytes are one grey value each, a line per row, padding included. So any
encoding fits, and the public SDK reads back the same bytes. Deflate takes milliseconds for each picture,
which is why this module, alone among the mappings, looks at one message after the other.

Must not know: messages, encodings of pixels.
"""

import struct
import zlib

import numpy as np
import pyarrow as pa

__all__ = ["packed"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_8_BIT = bytes([8, 0, 0, 0, 0])  # depth, colour, compression, filters, no interlace
_UP = 2  # the filter that takes the row above off; bytes beside each other are of other channels
_LEVEL = 1  # level 6 takes several times as long, for a few per cent of the bytes


def packed(data: pa.BinaryArray, heights: pa.Array, strides: pa.Array) -> tuple[pa.Array, pa.Array]:
    """
    Return pictures as PNG files, and the format of each.

    A picture whose bytes are not *height* rows of *stride* bytes stays `raw`.

    Args:
        data: The pixels of each picture.
        heights: Rows of each.
        strides: Bytes of a row of each.
    """
    files, formats = [], []
    for pixels, height, stride in zip(data, heights.to_pylist(), strides.to_pylist(), strict=True):
        buffer = pixels.as_buffer()
        fits = height > 0 and stride > 0 and height * stride == buffer.size
        files.append(_file(buffer, height, stride) if fits else buffer.to_pybytes())
        formats.append("png" if fits else "raw")
    return pa.array(files, data.type), pa.array(formats, pa.string())


def _file(buffer: pa.Buffer, height: int, stride: int) -> bytes:
    """Return the file of one picture."""
    pixels = np.frombuffer(buffer, np.uint8).reshape(height, stride)
    lines = np.empty((height, stride + 1), np.uint8)
    lines[:, 0] = _UP
    lines[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=lines[1:, 1:])
    header = struct.pack(">II", stride, height) + _GREY_8_BIT
    body = zlib.compress(lines.data, _LEVEL)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    """Return one chunk of a file."""
    checksum = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
