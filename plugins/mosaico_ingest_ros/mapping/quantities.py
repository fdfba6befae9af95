"""
Which fields of a packed cloud are which quantity of the decoded types, and how their numbers are read.

Drivers agree on `x`, `y`, `z` and little else: a beam is `ring` or `channel`, the time of a point `t`
in nanoseconds, `time` in seconds or `timestamp` on a clock. A quantity lists the names in use, the
clearest first; case does not count.

Must not know: the bytes of clouds. Next: `clouds`.
"""

from collections.abc import Mapping
from enum import Enum

import attrs

__all__ = ["DECODED", "Quantity", "Reading"]


class Reading(Enum):
    """How the numbers of a field are meant."""

    Plain = "as they are"
    Metres = "whole numbers count millimetres"
    Bits = "32 bits that are no number, such as a packed colour"
    Seconds = "whole numbers count nanoseconds, large ones are a clock's"


@attrs.frozen
class Quantity:
    """
    One column of a decoded type.

    Args:
        names: Fields that hold it, the preferred first, in small letters.
        reading: How their numbers are meant.
    """

    names: tuple[str, ...]
    reading: Reading = Reading.Plain


def _plain(*names: str) -> dict[str, Quantity]:
    """Return quantities that have one name everywhere."""
    return {name: Quantity((name,)) for name in names}


_RANGE = Quantity(("range", "distance"), Reading.Metres)
_ANGLES = _plain("azimuth", "elevation")
_COLOUR = {
    "rgb": Quantity(("rgb", "rgba"), Reading.Bits),
    "intensity": Quantity(("intensity", "intensities")),
}
_TIMES = (
    "point_timestamp",
    "t",
    "time",
    "timestamp",
    "time_stamp",
    "offset_time",
    "time_offset",
)

DECODED: Mapping[str, Mapping[str, Quantity]] = {
    "lidar": {
        **_plain("x", "y", "z", "reflectivity"),
        "intensity": Quantity(("intensity", "intensities", "i")),
        "beam_id": Quantity(("beam_id", "ring", "channel", "line", "laser_id")),
        "range": _RANGE,
        "near_ir": Quantity(("near_ir", "ambient")),
        **_ANGLES,
        "confidence": Quantity(("confidence", "tag")),
        "return_type": Quantity(("return_type",)),
        "point_timestamp": Quantity(_TIMES, Reading.Seconds),
    },
    "radar": {
        **_plain("x", "y", "z", "rcs", "snr", "vx", "vy", "vx_comp", "vy_comp", "ax", "ay"),
        "range": _RANGE,
        **_ANGLES,
        "doppler_velocity": Quantity(("doppler_velocity", "doppler", "velocity")),
        "radial_speed": Quantity(("radial_speed", "range_rate")),
    },
    "rgbd_camera": _plain("x", "y", "z") | _COLOUR,
    "stereo_camera": _plain("x", "y", "z", "luma", "cost") | _COLOUR,
    "tof_camera": _plain("x", "y", "z", "noise", "grayscale") | _COLOUR,
}
"""Quantities of each type of decoded clouds; `x`, `y` and `z` are required."""
