"""
The settings of MCAP, which are flags of the command line: limits against files that mean harm.

Fields of one name, type and default are one flag for all formats that have them.

Must not know: files. Next: `recording`.
"""

from typing import Literal

import attrs

__all__ = ["McapOptions"]

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
class McapOptions:
    """Settings of MCAP files."""

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
    ros_distro: Distro | None = attrs.field(
        default=None,
        metadata={
            "help": "ROS 2 distribution whose message definitions stand in for missing ones."
        },
    )
