"""
The mapper of Foxglove's schemas: finds the rule that fits a channel, then applies it batch by batch.

A schema is known by its name in any encoding; whether a rule fits is decided by the columns alone.

Must not know: how columns are made. Next: `schemas`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.errors import DecodeError, PlanError
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
    is_header,
)
from mosaico_ingest_foxglove.columns import at, elements, kind_at
from mosaico_ingest_foxglove.recipes import Group
from mosaico_ingest_foxglove.rule import TIMESTAMP, Rule
from mosaico_ingest_foxglove.schemas import RULES

__all__ = ["FoxgloveMapper", "FoxgloveOptions", "TfForm", "schema_name"]

_NAME = re.compile(r"(?:foxglove\.|foxglove::|foxglove_msgs/(?:msg/)?)(\w+)")
_EDGE = ("frame_id", "target_frame_id")  # parent and child


class TfForm(StrEnum):
    """What a message of transforms becomes."""

    Rows = "rows"
    Split = "split"
    Message = "message"


@attrs.frozen
class FoxgloveOptions:
    """Settings of the mapper; the flag is shared with that of ROS."""

    tf: TfForm = attrs.field(
        default=TfForm.Rows,
        converter=TfForm,
        metadata={
            "help": "Transforms as rows of their own, each with parent frame and stamp; the same, split "
            "into a topic per edge of the tree; or as the list of their message, without parent and stamp."
        },
    )


class FoxgloveMapper:
    """Maps the schemas of Foxglove that the platform's ontology has a type for."""

    name = "foxglove"
    options: type | None = FoxgloveOptions
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Offer the first rule for the channel's schema that fits its columns."""
        name = schema_name(channel)
        for rule in _rules(name, options):
            losses = rule.fit(columns)
            if losses is not None:
                is_split = rule.tag == "transform" and _tf(options) is TfForm.Split
                return Claim(
                    tag=rule.tag,
                    fit=Fit.EXACT,
                    reason=f"foxglove.{name}",
                    losses=losses,
                    split_by=_EDGE if is_split else (),
                )
        return None

    def compile(self, request: MapRequest) -> MapRows:
        """
        Prepare the rule that gives the type asked for.

        Raises:
            PlanError: No rule makes that type of the channel's messages.
        """
        channel, tag = request.channel, request.ontology.tag
        for rule in _rules(schema_name(channel), request.options):
            if rule.tag == tag and rule.fit(request.columns) is not None:
                return _ApplyRule(
                    rule=rule,
                    schema=request.ontology.schema,
                    time=request.time,
                    topic=channel.topic,
                )
        msg = (
            f"Mapper {self.name!r} cannot make {tag!r} of channel {channel.topic!r} "
            f"({channel.type_name!r}). Use --map {channel.topic}=fallback to keep its columns."
        )
        raise PlanError(msg)


def schema_name(channel: Channel) -> str:
    """
    Return the name of the channel's schema without its package, empty if it is none of Foxglove's.

    A channel with a name of its own is known by the title of its JSON Schema.

    Example:
        >>> schema_name(Channel(id=1, topic="/t", type_name="foxglove.Log", message_encoding="json"))
        'Log'
    """
    found = _NAME.fullmatch(channel.type_name)
    if not found and channel.schema_encoding == "jsonschema":
        found = _NAME.fullmatch(_title(channel.definition))
    return found[1] if found else ""


def _title(definition: bytes) -> str:
    """Return the title of a JSON Schema, empty if it has none or is broken."""
    try:
        document = json.loads(definition)
    except (ValueError, RecursionError):
        return ""
    title = document.get("title") if isinstance(document, dict) else ""
    return title if isinstance(title, str) else ""


def _rules(name: str, options: object) -> Iterator[Rule]:
    """Yield the rules of the schema *name*, the preferred first."""
    rules = RULES.get(name, ())
    is_whole = name == "FrameTransforms" and _tf(options) is TfForm.Message
    yield from reversed(rules) if is_whole else rules


def _tf(options: object) -> TfForm:
    """Return what transforms shall become."""
    return options.tf if isinstance(options, FoxgloveOptions) else TfForm.Rows


@attrs.frozen(kw_only=True)
class _ApplyRule:
    """Makes rows of *schema* by *rule*."""

    rule: Rule
    schema: pa.Schema
    time: TimePolicy
    topic: str

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        rows = data.to_struct_array()
        if self.rule.each:
            counts, rows = elements(at(rows, self.rule.each))
            times = _repeated(times, counts)
        wanted = list(self.schema)[len(ENVELOPE) :]
        try:
            fields = Group(self.rule.fields).columns(rows, wanted)
        except ValueError as error:  # so are Arrow's
            msg = (
                f"A message of {self.topic!r} does not fit {self.rule.tag!r}: "
                f"{str(error).rstrip('.')}. Use --map {self.topic}=fallback to keep its columns."
            )
            raise DecodeError(msg) from error
        return pa.RecordBatch.from_arrays(
            [*envelope(times, self.time, self._header(rows)), *fields], schema=self.schema
        )

    def _header(self, rows: pa.StructArray) -> pa.StructArray | None:
        """Return the stamps and frames of *rows*, None for messages without."""
        if not is_header(rows.type):
            return None
        members = {TIMESTAMP: at(rows, TIMESTAMP)}
        if kind_at(rows.type, self.rule.frame) is not None:
            members["frame_id"] = at(rows, self.rule.frame)
        return pa.StructArray.from_arrays(list(members.values()), names=list(members))


def _repeated(times: Times, counts: npt.NDArray[np.int32]) -> Times:
    """Return the clocks of rows that come *counts* to a message."""
    messages = pa.array(np.repeat(np.arange(len(counts)), counts))
    publish_ns = None if times.publish_ns is None else times.publish_ns.take(messages)
    return Times(log_ns=times.log_ns.take(messages), publish_ns=publish_ns)
