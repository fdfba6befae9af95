"""
Copies of topics as Parquet files, streamed, and visible under their names only when complete.

Must not know: flags. Next: `mosaico_ingest.client.handlers`.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mosaico_ingest.errors import StoreError

if TYPE_CHECKING:
    from mosaico_ingest.client.handlers import TopicHandler

__all__ = ["export_topic", "file_of"]


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
