"""
Where a condition on rows looks: a column, a field in structures, elements of a list.

    acceleration.x      ranges[3]      transforms[?].translation.x (any)      ranges[!] (all)

Must not know: the catalog, files, how values are compared. Next: `matching`.
"""

import re
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.protocol.filters import Condition, Operator
from mosaico_ingest.server.matching import TextMatch, mask_of

__all__ = ["ALL", "ANY", "Place", "find_place", "mask_at"]

ANY, ALL = "?", "!"
_IN_LIST = re.compile(r"(.+?)\[(\d{1,9}|[?!])\](?:\.(.+))?", re.DOTALL)


@attrs.frozen(kw_only=True)
class Place:
    """
    The place that a path leads to.

    Args:
        names: What leads to a column, or to a field in structures.
        element: Which element of the list there: its index, `ANY` or `ALL`; None where no list is entered.
        inner: What leads to a field in that element.
    """

    names: tuple[str, ...]
    element: int | str | None = None
    inner: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """What has to be read for it, as a path in Parquet."""
        return ".".join(self.names)


def find_place(schema: pa.Schema, path: str) -> Place | None:
    """
    Return where the dotted *path* leads to, None if nowhere.

    Example:
        >>> schema = pa.schema([("ranges", pa.list_(pa.float32()))])
        >>> find_place(schema, "ranges[0]")
        Place(names=('ranges',), element=0, inner=())
    """
    whole = _walk(list(schema), path)
    if whole is not None:
        return Place(names=whole[0])
    parts = _IN_LIST.fullmatch(path)
    found = parts and _walk(list(schema), parts[1])
    if not parts or not found or not _is_list(found[1]):
        return None
    element = int(parts[2]) if parts[2].isdecimal() else parts[2]
    if parts[3] is None:
        return Place(names=found[0], element=element)
    kind = found[1].value_type
    inner = _walk(list(kind), parts[3]) if pa.types.is_struct(kind) else None
    return Place(names=found[0], element=element, inner=inner[0]) if inner else None


def mask_at(
    condition: Condition, rows: pa.Table, place: Place, texts: TextMatch
) -> pa.ChunkedArray | pa.Array | None:
    """
    Say of each of *rows* whether it meets *condition* at *place*; a null or missing element does not.

    No element of an empty list does, and nor do all of them.

    Returns:
        One boolean per row; None where the values there cannot be compared with those of the condition.
    """
    column = _field(rows.column(place.names[0]), place.names[1:])
    if condition.is_list:
        return _whole_mask(condition, column, texts)
    if place.element is None:
        return mask_of(condition, column, texts)
    lists = _Lists(column)
    if isinstance(place.element, int):
        return mask_of(condition, _field(lists.at(place.element), place.inner), texts)
    met = mask_of(condition, _field(lists.elements(), place.inner), texts)
    if met is None:
        return None
    hits = np.bincount(lists.rows[met.to_numpy()], minlength=len(lists.lengths))
    return pa.array(hits > 0 if place.element == ANY else (hits == lists.lengths) & (hits > 0))


class _Lists:
    """The lists of a column: how long each is, 0 where it is null, and the row of each element."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = column.combine_chunks()
        if pa.types.is_fixed_size_list(lists.type):
            lists = lists.cast(pa.list_(lists.type.value_field))
        self._lists = lists
        self.lengths: npt.NDArray[np.int64] = (
            pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
        )

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def elements(self) -> pa.ChunkedArray:
        return pa.chunked_array([self._lists.flatten()])

    def at(self, index: int) -> pa.ChunkedArray:
        """Return the element *index* of each list, null where it has none."""
        places = self._lists.offsets.to_numpy()[:-1].astype(np.int64) + index
        wanted = pa.array(places, mask=self.lengths <= index)
        return pa.chunked_array([self._lists.values.take(wanted)])


def _whole_mask(condition: Condition, column: pa.ChunkedArray, texts: TextMatch) -> pa.Array | None:
    """Compare whole lists with the values of *condition*, place by place."""
    if not _is_list(column.type) or pa.types.is_nested(column.type.value_type):
        return None
    lists = _Lists(column)
    same = lists.lengths == len(condition.values)
    for index, value in enumerate(condition.values):
        one = attrs.evolve(condition, operator=Operator.Eq, values=(value,), is_list=False)
        met = mask_of(one, lists.at(index), texts)
        if met is None:
            return None
        same &= met.to_numpy()
    valid = pc.is_valid(column).to_numpy()
    return pa.array(valid & (same if condition.operator is Operator.Eq else ~same))


def _is_list(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(is_list or pa.types.is_fixed_size_list(kind))


def _field(column: pa.ChunkedArray, names: Sequence[str]) -> pa.ChunkedArray:
    return pc.struct_field(column, list(names)) if names else column


def _walk(fields: Sequence[pa.Field], path: str) -> tuple[tuple[str, ...], pa.DataType] | None:
    """Return the names that lead to the field at *path* outside of lists, and its type."""
    for field in fields:
        if field.name == path:
            return (field.name,), field.type
        if path.startswith(f"{field.name}.") and pa.types.is_struct(field.type):
            rest = _walk(list(field.type), path[len(field.name) + 1 :])
            if rest is not None:
                return (field.name, *rest[0]), rest[1]
    return None
