"""
Whether a file is a table, from its first bytes alone.

Text is claimed with care: rows must be even and hold numbers, else a log, a licence or a configuration would
be taken for one. A name that ends in `.csv` is trusted further.

Must not know: how tables are read; imports no pyarrow. Next: `dialect`.
"""

import json

from mosaico_ingest.plugin import Match, SourceFile, Strength
from mosaico_ingest_csv.dialect import decode_head, is_number, rows_of

__all__ = ["sniff_arrow", "sniff_csv", "sniff_jsonl", "sniff_parquet"]

_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
_TEXT_SUFFIXES = (".txt", ".dat", ".asc")
_LINES = 30
_LOOK_AT_BYTES = 8192
_STREAM = b"\xff\xff\xff\xff"


def sniff_parquet(file: SourceFile) -> Match | None:
    """Claim a file by its first bytes."""
    return Match(Strength.MAGIC, "begins with PAR1") if file.head.startswith(b"PAR1") else None


def sniff_arrow(file: SourceFile) -> Match | None:
    """Claim Arrow files by their magic, streams by the frame of their first message."""
    if file.head.startswith(b"ARROW1\0\0"):
        return Match(Strength.MAGIC, "begins with ARROW1")
    if file.head.startswith(b"FEA1"):
        return Match(Strength.MAGIC, "begins with FEA1")
    if file.head.startswith(_STREAM) and len(file.head) > 16:
        length = int.from_bytes(file.head[4:8], "little")
        if 0 < length < 1 << 30 and length % 8 == 0:
            return Match(Strength.STRUCTURE, "begins with a message of an Arrow stream")
    return None


def sniff_jsonl(file: SourceFile) -> Match | None:
    """Claim lines of JSON objects."""
    head = file.head[:_LOOK_AT_BYTES].lstrip()
    if not head.startswith(b"{"):
        return None
    lines = [line for line in head.split(b"\n") if line.strip()]
    if len(lines) > 1 and len(file.head) > _LOOK_AT_BYTES:
        lines.pop()
    is_named = file.path.name.lower().endswith((".jsonl", ".ndjson"))
    if len(lines) < 2 and not is_named:
        return None
    try:
        objects = [json.loads(line) for line in lines[:2]]
    except (ValueError, RecursionError):
        return None
    if all(isinstance(item, dict) for item in objects):
        return Match(Strength.STRUCTURE, "lines of JSON objects")
    return None


def sniff_csv(file: SourceFile) -> Match | None:
    """Claim text whose lines are rows of a table."""
    name = file.path.name.lower()
    is_table = name.endswith(_TABLE_SUFFIXES)
    if file.is_dir or not file.head or not (is_table or name.endswith(_TEXT_SUFFIXES)):
        return None
    text, encoding, _ = decode_head(file.head[:_LOOK_AT_BYTES])
    if "\0" in text or text.lstrip().startswith(("{", "[", "<")):
        return None
    lines = text.splitlines()
    if len(lines) > 1 and len(file.head) > _LOOK_AT_BYTES:
        lines.pop()
    lines = [line for line in lines if line.strip() and not line.startswith("#")][:_LINES]
    for delimiter in (",", ";", "\t", "|") if is_table else (",", ";", "\t", " "):
        rows = rows_of(lines, delimiter)
        if _is_even(rows) and (is_table or _is_numeric(rows)):
            return Match(Strength.STRUCTURE, f"rows of {len(rows[-1])} cells")
    if is_table and encoding and any(mark in text for mark in ",;\t|"):
        return Match(Strength.SUFFIX, "is called a table")
    return None


def _is_even(rows: list[list[str]]) -> bool:
    """Say whether most rows have the same number of cells, more than one."""
    widths = [len(row) for row in rows[len(rows) // 3 :]]
    return len(rows) > 1 and widths[-1] > 1 and widths.count(widths[-1]) >= 0.9 * len(widths)


def _is_numeric(rows: list[list[str]]) -> bool:
    """Say whether rows begin with a number and hold little else."""
    body = rows[1:]
    cells = [cell for row in body for cell in row if cell]
    return (
        len(body) > 2
        and all(is_number(row[0]) for row in body)
        and sum(map(is_number, cells)) >= 0.6 * len(cells)
    )
