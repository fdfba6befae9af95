"""
A store in a bucket of S3, or of what speaks like it.

    PREFIX/catalog.json      which catalog the store has
    PREFIX/chunks/SESSION/TOPIC-00000.parquet
    PREFIX/chunks/SESSION/manifest.json
    PREFIX/unclaimed/…       what `--rebuild` found no place for

An object appears when its upload is complete, so a chunk is whole and durable before the catalog names it. An
upload that is broken off leaves nothing to be seen; parts that a killed server sent are for a lifecycle rule
of the bucket to remove.

Must not know: Parquet, Flight, what the catalog says. Next: `put`.
"""

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pyarrow as pa
from pyarrow import fs

from mosaico_ingest.errors import StoreError, UsageError
from mosaico_ingest.server.addresses import without_credentials
from mosaico_ingest.server.store import MANIFEST, MARK, Store

__all__ = ["BucketStore"]

_AT_ONCE = 8


class BucketStore(Store):
    """
    A store in a bucket.

    Args:
        address: `s3://BUCKET/PREFIX`, with parameters as `pyarrow.fs.FileSystem.from_uri` takes them;
            credentials come from it or from the environment.

    Raises:
        UsageError: The address cannot be read.
        StoreError: The bucket is missing, or cannot be reached or looked at.

    Thread: any.
    """

    is_far = True

    def __init__(self, address: str) -> None:
        super().__init__(without_credentials(address))
        try:
            bucket, path = fs.FileSystem.from_uri(address)
            found = bucket.get_file_info(path.partition("/")[0])
        except pa.ArrowInvalid as err:
            told = _first_line(err).replace(address, self.name)
            msg = f"Cannot read {self.name!r}: {told}. Expected s3://BUCKET/PREFIX?region=..."
            raise UsageError(msg) from None
        except OSError as err:
            msg = (
                f"Cannot use {self.name!r} as a store: {_first_line(err)}. Expected a bucket that answers; "
                "check its endpoint, region, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
            raise StoreError(msg) from err
        if found.type is fs.FileType.NotFound:
            msg = (
                f"Cannot use {self.name!r} as a store: there is no such bucket, or the credentials do not "
                "let it be seen. Make the bucket first."
            )
            raise StoreError(msg)
        self._files = fs.SubTreeFileSystem(path, bucket)
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mi-bucket")

    def close(self) -> None:
        """End its threads; may be called twice."""
        self._workers.shutdown()
        super().close()

    def read_mark(self) -> bytes | None:
        """Return what `write_mark` wrote, None if it did not yet."""
        try:
            with self._files.open_input_file(MARK) as source:
                mark: bytes = source.read()
        except FileNotFoundError:
            return None
        except OSError as err:
            raise self._refused(err) from err
        return mark

    def write_mark(self, mark: bytes) -> None:
        """Note durably which catalog the store has; called by one server at a time."""
        self._put(MARK, mark)

    def probe(self) -> None:
        """
        Write an object and remove it.

        Raises:
            StoreError: One of the two is refused.
        """
        path = f"probe-{uuid4()}"
        self._put(path, b"")
        try:
            self._files.delete_file(path)
        except OSError as err:
            raise self._refused(err) from err

    def remove_mark(self) -> None:
        """Forget which catalog the store has."""
        with suppress(FileNotFoundError):
            self._files.delete_file(MARK)

    def create(self, path: str) -> pa.NativeFile:
        """Begin the chunk *path*, `SESSION/TOPIC-00000.parquet`; it appears when it is closed."""
        return self._files.open_output_stream(_chunk(path))

    def publish(self, path: str) -> Future[int]:
        """Find the finished chunk, in the background; gives its bytes."""
        return self._workers.submit(self._publish, path)

    def seal(self, folder: str) -> None:
        """Do nothing: what has appeared is durable."""

    def open(self, path: str) -> pa.NativeFile:
        """Open a published chunk for reading at any place."""
        return self._files.open_input_file(_chunk(path))

    def size(self, path: str) -> int:
        """Return the bytes of a published chunk, -1 if it is gone."""
        found = self._files.get_file_info(_chunk(path))
        return -1 if found.type is fs.FileType.NotFound else int(found.size)

    def files(self) -> dict[str, int]:
        """Return the paths of all published files, with their bytes."""
        below = fs.FileSelector("chunks", allow_not_found=True, recursive=True)
        try:
            listed = self._files.get_file_info(below)
        except OSError as err:
            raise self._refused(err) from err
        return {
            found.path.removeprefix("chunks/"): found.size
            for found in listed
            if found.type is fs.FileType.File
        }

    def names(self) -> set[str]:
        """Return the paths of all files."""
        return set(self.files())

    def is_empty(self) -> bool:
        """Tell whether there is no chunk."""
        return not self.files()

    def set_aside(self, path: str) -> str:
        """Move a file out of the chunks, and return where it is now."""
        target = f"unclaimed/{path}"
        self._files.move(_chunk(path), target)
        return f"{target} in {self.name}"

    def discard(self, paths: Collection[str]) -> None:
        """Remove chunks; those that are gone already do not matter."""
        list(self._workers.map(self._delete, paths))

    def discard_session(self, folder: str) -> None:
        """Remove all chunks of a session, many by one request."""
        # The manifest goes first: what a crash leaves of the rest is no session.
        self._delete(f"{folder}/{MANIFEST}")
        with suppress(FileNotFoundError):
            self._files.delete_dir(_chunk(folder))

    def sweep(self, strays: Collection[str], sessions: Collection[str]) -> None:
        """Remove *strays*, out of `names`; folders of sessions that are not among *sessions* as a whole."""
        folders = {path.partition("/")[0] for path in strays}.difference(sessions)
        for folder in folders:
            self.discard_session(folder)
        self.discard([path for path in strays if path.partition("/")[0] not in folders])

    def _put(self, path: str, data: bytes) -> None:
        try:
            with self._files.open_output_stream(path) as sink:
                sink.write(data)
        except OSError as err:
            raise self._refused(err) from err

    def _refused(self, err: OSError) -> StoreError:
        msg = (
            f"Cannot use the store {self.name!r}: {_first_line(err)}. Expected a bucket whose objects the "
            "credentials let be read, written, listed and deleted."
        )
        return StoreError(msg)

    def _publish(self, path: str) -> int:
        size_bytes = self.size(path)
        if size_bytes < 0:
            raise FileNotFoundError(path)
        return size_bytes

    def _delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._files.delete_file(_chunk(path))


def _chunk(path: str) -> str:
    return f"chunks/{path}"


def _first_line(err: Exception) -> str:
    return str(err).partition("\n")[0].rstrip(".")
