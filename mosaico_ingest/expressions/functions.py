"""
The functions and units of mappings, each by Arrow on whole columns. Null in gives null out, where not told.

Must not know: expressions. Next: `evaluation`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["CONSTANTS", "FUNCTIONS", "UNITS", "Function", "convert_unit"]

_DEGREE = math.pi / 180
_G = 9.80665

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "g0": _G}
"""Names that stand for a number where no column has them."""

UNITS: Mapping[str, tuple[float, float]] = {
    "deg": (_DEGREE, 0),
    "deg/s": (_DEGREE, 0),
    "rpm": (2 * math.pi / 60, 0),
    "g": (_G, 0),
    "mg": (_G / 1000, 0),
    "km/h": (1 / 3.6, 0),
    "mph": (0.44704, 0),
    "knots": (1852 / 3600, 0),
    "mm": (1e-3, 0),
    "cm": (1e-2, 0),
    "km": (1e3, 0),
    "in": (0.0254, 0),
    "ft": (0.3048, 0),
    "mbar": (100, 0),
    "hPa": (100, 0),
    "kPa": (1e3, 0),
    "bar": (1e5, 0),
    "psi": (6894.757293168361, 0),
    "degC": (1, 273.15),
    "degF": (5 / 9, 459.67 * 5 / 9),
    "mV": (1e-3, 0),
    "mA": (1e-3, 0),
    "mAh": (3.6, 0),
    "Ah": (3600, 0),
    "uT": (1e-6, 0),
    "nT": (1e-9, 0),
    "gauss": (1e-4, 0),
    "%": (1e-2, 0),
    "ms": (1e-3, 0),
    "us": (1e-6, 0),
    "ns": (1e-9, 0),
    "min": (60, 0),
    "h": (3600, 0),
}
"""Units by name: the SI value is the number times the first, plus the second."""


@attrs.frozen
class Function:
    """
    A function of mappings.

    Args:
        apply: Takes arrays or scalars, of any number that *arity* allows.
        arity: Least and greatest number of arguments, None for any.
        summary: One line for the documentation.
    """

    apply: Callable[..., Any]
    arity: tuple[int, int | None]
    summary: str


def convert_unit(values: Any, unit: str) -> Any:
    """Return *values*, which count in *unit*, in SI units."""
    factor, offset = UNITS[unit]
    scaled = pc.multiply(_float(values), factor)
    return pc.add(scaled, offset) if offset else scaled


def _float(values: Any) -> Any:
    """Return *values* as float64; texts that are no number become null."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        is_number = pc.match_substring_regex(trimmed, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        values = pc.if_else(is_number, trimmed, pa.scalar(None, values.type))
    return pc.cast(values, pa.float64(), safe=False)


def _int(values: Any) -> Any:
    """Return *values* as int64, towards zero; texts and numbers that are none become null."""
    if pa.types.is_floating(values.type):
        usable = pc.and_(pc.is_finite(values), pc.less(pc.abs(values), 2.0**63))
        values = pc.if_else(usable, pc.trunc(values), pa.scalar(None, values.type))
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        is_number = pc.match_substring_regex(trimmed, r"^[+-]?\d{1,18}$")
        values = pc.if_else(is_number, trimmed, pa.scalar(None, values.type))
    return pc.cast(values, pa.int64())


def _null_if(values: Any, *marks: Any) -> Any:
    """Return *values*, null where they equal a mark."""
    for mark in marks:
        equal = pc.fill_null(pc.equal(values, mark), fill_value=False)
        values = pc.if_else(equal, pa.scalar(None, values.type), values)
    return values


def _unary(name: str) -> Callable[[Any], Any]:
    """Return an Arrow function on floats."""
    return lambda values: pc.call_function(name, [_float(values)])


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(pc.abs, (1, 1), "Absolute value."),
    "acos": Function(_unary("acos"), (1, 1), "Arc cosine, in radians."),
    "asin": Function(_unary("asin"), (1, 1), "Arc sine, in radians."),
    "atan": Function(_unary("atan"), (1, 1), "Arc tangent, in radians."),
    "atan2": Function(lambda y, x: pc.atan2(_float(y), _float(x)), (2, 2), "Angle of (y, x)."),
    "bool": Function(lambda v: pc.cast(v, pa.bool_()), (1, 1), "As true or false."),
    "ceil": Function(pc.ceil, (1, 1), "Next integer above."),
    "coalesce": Function(pc.coalesce, (1, None), "The first value that is not null."),
    "cos": Function(_unary("cos"), (1, 1), "Cosine of radians."),
    "degrees": Function(lambda v: pc.divide(_float(v), _DEGREE), (1, 1), "Radians to degrees."),
    "exp": Function(_unary("exp"), (1, 1), "Power of e."),
    "float": Function(_float, (1, 1), "As float64; null where a text is no number."),
    "floor": Function(pc.floor, (1, 1), "Next integer below."),
    "if_else": Function(pc.if_else, (3, 3), "The second where the first is true, else the third."),
    "int": Function(_int, (1, 1), "As int64, towards zero; null where it is no number."),
    "ln": Function(_unary("ln"), (1, 1), "Natural logarithm."),
    "log10": Function(_unary("log10"), (1, 1), "Logarithm to the base of 10."),
    "lower": Function(pc.utf8_lower, (1, 1), "Text in small letters."),
    "max": Function(
        pc.max_element_wise, (1, None), "The greatest of several; nulls are passed over."
    ),
    "min": Function(pc.min_element_wise, (1, None), "The least of several; nulls are passed over."),
    "null_if": Function(_null_if, (2, None), "The first, null where it equals one of the others."),
    "radians": Function(lambda v: pc.multiply(_float(v), _DEGREE), (1, 1), "Degrees to radians."),
    "round": Function(pc.round, (1, 1), "Nearest integer, halves to even."),
    "sign": Function(pc.sign, (1, 1), "-1, 0 or 1."),
    "sin": Function(_unary("sin"), (1, 1), "Sine of radians."),
    "sqrt": Function(_unary("sqrt"), (1, 1), "Square root."),
    "str": Function(lambda v: pc.cast(v, pa.string()), (1, 1), "As text."),
    "strip": Function(pc.utf8_trim_whitespace, (1, 1), "Text without blanks around it."),
    "tan": Function(_unary("tan"), (1, 1), "Tangent of radians."),
    "trunc": Function(pc.trunc, (1, 1), "Without what follows the point."),
    "upper": Function(pc.utf8_upper, (1, 1), "Text in capital letters."),
}
"""Functions by name; `si(value, "unit")` is the other one."""
