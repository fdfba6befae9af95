"""
Where reading stands in every row: one number while all rows agree, a vector from then on.

Every advance is checked against the end of the row first, so that no length field, however hostile,
leads to a read outside of it, or to an allocation out of proportion to the payload.

Must not know: Arrow. Next: `walk`.
"""

import attrs
import numpy as np

from mosaico_ingest_ros.decoding.layout import Block, Numbers, Text
from mosaico_ingest_ros.decoding.rows import Ints, Place, Rows

__all__ = ["Cursor"]

_WORD = np.dtype("<u4")


@attrs.define(eq=False)
class Cursor:
    """
    A place in every row.

    Args:
        rows: What is read.
        modulus: Places that are equal modulo this have the same layout from there on.
        is_big: Whether numbers are big endian.
        at: The place.
    """

    rows: Rows
    modulus: int
    is_big: bool
    at: Place = 0

    def align(self, to: int) -> None:
        """Move to the next multiple of *to* from the start of the message."""
        if to > 1:
            phase = self.rows.phase
            self.at = ((self.at + (phase + to - 1)) & -to) - phase

    def advance(self, nbytes: Place, path: str) -> None:
        """Move over *nbytes* of the field *path*, which must be there."""
        at = self.at + nbytes
        if isinstance(at, int):
            if at > self.rows.shortest:
                raise self.rows.short(self.rows.sizes < at, path)
        else:
            bad = at > self.rows.sizes
            if bad.any():
                raise self.rows.short(bad, path)
        self.at = at

    def settle(self) -> None:
        """Give the rows new origins at this place if they have the same layout from here on."""
        if isinstance(self.at, int):
            return
        first = int(self.at[0])
        if (self.at == first).all():
            self.at = first
            return
        phases = (self.at + self.rows.phase) & (self.modulus - 1)
        if (phases == phases[0]).all():
            self.rows = self.rows.shift(self.at, int(phases[0]))
            self.at = 0

    def word(self, path: str) -> Place:
        """Read a 32-bit length; one number if all rows agree."""
        start = self.at
        self.advance(_WORD.itemsize, path)
        words = self.rows.read(start, _WORD.newbyteorder(">") if self.is_big else _WORD)
        first = int(words[0])
        return first if (words == first).all() else words.astype(np.int64)

    def limit(self, counts: Place, min_bytes: int, path: str) -> None:
        """Check that *counts* items of at least *min_bytes* fit into the rest of the rows."""
        room = (self.rows.sizes - self.at) // min(min_bytes, np.iinfo(np.int64).max)
        bad = room < counts
        if bad.any():
            raise self.rows.short(bad, path)

    def text(self, step: Text) -> tuple[Ints, Place]:
        """Move over a string; return where in the buffer its bytes start, and their number."""
        self.align(step.align)
        length = self.word(step.path)
        start = self.at
        self.advance(length, step.path)
        rows = self.rows
        if not step.terminated:
            return rows.origins + start, length
        if isinstance(length, int) and not length:
            return rows.origins + start, 0
        last = rows.read(self.at - 1, np.dtype("u1"))
        bad = (last != 0) & np.greater(length, 0)
        if bad.any():
            raise rows.fault(bad, f"The string {step.path!r} has no end mark.")
        # Some writers give an empty string no end mark, and the length 0.
        body = length - 1 if isinstance(length, int) else np.maximum(length - 1, 0)
        return rows.origins + start, body

    def numbers(self, step: Numbers) -> tuple[Ints, Place]:
        """Move over a sequence of numbers; return where in the buffer it starts, and its bytes."""
        self.align(step.align)
        counts = self.word(step.path)
        if step.item.align > step.align:  # an empty sequence is not padded
            before = self.at
            self.align(step.item.align)
            if not isinstance(counts, int):
                self.at = np.where(counts > 0, self.at, before)
            elif not counts:
                self.at = before
        start, nbytes = self.rows.origins + self.at, counts * step.item.dtype.itemsize
        self.advance(nbytes, step.path)
        return start, nbytes

    def skip_block(self, block: Block) -> None:
        """Move over fields of fixed size."""
        self.align(block.align)
        sizes = block.sizes[(self.at + self.rows.phase) & 7]
        self.advance(int(sizes) if isinstance(self.at, int) else sizes, block.path)
