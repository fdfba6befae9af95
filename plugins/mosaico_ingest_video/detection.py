"""
What a file or folder is, from its first bytes and names alone.

Must not know: PyAV. Next: `recording`, `folder`.
"""

import re
from collections.abc import Sequence

import attrs

from mosaico_ingest.plugin import Strength

__all__ = ["IMAGE_SUFFIXES", "RAW_FORMATS", "Container", "is_image_folder", "recognise"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
RAW_FORMATS = frozenset({"h264", "hevc", "mjpeg"})
"""Demuxers of streams that carry no clock."""

# What lies beside images and is no recording of its own: a table of another name is one.
_NOTE = re.compile(
    r"(.*times?|.*timestamps?|.*stamps|data|calib.*|readme|licen[sc]e)(\.(txt|csv|json|md))?|.*\.(yaml|yml|md)"
)
_LISTS = frozenset({"timestamps.txt", "times.txt", "data.csv"})
_NOT_PICTURES = frozenset({"dataformat.txt", "timestamps_start.txt"})  # KITTI: positions, lidar
_STILLS = (
    b"heic",
    b"heix",
    b"mif1",
    b"msf1",
    b"avif",
    b"crx ",
)  # pictures in the same kind of file
_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"moof", b"sidx"})
_START_CODE = re.compile(rb"\x00\x00\x01([\x00-\xff]{2})", re.DOTALL)
_UNITS_SEEN = 32


@attrs.frozen
class Container:
    """
    A kind of video file.

    Args:
        demuxer: What FFmpeg calls it.
        strength, reason: How sure that is, and why.
    """

    demuxer: str
    strength: Strength
    reason: str


def recognise(head: bytes, name: str) -> Container | None:
    """Return what begins with *head*, None if it is no video."""
    return (
        _by_magic(head)
        or _iso_media(head)
        or _transport_stream(head)
        or _pictures(head, name.lower())
        or _elementary_stream(head, name.lower())
    )


def is_image_folder(entries: Sequence[str]) -> str:
    """Return why a folder with these names is a set of images, empty if it is none."""
    names = [entry.lower() for entry in entries if not entry.startswith(".")]
    known = set(names)
    if known & _NOT_PICTURES:
        return ""
    if "data" in known and known & _LISTS:
        return "folder of images with a list of their times"
    if "times.txt" in known and any(name.startswith("image_") for name in names):
        return "folders of images with one list of times"
    images = sum(name.endswith(IMAGE_SUFFIXES) for name in names)
    notes = sum(bool(_NOTE.fullmatch(name)) for name in names)
    if images > 1 and images + notes == len(names):
        return "folder of images"
    return ""


def _by_magic(head: bytes) -> Container | None:
    """Recognise kinds that begin with letters of their own."""
    if head.startswith(b"\x1a\x45\xdf\xa3") and re.search(rb"matroska|webm", head[:4096]):
        return Container("matroska", Strength.MAGIC, "Matroska or WebM")
    if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"AVIX"):
        return Container("avi", Strength.MAGIC, "AVI")
    if head.startswith(b"FLV\x01"):
        return Container("flv", Strength.MAGIC, "Flash video")
    if head.startswith(b"DKIF\0\0"):
        return Container("ivf", Strength.MAGIC, "IVF")
    return None


def _iso_media(head: bytes) -> Container | None:
    """Recognise MP4 and QuickTime by the first two boxes."""
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind == b"ftyp":
        is_still = head[8:12] in _STILLS
        return None if is_still else Container("mov", Strength.MAGIC, "MP4 or QuickTime")
    if kind not in _BOXES or (size < 8 and size != 1):
        return None
    after = head[size + 4 : size + 8]
    if size == 1 or size > len(head) - 8 or after in _BOXES:
        return Container("mov", Strength.STRUCTURE, "begins with a box of QuickTime")
    return None


def _transport_stream(head: bytes) -> Container | None:
    """Recognise MPEG-TS by its sync bytes, with or without times before the packets."""
    for first, step in ((0, 188), (4, 192)):
        marks = head[first : first + 8 * step : step]
        if len(marks) >= 3 and marks == b"\x47" * len(marks):
            return Container("mpegts", Strength.STRUCTURE, "MPEG transport stream")
    return None


def _pictures(head: bytes, name: str) -> Container | None:
    """Recognise JPEG pictures one after the other; a single one is no video."""
    if head.startswith(b"\xff\xd8\xff") and (
        name.endswith((".mjpeg", ".mjpg")) or b"\xff\xd9\xff\xd8\xff" in head
    ):
        return Container("mjpeg", Strength.STRUCTURE, "sequence of JPEG pictures")
    return None


def _elementary_stream(head: bytes, name: str) -> Container | None:
    """Recognise H.264 and HEVC units behind start codes; parameter sets make it sure."""
    if not head.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        return None
    units = []
    for match in _START_CODE.finditer(head):
        units.append(match[1])
        if len(units) == _UNITS_SEEN:
            break
    avc = [unit[0] & 0x1F for unit in units if unit[0] < 0x80]
    hevc = [unit[0] >> 1 for unit in units if unit[0] < 0x80 and unit[1] & 7 and not unit[0] & 1]
    if len(hevc) == len(units) and {32, 33} <= set(hevc):
        return Container("hevc", Strength.STRUCTURE, "raw HEVC stream")
    if len(avc) == len(units) and 7 in avc and 8 in avc and avc[0] in (6, 7, 9):
        return Container("h264", Strength.STRUCTURE, "raw H.264 stream")
    if name.endswith((".h264", ".264")):
        return Container("h264", Strength.SUFFIX, "named as a raw H.264 stream")
    if name.endswith((".h265", ".265", ".hevc")):
        return Container("hevc", Strength.SUFFIX, "named as a raw HEVC stream")
    return None
