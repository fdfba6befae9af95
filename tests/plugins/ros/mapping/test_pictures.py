"""The formats of compressed pictures."""

import pyarrow as pa
import pytest
from mosaico_ingest_ros.mapping.pictures import PictureFormat, format_word

JPEG, PNG = b"\xff\xd8\xff\xe0 and more", b"\x89PNG\r\n\x1a\n and more"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("jpeg", "jpeg"),
        ("rgb8; jpeg compressed bgr8", "jpeg"),
        ("bgr8; png compressed bgr8", "png"),
        ("JPG", "jpeg"),
        (".jpg", "jpeg"),
        ("mono16; tiff compressed", "tiff"),
        ("h264", "h264"),
        ("H.265", "hevc"),
        ("raw", "raw"),
        ("raw; jpeg compressed", "jpeg"),
        ("mono8; jpeg compressed ", "jpeg"),
        ("8UC3; png compressed bgr8", "png"),
        ("mjpeg", "jpeg"),
        ("libx264", "h264"),
        ("h265", "hevc"),
        ("32FC1; compressedDepth rvl", None),
        ("av1", None),
        ("16UC1; compressedDepth png", None),
        ("pngish", None),
        ("webp", None),
        ("", None),
    ],
)
def test_words(text, word):
    """The container is found in what drivers write; depth images with a header of their own are none."""
    assert word == format_word(text)


def formats(*rows: tuple[str, bytes]) -> list[str]:
    """Return the formats of pictures."""
    texts, data = zip(*rows, strict=True)
    columns = [pa.array(texts), pa.array(data, pa.binary())]
    row = pa.StructArray.from_arrays(columns, names=["format", "data"])
    return PictureFormat("format", "data").build(row, pa.string()).to_pylist()


def test_first_bytes_decide_where_the_text_does_not():
    """Without a word in the text, the picture's first bytes name the format."""
    found = formats(("", JPEG), ("camera 1", PNG), ("", b"II*\x00 and more"), ("jpeg", PNG))

    assert ["jpeg", "png", "tiff", "jpeg"] == found


def test_texts_that_nothing_explains_are_kept():
    """A format that the ontology has no word for keeps the driver's text."""
    depth = b"\x00" * 12 + PNG
    found = formats(("16UC1; compressedDepth png", depth), ("webp", b"RIFF"), ("", b""))

    assert ["16UC1; compressedDepth png", "webp", ""] == found
