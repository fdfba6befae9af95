"""
A file or directory as sniffers see it, and how sure one is of it.

Must not know: how to open anything. Next: `recording`.
"""

from enum import IntEnum
from pathlib import Path

import attrs

__all__ = ["HEAD_BYTES", "Aside", "Match", "SourceFile", "Strength"]

HEAD_BYTES = 64 * 1024


class Strength(IntEnum):
    """What a claim rests on; the strongest wins, two of the strongest are a conflict."""

    SUFFIX = 1
    STRUCTURE = 2
    MAGIC = 3


@attrs.frozen
class Match:
    """A plugin's claim on a file or a channel: how sure it is, and why in a few words."""

    strength: Strength
    reason: str


@attrs.frozen
class Aside:
    """A file or link that a search passed over, and why, in a phrase that fits many."""

    path: Path
    reason: str


@attrs.frozen(kw_only=True)
class SourceFile:
    """
    All that a sniffer may look at.

    Args:
        path: File or directory, absolute. To sniffers a packed file goes by the name of what is inside.
        size_bytes: Size of the file; the sum over `entries` for a directory.
        mtime_ns: Last change, nanoseconds since the epoch.
        head: The first 64 KiB of a file, empty for a directory.
        entries: Names directly inside a directory, sorted; empty for a file.
    """

    path: Path
    size_bytes: int
    mtime_ns: int
    head: bytes = attrs.field(default=b"", repr=False)
    entries: tuple[str, ...] = ()
    is_dir: bool = False
