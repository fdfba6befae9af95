"""
Message formats as memory: a definition says which bytes of a message are which column.

Nested types become structs, arrays lists of fixed size, arrays of `char` texts. Padding has no column, and
where it ends a message it is not even logged.

Must not know: files, clocks. Next: `decoder`.
"""

import re
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.errors import DecodeError

__all__ = ["Layout", "definition_of", "parse_definition", "strings"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_SCALARS = {
    "int8_t": "<i1",
    "uint8_t": "<u1",
    "int16_t": "<i2",
    "uint16_t": "<u2",
    "int32_t": "<i4",
    "uint32_t": "<u4",
    "int64_t": "<i8",
    "uint64_t": "<u8",
    "float": "<f4",
    "double": "<f8",
}
_BYTES = ("bool", "char")
_FIELD = re.compile(r"([\w/-]+)(?:\[(\d{1,5})\])?\s+(\w+)")
_PADDING = "_padding"
_MAX_BYTES = 0xFFFF
_MAX_DEPTH = 16
_MAX_FIELDS = 10_000


@attrs.frozen
class _Field:
    """One field: bytes *at* on of its message, *count* values of *kind*, None for a single one."""

    name: str
    at: int
    kind: "str | tuple[_Field, ...]"
    size: int
    count: int | None

    @property
    def end(self) -> int:
        """Return the place after its last byte."""
        return self.at + self.size * (1 if self.count is None else self.count)

    @property
    def type(self) -> pa.DataType:
        """Return the type of its column."""
        if self.kind == "char":
            return pa.string()
        single = self._single
        return single if self.count is None else pa.list_(single, self.count)

    @property
    def _single(self) -> pa.DataType:
        if isinstance(self.kind, tuple):
            return pa.struct([(field.name, field.type) for field in self.kind])
        if self.kind == "bool":
            return pa.bool_()
        return pa.from_numpy_dtype(np.dtype(_SCALARS[self.kind]))

    def column(self, rows: Bytes) -> pa.Array:
        """
        Return its values.

        Args:
            rows: (n, bytes of a message) uint8.
        """
        n, part = len(rows), rows[:, self.at : self.end]
        if self.kind == "char":
            return _texts(part)
        values = self._values(np.ascontiguousarray(part).reshape(-1, self.size))
        if self.count is None:
            return values
        if not n:
            return pa.array([], self.type)
        return pa.FixedSizeListArray.from_arrays(values, type=self.type)

    def _values(self, rows: Bytes) -> pa.Array:
        """Return one value per row of bytes."""
        if isinstance(self.kind, tuple):
            members = [field.column(rows) for field in self.kind]
            return pa.StructArray.from_arrays(members, fields=list(self._single))
        if self.kind == "bool":
            return pa.array(rows[:, 0] != 0)
        return pa.array(rows.view(_SCALARS[self.kind])[:, 0])


class Layout:
    """
    The columns of one message format.

    Args:
        name: The format.
        formats: The fields of it and of the types that it is made of, as the file has them.

    Attributes:
        schema: Its columns.
        least, most: Bytes that a message may have; what may be absent is padding.

    Raises:
        DecodeError: A type is unknown, or the fields make no sense.
    """

    def __init__(self, name: str, formats: Mapping[str, str]) -> None:
        self._budget = _MAX_FIELDS
        fields, self.most = self._parse(name, formats, ())
        while fields and fields[-1].name.startswith(_PADDING):
            fields = fields[:-1]
        if not fields:
            msg = f"The type {name!r} has no fields."
            raise DecodeError(msg)
        self.least = fields[-1].end
        self._fields = _visible(fields)
        self.schema = pa.schema([(field.name, field.type) for field in self._fields])

    def place_of(self, name: str, kind: str = "uint64_t") -> int | None:
        """Return where the number *name* of type *kind* is in a message, None if it has none."""
        wanted = (name, kind, None)
        return next((f.at for f in self._fields if (f.name, f.kind, f.count) == wanted), None)

    def columns(self, data: Bytes) -> pa.RecordBatch:
        """
        Return the columns of messages.

        Args:
            data: (n * least,) uint8, the messages without their padding at the end.
        """
        rows = data.reshape(-1, self.least)
        return pa.RecordBatch.from_arrays(
            [f.column(rows) for f in self._fields], schema=self.schema
        )

    def _parse(
        self, name: str, formats: Mapping[str, str], above: tuple[str, ...]
    ) -> tuple[tuple[_Field, ...], int]:
        """Return the fields of the format *name* and its size."""
        if name not in formats:
            msg = f"The log does not define the type {name!r}."
            raise DecodeError(msg)
        if name in above or len(above) > _MAX_DEPTH:
            msg = f"The type {name!r} contains itself, or is nested beyond {_MAX_DEPTH} levels."
            raise DecodeError(msg)
        fields: list[_Field] = []
        names: set[str] = set()
        at = 0
        for text in filter(None, (part.strip() for part in formats[name].split(";"))):
            match = _FIELD.fullmatch(text)
            self._budget -= 1
            if match is None or self._budget < 0 or match[3] in names:
                msg = f"The field {text[:80]!r} of the type {name!r} makes no sense."
                raise DecodeError(msg)
            kind: str | tuple[_Field, ...] = match[1]
            count = int(match[2]) if match[2] else None
            if match[1] in _SCALARS or match[1] in _BYTES:
                size = np.dtype(_SCALARS.get(match[1], "<u1")).itemsize
            else:
                nested, size = self._parse(match[1], formats, (*above, name))
                kind = _visible(nested)
                size = size if kind else 0
            field = _Field(match[3], at, kind, size, count)
            at = field.end
            if count == 0 or not size or at > _MAX_BYTES:
                msg = f"The field {text[:80]!r} of the type {name!r} is empty or beyond 64 KiB."
                raise DecodeError(msg)
            fields.append(field)
            names.add(field.name)
        return tuple(fields), at


def definition_of(name: str, formats: Mapping[str, str]) -> bytes:
    """Return the formats that *name* needs, itself first, one `name:fields` per line."""
    needed, queue = dict.fromkeys([name]), [name]
    while queue:
        for match in _FIELD.finditer(formats.get(queue.pop(), "")):
            if match[1] in formats and match[1] not in needed:
                needed[match[1]] = None
                queue.append(match[1])
    return "\n".join(f"{n}:{formats[n]}" for n in needed if n in formats).encode()


def parse_definition(definition: bytes) -> tuple[str, dict[str, str]]:
    """
    Read what `definition_of` returns: the name, and the formats.

    Raises:
        DecodeError: It is none.
    """
    pairs = [line.partition(":") for line in definition.decode("utf-8", "replace").splitlines()]
    if not pairs or not all(colon for _, colon, _ in pairs):
        msg = f"{definition[:80]!r} defines no ULog message. Expected lines of 'name:fields'."
        raise DecodeError(msg)
    return pairs[0][0], {name: fields for name, _, fields in pairs}


def _texts(rows: Bytes) -> pa.StringArray:
    """
    Return texts, each up to its first zero.

    Args:
        rows: (n, width) uint8.
    """
    n, width = rows.shape
    is_zero = rows == 0
    lengths = np.where(is_zero.any(1), is_zero.argmax(1), width)
    kept = rows[np.arange(width) < lengths[:, None]]
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return strings(offsets, kept)


def strings(offsets: npt.NDArray[np.int32], data: Bytes) -> pa.StringArray:
    """Return texts of the bytes *data*; in those that are not UTF-8, `?` stands for all beyond ASCII."""
    parts = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    n = len(offsets) - 1
    try:
        return pa.Array.from_buffers(pa.binary(), n, parts).cast(pa.string())
    except pa.ArrowInvalid:
        repaired = data.copy()
        # Texts beyond ASCII are few, and one of them is broken.
        rows = np.searchsorted(offsets, np.flatnonzero(data >= 0x80), side="right") - 1
        for row in np.unique(rows).tolist():
            text = repaired[offsets[row] : offsets[row + 1]]
            if not _is_utf8(text):
                text[text >= 0x80] = ord("?")
        parts[2] = pa.py_buffer(repaired)
        return pa.Array.from_buffers(pa.string(), n, parts)


def _is_utf8(text: Bytes) -> bool:
    try:
        text.tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _visible(fields: tuple[_Field, ...]) -> tuple[_Field, ...]:
    """Return *fields* without padding."""
    return tuple(field for field in fields if not field.name.startswith(_PADDING))
