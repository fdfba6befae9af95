"""Tests of mosaico_ingest.expressions.syntax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import ExpressionError
from mosaico_ingest.expressions.syntax import Call, Index, Literal, Name, Operation, parse


def shape(node):
    """Write a tree with brackets everywhere."""
    match node:
        case Literal():
            return repr(node.value)
        case Name():
            return ".".join(node.parts)
        case Index():
            return f"{shape(node.value)}[{node.index}]"
        case Call():
            return f"{node.name}({', '.join(map(shape, node.arguments))})"
        case Operation():
            return f"({' '.join([node.sign, *map(shape, node.operands)])})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "(+ 1 (* 2 3))"),
        ("1 - 2 - 3", "(- (- 1 2) 3)"),
        ("-a ** 2", "(neg (** a 2))"),
        ("2 ** -1", "(** 2 -1)"),
        ("(1 + 2) * 3", "(* (+ 1 2) 3)"),
        ("not a and b or c", "(or (and (not a) b) c)"),
        ("a > 1 and b != 'x'", "(and (> a 1) (!= b 'x'))"),
        ("a is not null", "(is not null a)"),
        ("a in [1, -2, 'x']", "(in a 1 -2 'x')"),
        ("pose.position.x", "pose.position.x"),
        ("`Gyro X (deg/s)` * 2", "(* Gyro X (deg/s) 2)"),
        ("m.`a b`.c", "m.a b.c"),
        ("ranges[0] / 2", "(/ ranges[0] 2)"),
        ("max(a, min(b, 1.5e3))", "max(a, min(b, 1500.0))"),
        ("coalesce()", "coalesce()"),
        ("0x1F", "31"),
        (".5", "0.5"),
        (r"'it\'s'", '"it\'s"'),
        ("null", "None"),
        ("true", "True"),
    ],
)
def test_expressions_are_read_by_the_usual_ranks(text, expected):
    """Operators bind as in arithmetic and in Python; names, numbers and texts are what they look like."""
    assert expected == shape(parse(text))


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("", 0, "expected a value, found its end"),
        ("a +", 3, "expected a value, found its end"),
        ("a b", 2, "expected an operator, found 'b'"),
        ("(a", 2, r"expected '\)', found its end"),
        ("a $ b", 2, r"cannot read '\$ b'"),
        ("a[x]", 2, "expected the number of an element"),
        ("a.", 2, "expected the name of a member"),
        ("3x", 0, "cannot read '3x'"),
        ("a in 3", 5, r"expected '\[', found '3'"),
        ("a is 3", 5, "expected 'null', found '3'"),
        ("(" * 50 + "a" + ")" * 50, 30, "nested deeper"),
        ("not " * 300 + "a", 1024, "more than 256 words"),
        ("a+" * 300 + "a", 256, "more than 256 words"),
        ("a" * 5000, 0, "longer than 4000"),
    ],
)
def test_faults_are_shown_where_they_are(text, at, what):
    """The error has the place and says what was expected there."""
    with pytest.raises(ExpressionError, match=what) as caught:
        parse(text)

    assert at == caught.value.at


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    """Nothing but an `ExpressionError` comes of any text."""
    try:
        shape(parse(text))
    except ExpressionError as error:
        place = error.at
    else:
        place = 0

    assert 0 <= place <= len(text)
