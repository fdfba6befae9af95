"""
How a text is a table: encoding, delimiter, decimals, where rows begin and what their columns are called.

Everything is judged by the first rows, complete ones; the csv module parts them.

Must not know: times, types, files. Next: `text`.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence

import attrs

from mosaico_ingest_csv.names import is_unit
from mosaico_ingest_csv.options import CsvOptions, HeaderLine

__all__ = ["Dialect", "decode_head", "is_number", "read_dialect", "rows_of"]

_DELIMITERS = (",", ";", "\t", "|", " ")
_LOOK_AT_LINES = 200
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUMBER = re.compile(
    r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*|[+-]?(nan|inf)|"
    r"\s*\d{2,4}[-/]\d\d[-/]\d\d([T ].*)?",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")


@attrs.frozen(kw_only=True)
class Dialect:
    """
    How a text is a table.

    Args:
        encoding: Name of the codec; what is parsed is always UTF-8.
        start: Byte at which the first row begins, after the header and all before it.
        names: Of all columns, unique.
        is_named: Whether the file names them.
        filler: Last column that every row has and that is always empty, as where rows end in a delimiter.
        findings: What was decided that a person may want to know.
    """

    encoding: str
    delimiter: str
    decimal: str
    comment: str
    start: int
    names: tuple[str, ...]
    is_named: bool
    filler: bool = False
    findings: tuple[str, ...] = ()


def is_number(cell: str) -> bool:
    """Say whether *cell* is a number or a date."""
    return bool(_NUMBER.fullmatch(cell))


def rows_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Part *lines* into the cells of rows; a cell in quotes may go over several lines."""
    return [row for _, row in _numbered_rows(lines, delimiter)]


def _numbered_rows(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Return rows that are not empty, with the number of the line that each begins at, from 0."""
    reader = csv.reader(lines, delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    line = 0
    try:
        for row in reader:
            if any(row):
                found.append((line, row))
            line = reader.line_num
    except csv.Error:
        found += [(k, text.split(delimiter)) for k, text in enumerate(lines) if k >= line]
    return found


def decode_head(head: bytes, wanted: str = "") -> tuple[str, str, int]:
    """
    Return the text of *head*, its encoding, and the bytes of its byte order mark.

    Raises:
        LookupError: *wanted* is no encoding.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return (
                codecs.getincrementaldecoder(name)("replace").decode(head[len(mark) :]),
                name,
                len(mark),
            )
    if wanted:
        return codecs.getincrementaldecoder(wanted)("replace").decode(head), wanted, 0
    for name in ("utf-8", "cp1252"):
        try:
            return codecs.getincrementaldecoder(name)().decode(head), name, 0
        except UnicodeDecodeError:
            continue
    return head.decode("latin-1"), "latin-1", 0


def read_dialect(head: bytes, options: CsvOptions, *, is_whole: bool) -> Dialect:
    """
    Find out how *head* is a table.

    Args:
        is_whole: Whether *head* is all there is, so that its last line is complete.
    """
    text, encoding, start = decode_head(head, options.encoding)
    lines = text.splitlines(keepends=True) if "\n" in text else text.split("\r")
    if not is_whole and len(lines) > 1:
        lines.pop()
    lines = lines[:_LOOK_AT_LINES]
    comment = options.comment
    texts = ["\n" if _is_comment(line, comment) else line for line in lines]
    delimiter = "\t" if options.delimiter == "tab" else options.delimiter or _delimiter(texts)
    numbered = _numbered_rows(texts, delimiter)
    rows = [row for _, row in numbered]
    width = _width(rows)
    findings: list[str] = []
    if encoding != "utf-8":
        findings.append(f"The text is read as {encoding}.")
    first, header, at = _first_row(rows, width, options.header)
    names: list[str] = list(rows[at]) if header else []
    if header and at and _is_row_of_units(rows[at], rows[at - 1], width):
        at -= 1
        names = _with_units(rows[at], names)
    data_line = numbered[first][0] if first < len(numbered) else len(lines)
    if not header and options.header is not HeaderLine.Absent:
        names = _commented_header(lines[:data_line], comment, delimiter, width)
    before = at if header else first
    if before:
        findings.append(f"The first {numbered[before][0]} lines are not part of the table.")
    skipped = "".join(lines[:data_line])
    named, filler, more = _name_columns(names, rows[first:], width)
    decimal = options.decimal or _decimal(rows[first:], delimiter)
    if delimiter != "," or decimal != ".":
        findings.append(f"Cells are parted by {delimiter!r}, decimals by {decimal!r}.")
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        decimal=decimal,
        comment=comment,
        start=start + len(skipped.encode(encoding, "replace")),
        names=named,
        is_named=bool(names),
        filler=filler,
        findings=(*findings, *more),
    )


def _is_comment(line: str, comment: str) -> bool:
    return bool(comment) and line.startswith(comment)


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that makes the most even rows of numbers."""
    best, delimiter = 0.0, ","
    for candidate in _DELIMITERS:
        rows = rows_of(lines, candidate)
        width = _width(rows)
        if width < 2:
            continue
        even = sum(len(row) == width for row in rows) / len(rows)
        cells = [cell for row in rows[len(rows) // 2 :] for cell in row if cell]
        share = sum(map(is_number, cells)) / max(len(cells), 1)
        score = even * (0.2 + share) * (0.5 if candidate == " " else 1.0)
        if score > best * 1.001:
            best, delimiter = score, candidate
    return delimiter


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of cells that most rows have; what stands before the table counts little."""
    counts = Counter(len(row) for row in rows[len(rows) // 3 :])
    return max(counts, key=lambda n: (counts[n], n), default=1)


def _decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Return the character before decimals."""
    if delimiter == ",":
        return "."
    cells = [cell for row in rows for cell in row]
    commas = sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
    points = sum("." in cell and is_number(cell) for cell in cells)
    return "," if commas > points else "."


def _first_row(
    rows: Sequence[Sequence[str]], width: int, header: HeaderLine
) -> tuple[int, bool, int]:
    """Return the first row of data, whether a header stands before it, and the number of that."""
    full = [k for k, row in enumerate(rows) if len(row) == width]
    if not full:
        return 0, False, 0
    if header is HeaderLine.First:
        return 1, True, 0
    data = next((k for k in full if any(map(is_number, rows[k]))), None)
    if header is HeaderLine.Auto:
        if data is None:  # texts only: the first row names them
            return full[0] + 1, True, full[0]
        if data and _is_header(rows[data - 1], rows[data], width):
            return data, True, data - 1
    # Without a header, shorter rows before it that begin like rows are rows too.
    first = full[0] if data is None else data
    return next(k for k, row in enumerate(rows) if k == first or is_number(row[0])), False, 0


def _is_header(above: Sequence[str], row: Sequence[str], width: int) -> bool:
    """Say whether the row *above* the first row of numbers names its columns."""
    if width == 1:
        return not is_number(above[0])
    is_even = len(above) >= width or (len(above) == width - 1 and not row[-1])
    return is_even and sum(bool(cell.strip()) for cell in above) > width // 2


def _is_row_of_units(row: Sequence[str], above: Sequence[str], width: int) -> bool:
    """Say whether *row* gives the units of the names *above* it."""
    units = [cell for cell in row if cell.strip()]
    return len(above) == len(row) == width and all(map(is_unit, units)) and all(above)


def _with_units(names: Sequence[str], units: Sequence[str]) -> list[str]:
    """Return *names* with their units in brackets."""
    bare = [unit.strip().strip("[]()").strip() for unit in units]
    return [f"{name} [{unit}]" if unit else name for name, unit in zip(names, bare, strict=True)]


def _commented_header(lines: Sequence[str], comment: str, delimiter: str, width: int) -> list[str]:
    """Return the names in the last line before the data, if it is a comment of as many cells."""
    for line in reversed(lines):
        if line.strip():
            if _is_comment(line, comment):
                cells = rows_of([line[len(comment) :].strip()], delimiter)[0]
                if len(cells) == width and not any(map(is_number, cells)):
                    return cells
            break
    return []


def _name_columns(
    names: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> tuple[tuple[str, ...], bool, list[str]]:
    """Return *width* different names, whether the last column is a filler, and what to tell."""
    findings: list[str] = []
    given = [name.strip().lstrip("\ufeff") for name in names]
    if len(given) > width:
        lost = ", ".join(given[width:])
        findings.append(
            f"The header names {len(given)} columns, rows have {width}; no cells: {lost}."
        )
    is_open = all(not row[-1] for row in rows if len(row) == width) and bool(rows)
    filler = (
        width > 1 and is_open and (len(given) == width - 1 or (bool(given) and not given[-1:][0]))
    )
    found: list[str] = []
    for k in range(width):
        name = given[k] if k < len(given) and given[k] else f"column_{k + 1}"
        free, n = name, 1
        while free in found:
            free, n = f"{name}_{n}", n + 1
        if free != name:
            findings.append(f"A further column {name!r} is called {free!r}.")
        found.append(free)
    if filler:
        findings.append("Every row ends in a delimiter; the empty column after it is left out.")
    if not given:
        findings.append("The file names no columns; they are numbered.")
    return tuple(found), filler, findings
