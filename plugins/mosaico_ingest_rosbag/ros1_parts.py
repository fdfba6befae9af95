"""
The parts of a ROS 1 bag: one chunk each, with the records that follow it, read and unpacked as one.

Must not know: channels, batches. Next: `ros1_contents`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from mosaico_ingest_rosbag.ros1_messages import Bytes, Described, Messages, Walk, by_index, walk
from mosaico_ingest_rosbag.ros1_records import BagFile, Op, Record, parse_record

if TYPE_CHECKING:
    from bz2 import BZ2Decompressor

    from lz4.frame import LZ4FrameDecompressor

__all__ = ["Part", "PartContent", "read_part"]


@attrs.frozen(kw_only=True)
class Part:
    """
    A stretch of the file that begins with a chunk, or holds records outside chunks.

    Args:
        start, end: First byte and the one after the last.
        counts: Messages per connection id as the index states them, None where there is none.
        time_range_ns: First and last log time, inclusive, None where unknown.
        fault: What opening has already told about it, empty if nothing.
    """

    start: int
    end: int
    counts: Mapping[int, int] | None = None
    time_range_ns: tuple[int, int] | None = None
    fault: str = ""


@attrs.frozen(eq=False, kw_only=True)
class PartContent:
    """
    What a part holds.

    Args:
        messages: Its messages, those of the chunk first.
        described: The connection records met on the way.
        declared: Messages per connection id by the index records of the part, None without any.
        fault: Why something of it cannot be read, empty if all can.
    """

    messages: Sequence[Messages]
    described: Mapping[int, Described]
    declared: Mapping[int, int] | None
    fault: str = ""

    def counts(self) -> dict[int, int]:
        """Return the number of messages per connection id."""
        total: Counter[int] = Counter()
        for messages in self.messages:
            ids, n = np.unique(messages.connections, return_counts=True)
            total.update(dict(zip(ids.tolist(), n.tolist(), strict=True)))
        return dict(total)


def read_part(file: BagFile, part: Part) -> PartContent:
    """Read and unpack one part; what cannot be read is named in `fault`, never raised."""
    most = file.max_record_bytes
    if part.end - part.start > most:
        fault = f"A part of {part.end - part.start} bytes is larger than {_allowed(most)}"
        return PartContent(messages=[], described={}, declared=None, fault=fault)
    raw = file.read(part.start, part.end - part.start)
    buffer = np.frombuffer(raw, np.uint8)
    chunk = parse_record(lambda at, n: raw[at : at + n], 0)
    if chunk is None or chunk.op != Op.CHUNK:
        loose = walk(buffer, 0, len(buffer))
        fault = "" if loose.stopped_at == len(buffer) else _broken("record", loose.stopped_at)
        return PartContent(
            messages=[loose.messages],
            described=loose.described,
            declared=_declared(loose),
            fault=fault,
        )

    # A recorder that died leaves its last chunk open: sizes of 0, and the data after the header.
    is_open = not chunk.data_length and chunk.fields[b"compression"] != b"none"
    data_end = len(raw) if is_open else min(chunk.end, len(raw))
    tail = walk(buffer, data_end, len(buffer))
    fault = ""
    if tail.stopped_at != len(buffer):
        fault = _broken("record", tail.stopped_at)
    try:
        data, is_whole = _unpack(chunk, buffer[chunk.data_start : data_end], most)
    except (OSError, RuntimeError, ValueError, EOFError, MemoryError) as err:
        fault = f"The chunk cannot be unpacked ({str(err).rstrip('.')})."
        return PartContent(
            messages=[tail.messages],
            described=tail.described,
            declared=_declared(tail),
            fault=fault,
        )
    found, described, inner_fault = _chunk_messages(data, tail)
    if is_open or chunk.end > len(raw) or not is_whole:
        inner_fault = "The chunk ends before its data do."
    return PartContent(
        messages=[found, tail.messages],
        described={**described, **tail.described},
        declared=_declared(tail),
        fault=inner_fault or fault,
    )


def _chunk_messages(data: Bytes, tail: Walk) -> tuple[Messages, Mapping[int, Described], str]:
    """Find the messages in the unpacked *data* of a chunk, by the index records in *tail* if they hold."""
    indexed = by_index(data, tail.indexes)
    if indexed is not None and indexed[1] is not None:
        return indexed[0], indexed[1], ""
    walked = walk(data, 0, len(data))
    if walked.stopped_at == len(data):
        return walked.messages, walked.described, ""
    best = walked.messages
    if indexed is not None and len(indexed[0]) > len(best):
        best = indexed[0]
    return best, walked.described, _broken("record inside the chunk", walked.stopped_at)


def _declared(tail: Walk) -> dict[int, int] | None:
    """Return what the index records and the messages outside the chunk add up to."""
    if not tail.indexes:
        return None
    total: Counter[int] = Counter(tail.messages.connections.tolist())
    for connection, entries in tail.indexes:
        total[connection] += len(entries)
    return dict(total)


def _unpack(chunk: Record, data: Bytes, most: int) -> tuple[Bytes, bool]:
    """
    Return the data of a chunk, which may not be more than *most*, and whether they are complete.

    Raises:
        ValueError, OSError, RuntimeError, EOFError: They are damaged, or packed in an unknown way.
    """
    compression = chunk.fields[b"compression"]
    if compression == b"none":
        return data, True
    size = chunk.uint(b"size") or most
    if size > most:
        reason = f"its {size} bytes are more than {_allowed(most)}"
        raise ValueError(reason)
    unpacker = _unpacker(compression)
    unpacked: bytes = unpacker.decompress(data.data, max_length=size)
    # The end mark of the stream may follow the last byte that was asked for.
    if not unpacker.eof and len(unpacked) == size and unpacker.decompress(b"", max_length=1):
        reason = f"more than the {size} bytes that it states"
        raise ValueError(reason)
    is_whole = unpacker.eof and len(unpacked) == size
    return np.frombuffer(unpacked, np.uint8), is_whole


def _unpacker(compression: bytes) -> "BZ2Decompressor | LZ4FrameDecompressor":
    """Return what unpacks one chunk."""
    if compression == b"bz2":
        from bz2 import BZ2Decompressor

        return BZ2Decompressor()
    if compression == b"lz4":
        from lz4.frame import LZ4FrameDecompressor

        return LZ4FrameDecompressor()
    reason = f"unknown compression {compression.decode('ascii', 'replace')!r}; expected bz2 or lz4"
    raise ValueError(reason)


def _allowed(most: int) -> str:
    """Name the limit."""
    return f"--max-record-bytes {most} allows."


def _broken(what: str, at: int) -> str:
    """Say that no record is where one has to be."""
    return f"The {what} at byte {at} is damaged."
