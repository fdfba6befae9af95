"""
A rule: which messages become which ontology type, and how each column is made.

A rule fits a message only if it takes every field that the message has, so a variant with fields
of its own is left to the fallback, which keeps them, rather than cut down.

Must not know: which rules exist, batches, clocks. Next: `recipes`.
"""

from collections.abc import Mapping

import attrs
import pyarrow as pa

from mosaico_ingest.plugin import is_header
from mosaico_ingest_ros.mapping.recipes import MisfitError, Recipe
from mosaico_ingest_ros.mapping.shapes import kind_at, leaves

__all__ = ["Rule", "base_name"]

_HEADER_PATHS = ("stamp.sec", "stamp.nanosec", "frame_id", "seq")


@attrs.frozen(kw_only=True)
class Rule:
    """
    How messages of one shape become rows of one ontology type.

    Args:
        tag: The ontology type.
        fields: Recipe per column; columns that are not named become null.
        each: Path of a list whose elements become rows, empty for one row per message.
        header: Path of the header, empty where the message itself is one.
        losses: What the type has no room for, per path: a phrase for people.
    """

    tag: str
    fields: Mapping[str, Recipe]
    each: str = ""
    header: str = "header"
    losses: Mapping[str, str] = attrs.field(factory=dict)

    def fits(self, columns: pa.Schema) -> bool:
        """Say whether messages with *columns* have all that the rule needs, and nothing beyond it."""
        message = pa.struct(list(columns))
        row = self.row_type(message)
        if row is None:
            return False
        try:
            taken = {path for recipe in self.fields.values() for path in recipe.reads(row)}
        except MisfitError:
            return False
        if self.header_type(row) is not None:
            under = f"{self.header}." if self.header else ""
            taken |= {under + path for path in _HEADER_PATHS}
        prefix = f"{self.each}." if self.each else ""
        lost = tuple(self.losses)
        return all(
            path.removeprefix(prefix) in taken or path.startswith(lost) for path in leaves(message)
        )

    def header_type(self, row: pa.DataType) -> pa.DataType | None:
        """Return the header in messages of type *row*, None if they have none."""
        found = kind_at(row, self.header) if self.header else row
        return found if found is not None and is_header(found) else None

    def row_type(self, message: pa.StructType) -> pa.DataType | None:
        """Return the struct that one row is made of, None if the message has no such list."""
        if not self.each:
            return message
        lists = kind_at(message, self.each)
        return lists.value_type if lists is not None and pa.types.is_list(lists) else None


def base_name(type_name: str) -> str:
    """
    Return a ROS type name in the form of both generations.

    Example:
        >>> base_name("sensor_msgs/msg/Imu"), base_name("sensor_msgs/Imu")
        ('sensor_msgs/Imu', 'sensor_msgs/Imu')
    """
    return type_name.replace("/msg/", "/", 1)
