"""
The format of compressed pictures in the ontology's words, from what ROS drivers write.

`image_transport` writes sentences such as `rgb8; jpeg compressed bgr8`, others a bare word, a file
suffix or nothing. Where the text names no format, the first bytes of the picture do.

Must not know: other message types.
"""

import re
from collections.abc import Iterator

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest_ros.mapping.recipes import MisfitError
from mosaico_ingest_ros.mapping.shapes import at, kind_at, retyped, widens

__all__ = ["PictureFormat", "format_word"]

_WORDS = {
    "jpeg": "jpeg",
    "jpg": "jpeg",
    "png": "png",
    "tiff": "tiff",
    "tif": "tiff",
    "mjpeg": "jpeg",
    "h264": "h264",
    "h.264": "h264",
    "avc": "h264",
    "x264": "h264",
    "libx264": "h264",
    "hevc": "hevc",
    "h265": "hevc",
    "h.265": "hevc",
    "x265": "hevc",
    "libx265": "hevc",
    "raw": "raw",
}
_WORD = re.compile(rf"(?<![a-z0-9])({'|'.join(map(re.escape, _WORDS))})(?![a-z0-9])")
_OWN_CONTAINER = "compresseddepth"  # image_transport puts a header of its own before the picture
_FIRST_BYTES = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
}


def format_word(text: str) -> str | None:
    """
    Return the ontology's word for the format that *text* names, None if it names none.

    Example:
        >>> format_word("rgb8; jpeg compressed bgr8"), format_word("16UC1; compressedDepth png")
        ('jpeg', None)
    """
    words = text.lower()
    if _OWN_CONTAINER in words:
        return None
    pixels, _, container = words.partition(";")
    match = _WORD.search(container) or _WORD.search(pixels)
    return _WORDS[match[1]] if match else None


@attrs.frozen
class PictureFormat:
    """
    The format of each picture; the text itself where neither it nor the bytes name a format.

    Args:
        text: Path of the driver's text.
        data: Path of the picture.
    """

    text: str
    data: str

    def reads(self, row: pa.DataType) -> Iterator[str]:
        """Yield the path of the text; the data are only looked at."""
        for path, kind in ((self.text, pa.string()), (self.data, pa.binary())):
            found = kind_at(row, path)
            if found is None or not widens(found, kind):
                raise MisfitError(path)
        yield self.text

    def build(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the words; Python looks at each distinct text once."""
        texts = retyped(at(row, self.text), wanted).dictionary_encode()
        distinct = texts.dictionary.to_pylist()
        named = pa.array([format_word(text) for text in distinct], wanted)
        words = named.take(texts.indices)
        if not words.null_count:
            return words
        words = pc.coalesce(words, self._by_first_bytes(row, wanted))
        return pc.coalesce(words, texts.dictionary.take(texts.indices))

    def _by_first_bytes(self, row: pa.StructArray, wanted: pa.DataType) -> pa.Array:
        """Return the words that the pictures' first bytes stand for, null where they are unknown."""
        data = retyped(at(row, self.data), pa.binary())
        words = pa.nulls(len(row), wanted)
        for first, word in _FIRST_BYTES.items():
            words = pc.if_else(pc.starts_with(data, pattern=first), word, words)
        return words
