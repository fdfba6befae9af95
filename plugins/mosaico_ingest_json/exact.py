"""
What Arrow's JSON reader gives, made as exact as the texts: floats that were integers, bytes in base64.

Must not know: payloads. Next: `placing`, where single messages are treated alike.
"""

import binascii

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.plugin import Payloads
from mosaico_ingest_json.shapes import OPEN, Kind, Shape

__all__ = ["InexactError", "Rows", "beyond", "doubtful", "exact", "narrowed"]

_EXACT = 2.0**53
_PAD, _ZERO = ord("="), ord("A")


Rows = npt.NDArray[np.bool_]


class InexactError(Exception):
    """Some value may not be what its text says."""


def exact(array: pa.Array, shape: Shape) -> pa.Array:
    """
    Return *array*, as the reader made it for *shape*, with bytes in place of base64.

    Raises:
        InexactError: A text is not base64.
    """
    if shape.kind is Kind.BYTES:
        return _bytes(array)
    if shape.kind is Kind.OBJECT:
        return _members(array, shape)
    if shape.kind is Kind.MANY:
        return _items(array, shape.item or OPEN)
    return array


def doubtful(array: pa.Array) -> Rows:
    """Return which rows of *array* hold floats so large that they may have been integers of more digits."""
    found = np.zeros(len(array), np.bool_)
    if pa.types.is_floating(array.type):
        sizes = np.abs(array.to_numpy(zero_copy_only=False))
        found |= (sizes >= _EXACT) & (sizes < np.inf)
    elif pa.types.is_struct(array.type):
        for k in range(array.type.num_fields):
            found |= doubtful(array.field(k))
    elif pa.types.is_list(array.type):
        items = doubtful(array.flatten())
        if items.any():
            found[pc.list_parent_indices(array).to_numpy()[items]] = True
    return found


def beyond(array: pa.Array, kind: pa.DataType) -> Rows:
    """Return which rows of *array* hold more than *kind*, one of whose types the reader has widened."""
    found = np.zeros(len(array), np.bool_)
    if pa.types.is_struct(kind):
        for k, field in enumerate(array.type):
            known, child = kind.get_field_index(field.name), array.field(k)
            if known < 0:
                found |= child.is_valid().to_numpy(zero_copy_only=False)
            else:
                found |= beyond(child, kind.field(known).type)
    elif pa.types.is_list(kind):
        items = beyond(array.flatten(), kind.value_type)
        found[pc.list_parent_indices(array).to_numpy()[items]] = True
    return found


def narrowed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return *array*, fresh from the reader, without what it holds beyond *kind*."""
    if array.type == kind:
        return array
    if pa.types.is_struct(kind):
        places = [(array.type.get_field_index(field.name), field.type) for field in kind]
        inside = [narrowed(array.field(k), member) for k, member in places]
    else:
        inside = [narrowed(array.values, kind.value_type)]
    own = array.buffers()[: 1 if pa.types.is_struct(kind) else 2]
    return pa.Array.from_buffers(kind, len(array), own, children=inside)


def _members(array: pa.StructArray, shape: Shape) -> pa.StructArray:
    """Treat the members of objects."""
    fields = list(array.type)
    before = [array.field(k) for k in range(len(fields))]
    after = [
        exact(column, shape.members[field.name])
        for column, field in zip(before, fields, strict=True)
    ]
    if all(one is other for one, other in zip(before, after, strict=True)):
        return array
    pairs = zip(fields, after, strict=True)
    kinds = [pa.field(field.name, column.type) for field, column in pairs]
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(after, fields=kinds, mask=mask)


def _items(array: pa.ListArray, shape: Shape) -> pa.ListArray:
    """Treat the items of lists."""
    before = array.values
    after = exact(before, shape)
    if after is before:
        return array
    mask = array.is_null() if array.null_count else None
    return pa.ListArray.from_arrays(array.offsets, after, mask=mask)


def _bytes(array: pa.LargeStringArray) -> pa.BinaryArray:
    """
    Return the bytes that texts in base64 stand for.

    All texts are read as one, with their padding as if it were digits; what that adds is cut off again.
    """
    texts = Payloads.from_column(array.cast(pa.large_binary()).fill_null(b""))
    if (texts.lengths % 4).any():
        raise InexactError
    first = int(texts.starts[0]) if len(texts) else 0
    ends = texts.starts + texts.lengths - first
    joined = texts.buffer[first : first + int(texts.lengths.sum())]
    is_pad = joined == _PAD
    pads = np.zeros(len(texts), np.int64)
    last = ends[texts.lengths > 0] - 1
    pads[texts.lengths > 0] = is_pad[last].astype(np.int64) + (is_pad[last] & is_pad[last - 1])
    if is_pad.sum() != pads.sum():
        raise InexactError
    if is_pad.any():
        joined = np.where(is_pad, np.uint8(_ZERO), joined)
    try:
        data = np.frombuffer(binascii.a2b_base64(joined.data, strict_mode=True), np.uint8)
    except binascii.Error as err:
        raise InexactError from err
    starts = (ends - texts.lengths) // 4 * 3
    found = Payloads(data, starts, texts.lengths // 4 * 3 - pads).to_binary().cast(pa.binary())
    mask = array.is_null()
    return pc.if_else(mask, None, found) if array.null_count else found
