"""
Parts the rows of one topic into several topics, by the values of some of their columns.

Must not know: what the columns mean, sinks. Next: `flow`.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.model.plan import TopicPlan
from mosaico_ingest.protocol.names import suggest_topic

__all__ = ["Splitter"]

_NONE = "none"

Values = tuple[object, ...]


class Splitter:
    """
    Names a topic for each combination of values, `NAME/VALUE/VALUE`, the same one whenever it comes again.

    Args:
        plan: The topic; its `split_by` names the columns.
        taken: Topic names that others have.

    Thread: one at a time.
    """

    def __init__(self, plan: TopicPlan, taken: Collection[str]) -> None:
        self._plan = plan
        self._taken = set(taken)
        self._names: dict[Values, str] = {}

    @property
    def names(self) -> Sequence[str]:
        """The topics so far, in the order of their first rows."""
        return tuple(self._names.values())

    def parts(self, rows: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield the rows of each topic with its name; rows keep their order."""
        numbers, combinations = _numbered([rows.column(name) for name in self._plan.split_by])
        for number, values in enumerate(combinations):
            name = self._name(values)
            if len(combinations) == 1:
                yield name, rows
            else:
                yield name, rows.take(pa.array(np.flatnonzero(numbers == number)))

    def _name(self, values: Values) -> str:
        """Return the topic of *values*, a new one if they were not seen before."""
        if values not in self._names:
            parts = [_NONE if v is None else str(v).strip("/").replace("/", "_") for v in values]
            name = wanted = suggest_topic("/".join([self._plan.name, *(p or _NONE for p in parts)]))
            number = 1
            while name in self._taken:
                number += 1
                name = f"{wanted}_{number}"
            self._taken.add(name)
            self._names[values] = name
        return self._names[values]


def _numbered(columns: Sequence[pa.Array]) -> tuple[npt.NDArray[np.int64], list[Values]]:
    """Number the combinations of values, in the order of their first rows: (n,) int64, and the values."""
    numbers = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded = column.dictionary_encode(null_encoding="encode")
        numbers = numbers * (len(encoded.dictionary) + 1) + np.asarray(encoded.indices)
    _, firsts, numbers = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    values = [tuple(column[int(row)].as_py() for column in columns) for row in firsts[order]]
    return rank[numbers], values
