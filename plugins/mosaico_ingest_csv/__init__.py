"""
Source plugin for tables (CSV and its kin, Parquet, Arrow, JSON lines), and the mapper of their columns.

Must not know: anything that would need pyarrow's readers before a file is opened. Next: `recording`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import (
    Mapper,
    Match,
    Recording,
    SourceFile,
    SourceFormat,
    hookimpl,
)
from mosaico_ingest_csv.options import CsvOptions, JsonOptions, TableOptions
from mosaico_ingest_csv.sniffing import sniff_arrow, sniff_csv, sniff_jsonl, sniff_parquet

MOSAICO_API = (1, 0)


class CsvFormat:
    """Delimited text."""

    name = "csv"
    suffixes: Sequence[str] = (".csv", ".tsv", ".tab")
    options: type | None = CsvOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim text whose lines are rows."""
        return sniff_csv(file)

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a text."""
        from mosaico_ingest_csv.csvtable import CsvTable
        from mosaico_ingest_csv.recording import TableRecording

        chosen = options if isinstance(options, CsvOptions) else CsvOptions()
        return TableRecording(file, CsvTable(file, chosen), chosen)


class ParquetFormat:
    """Parquet files."""

    name = "parquet"
    suffixes: Sequence[str] = (".parquet", ".pq")
    options: type | None = TableOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim a file by its magic."""
        return sniff_parquet(file)

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a file."""
        from mosaico_ingest_csv.columnar import open_parquet
        from mosaico_ingest_csv.recording import TableRecording

        chosen = options if isinstance(options, TableOptions) else TableOptions()
        return TableRecording(file, open_parquet(file, chosen), chosen)


class ArrowFormat:
    """Arrow files and streams; Feather version 2 is an Arrow file."""

    name = "arrow"
    suffixes: Sequence[str] = (".arrow", ".arrows", ".feather", ".ipc")
    options: type | None = TableOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim a file by its magic, a stream by its first message."""
        return sniff_arrow(file)

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a file or a stream."""
        from mosaico_ingest_csv.columnar import open_arrow
        from mosaico_ingest_csv.recording import TableRecording

        chosen = options if isinstance(options, TableOptions) else TableOptions()
        return TableRecording(file, open_arrow(file, chosen), chosen)


class JsonLinesFormat:
    """Lines of JSON objects."""

    name = "jsonl"
    suffixes: Sequence[str] = (".jsonl", ".ndjson")
    options: type | None = JsonOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim text whose lines are objects."""
        return sniff_jsonl(file)

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a text."""
        from mosaico_ingest_csv.jsonlines import JsonTable
        from mosaico_ingest_csv.recording import TableRecording

        chosen = options if isinstance(options, JsonOptions) else JsonOptions()
        return TableRecording(file, JsonTable(file, chosen), chosen)


@hookimpl
def mosaico_sources() -> Sequence[SourceFormat]:
    """Hand in the formats."""
    return (ArrowFormat(), CsvFormat(), JsonLinesFormat(), ParquetFormat())


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the mapper."""
    from mosaico_ingest_csv.mapper import TableMapper

    return (TableMapper(),)
