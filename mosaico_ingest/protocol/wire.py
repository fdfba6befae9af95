"""
JSON and attrs: the one converter of the protocol, strict about names and types, deaf to unknown keys.

Must not know: which messages exist. Next: `messages`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NoReturn, TypeVar

import attrs
import cattrs

from mosaico_ingest.errors import InvalidRequestError, RemoteError, ServerFaultError

__all__ = [
    "OMIT_DEFAULT",
    "JsonObject",
    "dump",
    "load_json",
    "load_request",
    "load_response",
    "make_converter",
    "read_response",
    "to_json",
]

JsonObject = Mapping[str, object]
"""A JSON object that passes through as it is: user metadata."""

OMIT_DEFAULT: Mapping[str, bool] = {"omit_default": True}
"""Metadata of an attrs field whose key is left out of the JSON while the field has its default."""

_T = TypeVar("_T")
_INT64 = range(-(2**63), 2**63)
_LARGEST_REQUEST = 16 * 1024 * 1024
_DEEPEST_OBJECT = 32


def dump(message: object) -> bytes:
    """Return *message*, an attrs instance, as the UTF-8 text of a JSON object."""
    return to_json(_converter.unstructure(message)).encode()


def to_json(value: object) -> str:
    """
    Return *value*, made of JSON types, as JSON.

    Raises:
        InvalidRequestError: It cannot be said in JSON: another type, or NaN or an infinity.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as err:
        msg = (
            f"Cannot write {type(value).__name__} as JSON: {err}. "
            "Expected text, numbers, booleans, lists and mappings."
        )
        raise InvalidRequestError(msg) from err


def load_json(text: str) -> JsonObject:
    """Read user metadata that `to_json` wrote."""
    value: JsonObject = json.loads(text)
    return value


def load_request(kind: type[_T], body: bytes) -> _T:
    """
    Read a request, as a server does.

    Raises:
        InvalidRequestError: The body is no JSON object, or too large, or lacks a key or has one twice, or has
            a value of the wrong type.
    """
    if len(body) > _LARGEST_REQUEST:
        msg = (
            f"body deserialization error: the request has {len(body)} bytes, "
            f"expected at most {_LARGEST_REQUEST}"
        )
        raise InvalidRequestError(msg)
    return _structure(kind, _parse(body, InvalidRequestError), InvalidRequestError)


def load_response(kind: type[_T], body: bytes) -> _T:
    """
    Read JSON that a server sent.

    Raises:
        ServerFaultError: It is not what the protocol says.
    """
    return read_response(kind, _parse(body, ServerFaultError))


def read_response(kind: type[_T], value: object) -> _T:
    """
    Read a value out of a server's JSON; see `load_response`.

    Raises:
        ServerFaultError: It is not what the protocol says.
    """
    return _structure(kind, value, ServerFaultError)


def _parse(body: bytes, error: type[RemoteError]) -> object:
    try:
        return json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_object_of_pairs)
    except (ValueError, RecursionError) as err:
        msg = f"body deserialization error: {str(err)[:200]}"
        raise error(msg) from err


def _structure(kind: type[_T], value: object, error: type[RemoteError]) -> _T:
    if not isinstance(value, dict):
        msg = f"body deserialization error: expected a JSON object, got {type(value).__name__}"
        raise error(msg)
    try:
        return _converter.structure(value, kind)
    except cattrs.BaseValidationError as err:
        faults = "; ".join(cattrs.transform_error(err, format_exception=_fault))
        msg = f"body deserialization error: {faults[:400]}"
        raise error(msg) from err


class _RefusedError(ValueError):
    """A value that its type alone does not forbid; says why."""


def _fault(err: BaseException, kind: type | None) -> str:
    return str(err) if isinstance(err, _RefusedError) else cattrs.v.format_exception(err, kind)


def _refuse_constant(text: str) -> NoReturn:
    msg = f"{text} is no JSON"
    raise ValueError(msg)


def _object_of_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a key that is there twice: leaving one of its values out would be a guess."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        msg = f"key {twice[:64]!r} is there twice"
        raise ValueError(msg)
    return made


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        msg = "expected text"
        raise TypeError(msg)
    value.encode()  # a lone surrogate cannot be stored
    if "\0" in value:  # which not every database takes
        msg = "expected text without NUL"
        raise _RefusedError(msg)
    return value


def _member(value: object, kind: type[StrEnum]) -> StrEnum:
    return kind(_text(value, kind))


def _whole(value: object, _: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _INT64:
        msg = "expected an integer of 64 bits"
        raise TypeError(msg)
    return value


def _boolean(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        msg = "expected true or false"
        raise TypeError(msg)
    return value


def _object(value: object, _: object) -> JsonObject:
    if not isinstance(value, dict):
        msg = "expected an object"
        raise TypeError(msg)
    level: list[object] = [value]
    for _depth in range(_DEEPEST_OBJECT):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        msg = f"expected no more than {_DEEPEST_OBJECT} levels"
        raise _RefusedError(msg)
    return value


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _omits(kind: object) -> bool:
    return (
        isinstance(kind, type)
        and attrs.has(kind)
        and any(field.metadata == OMIT_DEFAULT for field in attrs.fields(kind))
    )


def make_converter() -> cattrs.Converter:
    """Return a converter as the protocol has it, for what else is kept as JSON."""
    converter = cattrs.Converter()
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(StrEnum, _member)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook_func(lambda kind: kind == JsonObject, _object)
    converter.register_unstructure_hook_func(lambda kind: kind == JsonObject, dict)

    def without_defaults(message: attrs.AttrsInstance) -> JsonObject:
        told = {field: getattr(message, field.name) for field in attrs.fields(type(message))}
        return {
            field.name: converter.unstructure(value)
            for field, value in told.items()
            if field.metadata != OMIT_DEFAULT or value != field.default
        }

    converter.register_unstructure_hook_func(_omits, without_defaults)
    return converter


_converter = make_converter()
