"""
The envelope of rows: which clock, frame and number each gets, from its header and the recording's clocks.

A header is recognised by its shape, not by a type's name: a `stamp` or `timestamp`, and where there are any
`frame_id` and `seq`. A message with a `timestamp` of its own (those of Foxglove) is its own header. So every
mapper fills the envelope in the same way, whatever decoded the message.

Must not know: which types exist. Next: `stamp`, then `plan`.
"""

import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.batch import Times
from mosaico_ingest.model.stamp import is_stamp, stamp_ns

__all__ = ["envelope", "is_header", "own_header"]

_HEADER, _STAMP, _TIMESTAMP = "header", "stamp", "timestamp"
_TEXTS = (pa.string(), pa.large_string(), pa.string_view())


def is_header(kind: pa.DataType) -> bool:
    """Say whether values of *kind* carry a stamp."""
    return _stamp_name(kind) is not None


def own_header(columns: pa.Schema) -> str | None:
    """
    Return where messages with *columns* carry their stamp.

    Returns:
        `header`, empty if the message itself is the header, None if it carries none.
    """
    message = pa.struct(list(columns))
    header = _member(message, _HEADER)
    if header is not None and is_header(header):
        return _HEADER
    timestamp = _member(message, _TIMESTAMP)
    return "" if timestamp is not None and is_stamp(timestamp) else None


def envelope(
    times: Times, policy: TimePolicy, header: pa.StructArray | None = None
) -> list[pa.Array]:
    """
    Return the four envelope columns of rows.

    The clock that *policy* names is taken where it is known, else the log's.

    Args:
        times: The clocks of the rows.
        policy: Which of them becomes `timestamp_ns`.
        header: The rows' headers, of a kind that `is_header` accepts; None for messages without.
    """
    n = len(times.log_ns)
    stamp, frame, number = times.log_ns, None, None
    if header is not None:
        frame = _column(header, "frame_id", _TEXTS)
        number = _column(header, "seq", (pa.uint32(),))
    if policy is TimePolicy.Header and header is not None:
        name = _stamp_name(header.type)
        assert name is not None, header.type
        stamp = _known(stamp_ns(pc.struct_field(header, [name])), times.log_ns)
    elif policy is TimePolicy.Publish and times.publish_ns is not None:
        stamp = _known(times.publish_ns, times.log_ns)
    return [
        stamp,
        times.log_ns,
        pa.nulls(n, pa.string()) if frame is None else frame,
        pa.nulls(n, pa.uint32()) if number is None else number,
    ]


def _stamp_name(kind: pa.DataType) -> str | None:
    """Return the name of the member of *kind* that is a stamp, None if there is none."""
    for name in (_STAMP, _TIMESTAMP):
        member = _member(kind, name)
        if member is not None and is_stamp(member):
            return name
    return None


def _member(kind: pa.DataType | None, name: str) -> pa.DataType | None:
    """Return the type of the member *name* of a struct type, None if there is none."""
    if kind is None or not pa.types.is_struct(kind):
        return None
    index = kind.get_field_index(name)
    return kind.field(index).type if index >= 0 else None


def _column(header: pa.StructArray, name: str, kinds: tuple[pa.DataType, ...]) -> pa.Array | None:
    """Return the member *name* as the first of *kinds*, None if it has none of them."""
    if _member(header.type, name) not in kinds:
        return None
    return pc.struct_field(header, [name]).cast(kinds[0])


def _known(stamps: pa.Int64Array, otherwise: pa.Int64Array) -> pa.Int64Array:
    """Return *stamps*, with *otherwise* where they are null."""
    return pc.coalesce(stamps, otherwise) if stamps.null_count else stamps
