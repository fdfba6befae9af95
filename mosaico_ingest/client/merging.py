"""
The rows of several topics in one order of time, as slices of their batches.

All that lies up to a *frontier*, the earliest end of the batches at hand, is put in order at once: no batch
to come can have an earlier row. At most one batch per topic is held.

Must not know: where rows come from. Next: `query`.
"""

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.protocol.schema import TIMESTAMP

__all__ = ["merge"]


class _Head:
    """The batch of a topic that is being passed on."""

    def __init__(self, name: str, reader: pa.RecordBatchReader) -> None:
        self.name = name
        self._reader = reader
        self._batch: pa.RecordBatch | None = None
        self.times: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def fill(self) -> bool:
        """Say whether there are rows left, fetching the next batch where this one is spent."""
        while not len(self.times):
            try:
                self._batch = self._reader.read_next_batch()
            except StopIteration:
                return False
            self.times = self._batch.column(TIMESTAMP).to_numpy()
        return True

    def take(self, rows: int) -> pa.RecordBatch:
        """Return the next *rows*."""
        assert self._batch is not None
        start = len(self._batch) - len(self.times)
        self.times = self.times[rows:]
        return self._batch.slice(start, rows)


def merge(readers: Mapping[str, pa.RecordBatchReader]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """
    Yield the rows of *readers*, each in order of time, as (name, slice) in order of time over all.

    A slice is as long as no other topic has a row between; of rows of one instant, those of earlier readers
    come first. The readers are closed at the end, or when the iteration is given up.
    """
    with contextlib.ExitStack() as opened:
        heads = [_Head(name, opened.enter_context(reader)) for name, reader in readers.items()]
        while heads := [head for head in heads if head.fill()]:
            frontier = min(head.times[-1] for head in heads)
            counts = [int(np.searchsorted(head.times, frontier, "right")) for head in heads]
            times = np.concatenate(
                [head.times[:count] for head, count in zip(heads, counts, strict=True)]
            )
            owners = np.repeat(np.arange(len(heads)), counts)
            owners = owners[np.argsort(times, kind="stable")]
            starts = np.flatnonzero(np.diff(owners, prepend=-1))
            lengths = np.diff(starts, append=len(owners))
            for owner, length in zip(owners[starts].tolist(), lengths.tolist(), strict=True):
                yield heads[owner].name, heads[owner].take(length)
