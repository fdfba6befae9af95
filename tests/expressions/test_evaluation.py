"""Tests of mosaico_ingest.expressions.evaluation: Arrow against Python on the same rows."""

import math
import operator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import ExpressionError
from mosaico_ingest.expressions.evaluation import compile_expression
from mosaico_ingest.expressions.functions import FUNCTIONS

DATA = pa.record_batch(
    {
        "a": pa.array([1, 2, None, -4]),
        "b": pa.array([0.5, None, 2.0, 8.0]),
        "s": pa.array(["x", " 7 ", None, "0x1f"]),
        "ok": pa.array([True, False, None, True]),
        "pose": pa.array([{"position": {"x": n}} for n in (1.0, 2.0, 3.0, None)]),
        "ranges": pa.array([[1.0, 2.0], [3.0], None, []]),
        "pair": pa.array([[1, 2], [3, 4], None, [5, 6]], pa.list_(pa.int64(), 2)),
        "Gyro X (deg/s)": pa.array([180.0, 0.0, None, -90.0]),
        "h.stamp": pa.array([1, 2, 3, 4]),
    }
)


def evaluate(text, data=DATA):
    """Return what an expression gives for each row."""
    expression = compile_expression(text, data.schema)
    values = expression(data)
    assert expression.type == values.type
    return values.to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", [1.5, None, None, 4.0]),
        ("a / 2", [0.5, 1.0, None, -2.0]),
        ("-a ** 2", [-1, -4, None, -16]),
        ("a > 1 or ok", [True, True, None, True]),
        ("not ok", [False, True, None, False]),
        ("b is null", [False, True, False, False]),
        ("a in [2, -4]", [False, True, None, True]),
        ("pose.position.x * 2", [2.0, 4.0, 6.0, None]),
        ("ranges[0]", [1.0, 3.0, None, None]),
        ("ranges[1]", [2.0, None, None, None]),
        ("pair[1]", [2, 4, None, 6]),
        ("h.stamp", [1, 2, 3, 4]),
        ("int(s)", [None, 7, None, None]),
        ("float(s)", [None, 7.0, None, None]),
        ("null_if(a, 2, -4)", [1, None, None, None]),
        ("coalesce(b, a)", [0.5, 2.0, 2.0, 8.0]),
        ("if_else(ok, a, 0)", [1, 0, None, -4]),
        ("max(a, b)", [1.0, 2.0, 2.0, 8.0]),
        ("s == 'x'", [True, False, None, False]),
        ("'base_link'", ["base_link"] * 4),
        ("int(2.9)", [2] * 4),
        ("3 in [1, 3]", [True] * 4),
        ("b / 0", [math.inf, None, math.inf, math.inf]),
    ],
)
def test_rows_have_the_value_that_python_would_give(text, expected):
    """Each row by hand; nulls go through, and `or` knows what is true whatever the other is."""
    assert expected == evaluate(text)


def test_units_become_si():
    """`si` converts by the unit's name; degrees are radians, temperatures are shifted."""
    assert [math.pi, 0.0, None, -math.pi / 2] == evaluate("si(`Gyro X (deg/s)`, 'deg/s')")
    assert [pytest.approx(273.65)] == evaluate("si(b, 'degC')")[:1]
    assert [pytest.approx(293.15)] * 4 == evaluate("si(68, 'degF')")
    assert [10.0] * 4 == evaluate("si(36, 'km/h')")


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("a + c", 4, "there is no column 'c'"),
        ("pose.psition.x", 0, "no member 'psition'; near are pose.position"),
        ("a + s", 2, "this cannot be done with int64, string"),
        ("sqr(a)", 0, "no function 'sqr'; known: sqrt"),
        ("sqrt(a, b)", 0, "sqrt takes 1 arguments, not 2"),
        ("si(a, 'deg/sec')", 6, "no unit 'deg/sec'; known: .*deg/s"),
        ("si(a)", 0, "si takes a value and the name of its unit"),
        ("a[0]", 1, "int64 is no list"),
        ("pair[2]", 4, "the list has 2 elements"),
    ],
)
def test_what_does_not_fit_is_told_before_any_row(text, at, what):
    """Names, types and arguments are checked against the columns, with the place and what is near."""
    with pytest.raises(ExpressionError, match=what) as caught:
        compile_expression(text, DATA.schema)

    assert at == caught.value.at


def test_the_longest_expression_can_be_evaluated():
    """What is as long as it may be is read, checked and evaluated."""
    assert [128, 255, None, -507] == evaluate("+".join(["a"] * 127) + "+1")


def test_an_overflow_is_an_error_not_another_number():
    """Integers that leave their range are refused at run time."""
    data = pa.record_batch({"a": pa.array([2**62])})
    expression = compile_expression("a * 4", data.schema)

    with pytest.raises(ExpressionError, match="overflow"):
        expression(data)


def test_what_goes_into_an_expression_is_known():
    """It tells which columns and members it takes whole; an element of a list is not the list."""
    expression = compile_expression("a + pose.position.x + pi + ranges[0]", DATA.schema)

    assert {("a",), ("pose", "position", "x")} == expression.paths


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_described(name):
    """The documentation has a sentence for each."""
    assert FUNCTIONS[name].summary.endswith(".")


OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
NUMBERS = st.one_of(st.none(), st.integers(-1000, 1000))


@st.composite
def arithmetic(draw, depth=3):
    """Build a random expression over x and y, as text and as a Python function of a row."""
    kind = draw(
        st.sampled_from(["x", "y", "number", "operation"] if depth else ["x", "y", "number"])
    )
    if kind == "number":
        number = draw(st.integers(0, 50))
        return str(number), lambda _: number
    if kind != "operation":
        return kind, lambda row: row[kind]
    sign = draw(st.sampled_from(["+", "-", "*"]))
    (left_text, left), (right_text, right) = (
        draw(arithmetic(depth - 1)),
        draw(arithmetic(depth - 1)),
    )

    def apply(row):
        a, b = left(row), right(row)
        return None if a is None or b is None else OPERATORS[sign](a, b)

    return f"({left_text} {sign} {right_text})", apply


@given(arithmetic(), st.sampled_from(sorted(OPERATORS)), st.lists(st.tuples(NUMBERS, NUMBERS)))
def test_arrow_agrees_with_python(expression, sign, rows):
    """Any arithmetic and any comparison gives what Python gives, row by row, nulls included."""
    text, apply = expression
    data = pa.record_batch(
        {
            "x": pa.array([x for x, _ in rows], pa.int64()),
            "y": pa.array([y for _, y in rows], pa.int64()),
        }
    )
    expected = [apply({"x": x, "y": y}) for x, y in rows]
    compared = [None if v is None else OPERATORS[sign](v, 7) for v in expected]

    assert expected == evaluate(text, data)
    assert compared == evaluate(f"{text} {sign} 7", data)
