"""
Stamps: points in time as messages carry them, recognised by their shape.

A stamp is an Arrow timestamp, or a struct of whole seconds and nanoseconds: `{sec, nanosec}` in ROS,
`{sec, nsec}` in JSON, `{seconds, nanos}` in protobuf.

Must not know: where in a message they are. Next: `envelope`.
"""

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["is_stamp", "stamp_ns", "stamp_parts"]

_SECONDS, _NANOSECONDS = ("sec", "secs", "seconds"), ("nanosec", "nsec", "nsecs", "nanos")
_NS_PER_S = 1_000_000_000  # a plain int: making an Arrow scalar imports pandas where there is one
_LAST_S = (2**63 - 1) // _NS_PER_S - 1  # its nanoseconds still fit in 64 bits


def is_stamp(kind: pa.DataType) -> bool:
    """Say whether values of *kind* are points in time."""
    return pa.types.is_timestamp(kind) or stamp_parts(kind) is not None


def stamp_parts(kind: pa.DataType) -> tuple[str, str] | None:
    """Return the names of a stamp's seconds and nanoseconds, None if *kind* has no such members."""
    if not pa.types.is_struct(kind):
        return None
    names = {field.name for field in kind if pa.types.is_integer(field.type)}
    seconds = next((name for name in _SECONDS if name in names), None)
    nanoseconds = next((name for name in _NANOSECONDS if name in names), None)
    return (seconds, nanoseconds) if seconds and nanoseconds else None


def stamp_ns(stamps: pa.Array) -> pa.Int64Array:
    """Return stamps in nanoseconds; null where they are null, or beyond what 64 bits count."""
    if pa.types.is_timestamp(stamps.type):
        return stamps.cast(pa.timestamp("ns", stamps.type.tz)).cast(pa.int64())
    parts = stamp_parts(stamps.type)
    assert parts is not None, stamps.type
    seconds, rest = (pc.struct_field(stamps, [name]).cast(pa.int64()) for name in parts)
    if stamps.type.field(parts[0]).type.bit_width > 32:
        counts = pc.and_(pc.less_equal(seconds, _LAST_S), pc.greater_equal(seconds, -_LAST_S))
        seconds = pc.if_else(counts, seconds, pa.scalar(None, pa.int64()))
    return pc.add(pc.multiply(seconds, _NS_PER_S), rest)
