"""
The decoder: messages of a format to columns, by numpy; and texts, parameters and gaps, which have none.

What the source hands over of those begins with the kind of its record, since a text with a tag has another
head than one without.

Must not know: files. Next: `mapper`.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.plugin import Channel, Decoded, Match, Payloads, Reject, Strength, gather
from mosaico_ingest_ulog.layout import Layout, parse_definition, strings
from mosaico_ingest_ulog.records import Kind, take

__all__ = ["ENCODING", "Form", "UlogDecoder"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ENCODING = "ulog"
_TEXT_AT, _TAGGED_TEXT_AT = 10, 12
_SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
_PARAMETER_AT = 2  # after kind and length of the key


class Form(StrEnum):
    """How the payloads of a channel are written; its schema encoding."""

    Message = "ulog"
    Text = "ulog-text"
    Parameter = "ulog-parameter"
    Dropout = "ulog-dropout"


class _Messages:
    """Messages of a format."""

    note = ""

    def __init__(self, layout: Layout) -> None:
        self.schema = layout.schema
        self._layout = layout

    def __call__(self, payload: pa.Array) -> Decoded:
        found, layout = Payloads.from_column(payload), self._layout
        fits = (found.lengths >= layout.least) & (found.lengths <= layout.most)
        rows = np.flatnonzero(fits)
        data = gather(found.buffer, found.starts[rows], np.full(len(rows), layout.least))
        said = (
            f"{layout.least}" if layout.least == layout.most else f"{layout.least} to {layout.most}"
        )
        return _decoded(
            layout.columns(data), fits, f"The message has not the {said} bytes of its format."
        )


@attrs.define(eq=False)
class _Records:
    """
    Records without a format.

    Args:
        schema: Their columns.
        fit: Says which payloads can be read.
        read: Reads those.
        reason: Why the others cannot.
    """

    schema: pa.Schema
    fit: Callable[[Payloads], Flags]
    read: Callable[[Payloads], Sequence[pa.Array]]
    reason: str
    note: str = ""

    def __call__(self, payload: pa.Array) -> Decoded:
        found = Payloads.from_column(payload)
        fits = self.fit(found) if len(found) else np.empty(0, np.bool_)
        good = found.take(np.flatnonzero(fits))
        columns = (
            self.read(good) if len(good) else [pa.array([], kind) for kind in self.schema.types]
        )
        return _decoded(
            pa.RecordBatch.from_arrays(list(columns), schema=self.schema), fits, self.reason
        )


class UlogDecoder:
    """Payloads of ULog files."""

    name = "ulog"
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim what the source of this plugin hands over."""
        if channel.message_encoding != ENCODING or channel.schema_encoding not in set(Form):
            return None
        return Match(Strength.MAGIC, "ULog")

    def compile(self, channel: Channel) -> "_Messages | _Records":
        """
        Prepare a channel.

        Raises:
            DecodeError: The definition cannot be used.
        """
        form = Form(channel.schema_encoding)
        if form is Form.Message:
            return _Messages(Layout(*parse_definition(channel.definition)))
        return _RECORDS[form]


def _decoded(data: pa.RecordBatch, fits: Flags, reason: str) -> Decoded:
    """Return *data* with the payloads that are not in it as rejects."""
    if fits.all():
        return Decoded(data=data)
    return Decoded(
        data=data, kept=np.flatnonzero(fits), rejects=(Reject(np.flatnonzero(~fits), reason),)
    )


def _heads(found: Payloads, at: int) -> Bytes:
    """Return the byte *at* of payloads, 0 of those that are shorter."""
    inside = found.lengths > at
    heads = np.zeros(len(found), np.uint8)
    heads[inside] = found.buffer[found.starts[inside] + at]
    return heads


def _is_text(found: Payloads) -> Flags:
    kinds = _heads(found, 0)
    plain = (kinds == Kind.TEXT) & (found.lengths >= _TEXT_AT)
    flags: Flags = plain | ((kinds == Kind.TAGGED_TEXT) & (found.lengths >= _TAGGED_TEXT_AT))
    return flags


def _read_texts(found: Payloads) -> Sequence[pa.Array]:
    """Read severities as the words of syslog, tags, and texts."""
    is_tagged = _heads(found, 0) == Kind.TAGGED_TEXT
    levels = _heads(found, 1).astype(np.int64) - ord("0")
    known = (levels >= 0) & (levels < len(_SEVERITIES))
    tags = np.zeros(len(found), np.uint16)
    tags[is_tagged] = take(found.buffer, found.starts[is_tagged] + 2, np.uint16)
    head = np.where(is_tagged, _TAGGED_TEXT_AT, _TEXT_AT)
    return [
        pa.array(_SEVERITIES).take(pa.array(levels, mask=~known)),
        pa.array(tags, mask=~is_tagged),
        _strings(found, found.starts + head, found.lengths - head),
    ]


def _is_parameter(found: Payloads) -> Flags:
    key_bytes = _heads(found, 1).astype(np.int64)
    flags: Flags = (_heads(found, 0) == Kind.PARAMETER) & (
        found.lengths == _PARAMETER_AT + key_bytes + 4
    )
    return flags & (_is_typed(found, b"float ") | _is_typed(found, b"int32_t "))


def _is_typed(found: Payloads, kind: bytes) -> Flags:
    """Say which keys begin with *kind* and have a name after it."""
    at = [_heads(found, _PARAMETER_AT + k) == byte for k, byte in enumerate(kind)]
    flags: Flags = np.logical_and.reduce([*at, _heads(found, 1) > len(kind)])
    return flags


def _read_parameters(found: Payloads) -> Sequence[pa.Array]:
    """Read names and values; a number of 64 bits holds either type exactly."""
    is_float = _is_typed(found, b"float ")
    bits = take(found.buffer, found.starts + found.lengths - 4, np.uint32).astype("<u4")
    values = np.where(
        is_float, bits.view("<f4").astype(np.float64), bits.view("<i4").astype(np.float64)
    )
    head = _PARAMETER_AT + np.where(is_float, len(b"float "), len(b"int32_t "))
    return [_strings(found, found.starts + head, found.lengths - 4 - head), pa.array(values)]


def _is_dropout(found: Payloads) -> Flags:
    flags: Flags = (_heads(found, 0) == Kind.DROPOUT) & (found.lengths == 3)
    return flags


def _read_dropouts(found: Payloads) -> Sequence[pa.Array]:
    milliseconds = take(found.buffer, found.starts + 1, np.uint16)
    return [pa.array(milliseconds.astype(np.float64) / 1000)]


def _strings(found: Payloads, starts: Ints, lengths: Ints) -> pa.StringArray:
    """Return ranges of bytes as texts."""
    offsets = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return strings(offsets, gather(found.buffer, starts, lengths))


_RECORDS = {
    Form.Text: _Records(
        pa.schema([("severity", pa.string()), ("tag", pa.uint16()), ("message", pa.string())]),
        _is_text,
        _read_texts,
        "The record is no logged text.",
    ),
    Form.Parameter: _Records(
        pa.schema([("name", pa.string()), ("value", pa.float64())]),
        _is_parameter,
        _read_parameters,
        "The record is no parameter of type float or int32_t.",
    ),
    Form.Dropout: _Records(
        pa.schema([("duration_s", pa.float64())]),
        _is_dropout,
        _read_dropouts,
        "The record is no dropout.",
    ),
}
