"""
The shape that a JSON Schema promises. What it leaves open stays open; nothing is ever fetched.

Must not know: payloads, Arrow. Next: `placing`.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from urllib.parse import unquote

import attrs

from mosaico_ingest.errors import DecodeError
from mosaico_ingest_json.shapes import MAX_DEPTH, OPEN, Kind, Shape, merge_all, object_of, shape_of

__all__ = ["read_schema"]

_MAX_BYTES = 1 << 20
_MAX_PARTS = 10_000  # references can multiply to any number
_PLAIN = {"boolean": Kind.BOOL, "integer": Kind.INTEGER, "number": Kind.NUMBER}


def read_schema(definition: bytes) -> Shape:
    """
    Return the shape of messages that follow the schema *definition*.

    Raises:
        DecodeError: It is no JSON Schema, or too large.
    """
    if len(definition) > _MAX_BYTES:
        msg = f"The JSON Schema has {len(definition)} bytes; at most {_MAX_BYTES} are read."
        raise DecodeError(msg)
    try:
        document = json.loads(definition)
    except (ValueError, RecursionError) as err:
        raise DecodeError("The JSON Schema is not JSON.") from err
    if not isinstance(document, dict | bool):
        raise DecodeError("The JSON Schema is neither an object nor a boolean.")
    return _Reader(document).shape(document)


@attrs.define
class _Reader:
    """
    Walks one document.

    Args:
        document: Where references lead.
        open: References that are being followed: one that leads into itself says no more.
        seen: Counts the parts that were read.
    """

    document: object
    open: tuple[str, ...] = ()
    seen: Iterator[int] = attrs.field(factory=count)

    def shape(self, schema: object, depth: int = 0) -> Shape:
        """Return the shape that *schema* promises, `OPEN` where it does not say."""
        is_beyond = depth > MAX_DEPTH or next(self.seen) > _MAX_PARTS
        if not isinstance(schema, Mapping) or is_beyond:
            return OPEN
        values = schema["enum"] if isinstance(schema.get("enum"), list) else []
        values = [*values, *([schema["const"]] if "const" in schema else [])]
        parts = [_declared_value(value) for value in values]
        parts.append(self._reference(schema.get("$ref"), depth))
        for word in ("allOf", "anyOf", "oneOf"):
            choices = schema.get(word)
            if isinstance(choices, list):
                parts += [self.shape(choice, depth + 1) for choice in choices]
        names = schema.get("type")
        if names is None and "properties" in schema:
            names = "object"
        for name in names if isinstance(names, list) else [names]:
            parts.append(self._typed(name, schema, depth))
        return merge_all(*parts)

    def _typed(self, name: object, schema: Mapping[str, object], depth: int) -> Shape:
        """Return the shape of values of the type *name*."""
        if name == "string":
            is_bytes = str(schema.get("contentEncoding", "")).lower() == "base64"
            return Shape(Kind.BYTES if is_bytes else Kind.TEXT)
        if name == "array":
            rows = [schema.get("prefixItems"), schema.get("items")]
            items = [item for row in rows for item in (row if isinstance(row, list) else [row])]
            return Shape(
                Kind.MANY, item=merge_all(*(self.shape(item, depth + 1) for item in items))
            )
        if name == "object":
            members = schema.get("properties")
            found = members.items() if isinstance(members, Mapping) else ()
            return object_of({key: self.shape(member, depth + 1) for key, member in found})
        return Shape(_PLAIN[name]) if isinstance(name, str) and name in _PLAIN else OPEN

    def _reference(self, reference: object, depth: int) -> Shape:
        """Return the shape of the part of the document that *reference* names."""
        if not isinstance(reference, str) or reference in self.open:
            return OPEN
        target: object = self.document
        path = reference.removeprefix("#").strip("/")
        for step in path.split("/") if reference.startswith("#") and path else []:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        if not reference.startswith("#"):
            return OPEN  # another document
        self.open = (*self.open, reference)
        shape = self.shape(target, depth + 1)
        self.open = self.open[:-1]
        return shape


def _declared_value(value: object) -> Shape:
    """Return the shape of a value that a schema lists: its zeros are integers."""
    shape = shape_of(value)
    return Shape(Kind.INTEGER) if shape.kind is Kind.ZERO else shape
