"""
Source plugin for video files and folders of images, and the mapper of their pictures.

Packets and images are stored as they are. Only what the ontology has no format for is decoded, and only if
`--video frames` asks for it. Video needs PyAV (extra `video`); folders of images need nothing.

Must not know: servers. Next: `detection`, `recording`, `folder`, `mapper`.
"""

from collections.abc import Mapping, Sequence

from mosaico_ingest.plugin import (
    Mapper,
    Match,
    Recording,
    SourceFile,
    SourceFormat,
    Strength,
    hookimpl,
)
from mosaico_ingest_video.detection import is_image_folder, recognise
from mosaico_ingest_video.options import ImageOptions, VideoOptions

MOSAICO_API = (1, 0)
MOSAICO_NEEDS: Mapping[str, str] = {"av": "video"}

_SUFFIXES = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".flv", ".ivf", ".m2ts", ".mts"),
    *(".h264", ".264", ".h265", ".265", ".hevc", ".mjpeg", ".mjpg"),
)


class VideoFormat:
    """A video file: MP4, Matroska, AVI, MPEG-TS, FLV, IVF, or a raw H.264, HEVC or MJPEG stream."""

    name = "video"
    suffixes: Sequence[str] = _SUFFIXES
    options: type | None = VideoOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim a file by its first bytes; the name decides only where a raw stream starts in its middle."""
        if file.is_dir:
            return None
        found = recognise(file.head, file.path.name)
        return Match(found.strength, found.reason) if found else None

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a file with PyAV."""
        from mosaico_ingest_video.recording import open_recording

        return open_recording(file, options if isinstance(options, VideoOptions) else None)


class ImageFolder:
    """A folder of images with the times they were taken at, as KITTI, EuRoC and others publish them."""

    name = "images"
    suffixes: Sequence[str] = ()
    options: type | None = ImageOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim a folder by the names in it."""
        reason = is_image_folder(file.entries) if file.is_dir else ""
        return Match(Strength.STRUCTURE, reason) if reason else None

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a folder."""
        from mosaico_ingest_video.folder import open_folder

        return open_folder(file, options if isinstance(options, ImageOptions) else None)


@hookimpl
def mosaico_sources() -> Sequence[SourceFormat]:
    """Hand in videos and folders of images."""
    return (VideoFormat(), ImageFolder())


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the mapper of pictures and packets."""
    from mosaico_ingest_video.mapper import PacketMapper

    return (PacketMapper(),)
