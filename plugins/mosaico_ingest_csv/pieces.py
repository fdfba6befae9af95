"""
What becomes of the rows of one block of text: typed columns and times per part, and rejects with their lines.

Runs in threads of its own; what only the order of blocks tells (numbers of lines and rows) is added later.

Must not know: files. Next: `parsing`, `longform`.
"""

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.plugin import LOG_TIME, PAYLOAD, PLACE, REASON
from mosaico_ingest_csv.clock import Clock
from mosaico_ingest_csv.longform import Keys, cells, joined, lines_of
from mosaico_ingest_csv.parsing import Grammar, Refusal, lines_before, parse, row_spans, rows_end
from mosaico_ingest_csv.table import Rows
from mosaico_ingest_csv.times import Ints

__all__ = ["Piece", "Press", "Shape"]


@attrs.frozen(kw_only=True, eq=False)
class Shape:
    """How the rows of one part are parsed; *drop* are the columns that the clock and the kind take."""

    grammar: Grammar
    drop: frozenset[str]

    @property
    def columns(self) -> pa.Schema:
        """What is left for the channels."""
        return pa.schema([(n, t) for n, t in self.grammar.columns.items() if n not in self.drop])


@attrs.frozen(kw_only=True, eq=False)
class Piece:
    """
    What became of one part of a block.

    Args:
        numbers: Of the rows that fit, among those of the part.
        total: Rows of the part, refused ones included.
        refused: Rejects, with the line counted from the block's first.
    """

    data: pa.RecordBatch
    log_ns: Ints
    numbers: Ints
    total: int
    refused: tuple[tuple[int, Refusal, int], ...] = ()

    def rows(self, clock: Clock, row: int, line: int) -> Rows:
        """
        Return the rows, now that the block's place in the file is known.

        Args:
            row: Number of the part's first row in the file, for a clock that counts them.
            line: Number of the block's first line.
        """
        log_ns = self.log_ns
        if not clock.columns and len(self.numbers):
            numbers = self.numbers + row
            log_ns = clock.stamps([], row, int(numbers[-1]) + 1 - row)[0][self.numbers]
        if not self.refused:
            return Rows(log_ns=log_ns, data=self.data)
        refusals = [refusal for _, refusal, _ in self.refused]
        # A reject has the time of the row before it.
        at = np.searchsorted(self.numbers, [number for number, _, _ in self.refused]) - 1
        stamps = log_ns[np.maximum(at, 0)] if len(log_ns) else np.zeros(len(at), np.int64)
        rejects = pa.RecordBatch.from_arrays(
            [
                pa.array(stamps),
                pa.array([refusal.text for refusal in refusals], pa.binary()),
                pa.array([refusal.reason for refusal in refusals], pa.string()),
                pa.array([f"line {line + k}" for _, _, k in self.refused], pa.string()),
            ],
            [LOG_TIME, PAYLOAD, REASON, PLACE],
        )
        return Rows(log_ns=log_ns, data=self.data, rejects=rejects)


@attrs.frozen(kw_only=True, eq=False)
class Press:
    """
    Turns blocks of text into pieces.

    Args:
        clock: How times are made.
        shapes: How rows are parsed, per part.
        labels: What the rows of each part say that they are.
        keys: Where they say so, None for a table of one part.
        delimiter: Between cells.
        has_filler: Whether whole rows end in a delimiter.

    Thread: any, several at once.
    """

    clock: Clock
    shapes: tuple[Shape, ...]
    labels: tuple[str, ...]
    keys: Keys | None
    delimiter: str
    has_filler: bool

    def __call__(self, data: bytes) -> dict[int, Piece]:
        """Parse a block; in a thread."""
        mark = self.delimiter.encode()
        if not data.endswith(mark) or self.has_filler:
            return self._whole_pieces(data)
        # The file ends inside its last row: the cell after the delimiter may be anything.
        whole = data[: rows_end(data)]
        found = self._whole_pieces(whole)
        last = np.array([len(row_spans(data)) - 1])
        found[0] = self._with_others(found.get(0), last, data, "cut short")
        return found

    def _whole_pieces(self, data: bytes) -> dict[int, Piece]:
        """Parse whole rows."""
        if not self.keys:
            piece = self._piece(0, data)
            return {0: _located(piece, data, None)} if piece.total else {}
        found: dict[int, Piece] = {}
        lines = lines_of(data)
        labels = cells(lines, self.delimiter, self.keys.columns)
        codes = np.asarray(
            pc.fill_null(pc.index_in(labels, pa.array(self.labels, pa.string())), -1)
        )
        for part in range(len(self.labels)):
            rows = np.flatnonzero(codes == part)
            if len(rows):
                own = joined(lines.take(pa.array(rows)))
                found[part] = _located(self._piece(part, own), data, rows)
        strangers = np.flatnonzero(codes < 0)
        if len(strangers):
            why = "of a kind that the sample did not show"
            found[0] = self._with_others(found.get(0), strangers, data, why)
        return found

    def _piece(self, part: int, data: bytes) -> Piece:
        """Parse the rows of one part, and read their times."""
        shape = self.shapes[part]
        parsed = parse(data, shape.grammar)
        n = parsed.data.num_rows
        numbers = np.arange(n) if parsed.kept is None else parsed.kept
        total = n + len(parsed.refusals)
        clock = [parsed.data.column(name) for name in self.clock.columns]
        log_ns, ok = self.clock.stamps(clock, 0, n)
        batch = parsed.data.select(shape.columns.names)
        refusals = list(parsed.refusals)
        if not ok.all():
            why = f"no time in column {' and '.join(map(repr, self.clock.columns))}"
            for k in np.flatnonzero(~ok).tolist():
                cells_of = [str(column[k].as_py() or "") for column in parsed.data.columns]
                text = self.delimiter.join(cells_of).encode()
                refusals.append(Refusal(int(numbers[k]), why, text))
            refusals.sort(key=lambda refusal: refusal.row)
            batch, log_ns, numbers = batch.filter(pa.array(ok)), log_ns[ok], numbers[ok]
        return Piece(
            data=batch,
            log_ns=log_ns,
            numbers=numbers,
            total=total,
            refused=tuple((refusal.row, refusal, 0) for refusal in refusals),
        )

    def _with_others(self, piece: Piece | None, rows: Ints, data: bytes, reason: str) -> Piece:
        """Give rows of no part to the first one, as rejects; *rows* are their numbers in the block."""
        if piece is None:
            empty = pa.RecordBatch.from_pylist([], self.shapes[0].columns)
            none = np.array([], np.int64)
            piece = Piece(data=empty, log_ns=none, numbers=none, total=0)
        others = attrs.evolve(
            piece, refused=tuple((k, Refusal(k, reason), 0) for k in range(len(rows)))
        )
        refused = tuple(
            (piece.total + k, r, line) for k, r, line in _located(others, data, rows).refused
        )
        total = piece.total + len(rows)
        return attrs.evolve(piece, total=total, refused=(*piece.refused, *refused))


def _located(piece: Piece, data: bytes, rows: Ints | None) -> Piece:
    """Find the lines of refused rows; *rows* are the numbers of the part's rows in the block."""
    if not piece.refused:
        return piece
    spans = row_spans(data)
    is_sure = rows is not None or len(spans) == piece.total
    numbers = np.array([row for row, _, _ in piece.refused])
    if rows is not None:
        numbers = np.where(numbers < len(rows), rows[np.minimum(numbers, len(rows) - 1)], numbers)
    places = spans[np.minimum(numbers, len(spans) - 1)]
    lines = lines_before(data, places[:, 0])
    return attrs.evolve(
        piece,
        refused=tuple(
            (row, attrs.evolve(refusal, text=data[start:end]) if is_sure else refusal, line)
            for (row, refusal, _), (start, end), line in zip(
                piece.refused, places.tolist(), lines.tolist(), strict=True
            )
        ),
    )
