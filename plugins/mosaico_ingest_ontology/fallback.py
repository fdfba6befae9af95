"""
The mapper of last resort: the decoded columns as they are, under a tag derived from the type's name.

`diagnostic_msgs/msg/DiagnosticArray` becomes `diagnostic_msgs_diagnostic_array`. The package always
belongs to the tag: two packages may use one name for different columns, and a tag is a promise on
columns. Names without a package, and the few that would meet a type of the platform, are led by
the message's encoding (`json_image`).

Payloads that nothing can decode come here as the only column `payload` and are kept as `raw_bytes`.

Must not know: message formats.
"""

import re
from collections.abc import Sequence

import attrs
import pyarrow as pa

from mosaico_ingest.plugin import (
    ENVELOPE,
    PAYLOAD,
    RAW_BYTES,
    Channel,
    Claim,
    Fit,
    MapRequest,
    MapRows,
    Ontology,
    TimePolicy,
    Times,
    envelope,
    own_header,
)
from mosaico_ingest_ontology.catalogue import TAGS
from mosaico_ingest_ontology.storable import storable, storable_type

__all__ = ["FallbackMapper", "derive_tag"]

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_KINDS_OF_INTERFACE = {"msg", "srv", "action"}  # ROS 2 puts one of them between package and name


class FallbackMapper:
    """Keeps what no other mapper claims."""

    name = "fallback"
    options: type | None = None
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim:
        """Offer to keep the columns; always, and behind everyone else."""
        if columns.names == [PAYLOAD] and storable_type(columns.field(0).type) == pa.binary():
            derived, reason = RAW_BYTES, "payloads kept as recorded"
        else:
            derived = Ontology(
                tag=derive_tag(channel),
                fields=_renamed(columns),
                summary=f"Columns of {channel.type_name or channel.topic} as decoded.",
            )
            reason = "no type of the ontology; columns kept as decoded"
        return Claim(tag=derived.tag, fit=Fit.FALLBACK, reason=reason, ontology=derived)

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare to put the envelope before the columns."""
        header = own_header(request.columns)
        if not header and request.channel.columns is not None:
            header = None  # the clock of a table was chosen among its columns by its source
        return _Keep(request.ontology.schema, request.time, header)


@attrs.frozen
class _Keep:
    """Puts the envelope before decoded columns; *header* is as `own_header` tells."""

    schema: pa.Schema
    time: TimePolicy
    header: str | None

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        header = None
        if self.header is not None:
            header = data.column(self.header) if self.header else data.to_struct_array()
        wanted = self.schema.types[len(ENVELOPE) :]
        columns = [storable(array, kind) for array, kind in zip(data.columns, wanted, strict=True)]
        return pa.RecordBatch.from_arrays(
            [*envelope(times, self.time, header), *columns], schema=self.schema
        )


def derive_tag(channel: Channel) -> str:
    """
    Return the tag for the columns of *channel*: its type's name in snake case, package first.

    Example:
        >>> derive_tag(Channel(id=1, topic="/d", type_name="nav_msgs/msg/Path", message_encoding="cdr"))
        'nav_msgs_path'
    """
    parts = [part for part in re.split(r"[/.:]+", channel.type_name or channel.topic) if part]
    if len(parts) == 3 and parts[1] in _KINDS_OF_INTERFACE:
        del parts[1]
    tag = "_".join(_snake_case(part) for part in parts)
    if channel.type_name and len(parts) > 1 and tag not in TAGS:
        return tag
    leader = _snake_case(channel.message_encoding) or "unknown"
    return f"{leader}_{tag}".rstrip("_")


def _snake_case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _WORD_STARTS.sub("_", name).lower()).strip("_")


def _renamed(columns: pa.Schema) -> pa.Schema:
    """Return *columns* as they will be stored: clear of the envelope's names and of odd types."""
    taken = {*ENVELOPE.names, *columns.names}
    fields = []
    for field in columns:
        name = field.name
        if name in ENVELOPE.names:
            while name in taken:
                name += "_"
            taken.add(name)
        fields.append(field.with_name(name).with_type(storable_type(field.type)))
    return pa.schema(fields)
