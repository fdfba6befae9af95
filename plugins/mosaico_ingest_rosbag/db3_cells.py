"""
The cells of a bag's table of messages as columns: rows that numpy takes from the leaves, without SQLite.

A row is a cell of a leaf: its length, its row id, the kinds of its values, then the values. What is not
exactly as a bag's recorder leaves it raises `OddError`.

Must not know: the tree, overflow pages. Next: `db3_table`.
"""

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest_rosbag.db3_pages import (
    Bytes,
    Ints,
    OddError,
    PageFile,
    cell_places,
    load,
    varints,
)

__all__ = ["Mask", "Rows", "read_rows"]

Mask = npt.NDArray[np.bool_]

_TAIL_BYTES = 128  # past the last page, so that a cell at its end can be looked at
_MOST_BYTES = 1_000_000_000  # of a row, for SQLite
# Bytes of a value by its kind, for integers; the kinds 8 and 9 stand for the values 0 and 1.
_INT_BYTES = np.array([-1, 1, 2, 3, 4, 6, 8, -1, 0, 0, -1, -1], np.int64)


@attrs.frozen(eq=False, kw_only=True)
class Rows:
    """
    Cells of some leaves, in the order of their row ids; each (n,) int64 where nothing else is said.

    Args:
        leaves: (bytes,) uint8, the pages; *data_at* counts in it.
        rows: Their ids.
        lengths: Bytes of data in all.
        local: Bytes of data that are on the leaf.
        overflow: Where the rest begins: number of a page, 0 if there is no rest.
    """

    leaves: Bytes
    rows: Ints
    topic_ids: Ints
    times_ns: Ints
    data_at: Ints
    lengths: Ints
    local: Ints
    overflow: Ints

    def take(self, picked: Ints | Mask | slice) -> "Rows":
        """Return some of the rows."""
        columns = {name: getattr(self, name)[picked] for name in _COLUMNS}
        return Rows(leaves=self.leaves, **columns)


_COLUMNS = ("rows", "topic_ids", "times_ns", "data_at", "lengths", "local", "overflow")


def read_rows(file: PageFile, numbers: Ints) -> Rows:
    """
    Return all rows of some leaves.

    Raises:
        OddError: A page is no leaf of messages, or a row of it is none.
    """
    pad = file.usable  # room before the first cell, for who copies a row's last bytes page by page
    data = np.zeros(pad + len(numbers) * file.page_bytes + _TAIL_BYTES, np.uint8)
    file.read(numbers, data[pad:])
    starts = pad + np.arange(len(numbers)) * file.page_bytes
    if (data[starts] != 13).any():
        msg = "A page of the table is no leaf."
        raise OddError(msg)
    cells, _ = cell_places(file, data, starts)
    payload_bytes, at = varints(data, cells)
    rows, record_at = varints(data, at)
    head_bytes, at = varints(data, record_at)
    kinds = []
    for _ in range(4):
        kind, at = varints(data, at)
        kinds.append(kind)
    key, topic, time, blob = kinds
    topic_bytes = _INT_BYTES[np.clip(topic, 0, 11)]
    time_bytes = _INT_BYTES[np.clip(time, 0, 11)]
    lengths = (blob - 12) // 2
    body_at = record_at + head_bytes
    before = head_bytes + topic_bytes + time_bytes
    holds = (at == body_at) & (key == 0) & (blob >= 12) & (blob % 2 == 0)
    holds &= (topic_bytes >= 0) & (time_bytes >= 0) & (payload_bytes == before + lengths)
    holds &= payload_bytes <= _MOST_BYTES
    # What is on the leaf, as SQLite shares a row out between leaf and overflow pages.
    most = file.usable - 35
    least = (file.usable - 12) * 32 // 255 - 23
    shared = least + (payload_bytes - least) % (file.usable - 4)
    local = np.where(payload_bytes <= most, payload_bytes, np.where(shared <= most, shared, least))
    page_ends = starts[(cells - pad) // file.page_bytes] + file.usable
    overflows = payload_bytes > most
    holds &= record_at + local + 4 * overflows <= page_ends
    if not holds.all():
        msg = "A row is not what a recorder of bags writes."
        raise OddError(msg)
    overflow = np.zeros(len(rows), np.int64)
    overflow[overflows] = load(data, (record_at + local)[overflows], ">u4")
    return Rows(
        leaves=data,
        rows=rows,
        topic_ids=_integers(data, body_at, topic, topic_bytes),
        times_ns=_integers(data, body_at + topic_bytes, time, time_bytes),
        data_at=record_at + before,
        lengths=lengths,
        local=local - before,
        overflow=overflow,
    )


def _integers(data: Bytes, at: Ints, kinds: Ints, nbytes: Ints) -> Ints:
    """Read integers of 0 to 8 bytes, big-endian and signed."""
    values: Ints = load(data, at, ">i8") >> (64 - 8 * np.maximum(nbytes, 1))
    return np.where(nbytes > 0, values, kinds - 8)
