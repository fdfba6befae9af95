import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.cli.expression import parse_expression
from mosaico_ingest.cli.query import query_command
from mosaico_ingest.client import Q
from mosaico_ingest.errors import UsageError

X = Q.ontology("imu.acceleration.x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imu.acceleration.x > 5", [X > 5]),
        ("imu.acceleration.x<=-5.5e3", [X <= -5500.0]),
        ("imu.acceleration.x = .5", [X == 0.5]),
        ("imu.acceleration.x != 9007199254740993", [X != 2**53 + 1]),
        ("imu.acceleration.x between 1 and 2.5", [X.between(1, 2.5)]),
        ("imu.acceleration.x in [1, 2]", [X.in_([1, 2])]),
        ("imu.acceleration.x in (1)", [X.in_([1])]),
        ("imu.acceleration.x exists", [X.exists()]),
        ("imu.acceleration.x MISSING", [X.missing()]),
        ("boolean.data == true", [Q.ontology("boolean.data") == True]),  # noqa: E712 - a condition
        ("string.data = 'true'", [Q.ontology("string.data") == "true"]),
        ("string.data = 'it\\'s'", [Q.ontology("string.data") == "it's"]),
        ('string.data = "and"', [Q.ontology("string.data") == "and"]),
        ("string.data ~ 5", [Q.ontology("string.data").match("5")]),
        ("sequence.name ~ drive", [Q.sequence.name.match("drive")]),
        ("sequence.name = 2026", [Q.sequence.name == "2026"]),
        ("topic.name in [/imu/front, /note]", [Q.topic.name.in_(["/imu/front", "/note"])]),
        ("topic.ontology = imu", [Q.topic.ontology == "imu"]),
        ("topic.format = image", [Q.topic.format == "image"]),
        ("sequence.created >= 1970-01-01T00:00:01", [Q.sequence.created >= 1_000_000_000]),
        ("topic.created < 5", [Q.topic.created < 5]),
        ("imu.timestamp_ns > 1970-01-01", [Q.ontology("imu.timestamp_ns") > 0]),
        ("sequence.metadata.a.b = 1", [Q.sequence.metadata("a.b") == 1]),
        ("topic.metadata.created ~ x", [Q.topic.metadata("created").match("x")]),
        (
            "topic.metadata.between between 1 and 2 and topic.metadata.in exists",
            [Q.topic.metadata("between").between(1, 2), Q.topic.metadata("in").exists()],
        ),
        ("  ", []),
    ],
)
def test_expressions_are_conditions(text, expected):
    """Fields, operators and values are written as people do; names are texts, instants may be dates."""
    assert [clause.condition for clause in expected] == [
        clause.condition for clause in parse_expression(text)
    ]


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("imu.x >> 5", "at '>' (character 8)", "a value"),
        ("imu.x", "at its end", "one of > <"),
        ("imu.x like 5", "at 'like' (character 7)", "one of > <"),
        ("imu > 5", "at 'imu' (character 1)", "sequence.name, sequence.created"),
        ("sequence.title = a", "at 'sequence.title' (character 1)", "sequence.name"),
        ("sequence.metadata. = a", "at 'sequence.metadata.'", "sequence.metadata.KEY"),
        ("imu.x > 5 or imu.y > 5", "at 'or' (character 11)", "'and'"),
        ("imu.x > 5 and", "at its end", "what to compare"),
        ("imu.x between 1, 2", "at ',' (character 16)", "'between 1 and 2'"),
        ("imu.x in 1", "at '1' (character 10)", "a list"),
        ("imu.x in [1 2]", "at '2' (character 13)", "',' or ']'"),
        ("imu.x in []", "at ']' (character 11)", "a value"),
        ("imu.x = 'open", 'at "\'open" (character 9)', "closed quotes"),
        ("imu.x = ! 5", "at '! 5' (character 9)", "signs"),
        ("sequence.created > soon", "at 'soon' (character 20)", "an instant"),
    ],
)
def test_mistakes_are_pointed_at(text, where, words):
    """A mistake is a sentence with the word, its place, and what could stand there."""
    with pytest.raises(UsageError) as caught:
        parse_expression(text)

    assert where in str(caught.value)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "text", [query_command.help, (Path(__file__).parents[2] / "docs" / "queries.md").read_text()]
)
def test_the_examples_of_the_documentation_are_read(text):
    """What help and documentation show can be asked."""
    lines = re.findall(r"mosaico-ingest query '.*", text)

    assert lines
    assert all(parse_expression(shlex.split(line)[2]) for line in lines)


@given(st.text("imu.x <>=!~'\"\\[](),015 andbetwi\u00e9\n"))
def test_any_text_is_read_or_refused(text):
    """Whatever is typed gives conditions or a sentence."""
    try:
        parsed = parse_expression(text)
    except UsageError:
        return

    assert bool(text.strip()) == bool(parsed)
