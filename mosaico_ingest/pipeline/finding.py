"""
Finds recordings under paths: looks at files and folders, asks the source formats, opens nothing but to look.

Must not know: what is inside a recording. Next: `searching` for folders, then `grouping` and `planner`.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import attrs

from mosaico_ingest.errors import PlanError, PluginError, SourceError, UnknownFormatError
from mosaico_ingest.hooks.contracts import SourceFormat
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.model.source import HEAD_BYTES, Match, SourceFile
from mosaico_ingest.pipeline.packing import PackedStream, archive_kind, inner_name, packing

__all__ = [
    "Found",
    "Sources",
    "endings",
    "format_names",
    "look",
    "recognise",
    "special_kind",
    "unpacked",
]

Sources = Mapping[str, Registered[SourceFormat]]

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@attrs.frozen(kw_only=True)
class Found:
    """
    A recording that was found, with the source format that reads it, or why it is none.

    Args:
        path: Its file or folder; for several files that are one recording, a pattern that fits them.
        name: What it is called, where not like the path.
        parts: The files in reading order, where there are several.
        source: Name of the source format.
        reason: Why that format.
        grouping: Why several files are one recording, empty for a single one.
        findings: What is odd about its files.
        error: Why it cannot be read, empty if it can.
    """

    path: Path
    name: str = ""
    parts: tuple[Path, ...] = ()
    source: str = ""
    reason: str = ""
    grouping: str = ""
    findings: tuple[str, ...] = ()
    error: str = ""


def look(path: Path) -> SourceFile:
    """
    Read what sniffers may see of *path*; whatever it is, this does not block.

    Raises:
        SourceError: It does not exist, cannot be read, or is neither file nor folder.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda e: e.name)
            size = sum(map(_size, entries))
            names = tuple(entry.name for entry in entries)
            return SourceFile(
                path=path, size_bytes=size, mtime_ns=status.st_mtime_ns, entries=names, is_dir=True
            )
        if not stat.S_ISREG(status.st_mode):
            kind = special_kind(status.st_mode)
            msg = f"{str(path)!r} is {kind}, not a file or folder. Copy what it gives into a file."
            raise SourceError(msg, path=path)
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        msg = f"{str(path)!r} does not exist. Check the path."
        raise SourceError(msg, path=path) from None
    except OSError as error:
        msg = f"{str(path)!r} cannot be read: {error.strerror}. Check its permissions."
        raise SourceError(msg, path=path) from error
    return SourceFile(path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, head=head)


def unpacked(file: SourceFile) -> SourceFile:
    """
    Return what sniffers see of *file*: the head and the name of what is inside where it is packed.

    Raises:
        SourceError: It is packed twice, or cannot be read.
    """
    kind = packing(file.head)
    if not kind:
        return file
    stream = PackedStream(file.path, kind)
    try:
        head = stream.head()
    except OSError as error:
        msg = f"{str(file.path)!r} cannot be read: {error.strerror}. Check its permissions."
        raise SourceError(msg, path=file.path) from error
    if stream.fault and not head:
        msg = f"Nothing of {str(file.path)!r} can be unpacked: {stream.fault}. Copy it again."
        raise SourceError(msg, path=file.path)
    if inner := packing(head):
        msg = (
            f"{str(file.path)!r} is packed twice, with {inner} inside {kind}; one level is unpacked in "
            "passing. Unpack it once yourself."
        )
        raise SourceError(msg, path=file.path)
    path = file.path.with_name(inner_name(file.path.name, kind))
    return attrs.evolve(file, path=path, head=head, size_bytes=file.size_bytes if head else 0)


def recognise(file: SourceFile, sources: Sources) -> tuple[str, Match]:
    """
    Return the name of the source format that reads *file*, and its claim.

    Raises:
        UnknownFormatError: None does.
        PlanError: Several do, equally well.
        PluginError: A sniffer failed, and no other claims the file.
        SourceError: It is packed twice, or cannot be read.
    """
    inside = unpacked(file)
    claims: list[tuple[Match, str]] = []
    fault: PluginError | None = None
    for name, source in sources.items():
        try:
            match = source.value.sniff(inside)
        except Exception as error:  # noqa: BLE001 - a sniffer must not raise; the file is not its own
            msg = f"Source {name!r} of {source.origin} failed on {str(file.path)!r}: {error!r}."
            fault = PluginError(msg, plugin=source.plugin.name, stage="sniff")
        else:
            if match:
                claims.append((match, name))
    if not claims:
        if fault:
            raise fault
        raise _unknown(file, inside, sources)
    best = max(match.strength for match, _ in claims)
    winners = sorted((name, match) for match, name in claims if match.strength == best)
    if len(winners) > 1:
        names = [name for name, _ in winners]
        msg = (
            f"Sources {' and '.join(names)} both claim {str(file.path)!r}. "
            f"Choose one with --source {names[0]}."
        )
        raise PlanError(msg)
    return winners[0]


def _size(entry: os.DirEntry[str]) -> int:
    """Return the size of a file in a folder, 0 for what is none or leads nowhere."""
    try:
        return entry.stat().st_size if entry.is_file() else 0
    except OSError:
        return 0


def special_kind(mode: int) -> str:
    """Say what a path is that is neither file nor folder."""
    return _SPECIAL.get(stat.S_IFMT(mode), "no ordinary file")


def endings(sources: Sources) -> tuple[str, ...]:
    """Return the file name endings of all *sources*, in lower case."""
    return tuple(suffix.lower() for source in sources.values() for suffix in source.value.suffixes)


def format_names(sources: Sources) -> str:
    """List the installed formats."""
    return ", ".join(sorted(sources)) or "none"


def _unknown(file: SourceFile, inside: SourceFile, sources: Sources) -> UnknownFormatError:
    """Say that nobody recognises *file*, *inside* of which was looked at."""
    path = str(file.path)
    if not file.is_dir and not inside.size_bytes:
        what = "is empty (0 bytes)" if not file.size_bytes else "has nothing packed in it"
        msg = f"{path!r} {what}; nothing can be read from it. Leave it out."
        return UnknownFormatError(msg, path=file.path)
    if kind := archive_kind(inside.head):
        msg = f"{path!r} is {kind}, which is not looked into. Unpack it, and name what it holds."
        return UnknownFormatError(msg, path=file.path)
    what = "folder" if file.is_dir else f"{len(inside.head)} bytes inspected"
    msg = (
        f"No plugin recognises {path!r} ({what}). "
        f"Installed formats: {format_names(sources)}. Use --source NAME to force one."
    )
    return UnknownFormatError(msg, path=file.path)
