"""
Pieces of the wire to Arrow columns: one level of messages, and below it the levels of its submessages.

Must not know: descriptors. Next: `library`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest_protobuf.shape import VARINT, Field, Shape
from mosaico_ingest_protobuf.walk import Level, Piece, walk
from mosaico_ingest_protobuf.wire import Bytes, Flags, Ints, Unsigned, Wire

__all__ = ["read_level"]

_MAX_ASCII = 127
# Two bytes can stand for an element with thousands of columns, all of them default.
_MAX_CELLS = 1 << 27


def read_level(level: Level, shape: Shape, is_set: Flags | None = None) -> pa.StructArray:
    """Return the messages of *level* as structs, null where they are not *is_set*."""
    pieces = walk(level, shape)
    _check_oneofs(level, shape, pieces)
    columns = [
        _list(level, field, found) if field.is_repeated else _single(level, field, found)
        for field, found in zip(shape.fields, pieces, strict=True)
    ]
    return pa.Array.from_buffers(shape.type, len(level), [_bits(is_set)], children=columns)


def _check_oneofs(level: Level, shape: Shape, pieces: Sequence[Sequence[Piece]]) -> None:
    """Leave messages to the library in which several members of a oneof stand."""
    members: dict[str, Ints] = {}
    for field, found in zip(shape.fields, pieces, strict=True):
        if field.oneof and found:
            seen = members.setdefault(field.oneof, np.zeros(len(level), np.int64))
            seen += _is_set(found, len(level))
    for seen in members.values():
        level.findings.tell(level.owners[seen > 1])


def _is_set(pieces: Sequence[Piece], n: int) -> Flags:
    """Return which of *n* messages have a value."""
    is_set = np.zeros(n, np.bool_)
    for piece in pieces:
        is_set[slice(None) if piece.rows is None else piece.rows] = True
    return is_set


def _single(level: Level, field: Field, pieces: Sequence[Piece]) -> pa.Array:
    """Return the column of a field that is there once or not at all; of several numbers the last counts."""
    n = len(level)
    is_dense = len(pieces) == 1 and pieces[0].rows is None
    is_set = None if is_dense else _is_set(pieces, n)
    mask = is_set if field.is_nullable else None
    if field.kind.dtype is not None:
        return _numbers(level, field, pieces, mask, is_dense=is_dense)
    if len(pieces) > 1:
        seen = np.zeros(n, np.int64)
        for piece in pieces:
            seen[slice(None) if piece.rows is None else piece.rows] += 1
        level.findings.tell(level.owners[seen > 1])
    if field.shape is not None or field.is_opaque:
        return _message(level, field, pieces, is_set)
    texts = level.at(*_ranges(pieces, n))
    values = _texts(texts, field, mask)
    if field.default and is_set is not None:
        default = pa.array([field.default], field.kind.type)[0]
        values = pc.if_else(pa.array(is_set), values, default)
    return values


def _numbers(
    level: Level, field: Field, pieces: Sequence[Piece], mask: Flags | None, *, is_dense: bool
) -> pa.Array:
    """Return numbers, each at most once."""
    if is_dense:
        dense = _values(level.wire, field, pieces[0])
        _check_enum(level, field, dense, np.arange(len(level)))
        return _array(dense, field.kind.type, None)
    dtype = field.kind.dtype
    values = (
        np.zeros(len(level), dtype)
        if not field.default
        else np.full(len(level), field.default, dtype)
    )
    for piece in pieces:
        rows = np.arange(len(level)) if piece.rows is None else piece.rows
        values[rows] = _values(level.wire, field, piece)
        _check_enum(level, field, values[rows], rows)
    return _array(values, field.kind.type, mask)


def _check_enum(level: Level, field: Field, numbers: npt.NDArray[np.generic], rows: Ints) -> None:
    """Leave messages to the library that have a number which a closed enum does not name."""
    if field.is_closed:
        is_named = np.isin(numbers, list(field.names.values()))
        level.findings.tell(level.owners[rows[~is_named]])


def _values(wire: Wire, field: Field, piece: Piece) -> npt.NDArray[np.generic]:
    """Return the numbers of a piece."""
    dtype = field.kind.dtype
    assert dtype is not None
    return wire.fixed(piece.starts, dtype) if piece.values is None else _said(field, piece.values)


def _said(field: Field, values: Unsigned) -> npt.NDArray[np.generic]:
    """Return what varints mean; of too large ones the lower bits count."""
    dtype = field.kind.dtype
    assert dtype is not None
    if dtype.kind == "b":
        return values != 0
    wide = values.astype(np.uint32) if dtype.itemsize == 4 else values
    if field.kind.is_zigzag:
        one = wide.dtype.type(1)
        wide = (wide >> one) ^ (~(wide & one) + one)
    return wide.view(dtype)


def _ranges(pieces: Sequence[Piece], n: int) -> tuple[Ints, Ints]:
    """Return where the value of each of *n* messages lies, nothing for those that have none."""
    if len(pieces) == 1 and pieces[0].rows is None:
        return pieces[0].starts, pieces[0].sizes
    starts, sizes = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for piece in pieces:
        rows = slice(None) if piece.rows is None else piece.rows
        starts[rows], sizes[rows] = piece.starts, piece.sizes
    return starts, sizes


def _message(level: Level, field: Field, pieces: Sequence[Piece], is_set: Flags | None) -> pa.Array:
    """Return submessages, each at most once."""
    n = len(level)
    below = level.at(*_ranges(pieces, n))
    mask = is_set if field.is_nullable else None
    if field.shape is None:
        here = slice(None) if is_set is None else is_set
        level.findings.unsure[level.owners[here]] = True
        return _texts(below, field, mask)
    return read_level(below, field.shape, mask)


def _list(level: Level, field: Field, pieces: Sequence[Piece]) -> pa.Array:
    """Return the column of a repeated field."""
    n = len(level)
    rows, starts, sizes = _elements(pieces, n)
    if field.shape is not None and len(rows) * field.shape.leaves > _MAX_CELLS:
        fits = _fitting(level, field, rows)
        rows, starts, sizes = rows[fits], starts[fits], sizes[fits]
    if field.kind.dtype is not None:
        counts, items = _packed(level, field, rows, starts, sizes)
    else:
        counts = np.bincount(rows, minlength=n)
        below = level.at(starts, sizes, rows)
        if field.shape is not None:
            items = read_level(below, field.shape)
            if field.is_map and len(counts) and counts.max() > 1:
                _check_keys(level, rows, items)
        else:
            if field.is_opaque:
                level.findings.unsure[below.owners] = True
            items = _texts(below, field)
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets)]
    return pa.Array.from_buffers(field.column.type, n, buffers, children=[items])


def _fitting(level: Level, field: Field, rows: Ints) -> Flags:
    """Refuse the messages with the most elements, until memory holds the columns of the others."""
    assert field.shape is not None
    counts = np.bincount(level.owners[rows], minlength=len(level.findings.odd))
    order = np.argsort(counts, kind="stable")
    heavy = order[np.cumsum(counts[order]) * field.shape.leaves > _MAX_CELLS]
    reason = f"The payload has too many elements in {field.path!r} for their columns."
    level.findings.refuse(heavy, reason)
    return ~np.isin(level.owners[rows], heavy)


def _elements(pieces: Sequence[Piece], n: int) -> tuple[Ints, Ints, Ints]:
    """Return message, place and size of all elements, message by message in the order of the wire."""
    if not pieces:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing
    rows = np.concatenate([np.arange(n) if p.rows is None else p.rows for p in pieces])
    starts = np.concatenate([piece.starts for piece in pieces])
    sizes = np.concatenate([piece.sizes for piece in pieces])
    if len(pieces) > 1 or (np.diff(rows) < 0).any():
        order = np.lexsort((starts, rows))
        rows, starts, sizes = rows[order], starts[order], sizes[order]
    return rows, starts, sizes


def _packed(
    level: Level, field: Field, rows: Ints, starts: Ints, sizes: Ints
) -> tuple[Ints, pa.Array]:
    """Return how many numbers each message has, and all of them; a range holds one or several."""
    n, dtype = len(level), field.kind.dtype
    assert dtype is not None
    reason = f"The payload has numbers in {field.path!r} that are cut off."
    if field.kind.wire != VARINT:
        whole = sizes % dtype.itemsize == 0
        if not whole.all():
            level.findings.tell(level.owners[rows[~whole]], reason)
            rows, starts, sizes = rows[whole], starts[whole], sizes[whole]
        data = level.wire.gather(starts, sizes)
        if data.ctypes.data % dtype.itemsize:
            data = data.copy()
        counts = _sums(rows, sizes // dtype.itemsize, n)
        return counts, _array(data.view(dtype), field.kind.type, None)
    filled = sizes > 0
    rows, starts, sizes = rows[filled], starts[filled], sizes[filled]
    whole = level.wire.buffer[starts + sizes - 1] < 0x80
    if not whole.all():
        level.findings.tell(level.owners[rows[~whole]], reason)
        rows, starts, sizes = rows[whole], starts[whole], sizes[whole]
    data = level.wire.gather(starts, sizes)
    ends = np.cumsum(sizes)
    lasts = np.flatnonzero(data < 0x80)
    counts = np.diff(np.searchsorted(lasts, ends), prepend=0)
    if len(lasts) == len(data):
        values = data.astype(np.uint64)
    else:
        firsts = np.append(0, lasts[:-1] + 1)
        values, widths = Wire(data).varints(firsts)
        bad = widths != lasts - firsts + 1
        if bad.any():
            owners = np.repeat(level.owners[rows], counts)
            level.findings.tell(owners[bad], reason)
    numbers = _said(field, values)
    _check_enum(level, field, numbers, np.repeat(rows, counts))
    return _sums(rows, counts, n), _array(numbers, field.kind.type, None)


def _sums(rows: Ints, counts: Ints, n: int) -> Ints:
    """Return the sum of *counts* in each of *n* rows."""
    return np.bincount(rows, counts, n).astype(np.int64)


def _check_keys(level: Level, rows: Ints, entries: pa.StructArray) -> None:
    """Leave messages to the library in which a key of a map stands twice."""
    codes = entries.field(0).dictionary_encode()
    whole = rows * len(codes.dictionary) + codes.indices.to_numpy()
    found, firsts = np.unique(whole, return_index=True)
    if len(found) < len(whole):
        again = np.ones(len(whole), np.bool_)
        again[firsts] = False
        level.findings.tell(level.owners[rows[again]])


def _texts(level: Level, field: Field, mask: Flags | None = None) -> pa.Array:
    """Return texts or bytes; what is not UTF-8 is left to the library, or read as Latin-1."""
    n, sizes = len(level), level.ends - level.starts
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    data: Bytes = level.wire.gather(level.starts, sizes)
    buffers = [_bits(mask), pa.py_buffer(offsets), pa.py_buffer(data)]
    column = pa.Array.from_buffers(field.kind.type, n, buffers)
    if field.kind.type != pa.string() or not len(data) or data.max() <= _MAX_ASCII:
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = pa.Array.from_buffers(pa.binary(), n, buffers).to_pylist()
        texts = [None if value is None else _as_text(value) for value in values]
        if field.is_checked_text:
            wrong = np.array([isinstance(text, bytes) for text in texts], np.bool_)
            reason = f"The payload has text in {field.path!r} that is not UTF-8."
            level.findings.tell(level.owners[wrong], reason)
        column = pa.array(
            [text.decode("latin-1") if isinstance(text, bytes) else text for text in texts],
            pa.string(),
        )
    return column


def _as_text(value: bytes) -> str | bytes:
    """Return *value* as text, as it is if it is none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _array(values: npt.NDArray[np.generic], kind: pa.DataType, mask: Flags | None) -> pa.Array:
    """Wrap numbers as an Arrow array."""
    data = np.packbits(values.view(np.bool_), bitorder="little") if kind == pa.bool_() else values
    return pa.Array.from_buffers(kind, len(values), [_bits(mask), pa.py_buffer(data)])


def _bits(mask: Flags | None) -> pa.Buffer | None:
    """Wrap a mask of what is there."""
    return None if mask is None else pa.py_buffer(np.packbits(mask, bitorder="little"))
