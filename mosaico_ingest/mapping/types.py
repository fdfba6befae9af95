"""
Ontology types that are written as tables of names and Arrow types.

::

    [ontology.engine]
    summary = "State of a combustion engine."

    [ontology.engine.fields]
    rpm = "float64!"              # required; without the mark it may be null
    gear = "int8"
    cylinders = "list<float32>"
    oil = { pressure = "float64", temperature = "float64" }

Must not know: mappings. Next: `file`.
"""

import difflib
import re
from collections.abc import Mapping

import pyarrow as pa

from mosaico_ingest.errors import UsageError
from mosaico_ingest.model.ontology import ENVELOPE, Ontology

__all__ = ["make_ontology", "type_name"]

_TYPES: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
}
_LIST = re.compile(r"list<(.+)>")
_TAG = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_KEYS = ("fields", "summary")


def make_ontology(tag: str, table: object, place: str) -> Ontology:
    """
    Make the type that a table describes.

    Args:
        place: Where the table stands, for messages.

    Raises:
        UsageError: The tag, a name or a type cannot be used.
    """
    if not _TAG.fullmatch(tag):
        msg = f"{place}: {tag!r} cannot be a tag. Expected small letters, digits and underscores."
        raise UsageError(msg)
    if not isinstance(table, dict) or not isinstance(table.get("fields"), dict):
        msg = f"{place}: [ontology.{tag}] is {table!r}. Expected a table [ontology.{tag}.fields]."
        raise UsageError(msg)
    for key in table:
        if key not in _KEYS:
            msg = f"{place}: [ontology.{tag}] has the key {key!r}. Known: {', '.join(_KEYS)}."
            raise UsageError(msg)
    fields = [
        _field(name, value, f"{place}: {tag}.{name}") for name, value in table["fields"].items()
    ]
    if not fields:
        msg = f"{place}: [ontology.{tag}.fields] is empty. Expected a field at least."
        raise UsageError(msg)
    taken = {field.name for field in fields} & set(ENVELOPE.names)
    if taken:
        msg = f"{place}: every topic has {sorted(taken)} already. Give the fields of {tag!r} other names."
        raise UsageError(msg)
    return Ontology(tag=tag, fields=pa.schema(fields), summary=str(table.get("summary", "")))


def type_name(kind: pa.DataType) -> str:
    """
    Return how *kind* is written in a table of fields, as TOML; empty where it has no form there.

    Example:
        >>> type_name(pa.list_(pa.float32())), type_name(pa.struct([("a", pa.int8())]))
        ('"list<float32>"', '{ a = "int8" }')
    """
    if pa.types.is_struct(kind):
        members = [(member.name, type_name(member.type)) for member in kind]
        if not members or not all(text and _NAME.fullmatch(name) for name, text in members):
            return ""
        return "{ " + ", ".join(f"{name} = {text}" for name, text in members) + " }"
    word = _word(kind)
    return f'"{word}"' if word else ""


def _word(kind: pa.DataType) -> str:
    """Return the name of a type that is no structure, empty if it has none."""
    if pa.types.is_list(kind):
        inner = _word(kind.value_type)
        return f"list<{inner}>" if inner else ""
    return next((name for name, known in _TYPES.items() if known == kind), "")


def _field(name: str, value: object, place: str) -> pa.Field:
    """Make one field: a type by name, or a table of members."""
    if not _NAME.fullmatch(name):
        msg = (
            f"{place}: {name!r} cannot be a field's name. Expected letters, digits and underscores."
        )
        raise UsageError(msg)
    if isinstance(value, dict):
        members = [_field(key, member, f"{place}.{key}") for key, member in value.items()]
        return pa.field(name, pa.struct(members))
    if not isinstance(value, str):
        msg = f'{place} is {value!r}. Expected a type such as "float64", or a table of members.'
        raise UsageError(msg)
    text = value.strip()
    return pa.field(name, _type(text.removesuffix("!"), place), nullable=not text.endswith("!"))


def _type(text: str, place: str) -> pa.DataType:
    """Return the Arrow type called *text*."""
    match = _LIST.fullmatch(text)
    if match:
        return pa.list_(_type(match[1].strip(), place))
    if text not in _TYPES:
        near = difflib.get_close_matches(text, _TYPES, 2) or [*_TYPES, "list<TYPE>"]
        msg = f"{place} has the type {text!r}. Known: {', '.join(near)}."
        raise UsageError(msg)
    return _TYPES[text]
