"""
The settings of ROS bags, which are flags of the command line: limits against files that mean harm.

Fields of one name, type and default are one flag for all formats that have them.

Must not know: files. Next: `formats`.
"""

from pathlib import Path
from typing import Literal

import attrs

from mosaico_ingest.errors import SourceError

__all__ = ["Db3Options", "Ros1Options", "check_channels"]

Distro = Literal[
    "dashing",
    "eloquent",
    "foxy",
    "galactic",
    "humble",
    "iron",
    "jazzy",
    "kilted",
    "lyrical",
]


@attrs.frozen(kw_only=True)
class Ros1Options:
    """Settings of ROS 1 bags."""

    max_record_bytes: int = attrs.field(
        default=1 << 30,
        metadata={
            "help": "Largest chunk or message that is loaded, unpacked; a larger one is damage."
        },
    )
    max_channels: int = attrs.field(
        default=10_000,
        metadata={"help": "Most channels that a recording may have; one with more is refused."},
    )


@attrs.frozen(kw_only=True)
class Db3Options(Ros1Options):
    """Settings of ROS 2 bags in SQLite."""

    ros_distro: Distro | None = attrs.field(
        default=None,
        metadata={
            "help": "ROS 2 distribution whose message definitions stand in for missing ones."
        },
    )


def check_channels(path: Path, channels: int, options: Ros1Options) -> None:
    """
    Refuse a recording of more channels than allowed.

    Raises:
        SourceError: It has more.
    """
    if channels > options.max_channels:
        msg = (
            f"{str(path)!r} has {channels} channels, more than --max-channels {options.max_channels} "
            "allows. Raise it if the recording is to be trusted."
        )
        raise SourceError(msg, path=path)
