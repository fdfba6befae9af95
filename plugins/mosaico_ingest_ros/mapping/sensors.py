"""
Rules for `sensor_msgs`, `std_msgs` and the sentences of satellite receivers.

Distributions that named or lacked fields differently have rules of their own, tried in order.

Next: `mapper`.
"""

import pyarrow as pa

from mosaico_ingest_ros.mapping.geometry import axes
from mosaico_ingest_ros.mapping.pictures import PictureFormat
from mosaico_ingest_ros.mapping.recipes import (
    Bits,
    Column,
    Constant,
    Covariance,
    Each,
    Flag,
    Group,
    Recipe,
    Shifted,
)
from mosaico_ingest_ros.mapping.rule import Rule

__all__ = ["POINT_CLOUD", "SENSORS", "VALUES"]

BOOL, TEXT, BYTES = pa.bool_(), pa.string(), pa.binary()
F32, F64, I8 = pa.float32(), pa.float64(), pa.int8()
U8, U16, U32 = pa.uint8(), pa.uint16(), pa.uint32()
_MATRIX_SIZE = 9  # 3 x 3, by rows
_CELSIUS_ZERO_K = 273.15


def _columns(kind: pa.DataType, *names: str) -> dict[str, Recipe]:
    """Return columns that keep their names."""
    return {name: Column(name, kind) for name in names}


def _measured(path: str, matrix: str, names: str = "xyz", *, may_be_absent: bool = False) -> Group:
    """Return a vector with the covariance at *matrix*, null where that says nothing."""
    covariance = Covariance(matrix, _MATRIX_SIZE, zero_is_unknown=True)
    return Group(
        {**axes(path, names), "covariance": covariance}, unless=matrix if may_be_absent else ""
    )


def _region(path: str) -> dict[str, Recipe]:
    under = f"{path}." if path else ""
    return {
        "offset": Group(
            {"x": Column(f"{under}x_offset", F64), "y": Column(f"{under}y_offset", F64)}
        ),
        "height": Column(f"{under}height", U32),
        "width": Column(f"{under}width", U32),
        "do_rectify": Column(f"{under}do_rectify", BOOL),
    }


def _camera_info(d: str, k: str, r: str, p: str) -> Rule:
    return Rule(
        tag="camera_info",
        fields={
            **_columns(U32, "height", "width"),
            "distortion_model": Column("distortion_model", TEXT),
            "distortion_parameters": Column(d, pa.list_(F64)),
            "intrinsic_parameters": Column(k, pa.list_(F64, 9)),
            "rectification_parameters": Column(r, pa.list_(F64, 9)),
            "projection_parameters": Column(p, pa.list_(F64, 12)),
            "binning": Group({"x": Column("binning_x", F64), "y": Column("binning_y", F64)}),
            "roi": Group(_region("roi")),
        },
    )


def _scan(tag: str, ranges: Recipe, intensities: Recipe) -> Rule:
    settings = ("angle_min", "angle_max", "angle_increment", "time_increment", "scan_time")
    return Rule(
        tag=tag,
        fields={
            **_columns(F32, *settings, "range_min", "range_max"),
            "ranges": ranges,
            "intensities": intensities,
        },
    )


def _echoes(path: str) -> Each:
    return Each(path, Column("echoes", pa.list_(F32)))


def _reading(tag: str, value: Recipe) -> tuple[Rule]:
    return (Rule(tag=tag, fields={"value": value, **_columns(F64, "variance")}),)


POINT_CLOUD = Rule(
    tag="point_cloud2",
    fields={
        **_columns(U32, "height", "width", "point_step", "row_step"),
        **_columns(BOOL, "is_bigendian", "is_dense"),
        "fields": Each(
            "fields",
            Group(
                {
                    "name": Column("name", TEXT),
                    **_columns(U32, "offset", "count"),
                    "datatype": Column("datatype", pa.int64()),
                }
            ),
        ),
        "data": Column("data", BYTES),
    },
)

SENSORS: dict[str, tuple[Rule, ...]] = {
    "sensor_msgs/Imu": (
        Rule(
            tag="imu",
            fields={
                "acceleration": _measured("linear_acceleration", "linear_acceleration_covariance"),
                "angular_velocity": _measured("angular_velocity", "angular_velocity_covariance"),
                "orientation": _measured(
                    "orientation", "orientation_covariance", "xyzw", may_be_absent=True
                ),
            },
        ),
    ),
    "sensor_msgs/MagneticField": (
        Rule(
            tag="magnetometer",
            fields={"magnetic_field": _measured("magnetic_field", "magnetic_field_covariance")},
        ),
    ),
    "sensor_msgs/NavSatFix": (
        Rule(
            tag="gps",
            fields={
                "position": Group(
                    {
                        "x": Column("latitude", F64),
                        "y": Column("longitude", F64),
                        "z": Column("altitude", F64),
                        "covariance": Covariance("position_covariance", _MATRIX_SIZE),
                        "covariance_type": Column("position_covariance_type", pa.int16()),
                    }
                ),
                "status": Group(
                    {
                        "status": Column("status.status", I8),
                        "service": Column("status.service", U16),
                    }
                ),
            },
        ),
    ),
    "sensor_msgs/JointState": (
        Rule(
            tag="robot_joint",
            fields={
                "names": Column("name", pa.list_(TEXT)),
                "positions": Column("position", pa.list_(F64)),
                "velocities": Column("velocity", pa.list_(F64)),
                "efforts": Column("effort", pa.list_(F64)),
            },
        ),
    ),
    "sensor_msgs/Image": (
        Rule(
            tag="image",
            fields={
                "data": Column("data", BYTES),
                "format": Constant("raw"),
                "width": Bits("width"),
                "height": Bits("height"),
                "stride": Bits("step"),
                "encoding": Column("encoding", TEXT),
                "is_bigendian": Flag("is_bigendian"),
            },
        ),
    ),
    "sensor_msgs/CompressedImage": (
        Rule(
            tag="compressed_image",
            fields={"data": Column("data", BYTES), "format": PictureFormat("format", "data")},
            losses={"format": "what `format` says beyond the container (pixel encodings)"},
        ),
    ),
    "sensor_msgs/CameraInfo": (_camera_info(*"dkrp"), _camera_info(*"DKRP")),
    "sensor_msgs/RegionOfInterest": (Rule(tag="roi", fields=_region("")),),
    "sensor_msgs/PointCloud2": (POINT_CLOUD,),
    "sensor_msgs/LaserScan": (
        _scan(
            "laser_scan",
            Column("ranges", pa.list_(F32)),
            Column("intensities", pa.list_(F32)),
        ),
    ),
    "sensor_msgs/MultiEchoLaserScan": (
        _scan("multi_echolaser_scan", _echoes("ranges"), _echoes("intensities")),
    ),
    "sensor_msgs/BatteryState": (
        Rule(
            tag="battery_state",
            fields={
                **_columns(F32, "voltage", "current", "charge", "capacity", "design_capacity"),
                "percentage": Column("percentage", F32),
                **_columns(
                    U8, "power_supply_status", "power_supply_health", "power_supply_technology"
                ),
                "present": Column("present", BOOL),
                **_columns(TEXT, "location", "serial_number"),
                "cell_voltage": Column("cell_voltage", pa.list_(F32)),
                "temperature": Column("temperature", F32, is_optional=True),
                "cell_temperature": Column("cell_temperature", pa.list_(F32), is_optional=True),
            },
        ),
    ),
    "sensor_msgs/Range": (
        Rule(
            tag="range",
            fields={
                "radiation_type": Column("radiation_type", U8),
                **_columns(F32, "field_of_view", "min_range", "max_range", "range"),
                "variance": Column("variance", F64, is_optional=True),
            },
        ),
    ),
    "sensor_msgs/Temperature": _reading("temperature", Shifted("temperature", _CELSIUS_ZERO_K)),
    "sensor_msgs/FluidPressure": _reading("pressure", Column("fluid_pressure", F64)),
    "sensor_msgs/Joy": (
        Rule(
            tag="joy",
            fields={
                "axes": Column("axes", pa.list_(F32)),
                "buttons": Column("buttons", pa.list_(pa.int32())),
            },
        ),
    ),
    "sensor_msgs/NavSatStatus": (
        Rule(tag="gps_status", fields={"status": Column("status", I8), **_columns(U16, "service")}),
    ),
    "nmea_msgs/Sentence": (Rule(tag="nmea_sentence", fields=_columns(TEXT, "sentence")),),
}


def _value(tag: str, kind: pa.DataType) -> Rule:
    return Rule(tag=tag, fields=_columns(kind, "data"))


VALUES: dict[str, tuple[Rule, ...]] = {
    "std_msgs/Bool": (_value("boolean", BOOL),),
    "std_msgs/Byte": (_value("integer8", I8),),
    "std_msgs/Char": (_value("unsigned8", U8),),
    "std_msgs/Int8": (_value("integer8", I8),),
    "std_msgs/Int16": (_value("integer16", pa.int16()),),
    "std_msgs/Int32": (_value("integer32", pa.int32()),),
    "std_msgs/Int64": (_value("integer64", pa.int64()),),
    "std_msgs/UInt8": (_value("unsigned8", U8),),
    "std_msgs/UInt16": (_value("unsigned16", U16),),
    "std_msgs/UInt32": (_value("unsigned32", U32),),
    "std_msgs/UInt64": (_value("unsigned64", pa.uint64()),),
    "std_msgs/Float32": (_value("floating32", F32),),
    "std_msgs/Float64": (_value("floating64", F64),),
    "std_msgs/String": (_value("string", TEXT),),
}
