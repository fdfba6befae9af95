"""
The common topics of PX4 as ontology types, with their units; all others are left to the fallback.

PX4 counts north, east, down, and forward, right, down on the vehicle. Nothing is turned: the frame says so.

Must not know: files, formats. Next: `recipes`.
"""

from collections.abc import Sequence

import attrs
import pyarrow as pa

from mosaico_ingest.plugin import (
    ENVELOPE,
    Channel,
    Claim,
    Fit,
    MapRequest,
    MapRows,
    TimePolicy,
    Times,
    envelope,
)
from mosaico_ingest_ulog.decoder import ENCODING
from mosaico_ingest_ulog.recipes import RULES, Build, Rule

__all__ = ["UlogMapper"]

_CLOCKS = ("timestamp", "timestamp_sample")


class UlogMapper:
    """Topics of PX4."""

    name = "ulog"
    options: type | None = None
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Claim a topic that has the columns which its name promises, in the form of either firmware."""
        rule = _rule(channel, columns)
        if rule is None:
            return None
        kept = {*rule.columns, *rule.optional, *_CLOCKS}
        losses = tuple(name for name in columns.names if name not in kept)
        return Claim(tag=rule.tag, fit=Fit.EXACT, reason=rule.reason, losses=losses)

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare one topic."""
        rule = _rule(request.channel, request.columns)
        assert rule is not None, "claimed before"
        return _Map(request.ontology.schema, request.time, rule.frame, rule.build)


@attrs.frozen
class _Map:
    """Columns of PX4 to rows of a type."""

    schema: pa.Schema
    time: TimePolicy
    frame: str
    build: Build

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        n = data.num_rows
        head = envelope(times, self.time)
        head[2] = pa.repeat(self.frame, n) if self.frame else head[2]
        fields = list(self.schema)[len(ENVELOPE) :]
        built = self.build(data, {field.name: field.type for field in fields})
        columns = [built[f.name] if f.name in built else pa.nulls(n, f.type) for f in fields]
        return pa.RecordBatch.from_arrays([*head, *columns], schema=self.schema)


def _rule(channel: Channel, columns: pa.Schema) -> Rule | None:
    """Return the first rule of the channel's name whose columns are there."""
    if channel.message_encoding != ENCODING:
        return None
    return next((rule for rule in RULES.get(channel.type_name, ()) if rule.fits(columns)), None)
