"""
Lines of JSON objects: a row each, the members of nested objects as columns of dotted names.

Types are those of a sample, widened over all of it; lines that do not fit them are rejects. Times keep all
their decimals.

Must not know: channels. Next: `ahead`, `pieces`.
"""

from collections.abc import Callable, Iterator, Mapping

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.json

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage, SourceFile
from mosaico_ingest_csv.ahead import Ahead, is_small, sample_rows
from mosaico_ingest_csv.clock import Clock, NoClockError, find_clock
from mosaico_ingest_csv.dialect import Dialect
from mosaico_ingest_csv.options import JsonOptions
from mosaico_ingest_csv.parsing import Refusal, lines_before
from mosaico_ingest_csv.pieces import Piece
from mosaico_ingest_csv.table import Block, Part, no_clock
from mosaico_ingest_csv.text import TextFile
from mosaico_ingest_csv.times import Ints

__all__ = ["JsonTable"]

_EXACT = pa.decimal128(38, 18)
_PLAIN = Dialect(
    encoding="utf-8", delimiter=",", decimal=".", comment="", start=0, names=(), is_named=True
)
_SHORTEST_BYTES = 8  # of an object with a member: {"a": 1}
_SAMPLE_LINES = 256  # judged together; halved where they do not agree


class JsonTable:
    """
    An open table of JSON lines.

    Raises:
        SourceError: No line is an object, or none of their members is a time.
        UsageError: An option does not fit it.

    Thread: one.
    """

    format = "JSON lines"
    compression: Mapping[str, int] = {}
    rows: int | None = None

    def __init__(self, file: SourceFile, options: JsonOptions) -> None:
        self.start = 3 if file.head.startswith(b"\xef\xbb\xbf") else 0
        text = TextFile(file.path, _PLAIN, options.max_row, has_quotes=False)
        try:
            self.is_small = is_small(text, self.start)
            sample = sample_rows(text, self.start)
            schema = _infer(sample)
            table = _Press(schema=schema, clock=Clock(columns=())).read(sample)[0]
            names = tuple(table.schema.names)
            if not table.num_rows or not names:
                msg = f"No line of {str(file.path)!r} is a JSON object with members. Leave it out."
                raise SourceError(msg, path=file.path)
            try:
                columns = dict(zip(names, table.columns, strict=True))
                self.clock, self.findings = find_clock(columns, options, is_named=True)
            except NoClockError:
                raise SourceError(no_clock(file.path, names), path=file.path) from None
        except BaseException:
            text.close()
            raise
        press = _Press(schema=_exact(schema, self.clock), clock=self.clock)
        self._ahead = Ahead(text, press, self.clock)
        self.parts: tuple[Part, ...] = (Part(label="", columns=press.columns),)

    def close(self) -> None:
        """Close the file and end the threads."""
        self._ahead.close()

    def blocks(self, position: int) -> Iterator[Block | Damage]:
        """Yield everything from *position* on."""
        return self._ahead.blocks(position)


@attrs.frozen(kw_only=True, eq=False)
class _Press:
    """
    Turns lines into pieces.

    Thread: any, several at once.
    """

    schema: pa.Schema
    clock: Clock

    @property
    def columns(self) -> pa.Schema:
        """What is left for the channels: all columns, where the clock would take every one."""
        flat = _flat(pa.Table.from_batches([], self.schema)).schema
        left = [field for field in flat if field.name not in self.clock.columns]
        return pa.schema(left or list(flat))

    def __call__(self, data: bytes) -> dict[int, Piece]:
        batch, spans, refused = self.read(data)
        if not len(spans):
            return {}
        numbers = np.delete(np.arange(len(spans)), np.array([*refused], np.int64))
        clock = [batch.column(name) for name in self.clock.columns]
        log_ns, ok = self.clock.stamps(clock, 0, batch.num_rows)
        why = f"no time in {' and '.join(map(repr, self.clock.columns))}"
        refused |= dict.fromkeys(numbers[~ok].tolist(), why)
        rows = sorted(refused)
        places = spans[np.array(rows, np.int64)]
        lines = lines_before(data, places[:, 0])
        found = [
            (row, Refusal(row, refused[row], data[start:end]), line)
            for row, (start, end), line in zip(rows, places.tolist(), lines.tolist(), strict=True)
        ]
        batch = batch.select(self.columns.names)
        piece = Piece(
            data=batch if ok.all() else batch.filter(pa.array(ok)),
            log_ns=log_ns[ok],
            numbers=numbers[ok],
            total=len(spans),
            refused=tuple(found),
        )
        return {0: piece}

    def read(self, data: bytes) -> tuple[pa.RecordBatch, Ints, dict[int, str]]:
        """Return the rows that fit the types, where all lines are, and why the others do not fit."""
        spans = _lines(data)
        tables, refused = [], {}
        ranges = [(0, len(spans))] if len(spans) else []
        while ranges:
            first, last = ranges.pop()
            try:
                tables.append(
                    _read(data[spans[first][0] : spans[last - 1][1]], self.schema, last - first)
                )
            except (pa.ArrowException, ValueError) as error:
                if last - first == 1:
                    refused[first] = _reason(error)
                else:
                    middle = (first + last) // 2
                    ranges += [(middle, last), (first, middle)]
        tables.append(pa.Table.from_batches([], self.schema))
        flat = _flat(pa.concat_tables(tables)).combine_chunks()
        batches = flat.to_batches()
        empty = pa.RecordBatch.from_pylist([], flat.schema)
        return batches[0] if batches else empty, spans, refused


def _read(data: bytes, schema: pa.Schema | None, lines: int) -> pa.Table:
    """
    Run pyarrow's reader.

    Raises:
        ArrowInvalid: A line does not fit.
        ValueError: A line is not one object, or not UTF-8.
    """
    parse = (
        pyarrow.json.ParseOptions()
        if schema is None
        else pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    )
    read = pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 2)
    if not data.isascii():
        data.decode()
    table = pyarrow.json.read_json(pa.BufferReader(data + b"\n"), read, parse)
    if table.num_rows != lines:
        msg = "not one JSON object."
        raise ValueError(msg)
    return table if schema is None else table.select(schema.names)


def _infer(data: bytes) -> pa.Schema:
    """Return the widest types of the members of all lines that agree with those before them."""
    spans = _lines(data)
    schema = pa.schema([])
    starts = range(0, len(spans), _SAMPLE_LINES)
    ranges = [(k, min(k + _SAMPLE_LINES, len(spans))) for k in reversed(starts)]
    while ranges:
        first, last = ranges.pop()
        try:
            part = _read(data[spans[first][0] : spans[last - 1][1]], None, last - first).schema
            schema = pa.unify_schemas(
                [schema, pa.schema([_open(field) for field in part])], promote_options="permissive"
            )
        except (pa.ArrowException, ValueError):
            if last - first > 1:
                middle = (first + last) // 2
                ranges += [(middle, last), (first, middle)]
    return pa.schema([pa.field(field.name, _settled(field.type)) for field in schema])


def _open(field: pa.Field) -> pa.Field:
    """Return *field* with dates as text: the reader takes only those without fractions for dates."""
    return pa.field(field.name, _retyped(field.type, pa.types.is_timestamp, pa.string()))


def _settled(kind: pa.DataType) -> pa.DataType:
    """Return *kind* with text where nothing but null was seen."""
    return _retyped(kind, pa.types.is_null, pa.string())


def _retyped(
    kind: pa.DataType, is_old: Callable[[pa.DataType], bool], new: pa.DataType
) -> pa.DataType:
    """Return *kind* with *new* instead of some types, at any depth."""
    if is_old(kind):
        return new
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _retyped(f.type, is_old, new)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(_retyped(kind.value_type, is_old, new))
    return kind


def _exact(schema: pa.Schema, clock: Clock, prefix: str = "") -> pa.Schema:
    """Return *schema* with decimals instead of floats where the clock reads."""
    fields = []
    for field in schema:
        name, kind = f"{prefix}{field.name}", field.type
        if pa.types.is_struct(kind):
            kind = pa.struct(list(_exact(pa.schema(list(kind)), clock, f"{name}.")))
        elif name in clock.columns and pa.types.is_floating(kind):
            kind = _EXACT
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)


def _flat(table: pa.Table) -> pa.Table:
    """Return *table* with the members of structs as columns."""
    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    return table


def _lines(data: bytes) -> Ints:
    """Return where the lines that are not blank are: (n, 2) int64, line ends excluded."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    starts = np.concatenate([[0], ends + 1])
    ends = np.concatenate([ends, [len(data)]])
    spans = np.stack([starts, ends], axis=1)
    is_kept = ends > starts
    # A blank line is short: the others need no look.
    for k in np.flatnonzero(is_kept & (ends - starts < _SHORTEST_BYTES)).tolist():
        is_kept[k] = bool(data[starts[k] : ends[k]].strip())
    return spans[is_kept]


def _reason(error: Exception) -> str:
    """Return what is wrong with a line, without its number in the reader's block."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error).removeprefix("JSON parse error: ").partition(" in row ")[0].rstrip(".")
