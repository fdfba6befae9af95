"""
A rule: which ontology type the messages of a Foxglove schema become, and by which recipes.

Must not know: any particular schema. Next: `schemas`.
"""

from collections.abc import Mapping

import attrs
import pyarrow as pa

from mosaico_ingest.plugin import is_header
from mosaico_ingest_foxglove.columns import kind_at, leaves
from mosaico_ingest_foxglove.recipes import MisfitError, Recipe

__all__ = ["TIMESTAMP", "Rule"]

TIMESTAMP = "timestamp"


@attrs.frozen(kw_only=True)
class Rule:
    """
    How messages of one schema become rows of one ontology type.

    Args:
        tag: The ontology type.
        fields: Recipe per column; columns that are not named become null.
        frame: Path of the frame of a row.
        each: Path of a list whose elements become rows, empty for one row per message.
        losses: What the type has no room for, per path where there is one: a phrase for people.
    """

    tag: str
    fields: Mapping[str, Recipe]
    frame: str = "frame_id"
    each: str = ""
    losses: Mapping[str, str] = attrs.field(factory=dict)

    def fit(self, columns: pa.Schema) -> tuple[str, ...] | None:
        """
        Return what is lost of messages with *columns*.

        Returns:
            A phrase per loss; None if they lack something that the rule needs, or have something beyond it.
        """
        message = pa.struct(list(columns))
        row = self.row_type(message)
        if row is None:
            return None
        try:
            taken = {path for recipe in self.fields.values() for path in recipe.reads(row)}
        except MisfitError:
            return None
        if is_header(row):
            taken |= {TIMESTAMP, self.frame}
        prefix = f"{self.each}." if self.each else ""
        paths = [path.removeprefix(prefix) for path in leaves(message)]
        lost = [path for path in self.losses if any(_is_below(leaf, path) for leaf in paths)]
        covered = (*taken, *lost)
        if not all(any(_is_below(leaf, path) for path in covered) for leaf in paths):
            return None
        return tuple(self.losses[path] for path in lost)

    def row_type(self, message: pa.StructType) -> pa.DataType | None:
        """Return the struct that one row is made of, None if the message has no such list."""
        if not self.each:
            return message
        lists = kind_at(message, self.each)
        return lists.value_type if lists is not None and pa.types.is_list(lists) else None


def _is_below(leaf: str, path: str) -> bool:
    return leaf == path or leaf.startswith(f"{path}.")
