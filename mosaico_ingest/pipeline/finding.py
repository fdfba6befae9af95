"""
Finds recordings under paths: looks at files and directories, asks the source formats, opens nothing.

Must not know: what is inside a recording. Next: `planner`.
"""

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from mosaico_ingest.errors import (
    MosaicoError,
    PlanError,
    PluginError,
    SourceError,
    UnknownFormatError,
    UsageError,
)
from mosaico_ingest.hooks.contracts import SourceFormat
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.model.source import HEAD_BYTES, Match, SourceFile

__all__ = ["Found", "find", "look"]

Sources = Mapping[str, Registered[SourceFormat]]


@attrs.frozen(kw_only=True)
class Found:
    """A path that is a recording, with the source format that reads it, or why it is none."""

    path: Path
    file: SourceFile | None = None
    source: str = ""
    reason: str = ""
    error: str = ""


def look(path: Path) -> SourceFile:
    """
    Read what sniffers may see of *path*.

    Raises:
        SourceError: It does not exist or cannot be read.
    """
    try:
        status = path.stat()
        if path.is_dir():
            entries = sorted(os.scandir(path), key=lambda e: e.name)
            size = sum(entry.stat().st_size for entry in entries if entry.is_file())
            names = tuple(entry.name for entry in entries)
            return SourceFile(
                path=path, size_bytes=size, mtime_ns=status.st_mtime_ns, entries=names, is_dir=True
            )
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        msg = f"{str(path)!r} does not exist. Check the path."
        raise SourceError(msg, path=path) from None
    except OSError as error:
        msg = f"{str(path)!r} cannot be read: {error.strerror}. Check its permissions."
        raise SourceError(msg, path=path) from error
    return SourceFile(path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, head=head)


def find(paths: Sequence[str | Path], sources: Sources, forced: str = "") -> list[Found]:
    """
    List the recordings under *paths*: files, directories and globs, in order, each once.

    Inside a directory, files that no source recognises are passed over, unless their name says
    that they should be recordings.

    Args:
        forced: Source format to use for every named file instead of sniffing.

    Raises:
        UsageError: *forced* is no source format, or *paths* is empty.
    """
    if not paths:
        msg = "No path was given. Name at least one recording or folder."
        raise UsageError(msg)
    if forced and forced not in sources:
        msg = f"No source format is called {forced!r}. Installed formats: {_names(sources)}."
        raise UsageError(msg)
    found: dict[Path, Found] = {}
    for text in paths:
        for path in _expand(text):
            for item in _find_at(path, sources, forced):
                found.setdefault(item.path, item)
    return list(found.values())


def recognise(file: SourceFile, sources: Sources) -> tuple[str, Match]:
    """
    Return the name of the source format that reads *file*, and its claim.

    Raises:
        UnknownFormatError: None does.
        PlanError: Several do, equally well.
        PluginError: A sniffer failed, and no other claims the file.
    """
    claims: list[tuple[Match, str]] = []
    fault: PluginError | None = None
    for name, source in sources.items():
        try:
            match = source.value.sniff(file)
        except Exception as error:  # noqa: BLE001 - a sniffer must not raise; the file is not its own
            msg = f"Source {name!r} of {source.origin} failed on {str(file.path)!r}: {error!r}."
            fault = PluginError(msg, plugin=source.plugin.name, stage="sniff")
        else:
            if match:
                claims.append((match, name))
    if not claims:
        if fault:
            raise fault
        raise _unknown(file, sources)
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


def _find_at(path: Path, sources: Sources, forced: str) -> Iterator[Found]:
    """Find the recording *path* is, or those below it."""
    try:
        file = look(path)
        if forced and not file.is_dir:
            yield Found(path=path, file=file, source=forced, reason="--source")
            return
        name, match = recognise(file, sources)
    except (UnknownFormatError, PluginError) as error:
        if not path.is_dir():
            yield Found(path=path, error=str(error))
            return
        fault = str(error) if isinstance(error, PluginError) else ""
    except (SourceError, PlanError) as error:
        yield Found(path=path, error=str(error))
        return
    else:
        yield Found(path=path, file=file, source=name, reason=match.reason)
        return
    below = list(_find_below(path, sources, forced))
    if below:
        yield from below
    else:
        msg = f"{str(path)!r} holds no recording. Installed formats: {_names(sources)}."
        yield Found(path=path, error=fault or msg)


def _find_below(folder: Path, sources: Sources, forced: str) -> Iterator[Found]:
    """Find the recordings inside *folder*, which is none itself."""
    suffixes = tuple(s.lower() for source in sources.values() for s in source.value.suffixes)
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        yield Found(path=folder, error=f"{str(folder)!r} cannot be listed: {error.strerror}.")
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            try:
                name, match = recognise(file := look(path), sources)
            except (UnknownFormatError, SourceError, PluginError) as error:
                yield from list(_find_below(path, sources, forced)) or _faults(path, error)
            except PlanError as error:
                yield Found(path=path, error=str(error))
            else:
                yield Found(path=path, file=file, source=name, reason=match.reason)
        elif entry.is_file():
            for item in _find_at(path, sources, ""):
                if not item.error or path.name.lower().endswith(suffixes):
                    yield item


def _faults(folder: Path, error: MosaicoError) -> list[Found]:
    """Tell of a sniffer that broke on a folder where nobody finds anything: it may have been its own."""
    return [Found(path=folder, error=str(error))] if isinstance(error, PluginError) else []


def _expand(text: str | Path) -> Iterable[Path]:
    """Return the paths that *text* names; a glob that matches nothing stays as it is."""
    path = Path(text)
    # os.path.exists does not raise where a parent folder may not be searched.
    if glob.has_magic(str(text)) and not os.path.exists(path):  # noqa: PTH110
        matches = sorted(glob.glob(str(text), recursive=True))  # noqa: PTH207 - a pattern may be absolute
        if matches:
            return [Path(os.path.abspath(match)) for match in matches]  # noqa: PTH100 - see below
    # abspath takes '..' out of what people read, and leaves symbolic links as they are.
    return [Path(os.path.abspath(path))]  # noqa: PTH100


def _unknown(file: SourceFile, sources: Sources) -> UnknownFormatError:
    """Say that nobody recognises *file*."""
    if not file.is_dir and not file.size_bytes:
        msg = f"{str(file.path)!r} is empty (0 bytes); nothing can be read from it. Leave it out."
        return UnknownFormatError(msg, path=file.path)
    what = "folder" if file.is_dir else f"{len(file.head)} bytes inspected"
    msg = (
        f"No plugin recognises {str(file.path)!r} ({what}). "
        f"Installed formats: {_names(sources)}. Use --source NAME to force one."
    )
    return UnknownFormatError(msg, path=file.path)


def _names(sources: Sources) -> str:
    """List the installed formats."""
    return ", ".join(sorted(sources)) or "none"
