"""
The mapper of typed columns whose names say what they are: an IMU, a pose, a position of a receiver.

It claims only what it takes whole: every column of the channel belongs to the group or to the header. Units
that a name states are converted; where none is stated, that of the ontology is taken, and `plan` says so.

Must not know: which source the columns come from. Next: `groups`, `names`.
"""

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mosaico_ingest.errors import PlanError
from mosaico_ingest.plugin import (
    ENVELOPE,
    Channel,
    Claim,
    Fit,
    MapRequest,
    MapRows,
    TimePolicy,
    Times,
)
from mosaico_ingest_csv.groups import CLOCK_SHIFT, Field, Group, find_groups, header_columns
from mosaico_ingest_csv.names import SCALES

__all__ = ["TableMapper"]

_CELSIUS_ZERO_K = 273.15
_NS_PER_S = 1_000_000_000
_MATRIX_SIZE = 9
_GPS_AXES = {"x": "latitude", "y": "longitude", "z": "altitude"}
_QUANTITY_OF = {
    ("imu", "acceleration"): "acceleration",
    ("imu", "angular_velocity"): "angular_velocity",
    ("imu", "orientation"): "orientation",
    ("pose", "position"): "position",
    ("pose", "orientation"): "orientation",
    ("velocity", "linear"): "linear",
    ("velocity", "angular"): "angular",
    ("force_torque", "force"): "force",
    ("force_torque", "torque"): "torque",
    ("magnetometer", "magnetic_field"): "magnetic_field",
    ("temperature", "value"): "temperature",
    ("pressure", "value"): "pressure",
}
"""Which quantity of a group fills which column of its type."""


class TableMapper:
    """Maps columns by their names."""

    name = "table"
    options: type | None = None
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Offer the one group that takes every column, or nothing."""
        group = _only_group(columns) if channel.message_encoding == "arrow" else None
        if group is None:
            return None
        reason = "; ".join(_told(quantity, field) for quantity, field in group.fields.items())
        return Claim(tag=group.tag, fit=Fit.FAMILY, reason=reason)

    def compile(self, request: MapRequest) -> MapRows:
        """
        Prepare the columns of the type.

        Raises:
            PlanError: The columns are not those that were claimed.
        """
        group = _only_group(request.columns)
        if group is None or group.tag != request.ontology.tag:
            msg = f"The columns of {request.channel.topic!r} are not {request.ontology.tag!r}."
            raise PlanError(msg)
        return _Assemble(
            group=group,
            header=header_columns(request.columns.names),
            schema=request.ontology.schema,
            time=request.time,
            shift_ns=int(request.channel.metadata.get(CLOCK_SHIFT, 0)),
        )


@attrs.frozen(kw_only=True)
class _Assemble:
    """Puts columns together as rows of one type."""

    group: Group
    header: Mapping[str, str]
    schema: pa.Schema
    time: TimePolicy
    shift_ns: int

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        wanted = list(self.schema)[len(ENVELOPE) :]
        columns = [self._column(field, data) for field in wanted]
        return pa.RecordBatch.from_arrays(
            [*self._envelope(data, times), *columns], schema=self.schema
        )

    def _envelope(self, data: pa.RecordBatch, times: Times) -> list[pa.Array]:
        """Return the clocks, and what the header says."""
        n, header = data.num_rows, self.header
        stamp = times.log_ns
        if self.time is TimePolicy.Publish and times.publish_ns is not None:
            stamp = pc.coalesce(times.publish_ns, times.log_ns)
        elif self.time is TimePolicy.Header:
            stamp = pc.coalesce(self._stamp(data), times.log_ns)
        frame = pa.nulls(n, pa.string())
        if "frame_id" in header:
            frame = data.column(header["frame_id"]).cast(pa.string())
        number = pa.nulls(n, pa.uint32())
        if "seq" in header and pa.types.is_integer(data.schema.field(header["seq"]).type):
            seq = data.column(header["seq"])
            fits = pc.and_(pc.greater_equal(seq, 0), pc.less_equal(seq, 2**32 - 1))
            number = pc.if_else(fits, seq, None).cast(pa.uint32())
        return [stamp, times.log_ns, frame, number]

    def _stamp(self, data: pa.RecordBatch) -> pa.Array:
        """Return the header's stamps, null where it has none."""
        header = {what: data.column(name) for what, name in self.header.items()}
        whole = [a for what in ("stamp", "secs", "nsecs") if (a := header.get(what)) is not None]
        if not whole or not all(pa.types.is_integer(array.type) for array in whole):
            return pa.nulls(data.num_rows, pa.int64())
        if "stamp" in header:
            ns = header["stamp"].cast(pa.int64(), safe=False)
        elif len(whole) == 2:
            secs, nsecs = (array.cast(pa.int64(), safe=False) for array in whole)
            ns = pc.add(pc.multiply(secs, _NS_PER_S), nsecs)
        else:
            return pa.nulls(data.num_rows, pa.int64())
        return pc.add(ns, self.shift_ns) if self.shift_ns else ns

    def _column(self, field: pa.Field, data: pa.RecordBatch) -> pa.Array:
        """Return one column of the type."""
        tag, name, n = self.group.tag, field.name, data.num_rows
        fields = self.group.fields
        if tag == "gps":
            if name != "position":
                return pa.nulls(n, field.type)
            axes = {
                axis: _numbers(data, fields[quantity], "value")
                for axis, quantity in _GPS_AXES.items()
                if quantity in fields
            }
            return _struct(field.type, axes, n)
        if tag == "quaternion":
            part = _vector(data, fields["orientation"])
            return part[name] if name in part else pa.nulls(n, field.type)
        source = fields.get(_QUANTITY_OF.get((tag, name), ""))
        if source is None:
            return pa.nulls(n, field.type)
        if not pa.types.is_struct(field.type):
            offset = _CELSIUS_ZERO_K if source.unit == "degC" else 0.0
            value = pc.fill_null(_numbers(data, source, "value"), math.nan)
            return pc.add(value, offset) if offset else value
        return _struct(field.type, _vector(data, source), n)


def _only_group(columns: pa.Schema) -> Group | None:
    """Return the group that all of *columns* form together with a header."""
    groups = find_groups(columns)
    if len(groups) != 1:
        return None
    taken = {*groups[0].columns, *header_columns(columns.names).values()}
    return groups[0] if set(columns.names) == taken else None


def _told(quantity: str, field: Field) -> str:
    """Say in a few words how one vector is made."""
    names = list(field.columns.values())
    where = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
    target = next(iter(SCALES[quantity]))
    if quantity == "orientation":
        return f"{quantity} from {where}"
    if field.unit is None:
        return f"{quantity} from {where}, no unit stated: taken as {target}"
    if field.unit == target:
        return f"{quantity} from {where} in {target}"
    return f"{quantity} from {where}, {field.unit} to {target}"


def _numbers(data: pa.RecordBatch, field: Field, axis: str) -> pa.Array:
    """Return one axis in the unit of the ontology."""
    values = data.column(field.columns[axis]).cast(pa.float64(), safe=False)
    return values if field.scale == 1.0 else pc.multiply(values, field.scale)


def _vector(data: pa.RecordBatch, field: Field) -> dict[str, pa.Array]:
    """Return the axes of a vector, and its covariance where it has one."""
    members = {axis: _numbers(data, field, axis) for axis in field.columns}
    if field.covariance:
        members["covariance"] = _matrix(data, field)
    return members


def _matrix(data: pa.RecordBatch, field: Field) -> pa.Array:
    """Return covariances by rows; a matrix of zeros says that nothing is known and becomes null."""
    entries = [data.column(name).cast(pa.float64(), safe=False) for name in field.covariance]
    values = np.stack([entry.to_numpy(zero_copy_only=False) for entry in entries], axis=1)
    known = (values != 0).any(axis=1)
    offsets = np.arange(len(values) + 1, dtype=np.int32) * np.int32(_MATRIX_SIZE)
    scaled = values if field.scale == 1.0 else values * field.scale**2
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(scaled.ravel()), mask=None if known.all() else pa.array(~known)
    )


def _struct(kind: pa.StructType, members: Mapping[str, pa.Array], n: int) -> pa.Array:
    """Return structs of *members*; those that are missing are null."""
    columns = [
        members[field.name].cast(field.type) if field.name in members else pa.nulls(n, field.type)
        for field in kind
    ]
    return pa.StructArray.from_arrays(columns, fields=list(kind))
