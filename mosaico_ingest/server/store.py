"""
Where chunks lie: what every kind of store does alike.

A chunk becomes visible when the catalog names it, and its bytes are durable before that. Names that users
give never become paths. A path is `SESSION/TOPIC-00000.parquet`, or `SESSION/manifest.json`.

Must not know: Parquet, Flight, what the catalog says. Next: `folder`, `bucket`.
"""

import errno
import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pyarrow as pa

from mosaico_ingest.errors import StoreFullError

__all__ = ["MANIFEST", "MARK", "Store", "full_disk_is_told"]

MANIFEST = "manifest.json"
MARK = "catalog.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Store(ABC):
    """
    The chunks of one store.

    Args:
        name: Where it is, without credentials.

    Attributes:
        is_far: Whether each reading costs a way over the network, so that few and large ones are better.

    Thread: any.
    """

    is_far: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def catalog_path(self) -> Path | None:
        """Where the catalog of this store is if nobody names another, None if it has no place for one."""
        return None

    def close(self) -> None:
        """Let others have the store; may be called twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def hold(self, path: Path, *, shared: bool = False) -> bool:
        """
        Hold the lock in the file *path* until the store is closed; say whether it could be had.

        Raises:
            OSError: The file cannot be made.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    @abstractmethod
    def read_mark(self) -> bytes | None:
        """Return what `write_mark` wrote, None if it did not yet."""

    @abstractmethod
    def write_mark(self, mark: bytes) -> None:
        """Note durably which catalog the store has; called by one server at a time."""

    @abstractmethod
    def remove_mark(self) -> None:
        """Forget what `write_mark` wrote."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Tell whether there is no chunk, nor anything that might become one."""

    @abstractmethod
    def create(self, path: str) -> pa.NativeFile:
        """Begin the chunk *path*."""

    @abstractmethod
    def publish(self, path: str) -> Future[int]:
        """Make the finished chunk durable and give it its name, in the background; gives its bytes."""

    @abstractmethod
    def seal(self, folder: str) -> None:
        """Make the names of the chunks of one session durable."""

    @abstractmethod
    def open(self, path: str) -> pa.NativeFile:
        """
        Open a published chunk for reading at any place.

        Raises:
            FileNotFoundError: It is gone.
        """

    @abstractmethod
    def size(self, path: str) -> int:
        """Return the bytes of a published chunk, -1 if it is gone."""

    @abstractmethod
    def files(self) -> dict[str, int]:
        """Return the paths of all published files, with their bytes."""

    @abstractmethod
    def names(self) -> set[str]:
        """Return the paths of all files, published or not."""

    @abstractmethod
    def set_aside(self, path: str) -> str:
        """Move a file out of the chunks, and return where it is now."""

    @abstractmethod
    def discard(self, paths: Collection[str]) -> None:
        """Remove chunks, published or not; those that are gone already do not matter."""

    @abstractmethod
    def discard_session(self, folder: str) -> None:
        """Remove all chunks of a session."""

    @abstractmethod
    def sweep(self, strays: Collection[str], sessions: Collection[str]) -> None:
        """Remove *strays*, out of `names`, and what is left of sessions that are not among *sessions*."""

    def write(self, path: str, data: bytes) -> None:
        """Put a small file at *path*, whole or not at all; `seal` makes its name durable."""
        with full_disk_is_told(), self.create(path) as sink:
            sink.write(data)
        self._publish(path)  # here and now: in the background it would wait for chunks

    def read(self, path: str) -> bytes:
        """Return a small file."""
        with self.open(path) as source:
            data: bytes = source.read()
            return data

    @abstractmethod
    def _publish(self, path: str) -> int:
        """Do what `publish` promises."""


@contextmanager
def full_disk_is_told() -> Iterator[None]:
    """
    Turn what the system says about a full disk into an error that a client may see.

    Raises:
        StoreFullError: No space is left, or a quota or limit is reached.
    """
    try:
        yield
    except OSError as err:
        if err.errno not in _FULL:
            raise
        msg = "The store is full: the chunk cannot be written. Free some space and upload the topic again."
        raise StoreFullError(msg) from err
