"""
Source plugin for MCAP files, and for ROS 2 bag directories that consist of them.

Must not know: message encodings; payloads leave as they are stored. Next: `recording`.
"""

import re
from collections.abc import Sequence

from mosaico_ingest.plugin import Match, Recording, SourceFile, SourceFormat, Strength, hookimpl
from mosaico_ingest_mcap.options import McapOptions

MOSAICO_API = (1, 0)

_MAGIC = b"\x89MCAP0\r\n"
_NUMBERED = re.compile(r"(.+)_\d+\.mcap", re.IGNORECASE)


class McapFormat:
    """MCAP, one file or the parts of a ROS 2 bag."""

    name = "mcap"
    suffixes: Sequence[str] = (".mcap",)
    splits = True
    options: type | None = McapOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim a file by its first bytes, a directory by the names of its parts."""
        if file.is_dir:
            return Match(Strength.STRUCTURE, "ROS 2 bag of MCAP files") if _is_bag(file) else None
        if file.head.startswith(_MAGIC):
            return Match(Strength.MAGIC, "begins with the MCAP magic")
        if len(file.head) >= 5 and _MAGIC.startswith(file.head):
            return Match(Strength.MAGIC, "is cut off inside the MCAP magic")
        return None

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a file, or all parts of a bag as one recording."""
        from mosaico_ingest_mcap.recording import open_recording

        return open_recording(file, options if isinstance(options, McapOptions) else McapOptions())


def _is_bag(file: SourceFile) -> bool:
    """Tell whether a directory is one bag: described by metadata.yaml, or numbered parts of one name."""
    names = [name.lower() for name in file.entries]
    parts = [name for name in names if name.endswith(".mcap")]
    # Packed parts are put together with the others by the core, which unpacks them.
    if not parts or any(".db3" in name or ".mcap." in name for name in names):
        return False
    if "metadata.yaml" in names:
        return True
    stems = {match[1] if (match := _NUMBERED.fullmatch(name)) else None for name in parts}
    return len(stems) == 1 and None not in stems


@hookimpl
def mosaico_sources() -> Sequence[SourceFormat]:
    """Hand in the MCAP format."""
    return (McapFormat(),)
