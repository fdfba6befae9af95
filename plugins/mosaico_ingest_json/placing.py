"""
One message at a time: what of it has a column, and what is left over.

Together they are the message: nothing is rounded, cut or dropped on the way.

Must not know: batches. Next: `decoder`.
"""

import binascii
import json

from mosaico_ingest_json.shapes import OPEN, Kind, Shape

__all__ = ["NOTHING", "PayloadError", "misfit", "parse", "place", "written"]

NOTHING = object()
"""What is left over of a value that its column holds."""

_INT64 = range(-(2**63), 2**63)
_EXACT = 2**53  # beyond, a float does not tell integers apart


class PayloadError(Exception):
    """A payload is no message; the text says why, in words that others share."""


def parse(payload: bytes) -> object:
    """
    Return the value in *payload*.

    Raises:
        PayloadError: It is no JSON, or JSON that says one thing twice.
    """
    try:
        return json.loads(payload.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as err:
        raise PayloadError("The payload is not UTF-8.") from err
    except json.JSONDecodeError as err:
        why = "is empty" if not payload.strip() else f"is not JSON ({err.msg.rstrip(': ')})"
        msg = f"The payload {why}."
        raise PayloadError(msg) from err
    except RecursionError as err:
        raise PayloadError("The payload is nested too deeply to be parsed.") from err
    except ValueError as err:
        raise PayloadError("The payload holds a number of too many digits.") from err


def place(value: object, shape: Shape) -> tuple[object, object]:
    """
    Part *value* into what a column of *shape* holds and what is left over.

    Returns:
        The first, None where nothing fits, and the second, `NOTHING` where all fits. Of objects, members are
        parted; a list stays in one piece.
    """
    if value is None:
        return None, NOTHING
    if shape.kind is Kind.OBJECT:
        return _place_members(value, shape)
    if shape.kind is Kind.MANY:
        if not isinstance(value, list):
            return None, value
        pairs = [place(item, shape.item or OPEN) for item in value]
        if all(rest is NOTHING for _, rest in pairs):
            return [placed for placed, _ in pairs], NOTHING
        return None, value
    placed = _place_plain(value, shape.kind)
    return (None, value) if placed is None else (placed, NOTHING)


def misfit(rest: object, shape: Shape) -> str:
    """Say which part of a message, of which *rest* is left over, does not fit *shape*."""
    path: list[str] = []
    while isinstance(rest, dict) and shape.kind is Kind.OBJECT:
        key = next(iter(rest), "")
        if key not in shape.members:
            return "The message has members that its schema does not name."
        path.append(key)
        rest, shape = rest[key], shape.members[key]
    name = ".".join(path) or "message"
    return f"The value of {name!r} does not fit the schema."


def written(rest: object) -> str | None:
    """Return what is left over as JSON text, None if nothing is."""
    if rest is NOTHING:
        return None
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can write
        return json.dumps(rest, separators=(",", ":"))
    return text


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the members of an object, each there once."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise PayloadError("The payload has two members of one name.")
    return members


def _place_members(value: object, shape: Shape) -> tuple[object, object]:
    """Part an object."""
    if not isinstance(value, dict):
        return None, value
    placed, left = {}, {}
    for key, member in value.items():
        known = shape.members.get(key)
        held, rest = (None, member) if known is None else place(member, known)
        if held is not None:
            placed[key] = held
        if rest is not NOTHING:
            left[key] = rest
    return placed, left or NOTHING


def _place_plain(value: object, kind: Kind) -> object:
    """Return *value* as a column of *kind* holds it, None if it does not."""
    placed: object = None
    if isinstance(value, bool):
        placed = value if kind is Kind.BOOL else None
    elif isinstance(value, str):
        placed = _place_text(value, kind)
    elif isinstance(value, int):
        if kind is Kind.NUMBER and -_EXACT < value < _EXACT:
            placed = float(value)
        elif kind is Kind.INTEGER and value in _INT64:
            placed = value
    elif isinstance(value, float):
        if kind is Kind.NUMBER:
            placed = value
        elif kind is Kind.INTEGER and value.is_integer() and -_EXACT < value < _EXACT:
            placed = int(value)
    return placed


def _place_text(value: str, kind: Kind) -> str | bytes | None:
    """Return text, or the bytes that it stands for."""
    try:
        if kind is Kind.BYTES:
            return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
        value.encode()
    except ValueError:
        return None
    return value if kind is Kind.TEXT else None
