"""
Tables that hold typed columns already: Parquet, Arrow files and streams, Feather.

A position is the number of a record batch, or of a Parquet row group; reading begins again at any of them.

Must not know: channels. Next: `recording`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import LOG_TIME, PAYLOAD, PLACE, REASON, Damage, SourceFile
from mosaico_ingest_csv.clock import NoClockError, find_clock
from mosaico_ingest_csv.options import TableOptions
from mosaico_ingest_csv.table import Block, Part, Rows, no_clock

__all__ = ["ColumnarTable", "open_arrow", "open_parquet"]

_SMALL_BYTES = 16 * 1024 * 1024
_SAMPLE_ROWS = 10_000
_BATCH_ROWS = 64 * 1024


class Reader(Protocol):
    """
    A file of record batches.

    Attributes:
        format: What it is, for people.
        schema: Columns of every batch.
        compression: Chunks per kind of compression.
        rows: How many the file says that it has, None if it does not.
    """

    format: str
    schema: pa.Schema
    compression: Mapping[str, int]
    rows: int | None

    def read(self, position: int) -> Iterator[tuple[int, pa.RecordBatch] | Damage]:
        """Yield batches from number *position* on, each with a position that gives it again."""

    def close(self) -> None:
        """Close the file."""


class ColumnarTable:
    """
    An open table of typed columns.

    Raises:
        SourceError: It has no rows, or no clock.
        UsageError: An option does not fit it.

    Thread: one.
    """

    start = 0

    def __init__(self, file: SourceFile, reader: Reader, options: TableOptions) -> None:
        self._reader = reader
        self.format, self.compression, self.rows = reader.format, reader.compression, reader.rows
        self.is_small = file.size_bytes <= _SMALL_BYTES
        try:
            names = reader.schema.names
            doubled = [name for name, count in Counter(names).items() if count > 1]
            if doubled:
                msg = f"{str(file.path)!r} has two columns {doubled[0]!r}. Rename one."
                raise SourceError(msg, path=file.path)
            first = next((item for item in reader.read(0) if not isinstance(item, Damage)), None)
            if first is None:
                msg = f"{str(file.path)!r} has no rows. Leave it out."
                raise SourceError(msg, path=file.path)
            sample = first[1].slice(0, _SAMPLE_ROWS)
            columns = {
                name: _plain(column) for name, column in zip(names, sample.columns, strict=True)
            }
            try:
                self.clock, self.findings = find_clock(columns, options, is_named=True)
            except NoClockError:
                raise SourceError(no_clock(file.path, tuple(names)), path=file.path) from None
        except UnicodeDecodeError as error:
            reader.close()
            msg = f"{str(file.path)!r} names a column in no UTF-8 ({error}). Write it again."
            raise SourceError(msg, path=file.path) from error
        except BaseException:
            reader.close()
            raise
        left = [field for field in reader.schema if field.name not in self.clock.columns]
        kept = pa.schema([_plain_field(field) for field in left or reader.schema])
        self.parts: tuple[Part, ...] = (Part(label="", columns=kept),)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def blocks(self, position: int) -> Iterator[Block | Damage]:
        """Yield everything from batch number *position* on."""
        before = 0
        for item in self._reader.read(position):
            if isinstance(item, Damage):
                yield item
                continue
            at, batch = item
            rows = self._rows(batch, before)
            before += batch.num_rows
            yield Block(position=at, rows={0: rows})

    def _rows(self, batch: pa.RecordBatch, before: int) -> Rows:
        """Read the times of a batch; rows without one are rejects."""
        clock = [_plain(batch.column(name)) for name in self.clock.columns]
        log_ns, ok = self.clock.stamps(clock, before, batch.num_rows)
        schema = self.parts[0].columns
        data = pa.RecordBatch.from_arrays(
            [_plain(batch.column(name)) for name in schema.names], schema=schema
        )
        if ok.all():
            return Rows(log_ns=log_ns, data=data)
        bad = np.flatnonzero(~ok)
        why = f"no time in column {' and '.join(map(repr, self.clock.columns))}"
        texts = [repr(row).encode() for row in batch.take(pa.array(bad)).to_pylist()]
        good = np.flatnonzero(ok)
        at = np.maximum(np.searchsorted(good, bad) - 1, 0)
        stamps = log_ns[good][at] if len(good) else np.zeros(len(bad), np.int64)
        rejects = pa.RecordBatch.from_arrays(
            [
                pa.array(stamps),
                pa.array(texts, pa.binary()),
                pa.array([why] * len(bad), pa.string()),
                pa.array([f"row {row + 1} of its batch" for row in bad.tolist()], pa.string()),
            ],
            [LOG_TIME, PAYLOAD, REASON, PLACE],
        )
        return Rows(log_ns=log_ns[ok], data=data.filter(pa.array(ok)), rejects=rejects)


def open_parquet(file: SourceFile, options: TableOptions) -> ColumnarTable:
    """
    Open a Parquet file.

    Raises:
        SourceError: Its footer is missing or damaged, or it has no clock.
    """
    return ColumnarTable(file, _Parquet(file.path), options)


def open_arrow(file: SourceFile, options: TableOptions) -> ColumnarTable:
    """
    Open an Arrow file, an Arrow stream or a Feather file.

    Raises:
        SourceError: It cannot be read, or has no clock.
    """
    is_file = file.head.startswith(b"ARROW1")
    if file.head.startswith(b"FEA1"):
        msg = (
            f"{str(file.path)!r} is Feather version 1. Write it anew as version 2, which is Arrow."
        )
        raise SourceError(msg, path=file.path)
    return ColumnarTable(file, (_ArrowFile if is_file else _ArrowStream)(file.path), options)


class _Parquet:
    """Row groups of a Parquet file."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet

        self._path = path
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            msg = (
                f"{str(path)!r} cannot be read: its footer, which Parquet ends in, is missing or damaged "
                f"({error}). The writer may not have closed it; write it again."
            )
            raise SourceError(msg, path=path) from error
        metadata = self._file.metadata
        self.schema = self._file.schema_arrow
        self.format = f"Parquet ({metadata.num_row_groups} row groups)"
        kinds = (
            metadata.row_group(k).column(0).compression.lower()
            for k in range(metadata.num_row_groups)
            if metadata.num_columns
        )
        self.compression: Mapping[str, int] = Counter(kinds)
        self.rows: int | None = metadata.num_rows

    def read(self, position: int) -> Iterator[tuple[int, pa.RecordBatch] | Damage]:
        """Yield the row groups, each as one or more batches."""
        for group in range(position, self._file.metadata.num_row_groups):
            given, rows = 0, self._file.metadata.row_group(group).num_rows
            try:
                for batch in self._file.iter_batches(
                    _BATCH_ROWS, row_groups=[group], use_threads=False
                ):
                    batch.validate(full=True)  # pages bear no checksum
                    given += batch.num_rows
                    yield group, batch
            except (pa.ArrowException, OSError) as error:
                reason = f"Row group {group} is damaged after {given} of {rows} rows: {error}."
                yield Damage(reason=reason, lost={0: rows - given})

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _ArrowFile:
    """Record batches of an Arrow file, which its footer lists."""

    compression: Mapping[str, int] = {}
    rows: int | None = None

    def __init__(self, path: Path) -> None:
        self._source = pa.OSFile(str(path))
        try:
            self._file = pa.ipc.open_file(self._source)
        except (pa.ArrowException, OSError) as error:
            self._source.close()
            msg = (
                f"{str(path)!r} cannot be read: the footer that Arrow files end in is missing or damaged "
                f"({error}). Write it again, or as a stream, which survives being cut off."
            )
            raise SourceError(msg, path=path) from error
        self.schema = self._file.schema
        self.format = f"Arrow file ({self._file.num_record_batches} batches)"

    def read(self, position: int) -> Iterator[tuple[int, pa.RecordBatch] | Damage]:
        """Yield the batches."""
        for number in range(position, self._file.num_record_batches):
            try:
                batch = self._file.get_batch(number)
                batch.validate(full=True)
            except (pa.ArrowException, OSError) as error:
                yield Damage(reason=f"Record batch {number} cannot be read: {error}.")
                continue
            if batch.num_rows:
                yield number, batch

    def close(self) -> None:
        """Close the file."""
        self._source.close()


class _ArrowStream:
    """Record batches of an Arrow stream, up to where it is whole."""

    format = "Arrow stream"
    compression: Mapping[str, int] = {}
    rows: int | None = None

    def __init__(self, path: Path) -> None:
        self._source = pa.OSFile(str(path))
        try:
            self.schema = pa.ipc.open_stream(self._source).schema
        except (pa.ArrowException, OSError) as error:
            self._source.close()
            msg = f"{str(path)!r} is no Arrow stream: {error}. Its schema must come first."
            raise SourceError(msg, path=path) from error

    def read(self, position: int) -> Iterator[tuple[int, pa.RecordBatch] | Damage]:
        """Yield the batches, up to where no next one is found."""
        self._source.seek(0)
        stream = pa.ipc.open_stream(self._source)
        number = 0
        while True:
            at = self._source.tell()
            try:
                batch = stream.read_next_batch()
                batch.validate(full=True)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                end, size = self._source.tell(), self._source.size()
                if at < end < size:  # the message was whole: the next one begins behind it
                    reason = f"Record batch {number} cannot be read: {error}."
                    yield Damage(reason=reason, byte_range=(at, end))
                else:
                    reason = f"The stream breaks off after {number} record batches: {error}."
                    yield Damage(reason=reason, byte_range=(at, size))
                    return
            else:
                if number >= position and batch.num_rows:
                    yield number, batch
            number += 1

    def close(self) -> None:
        """Close the file."""
        self._source.close()


def _plain_field(field: pa.Field) -> pa.Field:
    """Return *field* without encodings that only save space, and nullable."""
    kind = field.type
    return pa.field(field.name, kind.value_type if pa.types.is_dictionary(kind) else kind)


def _plain(column: pa.Array) -> pa.Array:
    """Return *column* without encodings that only save space."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    return column
