"""
Rows of text to typed columns, by pyarrow's reader; rows that do not fit are rejects with their line.

A block goes through the reader once. Only if something in it does not fit, it is read again as text, to find
out which rows it is.

Must not know: files, times. Next: `kinds`.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.csv

from mosaico_ingest_csv.kinds import convert

__all__ = ["Grammar", "Parsed", "Refusal", "lines_before", "parse", "row_spans", "rows_end"]

_QUOTE = ord('"')


@attrs.frozen(kw_only=True)
class Grammar:
    """What the reader must know: columns with their types, and how cells are written."""

    columns: Mapping[str, pa.DataType]
    delimiter: str
    decimal: str
    null_values: tuple[str, ...]


@attrs.frozen
class Refusal:
    """A row that is none: its number among the rows of its block, counted from 0, why, and its cells."""

    row: int
    reason: str
    text: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(eq=False)
class Parsed:
    """
    What became of a block.

    Args:
        data: The rows that fit.
        kept: Their numbers among the rows of the block, None if all rows fit.
        refusals: The others.
    """

    data: pa.RecordBatch
    kept: "np.ndarray | None" = None
    refusals: tuple[Refusal, ...] = ()


def parse(data: bytes, grammar: Grammar) -> Parsed:
    """
    Part and convert the rows of *data*.

    Thread: any, several at once; the reader releases the interpreter's lock.
    """
    parts: list[Parsed] = []
    for start, end, is_text in _stretches(data):
        part = data[start:end]
        if not is_text:
            parts.append(_refused(part, "not UTF-8", grammar))
            continue
        while part.strip():
            is_odd = b'"' in part and part.count(b'"') % 2
            closed = rows_end(part) if is_odd else len(part)
            parts.append(_parse(part[:closed], grammar))
            line_end = part.find(b"\n", closed) + 1 or len(part)
            if closed < len(
                part
            ):  # an odd quote: harmless inside a cell, around one it swallows rows
                parts.append(_parse(part[closed:line_end], grammar))
            part = part[line_end:] if closed < len(part) else b""
    return _joined(parts) if parts else Parsed(_empty(grammar))


def rows_end(data: bytes) -> int:
    """Return where the last line ends that is not inside quotes, 0 if there is none."""
    newline = b"\n" if b"\n" in data else b"\r"
    end = data.rfind(newline)
    quotes = data.count(b'"', 0, max(end, 0)) if b'"' in data else 0
    while end >= 0 and quotes % 2:
        before = data.rfind(newline, 0, end)
        quotes -= data.count(b'"', max(before, 0), end)
        end = before
    return end + 1


def row_spans(data: bytes) -> np.ndarray:
    """
    Return where the rows of *data* are, empty lines left out.

    Returns:
        (n, 2) int64: first byte and the one after the last, line end excluded.
    """
    if not data:
        return np.empty((0, 2), np.int64)
    codes = np.frombuffer(data, np.uint8)
    newline = ord("\n") if b"\n" in data else ord("\r")
    ends = np.flatnonzero(codes == newline)
    if b'"' in data:
        ends = ends[np.cumsum(codes == _QUOTE)[ends] % 2 == 0]
    starts = np.concatenate([[0], ends + 1])
    ends = np.concatenate([ends, [len(data)]])
    has_return = (ends > starts) & (codes[np.maximum(ends - 1, 0)] == ord("\r"))
    ends = ends - has_return
    spans = np.stack([starts, ends], axis=1)
    return spans[ends > starts]


def lines_before(data: bytes, places: np.ndarray) -> np.ndarray:
    """Return how many lines of *data* end before each of *places*; all at once, since these may be many."""
    newline = ord("\n") if b"\n" in data else ord("\r")
    return np.searchsorted(np.flatnonzero(np.frombuffer(data, np.uint8) == newline), places)


def _stretches(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield stretches of rows that are UTF-8, and single rows that are not."""
    try:
        if not data.isascii():
            data.decode()
    except UnicodeDecodeError:
        at = 0
        for start, end in row_spans(data).tolist():
            try:
                data[start:end].decode()
            except UnicodeDecodeError:
                yield at, start, True
                yield start, end, False
                at = end
        yield at, len(data), True
    else:
        yield 0, len(data), True


def _parse(data: bytes, grammar: Grammar) -> Parsed:
    """Parse rows whose quotes are closed, or one line."""
    if not data.strip():
        return Parsed(_empty(grammar))
    try:
        return _closed(_read(data, grammar, grammar.columns), data)
    except pa.ArrowInvalid:
        pass
    try:
        raw = _read(data, grammar, dict.fromkeys(grammar.columns, pa.string()))
    except pa.ArrowInvalid as error:
        spans = row_spans(data)
        if len(spans) < 2:
            return _refused(data, str(error), grammar)
        middle = int(spans[len(spans) // 2][0])
        return _joined([_parse(data[:middle], grammar), _parse(data[middle:], grammar)])
    return _closed(_converted(raw, grammar), data)


def _closed(parsed: Parsed, data: bytes) -> Parsed:
    """Refuse the last row if a quote in it is never closed, so that its cell holds the line end."""
    n = parsed.data.num_rows
    if b'"' not in data or not n:
        return parsed
    last = parsed.data.slice(n - 1).to_pylist()[0]
    if not any(isinstance(cell, str) and cell.endswith("\n") for cell in last.values()):
        return parsed
    if data.rstrip().endswith(b'"'):
        return parsed
    kept = np.arange(n) if parsed.kept is None else parsed.kept
    line = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    refusal = Refusal(int(kept[-1]), "a quote is not closed", line)
    refusals = sorted([*parsed.refusals, refusal], key=lambda r: r.row)
    return Parsed(parsed.data.slice(0, n - 1), kept[:-1], tuple(refusals))


def _refused(data: bytes, reason: str, grammar: Grammar) -> Parsed:
    """Return one row that cannot be read at all."""
    refusal = Refusal(0, reason, data.rstrip(b"\r\n"))
    return Parsed(_empty(grammar), np.array([], np.int64), (refusal,))


def _joined(parts: Sequence[Parsed]) -> Parsed:
    """Return consecutive parts as one."""
    if len(parts) == 1:
        return parts[0]
    kept, refusals, before = [], [], 0
    for part in parts:
        kept.append((np.arange(part.data.num_rows) if part.kept is None else part.kept) + before)
        refusals += [attrs.evolve(r, row=r.row + before) for r in part.refusals]
        before += part.data.num_rows + len(part.refusals)
    data = pa.concat_batches([part.data for part in parts])
    return Parsed(data, np.concatenate(kept), tuple(refusals))


def _read(data: bytes, grammar: Grammar, columns: Mapping[str, pa.DataType]) -> Parsed:
    """
    Run the reader once.

    Raises:
        ArrowInvalid: A value does not fit its type, or quotes do not close.
    """
    width = len(columns)
    refusals: list[Refusal] = []

    def refuse(row: "pyarrow.csv.InvalidRow") -> str:
        reason = f"{row.actual_columns} cells instead of {width}"
        refusals.append(Refusal(row.number - 1, reason, row.text.encode()))
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(
            column_names=list(columns), use_threads=False, block_size=len(data) + 1
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=grammar.delimiter, newlines_in_values=True, invalid_row_handler=refuse
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(columns),
            null_values=list(grammar.null_values),
            decimal_point=grammar.decimal,
        ),
    )
    batches = table.combine_chunks().to_batches()
    batch = batches[0] if batches else _empty(grammar)
    if not refusals:
        return Parsed(batch)
    rows = np.array([refusal.row for refusal in refusals])
    kept = np.delete(np.arange(batch.num_rows + len(rows)), rows)
    return Parsed(batch, kept, tuple(refusals))


def _converted(raw: Parsed, grammar: Grammar) -> Parsed:
    """Convert columns of text one by one, and drop the rows that do not fit."""
    reasons: dict[int, str] = {}
    columns = []
    for (name, kind), texts in zip(grammar.columns.items(), raw.data.columns, strict=True):
        column, bad = convert(texts, kind, grammar.null_values, grammar.decimal)
        columns.append(column)
        for row in bad.tolist():
            reasons.setdefault(row, f"column {name!r} is not {_called(kind)}")
    batch = pa.RecordBatch.from_arrays(columns, list(grammar.columns))
    bad_rows = np.array(sorted(reasons), np.int64)
    good = np.delete(np.arange(batch.num_rows), bad_rows)
    numbers = np.arange(batch.num_rows) if raw.kept is None else raw.kept
    refusals = list(raw.refusals)
    for k in bad_rows.tolist():
        cells = [column[k].as_py() or "" for column in raw.data.columns]
        text = grammar.delimiter.join(cells).encode()
        refusals.append(Refusal(int(numbers[k]), reasons[k], text))
    refusals.sort(key=lambda refusal: refusal.row)
    return Parsed(batch.take(pa.array(good)), numbers[good], tuple(refusals))


def _called(kind: pa.DataType) -> str:
    """Name a type for people."""
    if kind == pa.null():
        return "empty"
    return f"of type {kind}"


def _empty(grammar: Grammar) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], pa.schema(list(grammar.columns.items())))
