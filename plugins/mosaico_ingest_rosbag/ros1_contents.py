"""
The table of contents of a ROS 1 bag: from the index at its end, or from a scan where that is missing.

A recorder that crashed leaves no index; the scan goes from record header to record header, unpacks
only the chunks whose connections it has not met, and finds its way past bytes that are no record.

Must not know: batches. Next: `ros1_recording`.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import attrs
import numpy as np

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Damage
from mosaico_ingest_rosbag.ros1_messages import INDEX_ENTRY, Walk, walk
from mosaico_ingest_rosbag.ros1_parts import Part, read_part
from mosaico_ingest_rosbag.ros1_records import (
    MAGIC,
    BagFile,
    Op,
    Record,
    ros_time_ns,
    split_fields,
)

__all__ = ["Connection", "Contents", "read_contents"]

_LOOSE_PART_BYTES = 4 << 20
_CHUNKS_LOOKED_AT = 1000


@attrs.frozen(kw_only=True)
class Connection:
    """One publisher of a topic, as the recorder met it."""

    topic: str
    type_name: str
    md5sum: str
    definition: bytes = attrs.field(repr=False)
    callerid: str
    latching: bool


@attrs.frozen(kw_only=True)
class Contents:
    """
    What a bag holds.

    Args:
        connections: By id; those that have messages but no description are missing.
        parts: The parts with messages, in file order.
        compression: Number of chunks per kind of compression, of the first 1,000 chunks.
        has_index: Whether counts and times come from the index at the end of the bag.
    """

    connections: Mapping[int, Connection]
    parts: tuple[Part, ...]
    compression: Mapping[str, int]
    has_index: bool
    damage: tuple[Damage, ...] = ()
    findings: tuple[str, ...] = ()


def read_contents(file: BagFile) -> Contents:
    """
    Read the table of contents.

    Raises:
        SourceError: The bag is encrypted, or not a single record is in it.
    """
    head = file.record(len(MAGIC)) if file.read(0, len(MAGIC)) == MAGIC else None
    if head is not None and head.fields.get(b"encryptor"):
        plugin = head.fields[b"encryptor"].decode("utf-8", "replace")
        msg = (
            f"{str(file.path)!r} is encrypted with {plugin!r}; only unencrypted bags can be read. "
            "Decrypt it with `rosbag decompress` first."
        )
        raise SourceError(msg, path=file.path)
    if head is None or head.op != Op.BAG:
        return _Scan(file, None).run()
    return _from_index(file, head) or _Scan(file, head).run()


def _from_index(file: BagFile, head: Record) -> Contents | None:
    """Return the contents by the index, None if it is missing or contradicts itself."""
    index_at = head.uint(b"index_pos")
    if not head.end <= index_at <= file.size:
        return None
    raw = np.frombuffer(file.read(index_at, file.size - index_at), np.uint8)
    index = walk(raw, 0, len(raw))
    connections = _connections(index)
    n = len(index.chunk_infos)
    if n != int.from_bytes(head.fields.get(b"chunk_count", b""), "little"):
        return None
    infos = sorted(index.chunk_infos, key=lambda info: info[0].uint(b"chunk_pos"))
    starts = [info.uint(b"chunk_pos") for info, _ in infos]
    edges = [*starts, index_at]
    if edges[0] < head.end or any(a >= b for a, b in pairwise(edges)):
        return None
    parts = [
        Part(start=a, end=b, counts=_info_counts(data), time_range_ns=_info_times(info))
        for (a, b), (info, data) in zip(pairwise(edges), infos, strict=True)
    ]
    if not {c for part in parts for c in part.counts or {}} <= connections.keys():
        return None
    findings: tuple[str, ...] = ()
    if index.stopped_at != len(raw):
        findings = (f"{len(raw) - index.stopped_at} bytes follow the index.",)
    before = _Scan(file, head, end=edges[0]).run() if edges[0] > head.end else None
    compression: Counter[str] = Counter()
    for start in starts[:_CHUNKS_LOOKED_AT]:
        chunk = file.record(start)
        if chunk is None or chunk.op != Op.CHUNK:
            return None  # the index is damaged, or the chunk: a scan tells which
        compression[_text(chunk.fields[b"compression"])] += 1
    return Contents(
        connections=connections,
        parts=(*(before.parts if before else ()), *parts),
        compression=dict(compression),
        has_index=True,
        damage=before.damage if before else (),
        findings=findings,
    )


class _Scan:
    """A pass over the record headers of a bag, or of its beginning, that needs no index."""

    def __init__(self, file: BagFile, head: Record | None, end: int | None = None) -> None:
        self._file = file
        self._begin = head.end if head else 0
        self._end = file.size if end is None else end
        self._is_all = end is None
        self._parts: list[Part] = []
        self._connections: dict[int, Connection] = {}
        self._compression: Counter[str] = Counter()
        self._damage: list[Damage] = []
        # The part that is being gathered.
        self._start = -1
        self._chunk: Record | None = None
        self._counts: Counter[int] = Counter()
        self._times: list[int] = []
        self._fault = ""

    def run(self) -> Contents:
        """Make the pass."""
        at = self._begin
        if not at and (found := self._file.find(0, tuple(Op))) is not None:
            at = found  # the magic or the bag header is damaged
        elif not at:
            msg = (
                f"No record of a ROS 1 bag is in {str(self._file.path)!r} ({self._file.size} bytes). "
                "Check that it is a bag of version 2.0 and was copied completely."
            )
            raise SourceError(msg, path=self._file.path)
        while at < self._end:
            at = self._step(at)
        self._close_part(self._end)
        for i, part in enumerate(self._parts):
            self._parts[i] = self._complete(part)
        findings = ("The bag has no usable index; its contents were found by a scan.",)
        return Contents(
            connections=self._connections,
            parts=tuple(self._parts),
            compression=dict(self._compression),
            has_index=False,
            damage=tuple(self._damage),
            findings=findings if self._is_all else (),
        )

    def _step(self, at: int) -> int:
        """Take the record at *at* and return where the next one begins."""
        record = self._file.record(at)
        if record is None:
            return self._skip(at, at + 1)
        match record.op:
            case Op.CHUNK:
                self._close_part(at)
                self._start, self._chunk = at, record
                self._compression[_text(record.fields[b"compression"])] += 1
            case Op.INDEX:
                self._take_index(record)
            case Op.MESSAGE:
                if self._chunk is None and at - self._start > _LOOSE_PART_BYTES:
                    self._close_part(at)
                self._start = at if self._start < 0 else self._start
                self._counts[record.uint(b"conn")] += 1
                self._times.append(ros_time_ns(record.fields[b"time"]))
            case Op.CONNECTION:
                data = self._file.read(record.data_start, record.data_length)
                self._describe(record, data)
            case Op.CHUNK_INFO:
                self._close_part(at)
        return self._next(record)

    def _next(self, record: Record) -> int:
        """Return where the record after *record* begins; the length that it states may be garbage."""
        if record.end == self._end or self._file.record(record.end) is not None:
            return min(record.end, self._end)
        if record.op != Op.CHUNK:
            return self._skip(min(record.end, self._end), record.data_start)
        # The data of a chunk may hold records themselves, but never these.
        found = self._file.find(record.data_start, (Op.INDEX, Op.CHUNK))
        if found is None or found >= self._end:
            self._cut(record.data_start)
            return self._end
        if found < record.end:
            self._fault = f"The chunk states {record.data_length} bytes of data and has fewer."
            return found
        return self._skip(record.end, found)

    def _skip(self, at: int, search_at: int) -> int:
        """Pass over the bytes from *at* on that are no record."""
        found = self._file.find(search_at, tuple(Op))
        if found is None or found >= self._end:
            self._cut(at)
            return self._end
        begin = min(at, found)
        self._damage.append(
            Damage(
                reason=f"{found - begin} bytes are no record of a bag.",
                byte_range=(begin, found),
                path=self._file.path,
            )
        )
        self._distrust_counts()
        self._close_part(begin)
        return found

    def _cut(self, at: int) -> None:
        """Note that the file ends inside a record."""
        reason = "The file ends inside a record; it was cut off or is still being recorded."
        self._fault = self._fault or reason
        self._distrust_counts()
        self._damage.append(Damage(reason=reason, byte_range=(at, self._end), path=self._file.path))

    def _distrust_counts(self) -> None:
        """Have the messages of the chunk counted: some of its index records may be lost."""
        if self._chunk is not None:
            self._counts.clear()

    def _take_index(self, record: Record) -> None:
        """Count the messages that an index record states for the chunk before it."""
        raw = self._file.read(record.data_start, record.data_length)
        entries = np.frombuffer(raw, INDEX_ENTRY, len(raw) // INDEX_ENTRY.itemsize)
        self._counts[record.uint(b"conn")] += len(entries)
        if len(entries):
            times_ns = entries["seconds"].astype(np.int64) * 1_000_000_000 + entries["rest_ns"]
            self._times += [int(times_ns.min()), int(times_ns.max())]

    def _describe(self, record: Record, data: bytes) -> None:
        """Keep the description of a connection."""
        connection = _connection(record, data)
        if connection is not None:
            self._connections.setdefault(record.uint(b"conn"), connection)

    def _close_part(self, end: int) -> None:
        """End the part that is being gathered."""
        if 0 <= self._start < end and (self._chunk is not None or self._counts):
            times = (min(self._times), max(self._times)) if self._times else None
            counts = dict(self._counts) if self._counts else None
            self._parts.append(
                Part(
                    start=self._start,
                    end=end,
                    counts=counts,
                    time_range_ns=times,
                    fault=self._fault,
                )
            )
        self._start, self._chunk, self._fault = -1, None, ""
        self._counts, self._times = Counter(), []

    def _complete(self, part: Part) -> Part:
        """Look into a part whose messages or connections the record headers have not told."""
        if part.counts is not None and part.counts.keys() <= self._connections.keys():
            return part
        content = read_part(self._file, part)
        for record, data in content.described.values():
            self._describe(record, data)
        counts, times = part.counts, part.time_range_ns
        if counts is None:
            counts = content.counts()
            ends = [(m.times_ns.min(), m.times_ns.max()) for m in content.messages if len(m)]
            if ends:
                times = (int(min(a for a, _ in ends)), int(max(b for _, b in ends)))
        return attrs.evolve(part, counts=counts, time_range_ns=times)


def _connections(index: Walk) -> dict[int, Connection]:
    """Return the connections that the index describes."""
    found = {c: _connection(record, data) for c, (record, data) in index.described.items()}
    return {c: connection for c, connection in found.items() if connection is not None}


def _connection(record: Record, data: bytes) -> Connection | None:
    """Return what a connection record says, None if its data are damaged."""
    fields = split_fields(data)
    if fields is None:
        return None
    return Connection(
        topic=_text(record.fields[b"topic"]),
        type_name=_text(fields.get(b"type", b"")),
        md5sum=_text(fields.get(b"md5sum", b"")),
        definition=fields.get(b"message_definition", b""),
        callerid=_text(fields.get(b"callerid", b"")),
        latching=fields.get(b"latching", b"0") == b"1",
    )


def _info_counts(data: bytes) -> dict[int, int]:
    """Return the messages per connection id of a chunk info record."""
    pairs = np.frombuffer(data, "<u4", len(data) // 8 * 2).reshape(-1, 2)
    return {int(connection): int(n) for connection, n in pairs.tolist()}


def _info_times(info: Record) -> tuple[int, int]:
    """Return the first and last log time of a chunk."""
    return ros_time_ns(info.fields[b"start_time"]), ros_time_ns(info.fields[b"end_time"])


def _text(value: bytes) -> str:
    """Return text that may be anything."""
    return value.decode("utf-8", "replace")
