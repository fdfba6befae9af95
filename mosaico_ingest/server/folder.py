"""
A store in a folder of this machine, held by one server, or by several of one shared catalog.

    STORE/lock               held while a server runs
    STORE/catalog.sqlite     the catalog, or
    STORE/catalog.json       which catalog elsewhere it has
    STORE/chunks/SESSION/TOPIC-00000.parquet
    STORE/chunks/SESSION/manifest.json
    STORE/unclaimed/…        what `--rebuild` found no place for

A chunk is written as `….part`; it gets its name when its bytes are on the disk, and becomes visible when
the catalog names it. What a crash leaves in between is swept at the next start. Names that users give never
become paths.

Must not know: Parquet, Flight, what the catalog says. Next: `put`.
"""

import os
import shutil
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from mosaico_ingest.errors import StoreError, StoreLockedError
from mosaico_ingest.server.store import MANIFEST, MARK, Store, full_disk_is_told

__all__ = ["FolderStore"]

_PART = ".part"


class FolderStore(Store):
    """
    A store in a folder, and the lock on it.

    Args:
        root: The folder; created if missing.
        shared: Whether other servers may hold it too, those that share it as well.

    Raises:
        StoreLockedError: Another server holds it, and one of the two does not share.
        StoreError: It cannot be created or written, or is some other folder.

    Thread: any.
    """

    def __init__(self, root: Path, *, shared: bool = False) -> None:
        super().__init__(str(root))
        self.root = root
        self._take_lock(shared=shared)
        self._chunks = root / "chunks"
        self._chunks.mkdir(exist_ok=True)
        self._files = fs.SubTreeFileSystem(str(self._chunks), fs.LocalFileSystem(use_mmap=True))
        self._syncing = ThreadPoolExecutor(1, thread_name_prefix="mi-sync")

    @property
    def catalog_path(self) -> Path:
        """Where the catalog of this store is."""
        return self.root / "catalog.sqlite"

    def close(self) -> None:
        """Let others have the store; may be called twice."""
        self._syncing.shutdown()
        super().close()

    def read_mark(self) -> bytes | None:
        """Return what `write_mark` wrote, None if it did not yet."""
        try:
            return (self.root / MARK).read_bytes()
        except FileNotFoundError:
            return None

    def write_mark(self, mark: bytes) -> None:
        """Note durably which catalog the store has; called by one server at a time."""
        new = self.root / f"{MARK}.new"
        new.write_bytes(mark)
        _sync(new)
        new.rename(self.root / MARK)
        _sync(self.root)

    def remove_mark(self) -> None:
        """Let the store have the catalog in its folder again."""
        (self.root / MARK).unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Tell whether there is no chunk, nor anything that might become one."""
        return next(self._chunks.iterdir(), None) is None

    def create(self, path: str) -> pa.NativeFile:
        """Begin the chunk *path*, `SESSION/TOPIC-00000.parquet`, under its temporary name."""
        with full_disk_is_told():
            try:
                return self._create(path)
            except FileNotFoundError:  # another server swept the folder, empty and new to it
                return self._create(path)

    def publish(self, path: str) -> Future[int]:
        """Bring the finished chunk to the disk and give it its name, in the background; gives its bytes."""
        return self._syncing.submit(self._publish, path)

    def seal(self, folder: str) -> None:
        """Make the names of the chunks of one session durable, and of all that lies above them."""
        for directory in (self._chunks / folder, self._chunks, self.root, self.root.parent):
            if directory.is_dir():
                _sync(directory)

    def open(self, path: str) -> pa.NativeFile:
        """Open a published chunk for reading at any place."""
        return self._files.open_input_file(path)

    def size(self, path: str) -> int:
        """Return the bytes of a published chunk, -1 if it is gone."""
        try:
            return (self._chunks / path).stat().st_size
        except FileNotFoundError:
            return -1

    def files(self) -> dict[str, int]:
        """Return the paths of all published files, with their bytes."""
        return {
            path: found.stat().st_size
            for found in self._chunks.glob("*/*")
            if not (path := found.relative_to(self._chunks).as_posix()).endswith(_PART)
        }

    def set_aside(self, path: str) -> str:
        """Move a file out of the chunks, and return where it is now."""
        target = self.root / "unclaimed" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._chunks / path).rename(target)
        return str(target)

    def discard(self, paths: Collection[str]) -> None:
        """Remove chunks, published or not; those that are gone already do not matter."""
        for path in paths:
            for name in (path, path + _PART):
                (self._chunks / name).unlink(missing_ok=True)

    def discard_session(self, folder: str) -> None:
        """Remove all chunks of a session."""
        # The manifest goes first: what a crash leaves of the rest is no session.
        self.discard([f"{folder}/{MANIFEST}"])
        shutil.rmtree(self._chunks / folder, ignore_errors=True)

    def names(self) -> set[str]:
        """Return the paths of all files, published or not."""
        found: set[str] = set()
        for folder in self._chunks.iterdir():
            with suppress(FileNotFoundError):  # another server deleted it meanwhile
                found |= {f"{folder.name}/{file.name}" for file in folder.iterdir()}
        return found

    def sweep(self, strays: Collection[str], sessions: Collection[str]) -> None:
        """Remove *strays*, out of `names`, and empty folders of sessions that are not among *sessions*."""
        for path in strays:
            (self._chunks / path).unlink(missing_ok=True)
        for folder in self._chunks.iterdir():
            if folder.name not in sessions:
                with suppress(OSError):  # it is not empty, or gone
                    folder.rmdir()

    def _create(self, path: str) -> pa.NativeFile:
        self._files.create_dir(path.rpartition("/")[0])
        return self._files.open_output_stream(path + _PART)

    def _publish(self, path: str) -> int:
        part = self._chunks / (path + _PART)
        with full_disk_is_told():
            _sync(part)
            size_bytes = part.stat().st_size
            part.rename(self._chunks / path)
        return size_bytes

    def _take_lock(self, *, shared: bool) -> None:
        root = self.root
        try:
            root.mkdir(parents=True, exist_ok=True)
            # In this order: another server may be making the store now, and it makes the lock first.
            if any(root.iterdir()) and not (root / "lock").exists():
                msg = (
                    f"The folder {str(root)!r} is not empty and no store. "
                    "Use an empty or a new folder."
                )
                raise StoreError(msg, path=str(root))
            is_held = self.hold(root / "lock", shared=shared)
        except OSError as err:
            msg = (
                f"Cannot use {str(root)!r} as a store: {err.strerror}. "
                "Expected a folder that can be written."
            )
            raise StoreError(msg, path=str(root)) from err
        if not is_held:
            msg = (
                f"The store {str(root)!r} is held by another server. "
                "Stop that one, connect to it with --server, or use another --store."
            )
            raise StoreLockedError(msg, path=str(root))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
