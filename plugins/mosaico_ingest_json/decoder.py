"""
The decoder `json`: claims, and the columns of a channel from its schema and its first messages.

A message that does not fit the columns loses nothing. Where columns had to be inferred, what has no column is
kept as JSON text in one more, `_extra`; where a schema promises them all, the message is rejected as a whole.

Must not know: recordings. Next: `shapes`, `jsonschema`, `batches`.
"""

from collections.abc import Iterator, Sequence

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.plugin import Channel, Decode, Match, Strength
from mosaico_ingest_json.batches import Columns, JsonDecode
from mosaico_ingest_json.jsonschema import read_schema
from mosaico_ingest_json.placing import NOTHING, PayloadError, parse, place
from mosaico_ingest_json.shapes import (
    OPEN,
    Kind,
    Shape,
    has_gaps,
    merge_all,
    overlay,
    settle,
    shape_of,
)

__all__ = ["JsonDecoder"]

_VALUE, _EXTRA = "value", "_extra"


class JsonDecoder:
    """JSON texts, with JSON Schema or without."""

    name = "json"
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim the encoding `json`."""
        if channel.message_encoding != "json":
            return None
        has_schema = _has_schema(channel)
        return Match(Strength.STRUCTURE, "JSON with JSON Schema" if has_schema else "JSON")

    def wants_sample(self, channel: Channel) -> bool:
        """Return True: schemas promise less than messages hold."""
        return True

    def compile(self, channel: Channel) -> Decode:
        """Choose the columns."""
        values = list(_values(channel.sample))
        declared, fault = _declared(channel)
        shape = overlay(declared, merge_all(*map(shape_of, values)))
        is_wrapped = shape.kind not in (Kind.OBJECT, Kind.UNKNOWN)
        if is_wrapped:
            shape, declared = (Shape(Kind.OBJECT, {_VALUE: part}) for part in (shape, declared))
            values = [{_VALUE: value} for value in values]
        shape = Shape(Kind.OBJECT, settle(shape).members)
        is_promised = (
            shape == declared
            and not has_gaps(shape)
            and all(place(value, shape)[1] is NOTHING for value in values)
        )
        extra = "" if is_promised else _EXTRA
        while extra in shape.members:
            extra += "_"
        note = "" if is_promised else _note(channel, fault, len(values), extra)
        return JsonDecode(
            Columns(shape=shape, extra=extra, wrap=_VALUE if is_wrapped else ""), note
        )


def _has_schema(channel: Channel) -> bool:
    return channel.schema_encoding == "jsonschema" and bool(channel.definition.strip())


def _declared(channel: Channel) -> tuple[Shape, str]:
    """Return what the channel's schema promises, and why it cannot be used."""
    if not _has_schema(channel):
        return OPEN, ""
    try:
        return read_schema(channel.definition), ""
    except DecodeError as err:
        return OPEN, f"{err.reason.rstrip('.')}; "


def _values(sample: Sequence[bytes]) -> Iterator[object]:
    """Yield the messages among the first payloads."""
    for payload in sample:
        try:
            yield parse(payload)
        except PayloadError:
            continue


def _note(channel: Channel, fault: str, messages: int, extra: str) -> str:
    """Say where columns are from that no schema promises."""
    rest = f"what does not fit them is kept as text in {extra!r}"
    if not messages:
        return f"{fault}no message to infer columns from; {rest}"
    first = "the first message" if messages == 1 else f"the first {messages} messages"
    if _has_schema(channel) and not fault:
        return f"columns of its JSON Schema and of {first}, which goes beyond it; {rest}"
    return f"{fault}columns inferred from {first}; {rest}"
