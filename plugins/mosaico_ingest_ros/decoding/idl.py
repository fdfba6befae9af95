"""
IDL texts by rosbags' parser, where that reads them as CDR has them.

It drops annotations that change what lies on the wire, flattens sequences of sequences, and leaves out enums.

Must not know: payloads, programs. Next: `layout`.
"""

import re
from typing import TYPE_CHECKING

from mosaico_ingest.errors import DecodeError

if TYPE_CHECKING:
    from rosbags.interfaces.typing import BaseDesc, Fielddefs, FieldDesc, NameDesc

__all__ = ["parse_idl"]

_ASIDE = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_ENUM = re.compile(r"\benum\s+(\w+)\s*\{")
_REFUSED = {
    "optional members": re.compile(r"@\s*optional\b"),
    "mutable structs": re.compile(r"@\s*(mutable\b|extensibility\s*\(\s*MUTABLE\b)"),
    "enums of fewer bits": re.compile(r"@\s*bit_bound\b"),
    "sequences of sequences": re.compile(r"\bsequence\s*<\s*sequence\b"),
}


def parse_idl(parts: list[str], type_name: str) -> "dict[str, Fielddefs]":
    """
    Return the fields of every struct in *parts*, the files that define the type *type_name*.

    Raises:
        DecodeError: They use what the parser would read wrongly. What it cannot read at all it says itself.
    """
    from rosbags.typesys import get_types_from_idl

    bare = _ASIDE.sub(" ", "\n".join(parts))
    for what, pattern in _REFUSED.items():
        if pattern.search(bare):
            msg = (
                f"The definition of {type_name!r} has {what}, which cannot be decoded. "
                "Its payloads are kept as bytes."
            )
            raise DecodeError(msg)
    found: dict[str, Fielddefs] = {}
    for part in parts:
        _, _, body = part.partition("\n") if part.startswith("IDL: ") else ("", "", part)
        types = get_types_from_idl(body) if body.strip() else {}
        found.update({name: fields for name, (_, fields) in types.items()})
    enums = set(_ENUM.findall(bare))
    return {
        struct: [(name, _plain(desc, enums, found)) for name, desc in fields]
        for struct, fields in found.items()
    }


def _plain(desc: "FieldDesc", enums: set[str], structs: "dict[str, Fielddefs]") -> "FieldDesc":
    """Return *desc* with enums as the numbers that they are."""
    from rosbags.interfaces import Nodetype

    if desc[0] == Nodetype.ARRAY or desc[0] == Nodetype.SEQUENCE:
        item, size = desc[1]
        return (desc[0], (_plain_item(item, enums, structs), size))
    return _plain_item(desc, enums, structs)


def _plain_item(
    desc: "BaseDesc | NameDesc", enums: set[str], structs: "dict[str, Fielddefs]"
) -> "BaseDesc | NameDesc":
    """Return *desc*, a number if it is an enum."""
    from rosbags.interfaces import Nodetype

    if desc[0] != Nodetype.NAME or desc[1] in structs:
        return desc
    _, _, name = str(desc[1]).rpartition("/")
    return (Nodetype.BASE, ("int32", 0)) if name in enums else desc
