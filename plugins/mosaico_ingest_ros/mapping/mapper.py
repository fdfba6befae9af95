"""
The mapper of ROS messages: finds the rule that fits a channel, then applies it batch by batch.

Must not know: how columns are made. Next: `rule`, `rules`, `png`.
"""

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
)
from mosaico_ingest_ros.mapping import png
from mosaico_ingest_ros.mapping.geometry import TF_MESSAGES, TF_ROWS, TF_WHOLE
from mosaico_ingest_ros.mapping.recipes import Group
from mosaico_ingest_ros.mapping.rule import Rule, base_name
from mosaico_ingest_ros.mapping.rules import RULES
from mosaico_ingest_ros.mapping.shapes import at, elements

__all__ = ["ImageForm", "RosMapper", "RosOptions", "TfForm"]


_EDGE = ("frame_id", "target_frame_id")  # parent and child


class TfForm(StrEnum):
    """What a message of transforms becomes."""

    Rows = "rows"
    Split = "split"
    Message = "message"


class ImageForm(StrEnum):
    """How the pixels of raw images are kept."""

    Raw = "raw"
    Png = "png"


@attrs.frozen
class RosOptions:
    """Settings of the ROS mapper."""

    tf: TfForm = attrs.field(
        default=TfForm.Rows,
        converter=TfForm,
        metadata={
            "help": "Transforms as rows of their own, each with parent frame and stamp; the same, split "
            "into a topic per edge of the tree; or as the list of their message, without parent and stamp."
        },
    )
    image: ImageForm = attrs.field(
        default=ImageForm.Raw,
        converter=ImageForm,
        metadata={
            "help": "Pixels of raw images as they are, or packed as PNG: smaller, without loss, at tens of "
            "megabytes a second."
        },
    )


class RosMapper:
    """Maps the message types of ROS 1 and ROS 2 that the platform's ontology has a type for."""

    name = "ros"
    options: type | None = RosOptions
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Offer the first rule for the channel's type that fits its columns."""
        for rule in _rules(channel, options):
            if rule.fits(columns):
                is_split = rule is TF_ROWS and _tf(options) is TfForm.Split
                return Claim(
                    tag=rule.tag,
                    fit=Fit.EXACT,
                    reason=channel.type_name,
                    losses=tuple(rule.losses.values()),
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
        for rule in _rules(channel, request.options):
            if rule.tag == tag and rule.fits(request.columns):
                rows = _ApplyRule(
                    rule=rule,
                    schema=request.ontology.schema,
                    time=request.time,
                    topic=channel.topic,
                )
                return _PackImages(rows) if _packs(tag, request.options) else rows
        msg = (
            f"Mapper {self.name!r} cannot make {tag!r} of channel {channel.topic!r} "
            f"({channel.type_name!r}). Use --map {channel.topic}=fallback to keep its columns."
        )
        raise PlanError(msg)


def _rules(channel: Channel, options: object) -> Iterator[Rule]:
    """Yield the rules for the channel's type, the preferred first."""
    name = base_name(channel.type_name)
    if name in TF_MESSAGES:
        is_whole = _tf(options) is TfForm.Message
        yield from (TF_WHOLE, TF_ROWS) if is_whole else (TF_ROWS, TF_WHOLE)
    yield from RULES.get(name, ())


def _tf(options: object) -> TfForm:
    """Return what transforms shall become."""
    return options.tf if isinstance(options, RosOptions) else TfForm.Rows


def _packs(tag: str, options: object) -> bool:
    """Say whether the pixels of rows of type *tag* shall be packed."""
    return tag == "image" and isinstance(options, RosOptions) and options.image is ImageForm.Png


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
            offsets, rows = elements(at(rows, self.rule.each))
            times = _repeated(times, np.diff(offsets.to_numpy()))
        header = None
        if self.rule.header_type(rows.type) is not None:
            header = at(rows, self.rule.header) if self.rule.header else rows
        wanted = list(self.schema)[len(ENVELOPE) :]
        fields = Group(self.rule.fields).columns(rows, wanted)
        for field, column in zip(wanted, fields, strict=True):
            if column.null_count and not field.nullable:
                msg = (
                    f"{column.null_count} rows lack {field.name!r}, which {self.rule.tag!r} "
                    f"requires. Use --map {self.topic}=fallback to keep the columns as decoded."
                )
                raise DecodeError(msg)
        return pa.RecordBatch.from_arrays(
            [*envelope(times, self.time, header), *fields], schema=self.schema
        )


@attrs.frozen
class _PackImages:
    """Makes rows of images, then PNG files of their pixels."""

    rows: _ApplyRule

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        batch = self.rows(data, times)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns["data"], columns["format"] = png.packed(
            columns["data"], columns["height"], columns["stride"]
        )
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)


def _repeated(times: Times, counts: npt.NDArray[np.int32]) -> Times:
    """Return the clocks of rows that come *counts* to a message."""
    messages = pa.array(np.repeat(np.arange(len(counts)), counts))
    publish_ns = None if times.publish_ns is None else times.publish_ns.take(messages)
    return Times(log_ns=times.log_ns.take(messages), publish_ns=publish_ns)
