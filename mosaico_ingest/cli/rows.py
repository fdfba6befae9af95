"""
Rows as text and as bytes: tables, CSV, JSON lines, Arrow, Parquet; batch by batch, whatever their number.

Must not know: where rows come from.
"""

import base64
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mosaico_ingest.errors import StoreError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["limited", "opened_sink", "write_rows"]


class limited:  # noqa: N801 - used like a function
    """
    The first rows of some batches; *is_cut* tells afterwards whether there were more.

    Args:
        batches: All of them.
        most: How many rows are wanted, None for all.
    """

    def __init__(self, batches: "Iterable[pa.RecordBatch]", most: int | None) -> None:
        self._batches = batches
        self._left = most
        self.is_cut = False

    def __iter__(self) -> "Iterator[pa.RecordBatch]":
        for batch in self._batches:
            if self._left is None:
                yield batch
                continue
            self.is_cut = batch.num_rows > self._left
            if self._left:
                yield batch.slice(0, self._left)
            self._left -= min(batch.num_rows, self._left)
            if self.is_cut:
                return


@contextmanager
def opened_sink(output: Path | None, *, is_binary: bool) -> Iterator[IO[bytes]]:
    """
    Give what rows are written to; a file appears under its name when it is complete.

    Raises:
        UsageError: Bytes would go to a terminal.
        StoreError: The file cannot be written; nothing is left of it.
    """
    if output is None:
        if is_binary and sys.stdout.isatty():
            msg = "This form is not for a terminal. Name a file with --output FILE."
            raise UsageError(msg)
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as sink:
            yield sink
        unfinished.replace(output)
    except OSError as error:
        msg = f"Cannot write {str(output)!r}: {error.strerror or error}. Choose another place with --output."
        raise StoreError(msg, path=str(output)) from error
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()


def write_rows(
    form: str, schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]", sink: IO[bytes]
) -> None:
    """Write *batches* to *sink* as *form*: `table`, `csv`, `json`, `arrow` or `parquet`."""
    writers = {"csv": _write_csv, "json": _write_json, "arrow": _write_arrow}
    writers |= {"parquet": _write_parquet, "table": _write_table}
    writers[form](schema, batches, sink)


def _write_arrow(schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]", sink: IO[bytes]) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_parquet(
    schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]", sink: IO[bytes]
) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_csv(schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]", sink: IO[bytes]) -> None:
    import pyarrow as pa
    from pyarrow import csv

    header = _flat(pa.RecordBatch.from_pylist([], schema))
    csv.write_csv(header, sink)
    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        csv.write_csv(_flat(batch), sink, options)


def _write_json(_: "pa.Schema", batches: "Iterable[pa.RecordBatch]", sink: IO[bytes]) -> None:
    for batch in batches:
        lines = (json.dumps(_plain(row), default=str) + "\n" for row in batch.to_pylist())
        sink.write("".join(lines).encode())


def _write_table(schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]", sink: IO[bytes]) -> None:
    import pyarrow as pa

    from mosaico_ingest.reports.text import Column, Table, print_blocks

    rows = _flat(pa.Table.from_batches(batches, schema))
    columns = [list(map(_cell, column.to_pylist())) for column in rows.columns]
    table = Table(
        columns=tuple(
            Column(field.name, right=_is_number(field.type), spare=number)
            for number, field in enumerate(rows.schema)
        ),
        rows=tuple(zip(*columns, strict=True)),
    )
    is_terminal = sys.stdout.isatty() and sink is sys.stdout.buffer
    text = sys.stdout if is_terminal else io.StringIO()
    print_blocks([table] if rows.num_rows else ["No rows."], text)
    if isinstance(text, io.StringIO):
        sink.write(text.getvalue().encode())


def _flat(rows: "pa.RecordBatch | pa.Table") -> "pa.Table":
    """Return *rows* with a column per value: structures by dotted names, the rest that CSV lacks as text."""
    import pyarrow as pa

    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    columns = [
        pa.chunked_array([pa.array(map(_text, column.to_pylist()), pa.string())])
        if pa.types.is_nested(column.type) or _is_bytes(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _is_bytes(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_binary_view,
            pa.types.is_fixed_size_binary,
        )
    )


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _text(value: object) -> str | None:
    """Return a list as JSON and bytes in base64."""
    if value is None:
        return None
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, default=str)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _plain(value: object) -> object:
    """Return *value* as JSON has it: bytes in base64, and null for numbers that are none."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
