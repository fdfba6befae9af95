"""
What a user may say about videos and images that do not say it themselves.

Next: `stamps`.
"""

from enum import StrEnum

import attrs

__all__ = ["ImageOptions", "VideoMode", "VideoOptions"]

_TIMESTAMPS = "File with one time per frame (csv, txt, json) for a video or a folder of images."
_FPS = "Frames per second of pictures without a clock: 30, 29.97, 30000/1001."
_TIMEZONE = "Time zone of dates that state none."
_START = "Time at which a recording without a clock of its own begins."


class VideoMode(StrEnum):
    """What becomes of a video stream."""

    Store = "store"
    Frames = "frames"


@attrs.frozen(kw_only=True)
class ImageOptions:
    """Settings of folders of images."""

    timestamps: str = attrs.field(default="", metadata={"help": _TIMESTAMPS})
    fps: str = attrs.field(default="", metadata={"help": _FPS})
    start: str = attrs.field(default="", metadata={"help": _START})
    timezone: str = attrs.field(default="UTC", metadata={"help": _TIMEZONE})


@attrs.frozen(kw_only=True)
class VideoOptions(ImageOptions):
    """Settings of video files."""

    video: VideoMode = attrs.field(
        default=VideoMode.Store,
        converter=VideoMode,
        metadata={"help": "Packets stored as they are, or frames decoded to JPEG."},
    )
