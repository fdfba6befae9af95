"""Generated ROS messages: as objects of rosbags, as payloads, as the columns that a decoder makes."""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mosaico_ingest.plugin import Channel as RosChannel

__all__ = ["RosWorld", "make_world"]

EMPTY_MEMBER = "structure_needs_at_least_one_member"
TEXTS = ("", "imu_link", "ünï", "a b\tc", "x" * 40)
FLOATS = (0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e300, 5e-324)
EXTRA_TYPES = {
    "tf2_msgs/msg/TFMessage": "geometry_msgs/TransformStamped[] transforms",
    "tf/msg/tfMessage": "geometry_msgs/TransformStamped[] transforms",
    "nmea_msgs/msg/Sentence": "std_msgs/Header header\nstring sentence",
}
ARROW = {
    "bool": pa.bool_(),
    "string": pa.string(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "byte": pa.int8(),  # as rosbags reads it
    "char": pa.uint8(),
    **{
        f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")()
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}


def numpy_type(kind: str) -> np.dtype:
    """Return how numpy calls a number of ROS."""
    return np.dtype({"byte": "int8", "char": "uint8"}.get(kind, kind))


@attrs.frozen
class RosWorld:
    """
    The message definitions of one distribution.

    Args:
        store: The definitions.
        is_ros1: Which generation.
        is_tame: Whether numbers are small and finite, for peers that check them.
    """

    store: Typestore
    is_ros1: bool
    is_tame: bool = False

    def name(self, base: str) -> str:
        """Return how recordings of this generation spell a type (`sensor_msgs/Imu`)."""
        return base if self.is_ros1 else base.replace("/", "/msg/", 1)

    def channel(self, base: str) -> RosChannel:
        """Return a channel of the type."""
        encoding = "ros1" if self.is_ros1 else "cdr"
        return RosChannel(
            id=1, topic="/topic", type_name=self.name(base), message_encoding=encoding
        )

    def recorded_channel(self, base: str) -> RosChannel:
        """Return a channel of the type as a recording has it, with its definition."""
        definition, _ = self.store.generate_msgdef(
            base.replace("/", "/msg/", 1), ros_version=1 if self.is_ros1 else 2
        )
        return attrs.evolve(
            self.channel(base),
            schema_encoding="ros1msg" if self.is_ros1 else "ros2msg",
            definition=definition.encode(),
        )

    def payloads(self, base: str, messages: Sequence[Any]) -> list[bytes]:
        """Return the messages as they are written into recordings."""
        write = self.store.serialize_ros1 if self.is_ros1 else self.store.serialize_cdr
        kind = base.replace("/", "/msg/", 1)
        return [bytes(write(message, kind)) for message in messages]

    def messages(self, base: str, count: int, seed: int) -> list[Any]:
        """Return random messages, extremes among them."""
        rng = np.random.default_rng(seed)
        kind = base.replace("/", "/msg/", 1)
        return [self._random(kind, rng) for _ in range(count)]

    def columns(self, base: str, messages: Sequence[Any]) -> pa.RecordBatch:
        """Return the messages as a decoder would."""
        kind = self._struct(base.replace("/", "/msg/", 1))
        values = pa.array([_plain(message) for message in messages], kind)
        return pa.RecordBatch.from_struct_array(values)

    def _fields(self, kind: str) -> list[tuple[str, Any]]:
        return [field for field in self.store.get_msgdef(kind).fields if field[0] != EMPTY_MEMBER]

    def _random(self, kind: str, rng: np.random.Generator) -> Any:
        fields = self._fields(kind)
        return self.store.types[kind](**{name: self._value(node, rng) for name, node in fields})

    def _value(self, node: Any, rng: np.random.Generator) -> Any:
        kind, detail = node
        if kind == Nodetype.NAME:
            return self._random(detail, rng)
        if kind == Nodetype.BASE:
            return _scalar(detail[0], rng, is_tame=self.is_tame)
        (item_kind, item), size = detail
        count = size if kind == Nodetype.ARRAY else int(rng.integers(0, 4))
        values = [self._value((item_kind, item), rng) for _ in range(count)]
        if kind == Nodetype.ARRAY and rng.random() < 0.3:
            values = [type(value)() for value in values]  # matrices of zeros
        if item_kind == Nodetype.BASE and item[0] != "string":
            return np.array(values, numpy_type(item[0]))
        return values

    def _struct(self, kind: str) -> pa.DataType:
        return pa.struct([(name, self._arrow(node)) for name, node in self._fields(kind)])

    def _arrow(self, node: Any) -> pa.DataType:
        kind, detail = node
        if kind == Nodetype.NAME:
            return self._struct(detail)
        if kind == Nodetype.BASE:
            return ARROW[detail[0]]
        item, size = detail
        if kind == Nodetype.ARRAY:
            return pa.list_(self._arrow(item), size)
        if item[0] == Nodetype.BASE and item[1][0] in {"uint8", "byte", "char"}:
            return pa.binary()
        return pa.list_(self._arrow(item))


def _scalar(kind: str, rng: np.random.Generator, *, is_tame: bool) -> Any:
    if kind == "string":
        return str(rng.choice(TEXTS))
    if kind == "bool":
        return bool(rng.integers(0, 2))
    if is_tame:
        number = int(rng.integers(0, 100))
        return number / 8 if kind.startswith("float") else number
    if kind.startswith("float"):
        value = rng.choice(FLOATS) if rng.random() < 0.2 else rng.normal(scale=100)
        with np.errstate(over="ignore"):
            return float(np.dtype(kind).type(value))
    limits = np.iinfo(numpy_type(kind))
    if rng.random() < 0.3:
        return int(rng.choice(np.array([limits.min, limits.max], limits.dtype)))
    return int(rng.integers(limits.min, limits.max, dtype=limits.dtype.type, endpoint=True))


def _plain(value: Any) -> Any:
    """Return a message object as dictionaries, lists and bytes."""
    if hasattr(value, "__dataclass_fields__"):
        names = (name for name in value.__dataclass_fields__ if not name.startswith("__"))
        return {name: _plain(getattr(value, name)) for name in names if name != EMPTY_MEMBER}
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype == np.uint8 else value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def make_world(store: Stores, *, is_ros1: bool, is_tame: bool = False) -> RosWorld:
    """Return the messages of a distribution, and a few that it lacks."""
    types = get_typestore(store)
    for name, text in EXTRA_TYPES.items():
        if name not in types.types:
            types.register(get_types_from_msg(text, name))
    return RosWorld(types, is_ros1, is_tame)
