"""
The messages inside a stretch of ROS 1 records, as vectors: by the index where it holds, else by a walk.

An index is believed only as far as the records prove it: every offset must lead to the header of a
message of its connection, and the messages must fill the stretch up to what the walk can name.

Must not know: files, compression, channels. Next: `ros1_parts`.
"""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.plugin import gather
from mosaico_ingest_rosbag.ros1_records import Op, Record, parse_record, ros_time_ns

__all__ = ["INDEX_ENTRY", "Bytes", "Described", "Ints", "Messages", "Walk", "by_index", "walk"]

INDEX_ENTRY = np.dtype([("seconds", "<u4"), ("rest_ns", "<u4"), ("offset", "<u4")])
_TEMPLATE_TRIES = 16

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Described = tuple[Record, bytes]


@attrs.frozen(eq=False, kw_only=True)
class Messages:
    """
    Messages in one buffer, row = message, in stored order.

    Args:
        buffer: (bytes,) uint8, the memory that holds them.
        connections, times_ns, starts, lengths: (n,) int64.
    """

    buffer: Bytes
    connections: Ints
    times_ns: Ints
    starts: Ints
    lengths: Ints

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.starts)


@attrs.frozen(eq=False, kw_only=True)
class Walk:
    """
    What a walk over records found.

    Args:
        messages: The messages.
        described: Header and data of each connection record, by connection id.
        indexes: The entries of each index record with its connection id.
        chunk_infos: The chunk info records, with their data.
        stopped_at: Where the next record is none; the end of the stretch if all is well.
    """

    messages: Messages
    described: Mapping[int, Described]
    indexes: Sequence[tuple[int, npt.NDArray[np.void]]]
    chunk_infos: Sequence[tuple[Record, bytes]]
    stopped_at: int


def walk(buffer: Bytes, start: int, end: int) -> Walk:
    """Go from record to record, message by message: the way where no index helps."""
    memory = buffer.data
    rows: list[tuple[int, int, int, int]] = []
    described: dict[int, Described] = {}
    indexes: list[tuple[int, npt.NDArray[np.void]]] = []
    chunk_infos: list[tuple[Record, bytes]] = []

    def read(at: int, n: int) -> bytes:
        return bytes(memory[at : min(at + n, end)])

    at = start
    while at < end:
        record = parse_record(read, at)
        if record is None or record.end > end:
            break
        if record.op == Op.MESSAGE:
            time_ns = ros_time_ns(record.fields[b"time"])
            rows.append((record.uint(b"conn"), time_ns, record.data_start, record.data_length))
        elif record.op == Op.CONNECTION:
            data = read(record.data_start, record.data_length)
            described.setdefault(record.uint(b"conn"), (record, data))
        elif record.op == Op.INDEX:
            n = record.data_length // INDEX_ENTRY.itemsize
            indexes.append(
                (record.uint(b"conn"), np.frombuffer(memory, INDEX_ENTRY, n, record.data_start))
            )
        elif record.op == Op.CHUNK_INFO:
            chunk_infos.append((record, read(record.data_start, record.data_length)))
        elif record.op == Op.CHUNK:
            break
        at = record.end
    table = np.array(rows, np.int64).reshape(-1, 4)
    connections, times_ns, starts, lengths = np.ascontiguousarray(table.T)
    return Walk(
        messages=Messages(
            buffer=buffer,
            connections=connections,
            times_ns=times_ns,
            starts=starts,
            lengths=lengths,
        ),
        described=described,
        indexes=indexes,
        chunk_infos=chunk_infos,
        stopped_at=at,
    )


def by_index(
    buffer: Bytes, indexes: Sequence[tuple[int, npt.NDArray[np.void]]]
) -> tuple[Messages, Mapping[int, Described] | None] | None:
    """
    Find the messages of a chunk by its index records, all at once.

    Returns:
        The messages whose entries hold, and the connections described between them; None in place of
        these if the messages are not proven to be all of the chunk. None if not a single entry holds.
    """
    if not indexes or len(buffer) < 8:
        return None
    connections = np.repeat(
        np.array([c for c, _ in indexes], np.int64), [len(entries) for _, entries in indexes]
    )
    offsets = np.concatenate([entries["offset"] for _, entries in indexes]).astype(np.int64)
    if not len(offsets):
        return None
    order = np.argsort(offsets, kind="stable")
    offsets, connections = offsets[order], connections[order]
    template = _template(buffer, offsets)
    if template is None:
        return None
    size, conn_at, time_at, fixed, pattern = template

    inside = offsets + size + 8 <= len(buffer)
    header_at = np.where(inside, offsets, 0)
    n = len(offsets)
    headers = gather(buffer, header_at, np.full(n, size + 8)).reshape(n, size + 8)
    conn = _uint32(headers, 4 + conn_at)
    lengths = _uint32(headers, 4 + size)
    starts = offsets + size + 8
    ends = starts + lengths
    holds = inside & (conn == connections) & (ends <= len(buffer))
    holds &= (headers[:, fixed] == pattern).all(axis=1)
    # An entry that repeats or reaches into the next message is none.
    holds[:-1] &= ends[:-1] <= offsets[1:]
    described = _between(buffer, offsets, ends) if holds.all() else None
    times_ns = _uint32(headers, 4 + time_at) * 1_000_000_000 + _uint32(headers, 8 + time_at)
    messages = Messages(
        buffer=buffer, connections=conn, times_ns=times_ns, starts=starts, lengths=lengths
    )
    if described is not None:
        return messages, described
    rows = np.flatnonzero(holds)
    picked = {name: getattr(messages, name)[rows] for name in _VECTORS}
    return Messages(buffer=buffer, **picked), None


_VECTORS = ("connections", "times_ns", "starts", "lengths")


def _template(buffer: Bytes, offsets: Ints) -> tuple[int, int, int, Ints, Bytes] | None:
    """
    Return the layout that the headers of a chunk's messages share, read from one of the first.

    Returns:
        Size of the header, places of the values of `conn` and `time` in it, and the positions, from
        the size word on, of the bytes that are the same in every header, with these bytes.
    """
    memory = buffer.data

    def read(at: int, n: int) -> bytes:
        return bytes(memory[at : at + n])

    for offset in offsets[:_TEMPLATE_TRIES].tolist():
        record = parse_record(read, offset)
        if record is None or record.op != Op.MESSAGE:
            continue
        size = record.data_start - 8 - offset
        header = read(offset + 4, size)
        conn_at = _value_at(header, b"conn")
        time_at = _value_at(header, b"time")
        fixed = np.ones(size + 8, bool)
        fixed[4 + conn_at : 8 + conn_at] = fixed[4 + time_at : 12 + time_at] = False
        fixed[4 + size :] = False
        at = np.flatnonzero(fixed)
        return size, conn_at, time_at, at, buffer[offset + at]
    return None


def _value_at(header: bytes, name: bytes) -> int:
    """Return where the value of a field begins in a header that has it."""
    at = 0
    while True:
        size = int.from_bytes(header[at : at + 4], "little")
        if header.startswith(name + b"=", at + 4):
            return at + 4 + len(name) + 1
        at += 4 + size


def _between(buffer: Bytes, offsets: Ints, ends: Ints) -> dict[int, Described] | None:
    """Return the connections described between messages; None if anything else than whole records is."""
    described: dict[int, Described] = {}
    edges = np.concatenate([[0], ends])
    nexts = np.concatenate([offsets, [len(buffer)]])
    for gap in np.flatnonzero(edges != nexts).tolist():
        found = walk(buffer, int(edges[gap]), int(nexts[gap]))
        if found.stopped_at != nexts[gap] or len(found.messages):
            return None
        described |= found.described
    return described


def _uint32(rows: Bytes, column: int) -> Ints:
    """Return the little-endian uint32 at *column* of every row, as int64."""
    return np.ascontiguousarray(rows[:, column : column + 4]).view("<u4")[:, 0].astype(np.int64)
