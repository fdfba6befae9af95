"""
The result of a command on stdout: tables for people, one JSON object for machines.

Must not know: what is printed.
"""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mosaico_ingest.reports.text import Block

__all__ = ["print_error", "print_json", "print_result"]


def print_result(blocks: "Iterable[Block]") -> None:
    """Print tables and lines."""
    from mosaico_ingest.reports.text import print_blocks

    print_blocks(blocks, sys.stdout)
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Print one JSON value; what JSON has no form for is printed as text."""
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


def print_error(text: str) -> None:
    """Say in one line on stderr what is wrong."""
    from mosaico_ingest.units import printable

    line = " ".join(text.split())
    sys.stderr.write(f"mosaico-ingest: error: {printable(line)}\n")
    sys.stderr.flush()
