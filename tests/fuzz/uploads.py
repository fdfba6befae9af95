"""Columns that nobody promised: schemas of any types, batches with buffers of any bytes."""

import random

import pyarrow as pa

__all__ = ["any_batches", "any_schema"]

_LEAVES = [
    pa.null(),
    pa.bool_(),
    pa.int8(),
    pa.uint64(),
    pa.float16(),
    pa.float64(),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.binary(0),
    pa.binary(7),
    pa.date32(),
    pa.time64("ns"),
    pa.timestamp("s", "Europe/Berlin"),
    pa.duration("ms"),
    pa.month_day_nano_interval(),
    pa.decimal128(38, 3),
    pa.decimal256(70, -2),
    pa.dictionary(pa.int8(), pa.string()),
]
_NAMES = ["data", "", ".", "a.b", "é", "x" * 300, "timestamp_ns", "recording_timestamp_ns", "[0]"]


def any_schema(rng: random.Random) -> pa.Schema:
    """Return a schema, mostly with the one clock that is wanted."""
    fields = [pa.field("timestamp_ns", pa.int64(), nullable=rng.random() < 0.3)]
    if rng.random() < 0.1:
        fields = [pa.field("timestamp_ns", rng.choice(_LEAVES))]
    for number in range(rng.choice([0, 1, 1, 2, 5])):
        name = rng.choice(_NAMES) if rng.random() < 0.3 else f"c{number}"
        kind = _any_type(rng, 3)
        fields.append(pa.field(name, kind, nullable=kind == pa.null() or rng.random() < 0.8))
    metadata = {b"mosaico:context": b"\xff"} if rng.random() < 0.1 else None
    return pa.schema(fields, metadata)


def any_batches(rng: random.Random, schema: pa.Schema) -> list[pa.RecordBatch]:
    """Return batches of *schema*: of random values, of nulls, or of random bytes."""
    return [_any_batch(rng, schema) for _ in range(rng.choice([0, 1, 1, 2, 3]))]


def _any_batch(rng: random.Random, schema: pa.Schema) -> pa.RecordBatch:
    rows = rng.choice([0, 1, 3, 50])
    columns = []
    for field in schema:
        clock = field.name == "timestamp_ns" and field.type == pa.int64()
        if clock and rng.random() < 0.9:
            times = [
                rng.choice([0, 1, -(2**63), 2**63 - 1, rng.randrange(100)]) for _ in range(rows)
            ]
            columns.append(pa.array(times, pa.int64()))
        elif rng.random() < 0.3:
            columns.append(_from_bytes(rng, field.type, rows))
        else:
            columns.append(pa.nulls(rows, field.type))
    return pa.record_batch(columns, schema=schema)


def _from_bytes(rng: random.Random, kind: pa.DataType, rows: int) -> pa.Array:
    """Return an array whose buffers, as many as its type has, hold any bytes."""
    if kind.num_buffers > 3 or pa.types.is_nested(kind) or pa.types.is_dictionary(kind):
        return pa.nulls(rows, kind)
    size = 40 * (rows + 1)  # what the widest needs: the client must not break first
    plain = [rng.choice([rng.randbytes(size), bytes(size), b"\xff" * size]) for _ in range(3)]
    buffers = [pa.py_buffer(data) for data in plain[: kind.num_buffers]]
    if kind.num_buffers and rng.random() < 0.7:
        buffers[0] = None
    try:
        return pa.Array.from_buffers(kind, rows, buffers)
    except pa.ArrowInvalid:  # some damage pyarrow itself does not let pass
        return pa.nulls(rows, kind)


def _any_type(rng: random.Random, depth: int) -> pa.DataType:
    if not depth or rng.random() < 0.6:
        return rng.choice(_LEAVES)
    inner = _any_type(rng, depth - 1)
    return rng.choice(
        [
            pa.list_(inner),
            pa.large_list(inner),
            pa.list_(inner, 2),
            pa.struct([("a", inner), (rng.choice(_NAMES), inner)]),
            pa.struct([]),
            pa.map_(pa.string(), inner),
        ]
    )
