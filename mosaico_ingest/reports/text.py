"""
Tables and lines on a stream: styled to fit a terminal, plain and aligned everywhere else.

Must not know: what the tables say. Next: `summary`.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import attrs

from mosaico_ingest.units import printable

__all__ = ["Block", "Column", "Table", "print_blocks", "short_path"]

_GAP = 2


@attrs.frozen
class Column:
    """
    A column of a table.

    Args:
        name: Its heading.
        right: Whether its cells are numbers, aligned to the right.
        spare: Its turn to be left out where the terminal is too narrow, 0 for never.
    """

    name: str
    right: bool = False
    spare: int = 0


@attrs.frozen(kw_only=True)
class Table:
    """
    Columns and rows of text.

    Args:
        columns: One per cell of a row.
        rows: The body.
        total: A last row, set apart, or empty.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()

    @property
    def widths(self) -> tuple[int, ...]:
        """How wide each column must be to show all of its cells."""
        lines = [tuple(column.name for column in self.columns), *self.rows]
        lines += [self.total] if self.total else []
        return tuple(max(map(len, cells)) for cells in zip(*lines, strict=True))

    def within(self, width: int) -> "Table":
        """Leave out spare columns until the rest fits, those that hold only zeros or blanks first."""
        table = self
        while sum(table.widths) + _GAP * (len(table.columns) - 1) > width:
            spare = table._spare()
            if not spare:
                break
            table = table._without(spare)
        return table

    def _spare(self) -> frozenset[int]:
        """Return the numbers of the columns that are missed least: columns of one rank go together."""
        lines = [*self.rows, *([self.total] if self.total else [])]
        ranks: dict[tuple[bool, int], set[int]] = {}
        for number, column in enumerate(self.columns):
            told = any(line[number] not in ("", "0") for line in lines)
            if column.spare and (not column.right or not told):
                ranks.setdefault((told, column.spare), set()).add(number)
        return frozenset(ranks[min(ranks)]) if ranks else frozenset()

    def _without(self, numbers: frozenset[int]) -> "Table":
        """Leave out some columns."""
        kept = [number for number in range(len(self.columns)) if number not in numbers]
        return Table(
            columns=tuple(self.columns[number] for number in kept),
            rows=tuple(tuple(row[number] for number in kept) for row in self.rows),
            total=tuple(self.total[number] for number in kept) if self.total else (),
        )


Block = Table | str


def short_path(path: str | Path) -> str:
    """Leave out the folder that the user is in."""
    return str(path).removeprefix(f"{Path.cwd()}{os.sep}")


def print_blocks(blocks: Iterable[Block], stream: TextIO) -> None:
    """Print lines and tables, for people on a terminal or for a file."""
    blocks = map(_printable_block, blocks)
    if stream.isatty():
        _print_rich(blocks, stream)
        return
    for block in blocks:
        if isinstance(block, str):
            stream.write(f"{block}\n")
        else:
            stream.writelines(f"{line}\n" for line in _plain(block))


def _printable_block(block: Block) -> Block:
    """Escape every text of *block*."""
    if isinstance(block, str):
        return printable(block)
    return attrs.evolve(
        block,
        rows=tuple(tuple(map(printable, row)) for row in block.rows),
        total=tuple(map(printable, block.total)),
    )


def _plain(table: Table) -> list[str]:
    """Align a table with spaces, as wide as it needs."""
    widths = table.widths
    heads = tuple(column.name for column in table.columns)
    lines = [heads, tuple("-" * width for width in widths), *table.rows]
    lines += [table.total] if table.total else []
    return [
        (" " * _GAP)
        .join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, column, width in zip(line, table.columns, widths, strict=True)
        )
        .rstrip()
        for line in lines
    ]


def _print_rich(blocks: Iterable[Block], stream: TextIO) -> None:
    """Print with rich, within the width of the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    width, height = shutil.get_terminal_size()
    console = Console(file=stream, highlight=False, width=width, height=height)
    for block in blocks:
        if isinstance(block, str):
            console.print(Text(block), soft_wrap=True)
            continue
        table = block.within(width)
        grid = RichTable(
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            show_edge=False,
            pad_edge=False,
            show_footer=bool(table.total),
        )
        for number, column in enumerate(table.columns):
            grid.add_column(
                column.name,
                footer=table.total[number] if table.total else "",
                justify="right" if column.right else "left",
                no_wrap=column.right,
                overflow="fold",
            )
        for row in table.rows:
            grid.add_row(*map(Text, row))
        console.print(grid)
