"""
What the name of a column says: quantity, axis, unit and whose it is.

`field.angular_velocity.x`, `imu_gx`, `Gyroscope X (deg/s)` and `w_RS_S_x [rad s^-1]` all name the x axis of
an angular velocity. A name that says anything else beside is left alone.

Must not know: values. Next: `groups`.
"""

import re
from functools import lru_cache

import attrs

__all__ = ["SCALES", "Name", "is_unit", "read_name"]

_BRACKETS = re.compile(r"\s*[\[(]\s*([^\])]*?)\s*[\])]\s*$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zµμ]+|\d+")
_TIME_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanos", "nanoseconds"), "ns"),
}
_QUANTITIES = {
    "acceleration": "a, a rs s, acc, accel, accelerometer, acceleration, linear acceleration, lin acc",
    "angular_velocity": "g, w, w rs s, gyr, gyro, gyroscope, angular velocity, ang vel, omega",
    "magnetic_field": "m, mag, magnetometer, magnetic field",
    "orientation": "q, q rs, quat, quaternion, orientation",
    "position": "p, p rs r, pos, position, pose, t, translation",
    "linear": "v, v rs r, vel, velocity, linear, linear velocity",
    "angular": "angular",
    "force": "f, force",
    "torque": "torque",
}
_ALIASES = {
    tuple(alias.split()): quantity
    for quantity, aliases in _QUANTITIES.items()
    for alias in aliases.split(", ")
}
_SINGLES = {
    **dict.fromkeys(("lat", "latitude"), "latitude"),
    **dict.fromkeys(("lon", "lng", "long", "longitude"), "longitude"),
    **dict.fromkeys(("alt", "altitude", "height", "elevation"), "altitude"),
    **dict.fromkeys(("temp", "temperature"), "temperature"),
    **dict.fromkeys(("pressure", "press"), "pressure"),
}
_SILENT = {"field", "msg", "data", "pose", "twist", "wrench", "transform"}
_OTHERWISE = {
    "b",
    "bias",
    "std",
    "stddev",
    "var",
    "variance",
    "sigma",
    "error",
    "err",
    "ref",
    "cmd",
}
"""Words that make a quantity another one: the bias of a gyroscope is no angular velocity."""

_DEGREE = 0.017453292519943295
SCALES: dict[str, dict[str, float]] = {
    "acceleration": {"m/s^2": 1.0, "g": 9.80665, "mg": 9.80665e-3},
    "angular_velocity": {"rad/s": 1.0, "deg/s": _DEGREE, "mdeg/s": _DEGREE * 1e-3},
    "magnetic_field": {"T": 1.0, "mT": 1e-3, "uT": 1e-6, "nT": 1e-9, "G": 1e-4, "mG": 1e-7},
    "orientation": {"": 1.0},
    "position": {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "km": 1e3},
    "linear": {"m/s": 1.0, "cm/s": 1e-2, "mm/s": 1e-3, "km/h": 1 / 3.6},
    "angular": {"rad/s": 1.0, "deg/s": _DEGREE},
    "force": {"N": 1.0, "kN": 1e3},
    "torque": {"N m": 1.0},
    "latitude": {"deg": 1.0, "rad": 1 / _DEGREE},
    "longitude": {"deg": 1.0, "rad": 1 / _DEGREE},
    "altitude": {"m": 1.0, "km": 1e3, "ft": 0.3048},
    "temperature": {"K": 1.0, "degC": 1.0},
    "pressure": {"Pa": 1.0, "hPa": 1e2, "kPa": 1e3, "mbar": 1e2, "bar": 1e5},
}
"""Units per quantity, and the factor to that of the ontology, which stands first."""

_SPELLINGS = {
    "m/s2": "m/s^2", "m/s²": "m/s^2", "m s^-2": "m/s^2", "m/s/s": "m/s^2", "mps2": "m/s^2",
    "rad s^-1": "rad/s", "rads": "rad/s", "rps": "rad/s", "°/s": "deg/s", "dps": "deg/s",
    "deg s^-1": "deg/s", "m s^-1": "m/s", "mps": "m/s", "kph": "km/h", "kmh": "km/h",
    "µT": "uT", "μT": "uT", "ut": "uT", "gauss": "G", "Gauss": "G", "Nm": "N m", "N*m": "N m",
    "N·m": "N m", "N.m": "N m", "°": "deg", "degrees": "deg", "°C": "degC", "C": "degC",
    "celsius": "degC", "Kelvin": "K", "kelvin": "K", "meters": "m", "-": "", "1": "",
}  # fmt: skip


@attrs.frozen(kw_only=True)
class Name:
    """
    A column's name, read.

    Args:
        words: All its words in lower case, without the unit.
        prefix: The words before the quantity: whose it is.
        quantity: What it tells, empty if unknown.
        part: Axis, or number of an entry of a covariance matrix (`cov3`).
        unit: As stated, None if not stated.
        time_unit: Unit of times that it states, empty if it states none.
    """

    words: tuple[str, ...]
    prefix: tuple[str, ...] = ()
    quantity: str = ""
    part: str = ""
    unit: str | None = None
    time_unit: str = ""


def is_unit(text: str) -> bool:
    """Say whether *text*, in brackets or bare, is a unit that is known here."""
    bare = text.strip().strip("[]()").strip()
    known = _SPELLINGS.get(bare, bare)
    return bare in _TIME_UNITS or any(known in units for units in SCALES.values())


@lru_cache(maxsize=4096)
def read_name(text: str) -> Name:
    """
    Read the name of a column.

    Example:
        >>> read_name("Gyroscope X (deg/s)").quantity
        'angular_velocity'
    """
    unit: str | None = None
    bare = text.strip()
    brackets = _BRACKETS.search(bare)
    if brackets and not brackets[1].isdigit():
        unit, bare = _SPELLINGS.get(brackets[1], brackets[1]), bare[: brackets.start()]
    words = tuple(word.lower() for word in _WORDS.findall(bare))
    time_unit = _TIME_UNITS.get(unit or "", "")
    timed = words
    # A pair such as `stamp.secs` and `stamp.nsecs` keeps its last word.
    is_pair = words[-1:] in (("sec",), ("secs",), ("nsec",), ("nsecs",))
    if not time_unit and len(words) > 1 and words[-1] in _TIME_UNITS and not is_pair:
        time_unit, timed = _TIME_UNITS[words[-1]], words[:-1]
    if bare.startswith("%time") or words == ("field", "header", "stamp"):
        time_unit = "ns"  # as `rostopic echo -p` writes
    parsed = _quantity(words)
    if parsed is None or set(parsed[0]) & _OTHERWISE:
        return Name(words=timed, unit=unit, time_unit=time_unit)
    prefix, quantity, part = parsed
    return Name(
        words=timed,
        prefix=tuple(word for word in prefix if word not in _SILENT),
        quantity=quantity,
        part=part,
        unit=unit,
        time_unit=time_unit,
    )


def _quantity(words: tuple[str, ...]) -> tuple[tuple[str, ...], str, str] | None:
    """Return prefix, quantity and part."""
    last = words[-1] if words else ""
    if last in _SINGLES:
        return words[:-1], _SINGLES[last], "value"
    if last.isdigit() and words[-2:-1] in (("covariance",), ("cov",)):
        found = _alias(words[:-2])
        return (*found, f"cov{int(last)}") if found else None
    if not last.endswith(("x", "y", "z", "w")):
        return None
    axis, is_apart = last[-1], len(last) == 1
    found = _alias(words[:-1] if is_apart else (*words[:-1], last[:-1]))
    if found:
        return (*found, axis)
    return (words[:-1], "", axis) if is_apart else None


def _alias(words: tuple[str, ...]) -> tuple[tuple[str, ...], str] | None:
    """Return the words before a quantity, and the quantity."""
    for n in (3, 2, 1):
        quantity = _ALIASES.get(words[-n:]) if len(words) >= n else None
        if quantity:
            return words[:-n], quantity
    return None
