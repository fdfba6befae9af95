"""
Columns that belong together: which of a table's columns form an IMU, a pose, a position of a satellite
receiver.

A group has every axis that its type needs, all of numbers, all in units that are known or not stated. What
fits no group stays together as it is.

Must not know: where the columns come from. Next: `mapper`.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs
import pyarrow as pa

from mosaico_ingest_csv.names import SCALES, Name, read_name

__all__ = ["CLOCK_SHIFT", "HEADER", "Field", "Group", "find_groups", "header_columns"]

CLOCK_SHIFT = "clock_shift_ns"
"""Key in a channel's metadata: what was added to its times, and belongs to the stamps in its columns too."""

HEADER = ("stamp", "secs", "nsecs", "seq", "frame_id")
_MATRIX_SIZE = 9
_V3, _V4 = tuple("xyz"), tuple("xyzw")


@attrs.frozen(kw_only=True)
class Field:
    """
    One vector or number of a group.

    Args:
        columns: The column of each axis.
        covariance: The nine columns of its covariance, or none.
        unit: As stated, None if not.
        scale: Factor to the unit of the ontology.
    """

    columns: Mapping[str, str]
    covariance: tuple[str, ...] = ()
    unit: str | None = None
    scale: float = 1.0


@attrs.frozen(kw_only=True)
class Group:
    """
    Columns that form one ontology type.

    Args:
        tag: The type.
        prefix: Whose it is, as the names of its columns say.
        fields: Its vectors by quantity.
    """

    tag: str
    prefix: tuple[str, ...]
    fields: Mapping[str, Field]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it takes."""
        return tuple(
            name
            for field in self.fields.values()
            for name in (*field.columns.values(), *field.covariance)
        )

    @property
    def topic(self) -> str:
        """Name of a topic among others of its table."""
        own = () if self.prefix[-1:] == (self.tag,) else (self.tag,)
        return "/" + "/".join((*self.prefix, *own))


_TYPES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    # tag, quantities that it needs, quantities that it takes along
    ("imu", ("acceleration", "angular_velocity"), ("orientation",)),
    ("pose", ("position", "orientation"), ()),
    ("velocity", ("linear", "angular"), ()),
    ("force_torque", ("force", "torque"), ()),
    ("gps", ("latitude", "longitude"), ("altitude",)),
    ("magnetometer", ("magnetic_field",), ()),
    ("quaternion", ("orientation",), ()),
    ("temperature", ("temperature",), ()),
    ("pressure", ("pressure",), ()),
)


def find_groups(columns: pa.Schema) -> list[Group]:
    """Return the groups among *columns*, in the order of their first columns."""
    found: dict[tuple[str, ...], dict[str, dict[str, str]]] = {}
    for field in columns:
        name = read_name(field.name)
        if _is_number(field.type) and name.part:
            parts = found.setdefault(name.prefix, {}).setdefault(name.quantity, {})
            parts.setdefault(name.part, field.name)
    groups: list[Group] = []
    for prefix, quantities in found.items():
        fields = {q: f for q, parts in quantities.items() if q and (f := _field(q, parts))}
        if "orientation" in fields and "position" not in fields and "" in quantities:
            plain = _field("position", quantities[""])
            fields |= {"position": plain} if plain else {}
        for tag, needed, optional in _TYPES:
            if all(quantity in fields for quantity in needed):
                taken = [q for q in (*needed, *optional) if q in fields]
                groups.append(
                    Group(tag=tag, prefix=prefix, fields={q: fields.pop(q) for q in taken})
                )
    order = columns.names
    return sorted(groups, key=lambda group: min(order.index(name) for name in group.columns))


def header_columns(names: Iterable[str]) -> dict[str, str]:
    """Return the columns of a message's header by what they are: stamp, secs, nsecs, seq, frame_id."""
    found: dict[str, str] = {}
    for name in names:
        words = read_name(name).words
        if "header" not in words:
            continue
        if words[-1] == "stamp" and read_name(name).time_unit != "ns":
            continue  # seconds or nanoseconds: nothing tells
        rest = "_".join(words[words.index("header") + 1 :]).removeprefix("stamp_")
        rest = {"sec": "secs", "nanosec": "nsecs", "nanosecs": "nsecs", "nsec": "nsecs"}.get(
            rest, rest
        )
        if rest in HEADER:
            found.setdefault(rest, name)
    return found


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _field(quantity: str, parts: Mapping[str, str]) -> Field | None:
    """Return the field of *quantity*, None if an axis is missing or a unit unknown."""
    axes: Sequence[str] = _V4 if quantity == "orientation" else _V3
    if "value" in parts:
        axes = ("value",)
    if not all(axis in parts for axis in axes):
        return None
    names: list[Name] = [read_name(parts[axis]) for axis in axes]
    units = {name.unit for name in names}
    if len(units) > 1:
        return None
    unit = units.pop()
    if unit is None and quantity in ("temperature", "pressure"):
        return None  # kelvin or degrees, pascal or bar: nothing tells
    if unit is not None and unit not in SCALES[quantity]:
        return None
    matrix = tuple(parts.get(f"cov{k}", "") for k in range(_MATRIX_SIZE))
    return Field(
        columns={axis: parts[axis] for axis in axes},
        covariance=matrix if all(matrix) else (),
        unit=unit,
        scale=1.0 if unit is None else SCALES[quantity][unit],
    )
