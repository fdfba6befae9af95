"""
Rules: which columns of a PX4 topic become which columns of an ontology type.

What PX4 marks as invalid or unknown becomes null, or NaN where a value must be.

Must not know: channels, clocks.
"""

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["RULES", "Build", "Rule"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Columns = dict[str, pa.Array]
Build = Callable[[pa.RecordBatch, Mapping[str, pa.DataType]], Columns]

_BODY, _WORLD = "base_link_frd", "map_ned"
_NUMBER, _FLAG = "number", "flag"
_NO_FIX, _FIX, _AUGMENTED, _GROUND = -1, 0, 1, 2
_STATUS = np.array(
    [_NO_FIX, _NO_FIX, _FIX, _FIX, _AUGMENTED, _GROUND, _GROUND, _FIX, _FIX], np.int8
)
_UNKNOWN_SERVICE = 0


@attrs.frozen(kw_only=True)
class Rule:
    """
    How one topic becomes one type.

    Args:
        columns: What it must have: `number`, `flag`, or the length of a list of numbers.
        optional: What is taken besides where it is there, in the same words.
        frame: What its axes refer to.
    """

    tag: str
    reason: str
    columns: Mapping[str, str | int]
    build: Build
    optional: Mapping[str, str | int] = attrs.field(factory=dict)
    frame: str = ""

    def fits(self, columns: pa.Schema) -> bool:
        """Say whether all columns that must be there are, and those that may be are of the right kind."""
        has = all(name in columns.names for name in self.columns)
        wanted = {**self.columns, **self.optional}
        return has and all(
            _is_of(columns.field(name).type, kind)
            for name, kind in wanted.items()
            if name in columns.names
        )


def _is_of(kind: pa.DataType, wanted: str | int) -> bool:
    if isinstance(wanted, int):
        return (
            pa.types.is_fixed_size_list(kind)
            and kind.list_size == wanted
            and _is_of(kind.value_type, _NUMBER)
        )
    if wanted == _FLAG:
        return pa.types.is_boolean(kind) or pa.types.is_integer(kind)
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _numbers(data: pa.RecordBatch, name: str, scale: float = 1.0) -> Floats:
    """Return a column of numbers times *scale*."""
    values: Floats = np.asarray(data.column(name).cast(pa.float64(), safe=False))
    return values * scale if scale != 1.0 else values


def _list(data: pa.RecordBatch, name: str) -> Floats:
    """Return a column of lists, (n, length)."""
    column = data.column(name)
    values: Floats = np.asarray(column.flatten().cast(pa.float64(), safe=False))
    return values.reshape(len(column), column.type.list_size)


def _flags(data: pa.RecordBatch, *names: str) -> Flags:
    """Return where all of the flags *names* are set; one that is not logged counts as set."""
    flags = np.ones(data.num_rows, np.bool_)
    for name in names:
        if name in data.schema.names:
            flags &= _numbers(data, name) != 0
    return flags


def _struct(kind: pa.StructType, n: int, members: Columns) -> pa.StructArray:
    """Return a struct of *members*, null in all others."""
    arrays = [members[f.name] if f.name in members else pa.nulls(n, f.type) for f in kind]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _vector(
    kind: pa.StructType, values: Mapping[str, Floats], valid: Mapping[str, Flags] | None = None
) -> pa.StructArray:
    """Return vectors of *values* by axis, null on an axis where it is not *valid* or no number."""
    n = len(next(iter(values.values())))
    members = {
        axis: pa.array(column, mask=~(np.isfinite(column) & (valid or {}).get(axis, np.True_)))
        for axis, column in values.items()
    }
    return _struct(kind, n, members)


def _imu(data: pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> Columns:
    acceleration, rates = _list(data, "accelerometer_m_s2"), _list(data, "gyro_rad")
    return {
        "acceleration": _vector(
            kinds["acceleration"], dict(zip("xyz", acceleration.T, strict=True))
        ),
        "angular_velocity": _vector(
            kinds["angular_velocity"], dict(zip("xyz", rates.T, strict=True))
        ),
    }


def _quaternion(data: pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> Columns:
    q = _list(data, "q")
    return {axis: pa.array(q[:, k], mask=~np.isfinite(q[:, k])) for k, axis in enumerate("wxyz")}


def _gps(latitude: str, longitude: str, altitude: str, degrees: float, metres: float) -> Build:
    """Return what makes fixes of coordinates in units of *degrees* and *metres*."""

    def build(data: pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> Columns:
        n = data.num_rows
        position = {
            "x": _numbers(data, latitude, degrees),
            "y": _numbers(data, longitude, degrees),
            "z": _numbers(data, altitude, metres),
        }
        moving = {"x": "vel_n_m_s", "y": "vel_e_m_s", "z": "vel_d_m_s"}
        is_known = _flags(data, "vel_ned_valid")
        velocity = {axis: _numbers(data, name) for axis, name in moving.items()}
        fix = np.clip(_numbers(data, "fix_type"), 0, len(_STATUS) - 1).astype(np.int64)
        status = {
            "status": pa.array(_STATUS[fix]),
            "service": pa.array(np.full(n, _UNKNOWN_SERVICE, np.uint16)),
        }
        for name, column in {
            "satellites": "satellites_used",
            "hdop": "hdop",
            "vdop": "vdop",
        }.items():
            if column in data.schema.names:
                wanted = kinds["status"].field(name).type
                status[name] = data.column(column).cast(wanted, safe=False)
        return {
            "position": _vector(kinds["position"], position),
            "velocity": _vector(kinds["velocity"], velocity, dict.fromkeys("xyz", is_known)),
            "status": _struct(kinds["status"], n, status),
        }

    return build


def _motion(data: pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> Columns:
    n = data.num_rows
    pose, velocity, acceleration = kinds["pose"], kinds["velocity"], kinds["acceleration"]

    def valid(across: str, down: str) -> dict[str, Flags]:
        flags = _flags(data, across)
        return {"x": flags, "y": flags, "z": _flags(data, down)}

    def axes(*names: str) -> dict[str, Floats]:
        return {axis: _numbers(data, name) for axis, name in zip("xyz", names, strict=True)}

    speeds = valid("v_xy_valid", "v_z_valid")
    columns = {
        "pose": _struct(
            pose,
            n,
            {
                "position": _vector(
                    pose.field("position").type, axes("x", "y", "z"), valid("xy_valid", "z_valid")
                ),
                "orientation": _struct(pose.field("orientation").type, n, {}),
            },
        ),
        "velocity": _struct(
            velocity,
            n,
            {"linear": _vector(velocity.field("linear").type, axes("vx", "vy", "vz"), speeds)},
        ),
        "target_frame_id": pa.repeat(_WORLD, n),
    }
    if all(name in data.schema.names for name in ("ax", "ay", "az")):
        linear = _vector(acceleration.field("linear").type, axes("ax", "ay", "az"), speeds)
        columns["acceleration"] = _struct(acceleration, n, {"linear": linear})
    return columns


def _battery(data: pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> Columns:
    n, names = data.num_rows, data.schema.names
    remaining = _numbers(data, "remaining")
    columns = {
        "voltage": data.column("voltage_v").cast(pa.float32()),
        "percentage": pa.array(np.where(remaining < 0, np.nan, remaining).astype(np.float32)),
        **{
            f"power_supply_{what}": pa.array(np.zeros(n, np.uint8))
            for what in ("status", "health", "technology")
        },
        "present": pa.array(_flags(data, "connected")),
        "location": pa.repeat("", n),
        "serial_number": pa.repeat("", n),
    }
    if "serial_number" in names:
        columns["serial_number"] = data.column("serial_number").cast(pa.string())
    current = _numbers(data, "current_a")
    known = np.isfinite(current) & (current != -1)
    columns["current"] = pa.array((-current).astype(np.float32), mask=~known)
    if "temperature" in names:
        columns["temperature"] = _known(_numbers(data, "temperature"))
    if "capacity" in names:
        capacity_ah = _numbers(data, "capacity") / 1000
        columns["capacity"] = _known(np.where(capacity_ah > 0, capacity_ah, np.nan))
    if "voltage_cell_v" in names:
        columns["cell_voltage"] = _cells(_list(data, "voltage_cell_v"))
    return columns


def _known(values: Floats) -> pa.FloatArray:
    """Return values, null where they are no number."""
    return pa.array(values.astype(np.float32), mask=~np.isfinite(values))


def _cells(volts: Floats) -> pa.ListArray:
    """Return the voltages of cells that exist, null where none is measured."""
    measured = np.isfinite(volts) & (volts > 0)
    offsets = np.zeros(len(volts) + 1, np.int32)
    counts = measured.sum(1)
    np.cumsum(counts, out=offsets[1:])
    values = pa.array(volts[measured].astype(np.float32))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(counts == 0))


_GPS_COLUMNS = ("vel_n_m_s", "vel_e_m_s", "vel_d_m_s", "fix_type")
_GPS_OPTIONAL: Mapping[str, str | int] = {
    **dict.fromkeys(("satellites_used", "hdop", "vdop"), _NUMBER),
    "vel_ned_valid": _FLAG,
}


def _gps_rule(latitude: str, longitude: str, altitude: str, degrees: float, metres: float) -> Rule:
    return Rule(
        tag="gps",
        reason="vehicle_gps_position; altitude above mean sea level, velocity north, east, down",
        columns=dict.fromkeys((latitude, longitude, altitude, *_GPS_COLUMNS), _NUMBER),
        optional=_GPS_OPTIONAL,
        build=_gps(latitude, longitude, altitude, degrees, metres),
        frame=_WORLD,
    )


RULES: Mapping[str, tuple[Rule, ...]] = {
    "sensor_combined": (
        Rule(
            tag="imu",
            reason="sensor_combined; axes forward, right, down",
            columns={"gyro_rad": 3, "accelerometer_m_s2": 3},
            build=_imu,
            frame=_BODY,
        ),
    ),
    "vehicle_gps_position": (
        _gps_rule("latitude_deg", "longitude_deg", "altitude_msl_m", 1.0, 1.0),
        _gps_rule("lat", "lon", "alt", 1e-7, 1e-3),
    ),
    "vehicle_attitude": (
        Rule(
            tag="quaternion",
            reason="vehicle_attitude; from forward, right, down to north, east, down",
            columns={"q": 4},
            build=_quaternion,
            frame=_WORLD,
        ),
    ),
    "vehicle_local_position": (
        Rule(
            tag="motion_state",
            reason="vehicle_local_position; north, east, down",
            columns=dict.fromkeys(("x", "y", "z", "vx", "vy", "vz"), _NUMBER),
            optional={
                **dict.fromkeys(("ax", "ay", "az"), _NUMBER),
                **dict.fromkeys(("xy_valid", "z_valid", "v_xy_valid", "v_z_valid"), _FLAG),
            },
            build=_motion,
            frame=_WORLD,
        ),
    ),
    "battery_status": (
        Rule(
            tag="battery_state",
            reason="battery_status; current is negative while discharging",
            columns=dict.fromkeys(("voltage_v", "current_a", "remaining"), _NUMBER),
            optional={
                **dict.fromkeys(("temperature", "capacity", "serial_number"), _NUMBER),
                "connected": _FLAG,
                "voltage_cell_v": 14,
            },
            build=_battery,
        ),
    ),
}
