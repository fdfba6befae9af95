"""
Mappers of packed clouds to decoded types: a list per quantity, a row per message.

A cloud stays packed unless someone asks (`--map /points=lidar`): only its messages say which fields
there are, and a decoded type has no room for fields that it does not know.

Must not know: the bytes of clouds. Next: `quantities`, `clouds`.
"""

from collections.abc import Sequence
from typing import Any

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
    Times,
    envelope,
)
from mosaico_ingest_ros.mapping.clouds import Clouds, Layout
from mosaico_ingest_ros.mapping.quantities import DECODED, Quantity, Reading
from mosaico_ingest_ros.mapping.rule import base_name
from mosaico_ingest_ros.mapping.sensors import POINT_CLOUD
from mosaico_ingest_ros.mapping.shapes import at

__all__ = ["PointsMapper"]

Numbers = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_TYPE = "sensor_msgs/PointCloud2"
_NS_PER_S = 1e9
_CLOCK_S = 1e8  # no scan lasts three years: from here on, seconds count from an epoch
_AXES = frozenset("xyz")


class PointsMapper:
    """
    Decodes clouds as one type, for channels that it is asked for.

    Args:
        tag: The type, a key of `DECODED`.
    """

    options: type | None = None
    replaces: Sequence[str] = ()

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.name = f"ros-{tag}"

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Offer to decode a cloud, behind the mapper that keeps it packed."""
        if base_name(channel.type_name) != _TYPE or not POINT_CLOUD.fits(columns):
            return None
        return Claim(
            tag=self.tag,
            fit=Fit.FAMILY,
            reason=f"points of {channel.type_name}",
            losses=(
                f"fields of points beyond {', '.join(DECODED[self.tag])}",
                "height and width of organised clouds",
                "digits of float64 beyond float32, except times",
            ),
        )

    def compile(self, request: MapRequest) -> MapRows:
        """
        Prepare the decoding.

        Raises:
            PlanError: Another type is asked for, or the channel holds no clouds.
        """
        if request.ontology.tag != self.tag or not POINT_CLOUD.fits(request.columns):
            msg = (
                f"Mapper {self.name!r} cannot make {request.ontology.tag!r} of channel "
                f"{request.channel.topic!r} ({request.channel.type_name!r}). "
                f"Use --map {request.channel.topic}=fallback to keep its columns."
            )
            raise PlanError(msg)
        return _Decode(request)


@attrs.frozen
class _Decode:
    """Makes rows whose lists hold the quantities of the type in *request*."""

    request: MapRequest

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        try:
            return self._rows(data.to_struct_array(), times)
        except DecodeError as error:
            remedy = f"Use --map {self.request.channel.topic}=point_cloud2 to keep clouds packed."
            msg = f"{error} {remedy}"
            raise DecodeError(msg) from error

    def _rows(self, row: pa.StructArray, times: Times) -> pa.RecordBatch:
        schema, tag = self.request.ontology.schema, self.request.ontology.tag
        header = at(row, POINT_CLOUD.header)
        clouds = Clouds(row)
        _require_axes(clouds.layouts, tag)
        stamps = _Stamps.of(header)
        with np.errstate(all="ignore"):  # points without a return hold anything
            lists = [
                _lists(clouds, DECODED[tag][field.name], field, stamps)
                for field in list(schema)[len(ENVELOPE) :]
            ]
        first = envelope(times, self.request.time, header)
        return pa.RecordBatch.from_arrays([*first, *lists], schema=schema)


def _require_axes(layouts: Sequence[Layout], tag: str) -> None:
    """Refuse clouds with points that are nowhere."""
    for layout in layouts:
        missing = sorted(_AXES - layout.fields.keys())
        if missing and layout.points.any():
            msg = (
                f"A cloud has no field {', '.join(map(repr, missing))}, which {tag!r} requires; "
                f"it has {', '.join(map(repr, layout.fields)) or 'none'}."
            )
            raise DecodeError(msg)


@attrs.frozen(eq=False)
class _Stamps:
    """Stamps of messages: whole seconds and the rest of a second, (n,) float64 each."""

    seconds: Floats
    fractions: Floats

    @classmethod
    def of(cls, header: pa.StructArray) -> "_Stamps":
        """Return the stamps of *header*."""
        parts = (at(header, f"stamp.{name}") for name in ("sec", "nanosec"))
        seconds, nanoseconds = (part.cast(pa.float64()).to_numpy() for part in parts)
        return cls(seconds, nanoseconds / _NS_PER_S)


def _lists(clouds: Clouds, quantity: Quantity, field: pa.Field, stamps: _Stamps) -> pa.Array:
    """Return the list of *quantity* of each message; null where the message does not have it."""
    counts = np.zeros(len(clouds.points), np.int64)
    absent = np.zeros(len(clouds.points), np.bool_)
    found: list[tuple[Layout, Numbers]] = []
    dtype = np.dtype(field.type.value_type.to_pandas_dtype())
    for layout in clouds.layouts:
        name = next((name for name in quantity.names if name in layout.fields), None)
        if name is not None:
            found.append((layout, _numbers(layout, name, quantity.reading, dtype, stamps)))
            counts[layout.messages] = layout.points
        elif field.nullable:
            absent[layout.messages] = True
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    if len(found) == 1:
        values = found[0][1]
    else:
        values = np.empty(int(offsets[-1]), dtype)
        for layout, numbers in found:
            is_own = np.zeros(len(counts), np.bool_)
            is_own[layout.messages] = True
            values[np.repeat(is_own, counts)] = numbers
    mask = pa.array(absent) if absent.any() else None
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=field.type, mask=mask)


def _numbers(
    layout: Layout, name: str, reading: Reading, dtype: np.dtype, stamps: _Stamps
) -> Numbers:
    """Return a field of all points of *layout* as *dtype*."""
    field = layout.fields[name]
    is_whole = field.dtype.kind in "iu"
    if reading is Reading.Bits and field.dtype.itemsize == dtype.itemsize:
        bits = attrs.evolve(field, dtype=np.dtype(f"{field.dtype.byteorder}u{dtype.itemsize}"))
        return layout.read(bits).astype(f"u{dtype.itemsize}").view(dtype)
    numbers = layout.read(field)
    if reading is Reading.Metres and is_whole:
        return (numbers * 1e-3).astype(dtype)
    if reading is Reading.Seconds:
        return numbers / _NS_PER_S if is_whole else _offsets_s(layout, numbers, stamps)
    cast = numbers.astype(dtype)
    if dtype.kind in "iu" and (cast != numbers).any():
        msg = (
            f"Field {name!r} of a cloud ({field.dtype.name}) holds numbers that {dtype.name} "
            "cannot."
        )
        raise DecodeError(msg)
    return cast


def _offsets_s(layout: Layout, numbers: Numbers, stamps: _Stamps) -> Floats:
    """
    Return times of points as seconds from their message's stamp.

    Numbers too large for a scan are a clock's, in the unit that gives a date: stamps are taken off
    in that unit, where 64 bits hold them exactly.
    """
    times: Floats = numbers.astype(np.float64)
    counts = layout.points
    some = counts > 0
    if not some.any():
        return times
    latest = np.fmax.reduceat(times, (np.cumsum(counts) - counts)[some])
    is_clock = latest >= _CLOCK_S
    if not is_clock.any():
        return times
    unit = np.select([latest >= 1e17, latest >= 1e14, latest >= 1e11], [1e9, 1e6, 1e3], 1.0)
    whole, rest = (
        np.where(is_clock, part[layout.messages][some] * unit, 0.0)
        for part in (stamps.seconds, stamps.fractions)
    )
    since = times - np.repeat(whole, counts[some]) - np.repeat(rest, counts[some])
    offsets: Floats = since / np.repeat(unit, counts[some])
    return offsets
