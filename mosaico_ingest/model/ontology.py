"""
An ontology type: a tag that stands for exact Arrow columns.

Must not know: which types exist (plugins bring them). Next: `plan`.
"""

import attrs
import pyarrow as pa

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import PluginError
from mosaico_ingest.model.batch import PAYLOAD

__all__ = ["ENVELOPE", "RAW_BYTES", "Ontology"]

ENVELOPE = pa.schema(
    [
        pa.field("timestamp_ns", pa.int64(), nullable=False),
        pa.field("recording_timestamp_ns", pa.int64()),
        pa.field("frame_id", pa.string()),
        pa.field("sequence_id", pa.uint32()),
    ]
)
"""The columns that every topic of protocol generation 0.5 starts with."""


@attrs.frozen(kw_only=True)
class Ontology:
    """
    A contract on the columns of a topic.

    Args:
        tag: Name on the wire (`imu`).
        fields: The type's own columns, after the envelope, exact in order, nullability and list item names.
        format: How a server may lay out its rows.
        summary: One line for people.
    """

    tag: str
    fields: pa.Schema
    format: SerializationFormat = SerializationFormat.Default
    summary: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse columns that the envelope already has."""
        taken = set(ENVELOPE.names) & set(self.fields.names)
        if taken:
            msg = f"Ontology {self.tag!r} redefines envelope columns {sorted(taken)}. Rename them."
            raise PluginError(msg, plugin=self.tag, stage="ontology")

    @property
    def schema(self) -> pa.Schema:
        """The whole schema of a topic of this type: envelope, then fields."""
        return pa.schema([*ENVELOPE, *self.fields])


RAW_BYTES = Ontology(
    tag="raw_bytes",
    fields=pa.schema([pa.field(PAYLOAD, pa.binary(), nullable=False)]),
    summary="Messages as recorded, not decoded.",
)
"""How messages are kept that nothing decodes; here, since all who keep them must mean the same."""
