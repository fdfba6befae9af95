"""
Readable copies of packed files, for one run: readers jump about, which a packed file does not allow.

A copy is kept while the run may need it again, and dropped first where another one needs its room.

Must not know: which formats there are. Next: `opening`.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from mosaico_ingest.errors import SourceError
from mosaico_ingest.pipeline.packing import PackedStream, inner_name, stated_size
from mosaico_ingest.pipeline.stopping import INTERRUPTED
from mosaico_ingest.units import format_bytes, format_count

__all__ = ["Copies", "Copy"]

_ALWAYS_ALLOWED_BYTES = 16 << 20
_KEPT_FREE_BYTES = 256 << 20


@attrs.frozen(kw_only=True)
class Copy:
    """
    What was packed in a file.

    Args:
        path: Where it can be read.
        packed: The packed file.
        kind: How that is packed.
        size_bytes: Size of the packed file.
        unpacked_bytes: Size of the copy.
        fault: Why the copy ends early, empty if it does not.
        fault_at: Where in the packed file the missing rest begins.
    """

    path: Path
    packed: Path
    kind: str
    size_bytes: int
    unpacked_bytes: int
    fault: str = ""
    fault_at: int = 0


def _free_bytes(folder: Path) -> int:
    """Return how many bytes fit where *folder* is."""
    return shutil.disk_usage(folder).free


class Copies:
    """
    The copies of one run.

    Args:
        folder: Where they are made, None for the system's place.
        max_expansion: How many times its packed size a file may unpack to; small ones always may.
        is_stopped: Tells when the run shall end.
        free_bytes: Tells the room of a folder.

    Thread: any; they are made one after the other.
    """

    def __init__(
        self,
        folder: Path | None,
        max_expansion: int,
        is_stopped: Callable[[], bool] = lambda: False,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self._parent = folder
        self._max_expansion = max_expansion
        self._is_stopped = is_stopped
        self._free_bytes = free_bytes
        self._lock = threading.Lock()  # guards all below
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._made = 0
        self._copies: dict[tuple[Path, int, int], Copy] = {}  # the last used one is the last
        self._lent: dict[Path, int] = {}  # by the path of the copy

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def lend(self, path: Path, kind: str, head: bytes) -> Copy:
        """
        Return a copy of what is packed in *path*; it stays until it was given back as often as lent.

        Args:
            head: The first bytes of the packed file.

        Raises:
            SourceError: It cannot be read, or unpacks to more than is allowed or than there is room for.
        """
        with self._lock:
            try:
                status = path.stat()
                key = path, status.st_size, status.st_mtime_ns
                copy = self._copies.pop(key, None) or self._unpack(
                    path, kind, status.st_size, stated_size(head, kind) or 0
                )
            except OSError as error:
                msg = (
                    f"{str(path)!r} cannot be unpacked: {error.strerror or error}. "
                    "Check the disk, or choose another folder for copies with --temp DIR."
                )
                raise SourceError(msg, path=path) from error
            self._copies[key] = copy
            self._lent[copy.path] = self._lent.get(copy.path, 0) + 1
            return copy

    def give_back(self, copy: Copy) -> None:
        """Say that nobody reads a copy any more; it may be kept."""
        with self._lock:
            self._lent[copy.path] = self._lent.get(copy.path, 0) - 1

    def close(self) -> None:
        """Remove every copy; may be called twice."""
        with self._lock:
            self._copies.clear()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    def _unpack(self, path: Path, kind: str, size: int, stated: int) -> Copy:
        """Make a copy; what was written of one that fails is removed."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mosaico-ingest-", dir=self._parent)
        self._made += 1
        target = Path(self._folder.name, str(self._made), inner_name(path.name, kind))
        target.parent.mkdir()
        allowed = max(_ALWAYS_ALLOWED_BYTES, size * self._max_expansion)
        self._check(path, size, stated, allowed)
        self._make_room(path, stated)
        stream, done = PackedStream(path, kind), 0
        try:
            with target.open("wb", buffering=0) as sink:
                for block in stream.blocks():
                    done += len(block)
                    self._check(path, size, done, allowed)
                    self._make_room(path, len(block))
                    sink.write(block)
        except BaseException:
            shutil.rmtree(target.parent)
            raise
        return Copy(
            path=target,
            packed=path,
            kind=kind,
            size_bytes=size,
            unpacked_bytes=done,
            fault=stream.fault,
            fault_at=stream.fault_at,
        )

    def _check(self, path: Path, size: int, unpacked: int, allowed: int) -> None:
        """Raise where a file unpacks to more than it may, or the run shall end."""
        if self._is_stopped():
            msg = f"{str(path)!r} was not unpacked: {INTERRUPTED}."
            raise SourceError(msg, path=path)
        if unpacked > allowed:
            msg = (
                f"{str(path)!r} ({format_bytes(size)}) unpacks to more than {format_bytes(allowed)}, "
                f"{format_count(self._max_expansion)} times its size. "
                "If that is right, allow more with --max-expansion."
            )
            raise SourceError(msg, path=path)

    def _make_room(self, path: Path, wanted: int) -> None:
        """Drop copies that nobody reads until *wanted* bytes fit."""
        assert self._folder is not None
        folder = Path(self._folder.name)
        while self._free_bytes(folder) - _KEPT_FREE_BYTES < wanted:
            idle = [key for key, copy in self._copies.items() if not self._lent.get(copy.path)]
            if not idle:
                msg = (
                    f"There is no room in {os.fspath(folder.parent)!r} to unpack {str(path)!r}. Free space, "
                    "or name a folder on a larger disk with --temp DIR."
                )
                raise SourceError(msg, path=path)
            shutil.rmtree(self._copies.pop(idle[0]).path.parent)
