"""
Batches of JSON texts to columns: all together by Arrow's reader, the few that it refuses one by one.

Texts are joined by newlines, each an object from its first to its last character. No text can then run into
the next (a newline within a string is an error to the reader), and as many rows as texts are a row each.

Must not know: schemas, samples. Next: `placing`.
"""

from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.plugin import Decoded, Reject
from mosaico_ingest_json.exact import InexactError, Rows, beyond, doubtful, exact, narrowed
from mosaico_ingest_json.placing import NOTHING, PayloadError, misfit, parse, place, written
from mosaico_ingest_json.shapes import Shape, arrow_type

__all__ = ["Columns", "JsonDecode"]

_FEW = 128  # texts that are looked at one by one where the reader refuses them together
_MAX_BYTES = 2**31 - 2**16  # what it takes as one block
_BLANKS = " \t\r\n"

Ints = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True)
class Columns:
    """
    What messages become.

    Args:
        shape: Of an object whose members are the columns.
        extra: Name of the column for what has no other, empty if such messages are rejected.
        wrap: Name of the only column, for messages that are no objects.
    """

    shape: Shape
    extra: str
    wrap: str

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that come out."""
        last = [pa.field(self.extra, pa.string())] if self.extra else []
        return pa.schema([*_members(self.shape), *last])

    @cached_property
    def read(self) -> pa.Schema:
        """Those that the reader makes, with bytes still in base64."""
        return pa.schema(_members(self.shape, text=pa.large_string()))


class JsonDecode:
    """
    Decodes the payloads of one channel.

    Thread: any, several at once.
    """

    def __init__(self, columns: Columns, note: str) -> None:
        self.note = note
        self.schema = columns.schema
        self._columns = columns

    def __call__(self, payload: pa.Array) -> Decoded:
        """Decode a column of payloads; those that are refused together are parted and tried again."""
        payloads = payload.cast(pa.large_binary())
        pieces: list[tuple[Ints, pa.RecordBatch]] = []
        rejects: dict[str, list[int]] = {}
        left = [np.arange(len(payloads))] if len(payloads) else []
        while left:
            rows = left.pop()
            part = payloads if len(rows) == len(payloads) else payloads.take(pa.array(rows))
            together = self._together(part)
            if together is not None:
                batch, odd = together
                pieces.append((rows[~odd], batch))
            elif len(rows) > _FEW:
                left += np.array_split(rows, 2)
                continue
            else:
                odd = np.ones(len(rows), np.bool_)
            if odd.any():
                few = part.filter(pa.array(odd))
                pieces.append(self._one_by_one(few, rows[odd], rejects))
        return self._result(pieces, rejects)

    def _result(
        self, pieces: list[tuple[Ints, pa.RecordBatch]], rejects: dict[str, list[int]]
    ) -> Decoded:
        """Put everything together, in stored order."""
        if len(pieces) == 1:
            kept, data = pieces[0]
        elif pieces:
            kept = np.concatenate([rows for rows, _ in pieces])
            order = np.argsort(kept)
            data = pa.concat_batches([batch for _, batch in pieces]).take(pa.array(order))
            kept = kept[order]
        else:
            kept, data = np.empty(0, np.int64), pa.RecordBatch.from_pylist([], self.schema)
        told = tuple(Reject(np.sort(rows), why) for why, rows in rejects.items())
        return Decoded(data=data, kept=kept if rejects else None, rejects=told)

    def _together(self, payloads: pa.LargeBinaryArray) -> tuple[pa.RecordBatch, Rows] | None:
        """Return the rows of payloads, and which of them are left out as odd; None if no more can be told."""
        for unexpected in ("error", "infer"):
            try:
                return self._decoded(payloads, unexpected)
            except InexactError:
                return None
            except pa.ArrowInvalid as err:
                if "unexpected field" not in str(err):
                    return None
        return None

    def _decoded(
        self, payloads: pa.LargeBinaryArray, unexpected: str
    ) -> tuple[pa.RecordBatch, Rows]:
        """
        Return the rows of payloads, and which of them are left out: those with more than the columns hold.

        Raises:
            ArrowInvalid: The reader refuses some.
            InexactError: It is not certain that all are what they seem.
        """
        (batch,) = self._read(_trimmed(payloads), unexpected).combine_chunks().to_batches()
        kind = pa.struct(list(self._columns.read))
        rows = batch.to_struct_array()
        rows.validate()  # of lists that hold nothing but null the reader may count the items wrong
        odd = beyond(rows, kind)
        rows = narrowed(rows, kind)
        odd |= doubtful(rows)
        if odd.any():
            rows = rows.filter(pa.array(~odd))
        rows = exact(rows, self._columns.shape)
        return self._completed(rows, pa.nulls(len(rows), pa.string())), odd

    def _read(self, text: pa.LargeStringArray, unexpected: str) -> pa.Table:
        """
        Run Arrow's reader on trimmed texts.

        Args:
            unexpected: What it does with members that are no columns: `error`, or `infer` their types.

        Raises:
            ArrowInvalid: It refuses them.
            InexactError: What it would make of them is not certain.
        """
        import pyarrow.json

        if self._columns.wrap:
            ends = (f'{{"{self._columns.wrap}":', "}", "")
            before, after, between = (pa.scalar(end, text.type) for end in ends)
            text = pc.binary_join_element_wise(before, text, after, between)
        elif not pc.all(pc.and_(pc.starts_with(text, "{"), pc.ends_with(text, "}"))).as_py():
            raise InexactError
        lines = _lines(text)
        if np.count_nonzero(np.frombuffer(lines, np.uint8) == ord("\n")) != len(text) - 1:
            # Between values both are blanks, within strings both are errors.
            lines = _lines(pc.replace_substring(text, "\n", "\r"))
        if len(lines) > _MAX_BYTES:
            raise InexactError
        table = pyarrow.json.read_json(
            pa.BufferReader(lines),
            pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            pyarrow.json.ParseOptions(
                explicit_schema=self._columns.read, unexpected_field_behavior=unexpected
            ),
        )
        if table.num_rows != len(text):
            raise InexactError
        return table

    def _one_by_one(
        self, payloads: pa.LargeBinaryArray, numbers: Ints, rejects: dict[str, list[int]]
    ) -> tuple[Ints, pa.RecordBatch]:
        """Return the rows of payloads that have *numbers* in the batch; note those that are rejected."""
        columns, kept, rows, extras = self._columns, list[int](), list[object](), list[str | None]()
        for number, payload in zip(numbers.tolist(), payloads.to_pylist(), strict=True):
            try:
                row, rest = self._placed(payload)
            except PayloadError as err:
                rejects.setdefault(str(err), []).append(number)
                continue
            kept.append(number)
            rows.append(row)
            extras.append(written(rest))
        placed = pa.array(rows, pa.struct(_members(columns.shape)))
        return np.array(kept, np.int64), self._completed(placed, pa.array(extras, pa.string()))

    def _placed(self, payload: bytes) -> tuple[object, object]:
        """
        Return the row of one payload, and what is left over.

        Raises:
            PayloadError: It is no message of this channel.
        """
        columns = self._columns
        value = parse(payload)
        if columns.wrap:
            value = {columns.wrap: value}
        if not isinstance(value, dict):
            raise PayloadError("The payload is not a JSON object, as others of its channel are.")
        row, rest = place(value, columns.shape)
        if rest is not NOTHING and not columns.extra:
            raise PayloadError(misfit(rest, columns.shape))
        return row, rest

    def _completed(self, rows: pa.StructArray, extras: pa.StringArray) -> pa.RecordBatch:
        """Return rows as a batch, with what is left over of each."""
        last = [extras] if self._columns.extra else []
        return pa.RecordBatch.from_arrays([*rows.flatten(), *last], schema=self.schema)


def _members(shape: Shape, text: pa.DataType | None = None) -> list[pa.Field]:
    """Return the members of an object as columns."""
    kind = arrow_type(shape, text)
    return list(kind) if kind is not None else []


def _trimmed(payloads: pa.LargeBinaryArray) -> pa.LargeStringArray:
    """Return payloads as text without blanks around it; raises ArrowInvalid if one is not UTF-8."""
    return pc.ascii_trim(payloads.cast(pa.large_string()), _BLANKS)


def _lines(text: pa.LargeStringArray) -> pa.Buffer:
    """Return texts joined by newlines."""
    whole = pa.LargeListArray.from_arrays([0, len(text)], text)
    return pc.binary_join(whole, pa.scalar("\n", text.type))[0].as_buffer()
