"""
What a user can say about a table.

Must not know: how tables are read. Next: `sniffing`.
"""

from enum import StrEnum

import attrs

__all__ = ["CsvOptions", "HeaderLine", "JsonOptions", "TableOptions", "TimeUnit"]


class TimeUnit(StrEnum):
    """Unit of a column of times that are numbers."""

    Auto = "auto"
    S = "s"
    Ms = "ms"
    Us = "us"
    Ns = "ns"


class HeaderLine(StrEnum):
    """Whether the first line names the columns."""

    Auto = "auto"
    First = "first"
    Absent = "absent"


@attrs.frozen(kw_only=True)
class TableOptions:
    """Settings of every kind of table."""

    time_column: str = attrs.field(
        default="",
        metadata={"help": "Column with the times of rows; found by name and content otherwise."},
    )
    time_unit: TimeUnit = attrs.field(
        default=TimeUnit.Auto,
        converter=TimeUnit,
        metadata={"help": "Unit of times that are numbers."},
    )
    time_format: str = attrs.field(
        default="",
        metadata={"help": "Form of dates that are not ISO 8601, such as '%d.%m.%Y %H:%M:%S'."},
    )
    start: str = attrs.field(
        default="",
        metadata={"help": "Time at which a recording without a clock of its own begins."},
    )
    timezone: str = attrs.field(
        default="UTC", metadata={"help": "Time zone of dates that state none."}
    )
    rate: float = attrs.field(
        default=0.0, metadata={"help": "Rows per second of tables without a column of times."}
    )
    split: bool = attrs.field(
        default=True,
        metadata={"help": "Columns that form an IMU, a pose and the like as topics of their own."},
    )


@attrs.frozen(kw_only=True)
class JsonOptions(TableOptions):
    """Settings of lines of JSON objects."""

    max_row: int = attrs.field(
        default=16 * 1024 * 1024, metadata={"help": "Bytes that one row may have."}
    )


@attrs.frozen(kw_only=True)
class CsvOptions(TableOptions):
    """Settings of delimited text."""

    delimiter: str = attrs.field(
        default="", metadata={"help": "Character between cells; `tab` for tabulators."}
    )
    decimal: str = attrs.field(default="", metadata={"help": "Character before decimals."})
    encoding: str = attrs.field(default="", metadata={"help": "Encoding of the text."})
    header: HeaderLine = attrs.field(
        default=HeaderLine.Auto,
        converter=HeaderLine,
        metadata={"help": "Whether the first line names the columns."},
    )
    comment: str = attrs.field(
        default="#", metadata={"help": "What lines to pass over begin with."}
    )
    null_values: tuple[str, ...] = attrs.field(
        default=("", "null", "NULL", "NA", "N/A", "-"),
        converter=tuple,
        metadata={"help": "Text that stands for a missing number. May be repeated."},
    )
    max_row: int = attrs.field(
        default=16 * 1024 * 1024, metadata={"help": "Bytes that one row may have."}
    )
