"""
Searches paths and folders for recordings. Whatever is not taken is told: as an error, or as passed over.

Must not know: how files are recognised. Next: `grouping`.
"""

import errno
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from mosaico_ingest.errors import (
    MosaicoError,
    PlanError,
    PluginError,
    UnknownFormatError,
    UsageError,
)
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.model.source import Aside, SourceFile, Strength
from mosaico_ingest.pipeline.finding import (
    Found,
    Sources,
    endings,
    format_names,
    look,
    recognise,
    special_kind,
    unpacked,
)
from mosaico_ingest.pipeline.grouping import grouped
from mosaico_ingest.pipeline.packing import archive_kind, is_named_like
from mosaico_ingest.units import format_count

__all__ = ["Search", "find"]


@attrs.frozen(kw_only=True)
class Search:
    """What a search gave: recordings, files that should be some, and what was passed over."""

    recordings: tuple[Found, ...]
    aside: tuple[Aside, ...] = ()


def find(paths: Sequence[str | Path], sources: Sources, settings: Settings | None = None) -> Search:
    """
    Find the recordings under *paths*: files, folders and globs, in order, each once.

    Inside a folder, files that no source recognises are passed over and told, unless their name says that
    they should be recordings: then they are errors.

    Raises:
        UsageError: The format to use is no source format, or *paths* is empty.
    """
    settings = settings or Settings()
    if not paths:
        msg = "No path was given. Name at least one recording or folder."
        raise UsageError(msg)
    if settings.source and settings.source not in sources:
        msg = (
            f"No source format is called {settings.source!r}. "
            f"Installed formats: {format_names(sources)}."
        )
        raise UsageError(msg)
    found: dict[Path, Found] = {}
    aside: dict[Path, Aside] = {}
    for text in paths:
        for path in _expand(text):
            for item in _Walk(path, sources, settings).run():
                if isinstance(item, Aside):
                    aside.setdefault(item.path, item)
                else:
                    found.setdefault(item.path, item)
    rest = [item for path, item in aside.items() if path not in found]
    recordings = list(found.values())
    if settings.group:
        recordings = grouped(recordings, sources)
    return Search(recordings=tuple(recordings), aside=tuple(rest))


class _TooManyError(Exception):
    """A folder holds more than one wants to look at."""


class _Walk:
    """
    The search from one path that the user named.

    Args:
        root: A file or folder.
    """

    def __init__(self, root: Path, sources: Sources, settings: Settings) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._sources = sources
        self._settings = settings
        self._endings = endings(sources)
        self._seen: set[tuple[int, int]] = set()  # folders, against links that lead in a circle
        self._looked_at = 0
        self._doubtful: list[Found] = []  # folders that count only if nothing is found below them

    def run(self) -> Iterator[Found | Aside]:
        """Yield the recording that the path is, or what lies below it."""
        try:
            file = look(self._root)
            if self._settings.source and not file.is_dir:
                yield Found(path=self._root, source=self._settings.source, reason="--source")
                return
            if not file.is_dir:
                name, match = recognise(file, self._sources)
                yield Found(path=self._root, source=name, reason=match.reason)
                return
        except MosaicoError as error:
            yield Found(path=self._root, error=str(error))
            return
        try:
            below = self._below()
        except _TooManyError:
            limit = format_count(self._settings.max_files)
            msg = (
                f"{str(self._root)!r} holds more than {limit} files. "
                "Name a folder inside it, or allow more with --max-files."
            )
            yield Found(path=self._root, error=msg)
            return
        yield from below
        if not any(isinstance(item, Found) for item in below):
            msg = (
                f"{str(self._root)!r} holds no recording. "
                f"Installed formats: {format_names(self._sources)}."
            )
            yield Found(path=self._root, error=msg)

    def _below(self) -> list[Found | Aside]:
        """Walk the folders, depth first, each in the order of names."""
        folders = [self._root]
        told: list[Found | Aside] = []
        while folders:
            inner: list[Path] = []
            for item in self._folder(folders.pop()):
                if isinstance(item, Path):
                    inner.append(item)
                else:
                    told.append(item)
            folders += reversed(inner)
        taken: list[Found] = []
        # Outer folders come first, and what lies in them is part of them.
        for claim in self._doubtful:
            if any(_is_below(claim.path, outer.path) for outer in taken):
                continue
            found = [item for item in told if isinstance(item, Found)]
            if not any(_is_below(item.path, claim.path) for item in found):
                told = [item for item in told if not _is_below(item.path, claim.path)]
                taken.append(claim)
        return [*told, *taken]

    def _folder(self, folder: Path) -> Iterator[Found | Aside | Path]:
        """Yield the recording that a folder is, or what lies directly in it, with the folders to walk."""
        names = self._names(folder)
        if not isinstance(names, list):
            yield names
            return
        claim = self._claim(folder)
        if claim and (bool(claim.source) if claim.error else self._settings.group):
            yield claim
            if not claim.error:
                yield from self._strangers(folder, claim)
            return
        if claim:
            self._doubtful.append(claim)
        for name in names:
            yield self._entry(folder / name)

    def _claim(self, folder: Path) -> Found | None:
        """Return the recording that a folder is as a whole, or a sniffer's fault; None for a mere folder."""
        try:
            file = look(folder)
            name, match = recognise(file, self._sources)
        except PluginError as error:
            return Found(path=folder, error=str(error))
        except PlanError as error:
            return Found(path=folder, source="?", error=str(error))
        except MosaicoError:
            return None
        leaving = [name for name in file.entries if self._leaves(folder / name)]
        if leaving and not self._settings.follow_links:
            msg = (
                f"{str(folder)!r} has links that lead out of {str(self._root)!r} ({leaving[0]}). "
                "Read them with --follow-links."
            )
            return Found(path=folder, source=name, error=msg)
        grouping = f"{match.reason}; --no-group reads each of its files by itself"
        return Found(path=folder, source=name, reason=match.reason, grouping=grouping)

    def _names(self, folder: Path) -> list[str] | Found | Aside:
        """List a folder, unless that was done or cannot be."""
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return Aside(folder, "a link to a folder that was looked at already")
            self._seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                names = []
                for entry in listing:
                    self._count()
                    names.append(entry.name)
        except OSError as error:
            msg = f"{str(folder)!r} cannot be listed: {error.strerror}. Check its permissions."
            return Found(path=folder, error=msg)
        return sorted(names)

    def _entry(self, path: Path) -> Found | Aside | Path:
        """Judge one entry of a folder: a recording, passed over, or a folder to walk."""
        try:
            is_link = path.is_symlink()
            mode = path.stat().st_mode
        except OSError as error:
            return self._refused(path, *_broken(path, error))
        if is_link and not self._leaves(path):
            return Aside(path, "a link to what is looked at itself")
        if is_link and not self._settings.follow_links:
            msg = (
                f"{str(path)!r} is a link that leads out of {str(self._root)!r}. "
                "Read it with --follow-links."
            )
            return self._refused(
                path, "a link that leads elsewhere (--follow-links)", msg, stat.S_ISDIR(mode)
            )
        if stat.S_ISDIR(mode):
            return path
        if stat.S_ISREG(mode):
            return self._file(path)
        kind = special_kind(mode)
        return self._refused(path, kind, f"{str(path)!r} is {kind}, not a file. Leave it out.")

    def _file(self, path: Path) -> Found | Aside:
        """Look at a file."""
        try:
            file = look(path)
            name, match = recognise(file, self._sources)
        except UnknownFormatError as error:
            return self._refused(path, _strangeness(file), str(error))
        except PluginError as error:
            return self._refused(
                path, f"recognised by no plugin, and {error.plugin!r} failed on it", str(error)
            )
        except MosaicoError as error:
            return Found(path=path, error=str(error))
        return Found(path=path, source=name, reason=match.reason)

    def _refused(
        self, path: Path, reason: str, message: str, should_be_read: bool = False
    ) -> Found | Aside:
        """Make an error of a file that should be a recording by its name, and pass over any other."""
        if should_be_read or is_named_like(path.name, self._endings):
            return Found(path=path, error=message)
        return Aside(path, reason)

    def _strangers(self, folder: Path, claim: Found) -> Iterator[Found | Aside]:
        """
        Look in a folder that is one recording for files that are called like those of other formats.

        Whose first bytes say that it is one is a recording of its own; a table of times, say, is not.
        """
        others = {name: source for name, source in self._sources.items() if name != claim.source}
        own = endings({claim.source: self._sources[claim.source]})
        ends = tuple(ending for ending in endings(others) if ending not in own)
        for place, _, names in os.walk(folder):
            for name in sorted(names):
                self._count()
                if is_named_like(name, ends):
                    yield self._stranger(Path(place, name), claim, others)

    def _stranger(self, path: Path, claim: Found, others: Sources) -> Found | Aside:
        """Judge a file in a folder that is one recording."""
        try:
            if stat.S_ISREG(path.lstat().st_mode):
                name, match = recognise(look(path), others)
                if match.strength is Strength.MAGIC:
                    return Found(path=path, source=name, reason=match.reason)
        except (OSError, MosaicoError):
            pass  # it stays what its folder is
        return Aside(path, f"in a folder that is one {claim.source} recording; name it to read it")

    def _count(self) -> None:
        """Count one more file."""
        self._looked_at += 1
        if self._looked_at > self._settings.max_files:
            raise _TooManyError

    def _leaves(self, path: Path) -> bool:
        """Say whether *path* is a link that leads out of the root."""
        if not path.is_symlink():
            return False
        real = os.path.realpath(path)
        return os.path.commonpath([real, self._real_root]) != self._real_root


def _is_below(path: Path, folder: Path) -> bool:
    """Say whether *path* lies in *folder*, at whatever depth, and is not itself."""
    return path != folder and path.is_relative_to(folder)


def _strangeness(file: SourceFile) -> str:
    """Say in a phrase why a file is no recording."""
    if not file.size_bytes:
        return "empty"
    kind = archive_kind(unpacked(file).head)
    return f"{kind}, not looked into" if kind else "recognised by no plugin"


def _broken(path: Path, error: OSError) -> tuple[str, str]:
    """Say in a phrase and in a sentence why *path* leads nowhere."""
    if error.errno == errno.ELOOP:
        return (
            "a link that leads in a circle",
            f"{str(path)!r} is a link that leads in a circle. Remove it.",
        )
    if error.errno == errno.ENOENT:
        target = os.readlink(path)  # noqa: PTH115 - as it stands, whatever it is
        return (
            "a link to nothing",
            f"{str(path)!r} is a link to {target!r}, which does not exist. Restore it or remove the link.",
        )
    return (
        "unreadable",
        f"{str(path)!r} cannot be read: {error.strerror}. Check its permissions.",
    )


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
