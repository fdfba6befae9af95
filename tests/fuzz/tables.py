"""Tables of every form, with the places of their lines, batches and row groups."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from mosaico_ingest_csv import ArrowFormat, CsvFormat, JsonLinesFormat, ParquetFormat

from .subjects import Part, Range, Subject, as_message, opener

_ROWS = 600
_PER_BATCH = 40
_QUOTE = b'"'


def _rows() -> list[tuple[int, int, float, str]]:
    """Return the rows of every table: time, a number, a fraction, and a word that is there once."""
    noise = random.Random(7)
    return [
        (10**18 + 10_000_000 * k, k, noise.randrange(4000) / 4, f"w{noise.getrandbits(60):x}")
        for k in range(_ROWS)
    ]


def _lines(
    path: Path, head: str, lines: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> list[Part]:
    """Write a text; a line begins where the one before it ended, if that end is still there."""
    text = head.encode()
    parts: list[Part] = []
    for line, row in zip(lines, rows, strict=True):
        start = len(text)
        text += line.encode() + b"\n"
        parts.append(((max(start - 1, len(head)), len(text)), [as_message(row)]))
    path.write_bytes(text)
    return parts


def delimited(folder: Path, suffix: str, delimiter: str) -> Subject:
    """Write a table of text."""
    path = folder / f"table{suffix}"
    head = delimiter.join(["timestamp_ns", "count", "value", "word"]) + "\n"
    rows = _rows()
    parts = _lines(path, head, [delimiter.join(map(str, row)) for row in rows], rows)
    return Subject(
        open=opener(CsvFormat()),
        path=path,
        parts=parts,
        vital=((0, len(head)),),
        judged=(0, 9000),
        poison=_QUOTE,
        open_ends=1,
    )


def long_form(folder: Path) -> Subject:
    """Write a table of rows of several kinds, without a header."""
    path = folder / "long.csv"
    rows = [
        (time, (word, number, value) if number % 3 else (number, value))
        for time, number, value, word in _rows()
    ]
    lines = [
        f"{time},{'state' if len(cells) == 3 else 'imu'},{','.join(map(str, cells))}"
        for time, cells in rows
    ]
    parts = _lines(path, "time,kind,values\n", lines, [(time, *cells) for time, cells in rows])
    return Subject(
        open=opener(CsvFormat()),
        path=path,
        parts=parts,
        vital=((0, 17),),
        judged=(0, parts[-1][0][1]),
        poison=_QUOTE,
        open_ends=1,
    )


def json_lines(folder: Path) -> Subject:
    """Write lines of objects."""
    path = folder / "table.jsonl"
    rows = _rows()
    names = ("timestamp_ns", "count", "value", "word")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    return Subject(open=opener(JsonLinesFormat()), path=path, parts=_lines(path, "", lines, rows))


def _batches() -> list[pa.RecordBatch]:
    rows = _rows()
    names = ("timestamp_ns", "count", "value", "word")
    table = pa.table([list(column) for column in zip(*rows, strict=True)], names=names)
    return table.to_batches(max_chunksize=_PER_BATCH)


def _messages(batch: pa.RecordBatch) -> list[tuple[object, ...]]:
    return [as_message(tuple(row.values())) for row in batch.to_pylist()]


def parquet(folder: Path) -> Subject:
    """Write a Parquet file, and find its row groups; the index of all is at its end."""
    path = folder / "table.parquet"
    batches = _batches()
    with pq.ParquetWriter(path, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=_PER_BATCH)
    told = pq.read_metadata(path)
    parts: list[Part] = []
    for group, batch in enumerate(batches):
        columns = [told.row_group(group).column(k) for k in range(told.num_columns)]
        starts = [c.dictionary_page_offset or c.data_page_offset for c in columns]
        ends = [s + c.total_compressed_size for s, c in zip(starts, columns, strict=True)]
        parts.append(((min(starts), max(ends)), _messages(batch)))
    size = path.stat().st_size
    return Subject(
        open=opener(ParquetFormat()),
        path=path,
        parts=parts,
        vital=((0, 4),),
        index=(parts[-1][0][1], size),
    )


def arrow(folder: Path, *, is_file: bool) -> Subject:
    """Write an Arrow file or stream, and find its messages; of a stream each tells where the next begins."""
    path = folder / ("table.arrow" if is_file else "table.arrows")
    batches = _batches()
    kind = pa.ipc.new_file if is_file else pa.ipc.new_stream
    with kind(str(path), batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    data = path.read_bytes()
    at = 8 if is_file else 0
    source = pa.BufferReader(data[at:])
    heads: list[Range] = []
    parts: list[Part] = []
    reader = pa.ipc.MessageReader.open_stream(source)
    for number in range(len(batches) + 1):
        message = reader.read_next_message()
        end = at + source.tell()
        start = end - message.body.size - message.metadata.size - 8
        heads.append((start, end - message.body.size))
        if number:
            parts.append(((start, end), _messages(batches[number - 1])))
    return Subject(
        open=opener(ArrowFormat()),
        path=path,
        parts=parts,
        vital=((0, heads[0][1]),),
        index=(parts[-1][0][1], len(data)) if is_file else (0, 0),
        chain=() if is_file else tuple(heads[1:]),
    )
