"""
A table that is delimited text: samples it for dialect, types and clock, then reads it block by block.

Must not know: channels. Next: `recording`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import SourceError, UsageError
from mosaico_ingest.plugin import Damage, SourceFile
from mosaico_ingest_csv.ahead import Ahead, is_small, sample_rows
from mosaico_ingest_csv.clock import Clock, NoClockError, find_clock
from mosaico_ingest_csv.dialect import Dialect, read_dialect, rows_of
from mosaico_ingest_csv.kinds import infer
from mosaico_ingest_csv.longform import Keys, cells, find_keys, joined, lines_of
from mosaico_ingest_csv.options import CsvOptions
from mosaico_ingest_csv.parsing import Grammar, Parsed, parse
from mosaico_ingest_csv.pieces import Press, Shape
from mosaico_ingest_csv.table import Block, Part, no_clock
from mosaico_ingest_csv.text import TextFile

__all__ = ["CsvTable"]

_HEAD_BYTES = 256 * 1024
_CALLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


class CsvTable:
    """
    An open text table.

    Raises:
        SourceError: It has no rows, or no clock.
        UsageError: An option does not fit it.

    Thread: one.
    """

    compression: Mapping[str, int] = {}
    rows: int | None = None

    def __init__(self, file: SourceFile, options: CsvOptions) -> None:
        self._options = options
        head = file.head if len(file.head) >= file.size_bytes else _read_head(file)
        try:
            dialect = read_dialect(head, options, is_whole=len(head) >= file.size_bytes)
        except LookupError:
            msg = f"--encoding is {options.encoding!r}, which is no encoding. Expected one such as utf-8."
            raise UsageError(msg) from None
        self._dialect: Dialect = dialect
        self._text = TextFile(file.path, dialect, options.max_row)
        try:
            self.start = dialect.start
            self.is_small = is_small(self._text, self.start)
            sample = sample_rows(self._text, self.start)
            self._keys = self._find_keys(sample)
            findings = list(dialect.findings)
            if self._keys:
                self._labels, self._shapes, self.clock, told = self._long(sample, self._keys)
                kinds = ", ".join(self._labels)
                findings.append(f"Rows are of {len(self._labels)} kinds: {kinds}.")
            else:
                self._labels, self._shapes, self.clock, told = self._wide(sample)
            findings += told
            if not self._text.ends_in_newline():
                findings.append("The last row has no line end: it may be cut short.")
        except BaseException:
            self._text.close()
            raise
        press = Press(
            clock=self.clock,
            shapes=self._shapes,
            labels=self._labels,
            keys=self._keys,
            delimiter=dialect.delimiter,
            has_filler=dialect.filler,
        )
        self._ahead = Ahead(self._text, press, self.clock)
        self.findings = tuple(findings)
        self.parts = tuple(
            Part(label=label, columns=shape.columns)
            for label, shape in zip(self._labels, self._shapes, strict=True)
        )
        self.format = (
            f"CSV ({_CALLED.get(dialect.delimiter, dialect.delimiter)}, {dialect.encoding})"
        )

    def close(self) -> None:
        """Close the file and end the threads."""
        self._ahead.close()

    def blocks(self, position: int) -> Iterator[Block | Damage]:
        """Yield everything from *position* on."""
        return self._ahead.blocks(position)

    def _find_keys(self, sample: bytes) -> Keys | None:
        head = _first_lines(sample[:_HEAD_BYTES], 500)
        # One by one: a stray quote must not take the lines behind it along.
        rows = [row for line in head for row in rows_of([line], self._dialect.delimiter)]
        return find_keys(self._dialect.names, self._dialect.is_named, rows)

    def _wide(
        self, sample: bytes
    ) -> tuple[tuple[str, ...], tuple[Shape, ...], Clock, tuple[str, ...]]:
        """Describe a table of one shape."""
        names = self._dialect.names
        texts = self._texts(sample, names)
        if not texts:
            raise self._no_rows()
        used = dict(zip(names, texts, strict=True))
        if self._dialect.filler:
            used.pop(names[-1])
        try:
            clock, told = find_clock(used, self._options, is_named=self._dialect.is_named)
        except NoClockError:
            raise SourceError(no_clock(self._text.path, names), path=self._text.path) from None
        shape = self._shape(names, texts, clock, ())
        return ("",), (shape,), clock, told

    def _long(
        self, sample: bytes, keys: Keys
    ) -> tuple[tuple[str, ...], tuple[Shape, ...], Clock, tuple[str, ...]]:
        """Describe a table of several kinds."""
        lines = lines_of(sample)
        delimiter = self._dialect.delimiter
        labels = cells(lines, delimiter, keys.columns)
        counts = {e["values"]: e["counts"] for e in pc.value_counts(labels.drop_null()).to_pylist()}
        if not counts:
            raise self._no_rows()
        names = self._dialect.names
        own = [k for k in range(len(names)) if k not in keys.columns]
        times = (
            own[:1]
            if keys.is_ragged
            else [k for k in own if names[k].lower() not in ("value", "val")]
        )
        columns = {names[k]: cells(lines, delimiter, [k]) for k in times}
        try:
            clock, told = find_clock(columns, self._options, is_named=self._dialect.is_named)
        except NoClockError:
            raise SourceError(no_clock(self._text.path, names), path=self._text.path) from None
        shapes: dict[str, Shape] = {}
        for label in counts:
            rows = lines.filter(pc.fill_null(pc.equal(labels, label), False))
            texts = joined(rows)
            widths = Counter(len(row) for row in rows_of(_first_lines(texts, 100), delimiter))
            width = widths.most_common(1)[0][0]
            called = _long_names(keys, width) if keys.is_ragged else names
            dropped = tuple(called[k] for k in keys.columns if k < width)
            found = self._texts(texts, called)
            if found:  # else they are broken, and rejects, as all of a kind that is not known
                shapes[label] = self._shape(called, found, clock, dropped)
        if not shapes:
            raise self._no_rows()
        return tuple(shapes), tuple(shapes.values()), clock, told

    def _texts(self, sample: bytes, names: tuple[str, ...]) -> list[pa.Array]:
        """Return the columns of *sample* as text, none if no row has their number."""
        parsed: Parsed = parse(sample, self._grammar(dict.fromkeys(names, pa.string())))
        return list(parsed.data.columns) if parsed.data.num_rows else []

    def _no_rows(self) -> SourceError:
        msg = f"{str(self._text.path)!r} has no rows below its header. Leave it out."
        return SourceError(msg, path=self._text.path)

    def _shape(
        self, names: tuple[str, ...], texts: list[pa.Array], clock: Clock, dropped: tuple[str, ...]
    ) -> Shape:
        """Find the types of columns; what the clock takes stays text."""
        kinds: dict[str, pa.DataType] = {}
        for name, column in zip(names, texts, strict=True):
            is_text = name in clock.columns or name in dropped
            kinds[name] = (
                pa.string()
                if is_text
                else infer(column, self._options.null_values, self._dialect.decimal)
            )
        drop = {*clock.columns, *dropped}
        if self._dialect.filler and not self._keys:
            kinds[names[-1]] = pa.null()
            drop.add(names[-1])
        if not kinds.keys() - drop:
            drop -= set(clock.columns)
        return Shape(grammar=self._grammar(kinds), drop=frozenset(drop))

    def _grammar(self, columns: Mapping[str, pa.DataType]) -> Grammar:
        dialect = self._dialect
        return Grammar(
            columns=columns,
            delimiter=dialect.delimiter,
            decimal=dialect.decimal,
            null_values=self._options.null_values,
        )


def _read_head(file: SourceFile) -> bytes:
    try:
        with file.path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError as error:
        msg = f"{str(file.path)!r} cannot be read: {error.strerror}. Check its permissions."
        raise SourceError(msg, path=file.path) from error


def _first_lines(data: bytes, most: int) -> list[str]:
    """Return the first lines; unlike `str.splitlines`, which parts text at form feeds too."""
    text = data.decode(errors="replace")
    return [line for line in re.split(r"[\r\n]+", text, maxsplit=most)[:most] if line]


def _long_names(keys: Keys, width: int) -> tuple[str, ...]:
    """Name the cells of one kind: values by number."""
    free = [k for k in range(width) if k not in keys.columns]
    values = {k: f"value_{n}" for n, k in enumerate(free[1:], 1)}
    return tuple(values.get(k, f"column_{k + 1}") for k in range(width))
