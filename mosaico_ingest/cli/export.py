"""
Copies of topics as Parquet files, and of attachments as the files they were.

All are streamed, and Parquet files visible under their names only when complete.

Must not know: flags. Next: `mosaico_ingest.client.handlers`.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mosaico_ingest.errors import StoreError, UsageError

if TYPE_CHECKING:
    from mosaico_ingest.client.handlers import TopicHandler

__all__ = ["export_attachments", "export_topic", "file_of"]

_UNSAFE = re.compile(r"[^\w.+-]+")
_MOST_NAME_BYTES = 240  # a file system takes 255; there is room for a number


def file_of(folder: Path, topic: str) -> Path:
    """
    Return the file that *topic* is copied to: its levels become folders.

    Raises:
        StoreError: The server gave a name that would lead out of *folder*.

    Example:
        >>> file_of(Path("out"), "/imu/data").as_posix()
        'out/imu/data.parquet'
    """
    levels = topic.strip("/").split("/")
    if any(level in ("", ".", "..") or os.sep in level for level in levels):
        msg = f"Topic {topic!r} cannot become a file below {str(folder)!r}. Export it to a file of your own."
        raise StoreError(msg)
    return folder.joinpath(*levels[:-1], f"{levels[-1]}.parquet")


def export_topic(topic: "TopicHandler", path: Path) -> int:
    """
    Copy *topic* to *path*, and return the number of rows.

    Raises:
        StoreError: The file cannot be written; nothing is left of it.
    """
    import pyarrow.parquet as pq

    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    rows = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            topic.read() as reader,
            pq.ParquetWriter(unfinished, reader.schema, compression="zstd") as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
        unfinished.replace(path)
    except OSError as error:
        msg = f"Cannot write {str(path)!r}: {error.strerror or error}. Choose another place with --to."
        raise StoreError(msg, path=str(path)) from error
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return rows


def export_attachments(
    topic: "TopicHandler", folder: Path, *, force: bool
) -> Sequence[tuple[Path, int]]:
    """
    Write the files of an attachment topic below *folder*; return them with their sizes in bytes.

    Names are made safe: folders and odd characters become underscores, of long ones the end is kept, further
    files of a name get a number.

    Raises:
        UsageError: A file is there already, and *force* is not given.
        StoreError: A file cannot be written.
    """
    files: dict[int, Path] = {}
    sizes: dict[int, int] = {}
    names: set[str] = set()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with topic.read() as reader:
            for batch in reader:
                for row in batch.to_pylist():  # a row is a file's part of some MiB
                    number = row["attachment"]
                    if number not in files:
                        files[number] = folder / _safe_name(row["name"], names)
                        _create(files[number], force=force)
                    with files[number].open("r+b") as file:
                        file.seek(row["offset"])
                        file.write(row["data"])
                        sizes[number] = max(sizes.get(number, 0), file.tell())
    except OSError as error:
        why = error.strerror or error
        msg = f"Cannot write below {str(folder)!r}: {why}. Choose another place with --to."
        raise StoreError(msg, path=str(folder)) from error
    return [(files[number], sizes[number]) for number in sorted(files)]


def _create(path: Path, *, force: bool) -> None:
    """Make an empty file."""
    if path.exists() and not force:
        msg = f"{str(path)!r} exists. Choose another place, or overwrite it with --force."
        raise UsageError(msg)
    path.write_bytes(b"")


def _safe_name(name: str, taken: set[str]) -> str:
    """Return a file name for *name* that is no path, is not hidden, and is not *taken*; note it as taken."""
    end = _UNSAFE.sub("_", name).encode()[-_MOST_NAME_BYTES:]
    safe = end.decode(errors="ignore").lstrip(".") or "attachment"
    stem, dot, suffix = safe.rpartition(".") if "." in safe else (safe, "", "")
    unique, number = safe, 1
    while unique in taken:
        number += 1
        unique = f"{stem}_{number}{dot}{suffix}"
    taken.add(unique)
    return unique
