import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import InvalidRequestError
from mosaico_ingest.protocol.filters import (
    Condition,
    Operator,
    Query,
    Section,
    read_query,
    write_query,
)
from mosaico_ingest.protocol.messages import QueryRequest
from mosaico_ingest.protocol.wire import dump, load_request

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
PATHS = st.lists(NAMES, min_size=2, max_size=4).map(".".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from([*Operator]), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def operations(draw, numbers=NUMBERS, texts=TEXTS, booleans=True):
    """Draw an operator and values that go with it."""
    operator = draw(st.sampled_from([*Operator]))
    kinds = [numbers, texts, *([st.booleans()] if booleans else [])]
    if operator in (Operator.Exists, Operator.Missing):
        return operator, ()
    if operator in (Operator.Between, Operator.Outside):
        return operator, tuple(sorted(draw(st.tuples(numbers, numbers))))
    if operator is Operator.Match:
        return operator, (draw(texts),)
    if operator is Operator.In:
        return operator, tuple(draw(st.one_of(*(st.lists(k, min_size=1) for k in kinds))))
    orders = (Operator.Lt, Operator.Leq, Operator.Gt, Operator.Geq)
    return operator, (draw(st.one_of(*(kinds[:2] if operator in orders else kinds))),)


@st.composite
def queries(draw):
    """Draw a query with conditions on metadata and rows."""
    sections = (Section.SequenceMetadata, Section.TopicMetadata, Section.Ontology)
    keys = draw(st.lists(st.tuples(st.sampled_from(sections), PATHS), unique=True, max_size=5))
    conditions = []
    for section, key in sorted(keys, key=lambda pair: sections.index(pair[0])):
        operator, values = draw(operations())
        conditions.append(Condition(section=section, key=key, operator=operator, values=values))
    asks_rows = any(one.section is Section.Ontology for one in conditions)
    return Query(conditions=tuple(conditions), with_ranges=asks_rows and draw(st.booleans()))


def read(text):
    return read_query(load_request(QueryRequest, json.dumps(text).encode()))


@given(queries())
def test_what_is_written_is_read_back(query):
    """A query survives its way over the wire, to the last bit of its numbers."""
    written = dump(write_query(query))

    assert query == read_query(load_request(QueryRequest, written))


@given(st.dictionaries(st.sampled_from(["sequence", "topic", "ontology", "x"]), JSON))
def test_arbitrary_json_is_a_query_or_refused(value):
    """Whatever JSON comes is read, or refused with a sentence."""
    with suppress(InvalidRequestError):
        query = read_query(load_request(QueryRequest, json.dumps(value).encode()))

        assert query == read_query(write_query(query))


@pytest.mark.parametrize(
    "text",
    [
        {"sequence": {"created_at_ns": {"$between": [1000000005, 2000000000]}}},
        {"sequence": {"user_metadata": {"a.b.c": {"$eq": 1}, "d": {"$nex": None}}}},
        {"topic": {"locator": {"$in": ["/imu/front", "/note"]}, "ontology_tag": {"$eq": "imu"}}},
        {"ontology": {"imu.acceleration.x": {"$in": [1, 2]}, "string.data": {"$match": "a"}}},
        {"ontology": {"boolean.data": {"$eq": True}, "include_timestamp_range": True}},
        {"ontology": {"Joy.axes": {"$neq": [0.5, 1]}, "Joy.buttons[?]": {"$eq": 1}}},
        {"ontology": {"Joy.axes": {"$eq": []}}},
        {},
    ],
)
def test_bodies_of_the_public_clients_are_read_and_written_alike(text):
    """What clients to 0.5 send is understood, and is what we send."""
    assert text == json.loads(dump(write_query(read(text))))


def test_name_is_locator():
    """Clients from 0.6 on say `name` for what is `locator` before."""
    assert read({"topic": {"locator": {"$eq": "/a"}}}) == read({"topic": {"name": {"$eq": "/a"}}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"sequence": {"title": {"$eq": "a"}}}, "no 'title'"),
        ({"sequence": {"ontology_tag": {"$eq": "a"}}}, "no 'ontology_tag'"),
        ({"sequence": {"locator": {"$eq": 1}}}, "has number, expected text"),
        ({"sequence": {"locator": {"$eq": "a"}, "name": {"$eq": "a"}}}, "which are one"),
        ({"sequence": {"created_at_ns": {"$gt": 1.5}}}, "whole nanoseconds"),
        ({"topic": {"user_metadata": {"a": 1}}}, "expected an object"),
        ({"topic": {"user_metadata": {"a..b": {"$eq": 1}}}}, "is no path"),
        ({"ontology": {"imu": {"$eq": 1}}}, "names no field"),
        ({"ontology": {"imu.x": {"$gt": 1, "$lt": 3}}}, "one `$between`"),
        ({"ontology": {"imu.x": {"$like": "a"}}}, "unsupported operation '$like'"),
        ({"ontology": {"imu.x": {"$between": [2, 1]}}}, "empty range"),
        ({"ontology": {"imu.x": {"$between": ["a", "b"]}}}, "expected number"),
        ({"ontology": {"imu.x": {"$in": []}}}, "not empty"),
        ({"ontology": {"imu.x": {"$eq": [0] * 257}}}, "at most 256"),
        ({"ontology": {"imu.x": {"$eq": [1, "a"]}}}, "of one kind"),
        ({"ontology": {"imu.x": {"$eq": [[1]]}}}, "expected a number"),
        ({"ontology": {"imu.x[0].y[?]": {"$eq": 1}}}, "enters several lists"),
        ({"topic": {"user_metadata": {"x": {"$eq": [1]}}}}, "expected a number"),
        ({"ontology": {"imu.x": {"$in": [1, "a"]}}}, "of one kind"),
        ({"ontology": {"imu.x": {"$match": ""}}}, "no pattern"),
        ({"ontology": {"imu.x": {"$gt": True}}}, "expected number or text"),
        ({"ontology": {"imu.x": {"$eq": None}}}, "expected a number, text or boolean"),
        ({"ontology": {"imu.x": {"$eq": 2**63}}}, "64 bits"),
        ({"ontology": {"imu.x": {"$ex": 1}}}, "expected null"),
        ({"ontology": {"imu.x": {"$eq": "\0"}}}, "without NUL"),
        ({"topic": {"locator": {"$eq": "\ud800"}}}, "text of Unicode"),
        ({"ontology": {"include_timestamp_range": 1}}, "true or false"),
        ({"ontology": {f"imu.x{i}": {"$eq": 1} for i in range(257)}}, "at most 256"),
    ],
)
def test_what_is_not_understood_is_refused(text, words):
    """A condition that makes no sense is refused, and the message names where and what."""
    with pytest.raises(InvalidRequestError) as caught:
        read(text)

    assert words in str(caught.value)
