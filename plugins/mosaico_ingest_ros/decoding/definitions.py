"""
Message definitions to programs, by rosbags' parsers; its stores stand in for what a file leaves out.

Must not know: payloads. Next: `layout`.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import count
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import DecodeError
from mosaico_ingest.plugin import Channel
from mosaico_ingest_ros.decoding.idl import parse_idl
from mosaico_ingest_ros.decoding.layout import (
    Block,
    Items,
    Leaf,
    Numbers,
    Program,
    Step,
    Struct,
    Text,
)

if TYPE_CHECKING:
    from rosbags.interfaces.typing import BaseDesc, Fielddefs, FieldDesc, NameDesc

__all__ = ["compile_channel"]

_NUMBERS: dict[str, tuple[np.dtype, pa.DataType]] = {
    "bool": (np.dtype("u1"), pa.bool_()),
    "byte": (np.dtype("i1"), pa.int8()),
    "char": (np.dtype("u1"), pa.uint8()),
    "int8": (np.dtype("i1"), pa.int8()),
    "uint8": (np.dtype("u1"), pa.uint8()),
    "int16": (np.dtype("<i2"), pa.int16()),
    "uint16": (np.dtype("<u2"), pa.uint16()),
    "int32": (np.dtype("<i4"), pa.int32()),
    "uint32": (np.dtype("<u4"), pa.uint32()),
    "int64": (np.dtype("<i8"), pa.int64()),
    "uint64": (np.dtype("<u8"), pa.uint64()),
    "float32": (np.dtype("<f4"), pa.float32()),
    "float64": (np.dtype("<f8"), pa.float64()),
}
_AS_BYTES = {"uint8", "byte", "char"}
_PLACEHOLDER = "structure_needs_at_least_one_member"  # what IDL puts into an empty message
_SEPARATOR = re.compile(r"^={80}[ \t]*\n", re.MULTILINE)
_MAX_ARRAY = 2**31 - 1  # what an Arrow list can hold
_MAX_FIELDS = 10_000  # messages inside messages can multiply to any number
_MAX_DEPTH = 64
_MAX_DEFINITION_BYTES = 1 << 20  # the parsers need seconds for more

# Bags began to carry definitions with Iron, so one without them is from Humble or before.
_ROS1 = ("ROS1_NOETIC",)
_DISTROS = "HUMBLE GALACTIC FOXY ELOQUENT DASHING IRON JAZZY KILTED LYRICAL"
_ROS2 = tuple(f"ROS2_{distro}" for distro in _DISTROS.split())


def compile_channel(channel: Channel, *, cdr: bool) -> Program:
    """
    Compile the definition of *channel*, for CDR or for ROS 1 serialisation.

    Raises:
        DecodeError: The definition cannot be parsed, or holds what cannot be decoded.
    """
    embedded: dict[str, Fielddefs] = {}
    root = ""
    if len(channel.definition) > _MAX_DEFINITION_BYTES:
        msg = (
            f"The definition of {channel.type_name!r} has {len(channel.definition)} bytes; at most "
            f"{_MAX_DEFINITION_BYTES} are parsed. Its payloads are kept as bytes."
        )
        raise DecodeError(msg)
    if channel.definition.strip():
        embedded, root = _parsed(channel.definition, channel.schema_encoding, channel.type_name)
    compiler = _Compiler(embedded, cdr, channel.metadata.get("ros_distro", ""))
    tree = compiler.message(root or _qualified(channel.type_name), "")
    return Program(tree, _merged(compiler.parts))


@lru_cache(maxsize=128)
def _parsed(
    definition: bytes, schema_encoding: str, type_name: str
) -> "tuple[dict[str, Fielddefs], str]":
    """
    Return the fields of every message in the definition, and the name of the outermost one.

    A channel is compiled for its plan and again for its flow, and a folder of recordings has the same types
    over and over; parsing is what that costs. The result must not be changed.
    """
    from rosbags.typesys import TypesysError, get_types_from_msg

    text = definition.decode("utf-8", "replace").replace("\r\n", "\n")
    parts = _SEPARATOR.split(text)
    is_idl = schema_encoding in {"ros2idl", "omgidl"}
    try:
        if is_idl:
            embedded = parse_idl(parts, type_name)
        else:
            types = get_types_from_msg(("=" * 80 + "\n").join(parts), type_name)
            embedded = {name: fields for name, (_, fields) in types.items()}
    except (TypesysError, ValueError, KeyError, TypeError, AssertionError, RecursionError) as err:
        reason = " ".join(str(err).split())[:80]
        msg = (
            f"The definition of {type_name!r} cannot be parsed as "
            f"{schema_encoding or 'ros2msg'} ({reason}). Its payloads are kept as bytes."
        )
        raise DecodeError(msg) from err
    return embedded, _idl_root(embedded, type_name) if is_idl else next(iter(embedded))


def _idl_root(names: "dict[str, Fielddefs]", type_name: str) -> str:
    """Return which of *names* payloads are; IDL files name types with or without their modules."""
    wanted = type_name.replace("::", "/")
    last = wanted.rpartition("/")[2]
    candidates = [name for name in names if name in {wanted, _qualified(wanted)}]
    candidates += [name for name in names if name.rpartition("/")[2] == last]
    if not candidates:
        msg = (
            f"The definition of {type_name!r} does not contain it. Its payloads are kept as bytes."
        )
        raise DecodeError(msg)
    return candidates[0]


def _qualified(name: str) -> str:
    """Return *name* as ROS 2 writes it (`sensor_msgs/Imu` -> `sensor_msgs/msg/Imu`)."""
    package, _, rest = name.partition("/")
    return name if "/" in rest or not rest else f"{package}/msg/{rest}"


@cache
def _known(name: str, is_ros1: bool, distro: str) -> "Fielddefs | None":
    """Return the fields of a message that ROS ships, of *distro* if that has it, None if none has."""
    from rosbags.typesys import Stores, get_typestore

    for store in _ROS1 if is_ros1 else (f"ROS2_{distro.upper()}", *_ROS2):
        if store in Stores.__members__:  # which ones there are depends on the version of rosbags
            found = get_typestore(Stores[store]).fielddefs.get(name)
            if found:
                return found[1]
    return None


@attrs.define(eq=False)
class _Compiler:
    """
    Walks a message and collects its parts in wire order.

    Args:
        embedded: Fields of the messages that the definition itself holds.
        cdr: Whether numbers are aligned, strings terminated and empty messages one byte long.
        distro: ROS 2 distribution whose definitions come first where *embedded* has none.
        parts: Leaves and steps found so far.
        open: Names of the messages that are being walked, outermost first.
        seen: Counts the fields, also those inside of sequences.
    """

    embedded: "dict[str, Fielddefs]"
    cdr: bool
    distro: str
    parts: "list[Leaf | Text | Numbers | Items]" = attrs.field(factory=list)
    open: tuple[str, ...] = ()
    seen: Iterator[int] = attrs.field(factory=count)

    def message(self, name: str, path: str) -> Struct:
        """Append the parts of message *name*, which is the field *path*."""
        if name in self.open:
            msg = f"The message {name!r} contains itself. Its payloads are kept as bytes."
            raise DecodeError(msg)
        fields = self._fields(name, path)
        if len(self.open) > _MAX_DEPTH or next(self.seen) > _MAX_FIELDS:
            msg = (
                f"The definition has more than {_MAX_FIELDS} fields or {_MAX_DEPTH} levels at "
                f"{path[:80]!r}. Its payloads are kept as bytes."
            )
            raise DecodeError(msg)
        shown = [field for field in fields if field[0] != _PLACEHOLDER]
        if len({key for key, _ in shown}) < len(shown):
            msg = (
                f"The message {name!r} has two fields of one name. Its payloads are kept as bytes."
            )
            raise DecodeError(msg)
        self.open = (*self.open, name)
        children = [self._field(desc, f"{path}.{key}".lstrip(".")) for key, desc in shown]
        self.open = self.open[:-1]
        if not shown and self.cdr:
            self.parts.append(self._leaf("uint8", path or name, None, hidden=True))
        return Struct(tuple(key for key, _ in shown), tuple(children))

    def _fields(self, name: str, path: str) -> "Fielddefs":
        """Return the fields of message *name*, which is the field *path*."""
        if name.endswith("/wstring"):  # a type of its own that rosbags takes for a message
            raise _undecodable("wstring", path)
        # Some recorders put the name of a middleware before that of the package.
        longer = (key for key in self.embedded if key.endswith(f"/{name}"))
        key = name if name in self.embedded else next(longer, "")
        fields = self.embedded[key] if key else _known(name, not self.cdr, self.distro)
        if fields is None:
            msg = (
                f"The type {name!r} is neither in the recording nor one that ROS ships. "
                "The payloads that need it are kept as bytes."
            )
            raise DecodeError(msg)
        return fields

    def _field(self, desc: "FieldDesc", path: str) -> Struct | Leaf | Text | Numbers | Items:
        """Append the parts of one field."""
        from rosbags.interfaces import Nodetype

        next(self.seen)
        if desc[0] == Nodetype.NAME:
            return self.message(desc[1], path)
        part: Leaf | Text | Numbers | Items
        if desc[0] == Nodetype.BASE:
            base = desc[1][0]
            part = self._text(path) if base == "string" else self._leaf(base, path, None)
        else:
            item, size = desc[1]
            part = self._many(item, size if desc[0] == Nodetype.ARRAY else None, path)
        self.parts.append(part)
        return part

    def _many(
        self, item: "BaseDesc | NameDesc", size: int | None, path: str
    ) -> Leaf | Numbers | Items:
        """Return the part for an array of *size* items, or for a sequence."""
        from rosbags.interfaces import Nodetype

        if size is not None and not 0 < size <= _MAX_ARRAY:
            msg = f"The array {path!r} of {size} items cannot be held by an Arrow column."
            raise DecodeError(msg)
        if item[0] == Nodetype.BASE and item[1][0] != "string":
            leaf = self._leaf(item[1][0], path, size)
            if size is not None:
                return leaf
            as_bytes = item[1][0] in _AS_BYTES
            return Numbers(path=path, item=leaf, align=self._align(4), as_bytes=as_bytes)
        inner = _Compiler(self.embedded, self.cdr, self.distro, open=self.open, seen=self.seen)
        tree: Struct | Text
        if item[0] == Nodetype.BASE:
            tree = self._text(path)
            inner.parts.append(tree)
        else:
            tree = inner.message(item[1], path)
        program = Program(tree, _merged(inner.parts))
        if not program.min_bytes:
            msg = f"The items of {path!r} have no bytes: any number of them fits into a payload."
            raise DecodeError(msg)
        return Items(path=path, item=program, count=size, length_align=self._align(4))

    def _leaf(self, base: str, path: str, size: int | None, *, hidden: bool = False) -> Leaf:
        """Return the part for numbers of type *base*."""
        if base not in _NUMBERS:
            raise _undecodable(base, path)
        dtype, arrow = _NUMBERS[base]
        align = self._align(dtype.itemsize)
        return Leaf(path=path, dtype=dtype, arrow=arrow, count=size, align=align, hidden=hidden)

    def _text(self, path: str) -> Text:
        """Return the part for a string."""
        return Text(path=path, align=self._align(4), terminated=self.cdr)

    def _align(self, nbytes: int) -> int:
        """Return what a value of *nbytes* is aligned to; ROS 1 packs everything."""
        return nbytes if self.cdr else 1


def _undecodable(base: str, path: str) -> DecodeError:
    """Return the error of a type that rosbags does not decode either."""
    msg = (
        f"The field {path!r} is a {base}, which cannot be decoded. Its payloads are kept as bytes."
    )
    return DecodeError(msg)


def _merged(parts: "list[Leaf | Text | Numbers | Items]") -> tuple[Step, ...]:
    """Join neighbouring leaves to blocks."""
    steps: list[Step] = []
    leaves: list[Leaf] = []
    for part in parts:
        if isinstance(part, Leaf):
            leaves.append(part)
            continue
        if leaves:
            steps.append(Block(tuple(leaves)))
            leaves = []
        steps.append(part)
    return (*steps, Block(tuple(leaves))) if leaves else tuple(steps)
