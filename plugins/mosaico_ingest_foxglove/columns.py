"""
Looking into nested columns by dotted path, and making them the type that is wanted.

One schema comes in several dresses: protobuf leaves messages out; JSON may leave out anything, and its
integers have 64 bits; ROS leaves out nothing, and fixes the sizes of matrices. Values are shared where the
type is right already.

Must not know: schemas, ontology types. Next: `recipes`.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["at", "elements", "fitted", "kind_at", "leaves", "takes"]

_TEXTS = (pa.string(), pa.large_string(), pa.string_view())
_BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())
_DEFAULTS: dict[pa.DataType, object] = {pa.string(): "", pa.binary(): b"", pa.bool_(): False}


def kind_at(row: pa.DataType, path: str) -> pa.DataType | None:
    """Return the type at *path* of a struct type, None if there is nothing."""
    for name in path.split("."):
        index = row.get_field_index(name) if pa.types.is_struct(row) else -1
        if index < 0:
            return None
        row = row.field(index).type
    return row


def at(row: pa.StructArray, path: str) -> pa.Array:
    """Return the column at *path*, null where a message around it is left out."""
    return pc.struct_field(row, path.split("."))


def leaves(kind: pa.DataType, path: str = "") -> Iterator[str]:
    """Yield the paths of all values in *kind* that are not structs; lists of structs are looked into."""
    inner = kind.value_type if _is_list(kind) else kind
    if not pa.types.is_struct(inner):
        yield path
        return
    for field in inner:
        yield from leaves(field.type, f"{path}.{field.name}" if path else field.name)


def takes(source: pa.DataType, wanted: pa.DataType) -> bool:
    """Say whether values of *source* are of the family of *wanted*; `fitted` checks that they fit."""
    if pa.types.is_null(source):
        return True
    for family in (_TEXTS, _BYTES):
        if wanted in family:
            return source in family
    if _is_list(wanted):
        return _is_list(source) and takes(source.value_type, wanted.value_type)
    if pa.types.is_floating(wanted):
        return pa.types.is_floating(source) or pa.types.is_integer(source)
    if pa.types.is_integer(wanted):
        return pa.types.is_integer(source)
    return source == wanted


def fitted(array: pa.Array, wanted: pa.Field) -> pa.Array:
    """
    Return *array* as *wanted*, with the default of its type where it must not be null.

    Raises:
        pyarrow.ArrowInvalid: A number is beyond the wanted type's.
    """
    if not array.type.equals(wanted.type, check_metadata=True):
        array = array.cast(wanted.type)
    if array.null_count and not wanted.nullable:
        default = [] if _is_list(wanted.type) else _DEFAULTS.get(wanted.type, 0)
        array = pc.coalesce(array, pa.scalar(default, wanted.type))
    return array


def elements(lists: pa.Array) -> tuple[npt.NDArray[np.int32], pa.Array]:
    """Return the number of elements of each list, 0 where it is null, and all of them in order."""
    counts = pc.fill_null(pc.list_value_length(lists), 0)
    return counts.to_numpy(), lists.flatten()


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
