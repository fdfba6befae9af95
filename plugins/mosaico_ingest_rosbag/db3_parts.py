"""
The parts of a ROS 2 bag: which files they are, in which order, and each opened when its turn comes.

Must not know: channels, batches. Next: `db3_recording`.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage
from mosaico_ingest_rosbag.db3_copies import copy_file, unpack_file
from mosaico_ingest_rosbag.db3_database import Database, side_file, whole_pages
from mosaico_ingest_rosbag.db3_metadata import METADATA_NAME, BagMetadata

__all__ = ["Parts", "PartsFound", "find_parts"]

_PART = re.compile(r"(.*?)(\d*)\.db3(\.zstd)?", re.IGNORECASE)
_PACKED = ".zstd"


@attrs.frozen(kw_only=True)
class PartsFound:
    """
    The parts of a bag.

    Args:
        paths: The files that exist, in the order of their messages.
        damage: A part that is stated and does not exist.
        findings: Differences between what is stated and what is there.
    """

    paths: tuple[Path, ...]
    damage: tuple[Damage, ...] = ()
    findings: tuple[str, ...] = ()


def find_parts(folder: Path, entries: Sequence[str], metadata: BagMetadata) -> PartsFound:
    """Bring the parts in order: as metadata.yaml states, then by number. Only *entries* are opened."""
    there = {name for name in entries if _PART.fullmatch(name)}
    findings = []
    # While a recorder packs a part, both forms exist; they hold the same messages.
    for name in sorted(there):
        if name + _PACKED in there:
            there.discard(name + _PACKED)
            findings.append(f"{name + _PACKED} is left out: {name} holds the same unpacked.")
    ordered: list[str] = []
    damage: list[Damage] = []
    for stated in metadata.names:
        plain = stated.removesuffix(_PACKED)
        forms = [form for form in (stated, plain, plain + _PACKED) if form in there]
        if not forms:
            damage.append(_missing(folder, stated, metadata))
            continue
        there.discard(forms[0])
        ordered.append(forms[0])
    extra = sorted(there, key=_number)
    if metadata.names and extra:
        shown = ", ".join(extra)
        findings.append(f"{METADATA_NAME} does not name {shown}; read after the others.")
    return PartsFound(
        paths=tuple(folder / name for name in (*ordered, *extra)),
        damage=tuple(damage),
        findings=tuple(findings),
    )


def _missing(folder: Path, name: str, metadata: BagMetadata) -> Damage:
    """Make the damage for a part that does not exist."""
    part = metadata.parts.get(name) or metadata.parts.get(name.removesuffix(_PACKED))
    count = f" with {part.messages} messages" if part and part.messages is not None else ""
    return Damage(
        reason=f"The part {name}{count} is stated in {METADATA_NAME} and missing.",
        path=folder / name,
        time_range_ns=part.time_range_ns if part else None,
    )


def _number(name: str) -> tuple[str, int, str]:
    """Return what parts are sorted by where nothing is stated."""
    match = _PART.fullmatch(name)
    assert match is not None
    return match[1], int(match[2] or 0), name


class Parts:
    """
    The parts of a bag, of which one is open at a time; copies that it needs are removed with it.

    Thread: one.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._open: tuple[int, Database, Damage | None] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def database(self, index: int) -> Database:
        """
        Return a part, opened.

        Raises:
            SourceError: It cannot be read.
        """
        if self._open is None or self._open[0] != index:
            self.close()
            self._open = (index, *self._opened(self.paths[index]))
        return self._open[1]

    def damage(self, index: int) -> Damage | None:
        """Return what is missing at the end of a part that has been opened last, None if nothing is."""
        return self._open[2] if self._open is not None and self._open[0] == index else None

    def files(self) -> tuple[Path, ...]:
        """Return every file that holds messages: the parts, and what SQLite has not yet put into them."""
        files = []
        for path in self.paths:
            files.append(path)
            if (log := side_file(path, "-wal")) is not None:
                files.append(log)
        return tuple(files)

    def close(self) -> None:
        """Close the open part and remove what was unpacked; may be called twice."""
        if self._open is not None:
            self._open[1].close()
            self._open = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _opened(self, path: Path) -> tuple[Database, Damage | None]:
        """Open *path*; what is packed or cut off is first copied into a private folder."""
        try:
            if path.name.lower().endswith(_PACKED):
                target = self._target()
                fault = unpack_file(path, target)
                os.truncate(target, whole_pages(target)[0])
                if not target.stat().st_size:
                    msg = f"Cannot unpack {str(path)!r}: {fault or 'it is empty'}. Copy the bag again."
                    raise SourceError(msg, path=path)
                reason = f"{path.name} is damaged: {fault}."
                return Database(target, path), Damage(reason=reason, path=path) if fault else None
            size, stated = path.stat().st_size, whole_pages(path)[1]
            if size >= stated or side_file(path, "-wal"):
                return Database(path), None
            damage = Damage(
                reason=f"The file has {size} of its {stated} bytes; it was cut off.",
                byte_range=(size, stated),
                path=path,
            )
            whole = whole_pages(path)[0]
            if whole == size:
                return Database(path), damage
            # SQLite would fill the last page up with zeros and take them for data.
            copy_file(path, self._target(), whole)
            return Database(self._target(), path), damage
        except OSError as err:
            msg = f"Cannot read {str(path)!r}: {err.strerror or err}. Check it, free space or set TMPDIR."
            raise SourceError(msg, path=path) from err

    def _target(self) -> Path:
        """Return where the copy of a part goes."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mosaico-ingest-")
        return Path(self._folder.name) / "part.db3"
