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
from mosaico_ingest_csv.options import CsvOptions
from mosaico_ingest_csv.sniffing import sniff_csv

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


@hookimpl
def mosaico_sources() -> Sequence[SourceFormat]:
    """Hand in the formats."""
    return (CsvFormat(),)


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the mapper."""
    from mosaico_ingest_csv.mapper import TableMapper

    return (TableMapper(),)
