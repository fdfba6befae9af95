"""
Runs a program over rows: every step gives its Arrow columns and moves the cursor behind itself.

Must not know: message definitions, payload headers. Next: `decoder`.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest_ros.decoding.cursor import Cursor
from mosaico_ingest_ros.decoding.layout import Block, Items, Numbers, Program, Text
from mosaico_ingest_ros.decoding.rows import Bytes, Ints, Place, Rows, gather_ranges
from mosaico_ingest_ros.decoding.walk import element_counts, element_starts

__all__ = ["read_parts"]

_MAX_OFFSET = 2**31 - 1  # `binary`, `string` and `list` count with 32 bits
_MANY_LEAVES = 3  # from here on, irregular rows are copied side by side before fields are read


def read_parts(cursor: Cursor, program: Program) -> Iterator[pa.Array]:
    """
    Run *program* to its end; give the column of each leaf and step, in wire order.

    Raises:
        Fault: Rows do not follow the definition; nothing is told about the others.
    """
    parts: list[pa.Array] = []
    for step in program.steps:
        cursor.align(step.align)
        cursor.settle()
        if isinstance(step, Block):
            parts += _block(cursor, step)
        else:
            parts.append(_part(cursor, step))
    return iter(parts)


def _part(cursor: Cursor, step: Text | Numbers | Items) -> pa.Array:
    """Read one step of variable size."""
    if isinstance(step, Text):
        return _text(cursor, step)
    return _numbers(cursor, step) if isinstance(step, Numbers) else _items(cursor, step)


def _block(cursor: Cursor, block: Block) -> Iterator[pa.Array]:
    """Read fields of fixed size."""
    rows, at = cursor.rows, cursor.at
    cursor.skip_block(block)
    offsets: list[int] | Ints
    if isinstance(at, int):
        phase = (at + rows.phase) & 7
        offsets = block.offsets[phase].tolist()
        if len(block.leaves) >= _MANY_LEAVES:
            rows, at = rows.block(at, int(block.sizes[phase]))
    else:
        offsets = block.offsets[(at + rows.phase) & 7].T
    for leaf, offset in zip(block.leaves, offsets, strict=True):
        if not leaf.hidden:
            dtype = leaf.dtype.newbyteorder(">") if cursor.is_big else leaf.dtype
            values = rows.read(at + offset, dtype, 1 if leaf.count is None else leaf.count)
            numbers = _array(values.astype(leaf.dtype, copy=False), leaf.arrow)
            yield numbers if leaf.count is None else _arrays(leaf.type, len(rows), numbers)


def _text(cursor: Cursor, step: Text) -> pa.Array:
    """Read a string."""
    rows = cursor.rows
    starts, lengths = cursor.text(step)
    offsets = _offsets(rows, lengths, step.path)
    data = gather_ranges(rows.buffer, starts, lengths)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    column = pa.Array.from_buffers(pa.string(), len(rows), buffers)
    if len(data) and data.max() > 127:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            binary = pa.Array.from_buffers(pa.binary(), len(rows), buffers)
            return pa.array([_characters(value) for value in binary.to_pylist()], pa.string())
    return column


def _characters(value: bytes) -> str:
    """Return *value* as text; what is not UTF-8 is read as Latin-1, so that no byte is lost."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _numbers(cursor: Cursor, step: Numbers) -> pa.Array:
    """Read a sequence of numbers."""
    rows, leaf = cursor.rows, step.item
    starts, nbytes = cursor.numbers(step)
    offsets = _offsets(rows, nbytes, step.path)
    data = gather_ranges(rows.buffer, starts, nbytes)
    if step.as_bytes:
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(step.type, len(rows), buffers)
    if data.ctypes.data % leaf.dtype.itemsize:
        data = data.copy()
    values = data.view(leaf.dtype.newbyteorder(">") if cursor.is_big else leaf.dtype)
    numbers = _array(values.astype(leaf.dtype, copy=False), leaf.arrow)
    return _lists(step.type, offsets // leaf.dtype.itemsize, numbers)


def _items(cursor: Cursor, step: Items) -> pa.Array:
    """Read a sequence or array of strings or messages: all elements of all rows as rows of their own."""
    rows, item = cursor.rows, step.item
    counts = element_counts(cursor, step)
    offsets = _offsets(rows, counts, step.path)
    total = int(offsets[-1])
    if total:
        inner = _fixed_elements(cursor, item.block, counts) if item.block else None
        if inner is None:
            starts = element_starts(cursor, item, counts)
            origins, sizes = np.repeat(rows.origins, counts), np.repeat(rows.sizes, counts)
            elements = Rows(rows.buffer, origins, sizes, rows.phase, _owners(rows, counts))
            inner = Cursor(elements, item.max_align, cursor.is_big, starts)
        parts = read_parts(inner, item)
        tree = item.tree
        values = next(parts) if isinstance(tree, Text) else tree.column(parts, total)
    else:
        values = pa.array([], item.tree.type)
    if step.count is not None:
        return _arrays(step.type, len(rows), values)
    return _lists(step.type, offsets, values)


def _fixed_elements(cursor: Cursor, block: Block, counts: Ints) -> Cursor | None:
    """
    Return a cursor over elements that follow each other at a constant distance.

    None if the distance changes with the alignment; the cursor then stays where it was.
    """
    rows, before = cursor.rows, cursor.at
    cursor.align(block.align)
    start, cursor.at = cursor.at, before
    places: Ints = np.full(len(rows), start) if isinstance(start, int) else start
    phases = np.unique((places[counts > 0] + rows.phase) & (block.max_align - 1))
    stride = block.stride(int(phases[0])) if len(phases) == 1 else None
    if stride is None:
        return None
    phase = int(phases[0])
    size = int(block.sizes[phase])
    behind: Ints = np.where(counts > 0, places - before + (counts - 1) * stride + size, 0)
    cursor.advance(behind, block.path)
    total = int(counts.sum())
    first = rows.origins + places
    if stride == size:
        buffer = gather_ranges(rows.buffer, first, counts * size)
        origins = np.arange(total, dtype=np.int64) * size
    else:
        buffer = rows.buffer
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        origins = np.repeat(first, counts) + within * stride
    sizes = np.full(total, size, np.int64)
    elements = Rows(buffer, origins, sizes, phase, _owners(rows, counts))
    return Cursor(elements, block.max_align, cursor.is_big)


def _owners(rows: Rows, counts: Ints) -> Ints:
    """Return the message that each element is part of."""
    own = np.arange(len(rows)) if rows.owners is None else rows.owners
    return np.repeat(own, counts)


def _offsets(rows: Rows, lengths: Place, path: str) -> npt.NDArray[np.int32]:
    """Return where each row starts and the last ends, if everything has *lengths*."""
    ends = np.zeros(len(rows) + 1, np.int64)
    ends[1:] = lengths
    np.cumsum(ends, out=ends)
    if ends[-1] > _MAX_OFFSET:
        raise rows.fault(ends[1:] > _MAX_OFFSET, f"A batch holds more than 2 GiB of {path!r}.")
    return ends.astype(np.int32)


def _array(values: npt.NDArray[np.generic], kind: pa.DataType) -> pa.Array:
    """Wrap numbers as an Arrow array."""
    if kind == pa.bool_():
        bits: Bytes = np.packbits(values != 0, bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(bits)])
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _arrays(kind: pa.DataType, rows: int, values: pa.Array) -> pa.Array:
    """Wrap *values* as a column of *rows* arrays."""
    return pa.Array.from_buffers(kind, rows, [None], children=[values])


def _lists(kind: pa.DataType, offsets: npt.NDArray[np.int32], values: pa.Array) -> pa.Array:
    """Wrap *values* as a column of lists."""
    return pa.Array.from_buffers(
        kind, len(offsets) - 1, [None, pa.py_buffer(offsets)], children=[values]
    )
