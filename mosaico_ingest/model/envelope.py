"""
The envelope of rows: which clock, frame and number each gets, from its header and the recording's clocks.

A header is recognised by its shape, not by a type's name: `stamp {sec, nanosec}`, and where there are any
`frame_id` and `seq`. So every mapper fills the envelope in the same way, whatever decoded the message.

Must not know: which types exist. Next: `plan`.
"""

import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.batch import Times

__all__ = ["envelope", "is_header"]

_NS_PER_S = 1_000_000_000  # a plain int: making an Arrow scalar imports pandas where there is one
_TEXTS = (pa.string(), pa.large_string(), pa.string_view())


def is_header(kind: pa.DataType) -> bool:
    """Say whether values of *kind* carry a stamp in seconds and nanoseconds."""
    stamp = _member(kind, "stamp")
    parts = [_member(stamp, name) for name in ("sec", "nanosec")]
    return all(
        part is not None and pa.types.is_integer(part) and part.bit_width <= 32 for part in parts
    )


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
        stamp = _known(_stamp_ns(header), times.log_ns)
    elif policy is TimePolicy.Publish and times.publish_ns is not None:
        stamp = _known(times.publish_ns, times.log_ns)
    return [
        stamp,
        times.log_ns,
        pa.nulls(n, pa.string()) if frame is None else frame,
        pa.nulls(n, pa.uint32()) if number is None else number,
    ]


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


def _stamp_ns(header: pa.StructArray) -> pa.Int64Array:
    """Return the stamps in nanoseconds; seconds of 32 bits cannot overflow."""
    sec = pc.struct_field(header, ["stamp", "sec"]).cast(pa.int64())
    nanosec = pc.struct_field(header, ["stamp", "nanosec"]).cast(pa.int64())
    return pc.add(pc.multiply(sec, _NS_PER_S), nanosec)


def _known(stamps: pa.Int64Array, otherwise: pa.Int64Array) -> pa.Int64Array:
    """Return *stamps*, with *otherwise* where they are null."""
    return pc.coalesce(stamps, otherwise) if stamps.null_count else stamps
