"""
Takes the time of rows from a field of their messages, where the user chose one.

Must not know: mappers; they get the field's values in place of the publisher's clock. Next: `codec`.
"""

import difflib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.errors import DecodeError, PlanError
from mosaico_ingest.model.clock import UNITS, Clock
from mosaico_ingest.model.stamp import is_stamp, stamp_ns

__all__ = ["choose_clock", "field_clock"]

ReadClock = Callable[[pa.RecordBatch], pa.Int64Array]


def choose_clock(topic: str, otherwise: TimePolicy, chosen: Mapping[str, str]) -> Clock:
    """Return the clock of the channel *topic*: the last glob of *chosen* that matches it decides."""
    for pattern, text in reversed(list(chosen.items())):
        if fnmatchcase(topic, pattern):
            return Clock.parse(text)
    return Clock(otherwise)


def field_clock(columns: pa.Schema, clock: Clock, topic: str) -> ReadClock:
    """
    Prepare reading the field of *clock* as nanoseconds; null where the field is null.

    Raises:
        PlanError: The channel has no such field, or it holds no time.
    """
    path, kind = _find(columns, clock.field, topic)

    def read(data: pa.RecordBatch) -> pa.Array:
        column = data.column(path[0])
        return pc.struct_field(column, path[1:]) if len(path) > 1 else column

    if is_stamp(kind):
        return lambda data: stamp_ns(read(data))
    if pa.types.is_integer(kind):
        scale = UNITS[clock.unit or "ns"]
        return lambda data: pc.multiply_checked(read(data).cast(pa.int64()), scale)
    if pa.types.is_floating(kind):
        scale = UNITS[clock.unit or "s"]
        return lambda data: _scaled(read(data), scale)
    if pa.types.is_string(kind):
        return lambda data: _written_ns(read(data), clock.field)
    msg = (
        f"The field {clock.field!r} of channel {topic!r} holds {kind}, which is no time. "
        "Expected integers, floats, timestamps, text or stamps {sec, nanosec}; choose another with --time."
    )
    raise PlanError(msg)


def _find(columns: pa.Schema, field: str, topic: str) -> tuple[list[str], pa.DataType]:
    """Return the path of *field*, whose names may contain dots themselves, and its type."""
    known = [".".join(path) for path, _ in _leaves([], pa.struct(columns))]
    for path, kind in _leaves([], pa.struct(columns)):
        if ".".join(path) == field:
            return path, kind
    near = difflib.get_close_matches(field, known, 3)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"It has: {known}."
    msg = f"Channel {topic!r} has no field {field!r}, which --time names. {hint}"
    raise PlanError(msg)


def _leaves(path: list[str], kind: pa.StructType) -> list[tuple[list[str], pa.DataType]]:
    """List every field below *kind*, and theirs, with its path."""
    found: list[tuple[list[str], pa.DataType]] = []
    for field in kind:
        below = [*path, field.name]
        found.append((below, field.type))
        if pa.types.is_struct(field.type):
            found += _leaves(below, field.type)
    return found


def _written_ns(texts: pa.StringArray, field: str) -> pa.Int64Array:
    """
    Return times written as text (`2026-05-04T12:00:00.25+02:00`), UTC where none says otherwise.

    Null where a text is no time.

    Raises:
        DecodeError: None of them is.
    """
    has_zone = pc.match_substring_regex(texts, r"(Z|[+-]\d{2}:?\d{2})$")
    zoned = pc.if_else(has_zone, texts, pc.binary_join_element_wise(texts, "Z", ""))
    found = _parsed(zoned)
    if len(texts) > texts.null_count and found.null_count == len(found):
        sample = str(pc.drop_null(texts)[0])[:80]
        msg = (
            f"The field {field!r}, which --time names, holds {sample!r}, which is no time. "
            "Expected ISO 8601; choose another field."
        )
        raise DecodeError(msg)
    return found


def _parsed(texts: pa.StringArray) -> pa.Int64Array:
    """Return times with their zones in nanoseconds; halves are tried where not all can be read."""
    try:
        return texts.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, pa.int64())
        middle = len(texts) // 2
        return pa.concat_arrays([_parsed(texts[:middle]), _parsed(texts[middle:])])


def _scaled(values: pa.FloatingPointArray, scale: int) -> pa.Int64Array:
    """Return *values* times *scale*, as exact as they are; null where they are null or not finite."""
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    limit = (2**63 - 1) // scale
    usable = np.isfinite(numbers) & (np.abs(numbers) < limit)
    whole = np.where(usable, np.floor(numbers), 0)
    fraction = np.where(usable, numbers - whole, 0)
    ns = whole.astype(np.int64) * scale + np.rint(fraction * scale).astype(np.int64)
    return pa.array(ns, mask=~usable)
