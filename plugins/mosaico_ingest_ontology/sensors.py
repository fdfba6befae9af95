"""
What sensors and machines report: inertial, position, joints, power, ranges.

Next: `images`.
"""

import pyarrow as pa

from mosaico_ingest.plugin import Ontology
from mosaico_ingest_ontology.structs import GPS_STATUS, V3, V4, VARIANCE, maybe, must, ontology

__all__ = ["SENSORS"]

F32, U8 = pa.float32(), pa.uint8()


def _scan(tag: str, beam: pa.DataType, summary: str) -> Ontology:
    """Return a type of laser scans whose beams are values of *beam*."""
    settings = (
        "angle_min",
        "angle_max",
        "angle_increment",
        "time_increment",
        "scan_time",
        "range_min",
        "range_max",
    )
    beams = pa.list_(beam)
    return ontology(
        tag,
        [
            *(must(name, F32) for name in settings),
            must("ranges", beams),
            maybe("intensities", beams),
        ],
        summary,
    )


SENSORS = (
    ontology(
        "imu",
        [must("acceleration", V3), must("angular_velocity", V3), maybe("orientation", V4)],
        "Linear acceleration (m/s²), angular velocity (rad/s), orientation where estimated.",
    ),
    ontology(
        "magnetometer",
        [must("magnetic_field", V3)],
        "Magnetic field, in the unit of its source (ROS: T).",
    ),
    ontology(
        "gps",
        [must("position", V3), maybe("velocity", V3), maybe("status", GPS_STATUS)],
        "Latitude x (°), longitude y (°), altitude z (m), velocity (m/s), kind of fix.",
    ),
    ontology(
        "gps_status", GPS_STATUS, "Kind of satellite fix, satellites used, dilution of precision."
    ),
    ontology(
        "nmea_sentence", [must("sentence", pa.string())], "Sentence of a receiver, NMEA 0183 text."
    ),
    ontology(
        "robot_joint",
        [
            must("names", pa.list_(pa.string())),
            must("positions", pa.list_(pa.float64())),
            must("velocities", pa.list_(pa.float64())),
            must("efforts", pa.list_(pa.float64())),
        ],
        "Joints: positions (rad or m), velocities (rad/s or m/s), efforts (N m or N).",
    ),
    ontology(
        "battery_state",
        [
            must("voltage", F32),
            maybe("temperature", F32),
            maybe("current", F32),
            maybe("charge", F32),
            maybe("capacity", F32),
            maybe("design_capacity", F32),
            must("percentage", F32),
            must("power_supply_status", U8),
            must("power_supply_health", U8),
            must("power_supply_technology", U8),
            must("present", pa.bool_()),
            must("location", pa.string()),
            must("serial_number", pa.string()),
            maybe("cell_voltage", pa.list_(F32)),
            maybe("cell_temperature", pa.list_(F32)),
        ],
        "Battery: voltage (V), current (A), charge (Ah), temperature (°C), share left (0 to 1).",
    ),
    ontology(
        "temperature", [*VARIANCE, must("value", pa.float64())], "Temperature (K), variance (K²)."
    ),
    ontology(
        "pressure", [*VARIANCE, must("value", pa.float64())], "Pressure (Pa), variance (Pa²)."
    ),
    ontology(
        "range",
        [
            *VARIANCE,
            must("radiation_type", U8),
            must("field_of_view", F32),
            must("min_range", F32),
            must("max_range", F32),
            must("range", F32),
        ],
        "One distance (m) within a cone (rad).",
    ),
    _scan("laser_scan", F32, "Distances (m) along an arc of beams (rad)."),
    _scan("multi_echolaser_scan", pa.list_(F32), "Several echoes (m) per beam of an arc (rad)."),
    ontology(
        "joy",
        [must("axes", pa.list_(F32)), must("buttons", pa.list_(pa.int32()))],
        "Joystick: axes from -1 to 1, buttons pressed or not.",
    ),
)
