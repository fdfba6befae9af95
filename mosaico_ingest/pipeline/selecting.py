"""
Leaves out the messages that a rule does not want, and says how many for which reason.

Must not know: decoders, mappers. Next: `codec`.
"""

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import ExpressionError, PlanError
from mosaico_ingest.expressions.evaluation import Expression, compile_expression
from mosaico_ingest.model.batch import LOG_TIME, RawBatch, Times
from mosaico_ingest.model.payloads import take_rows
from mosaico_ingest.model.rule import Selection

__all__ = ["Selector", "checked_where"]

Skipped = dict[str, int]


def checked_where(selection: Selection, columns: pa.Schema) -> Expression | None:
    """
    Return the condition of *selection*, ready for *columns*; None if it has none.

    Raises:
        PlanError: It does not fit the columns, or is neither true nor false.
    """
    if not selection.where:
        return None
    try:
        where = compile_expression(selection.where, columns)
    except ExpressionError as error:
        msg = f"`where` does not fit: {error}"
        raise PlanError(msg) from error
    if not pa.types.is_boolean(where.type):
        msg = f"`where` is {selection.where!r}, which gives {where.type}. Expected true or false."
        raise PlanError(msg)
    return where


class Selector:
    """
    Applies a selection to batches.

    Args:
        columns: The decoded columns.

    Raises:
        PlanError: The condition does not fit the columns.

    Thread: any, several at once.
    """

    def __init__(self, selection: Selection, columns: pa.Schema) -> None:
        self._selection = selection
        self._where = checked_where(selection, columns)

    def messages(self, raw: RawBatch, first: int) -> tuple[RawBatch, Skipped]:
        """Leave out messages by time and number; *first* is the number of the batch's first one."""
        chosen, skipped = self._selection, {}
        log = np.asarray(raw.data.column(LOG_TIME))
        kept = np.ones(len(log), bool)
        if chosen.start_ns is not None or chosen.end_ns is not None:
            if chosen.start_ns is not None:
                kept &= log >= chosen.start_ns
            if chosen.end_ns is not None:
                kept &= log < chosen.end_ns
            skipped["outside the time range"] = int((~kept).sum())
        if chosen.every > 1:
            due = (first + np.arange(len(log))) % chosen.every == 0
            skipped[f"not one of every {chosen.every}"] = int((kept & ~due).sum())
            kept &= due
        if kept.all():
            return raw, {}
        data = take_rows(raw.data, np.flatnonzero(kept))
        return attrs.evolve(raw, data=data), {k: n for k, n in skipped.items() if n}

    def rows(self, columns: pa.RecordBatch, times: Times) -> tuple[pa.RecordBatch, Times, Skipped]:
        """
        Leave out decoded messages for which the condition is not true.

        Raises:
            ExpressionError: A value cannot be worked with.
        """
        if self._where is None:
            return columns, times, {}
        kept = pc.fill_null(self._where(columns), fill_value=False)
        rows = np.flatnonzero(kept.to_numpy(zero_copy_only=False))
        count = len(kept) - len(rows)
        if not count:
            return columns, times, {}
        at = pa.array(rows)
        publish = None if times.publish_ns is None else times.publish_ns.take(at)
        times = Times(log_ns=times.log_ns.take(at), publish_ns=publish)
        return take_rows(columns, rows), times, {f"not where {self._selection.where}": count}
