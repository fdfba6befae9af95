"""Names and locators: what is allowed, how it travels, what is suggested."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import NameRefusedError
from mosaico_ingest.protocol.names import (
    LocatorKind,
    check_sequence_name,
    check_topic_name,
    pack,
    parse_locator,
    suggest_name,
    suggest_topic,
    unpack,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]*", fullmatch=True)
TOPICS = st.from_regex(r"/[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+){0,3}", fullmatch=True)


@given(st.text() | st.from_regex(r"/?[a-z.]{0,3}[/:][a-z./:]{0,6}", fullmatch=True))
def test_arbitrary_text_is_a_locator_or_refused(text):
    """Whatever comes is refused, or a locator that can name no path outside, and is read back as itself."""
    with suppress(NameRefusedError):
        found = parse_locator(text)

        assert found == parse_locator(str(found))
        assert not set(".\\\0") & set(str(found))


@pytest.mark.parametrize(
    ("longest", "check"), [(255, check_sequence_name), (1000, check_topic_name)]
)
def test_long_names(longest, check):
    """A name has a longest, in what clients check and in what servers read; a suggestion keeps to it."""
    suggest, prefix = (suggest_name, "") if check is check_sequence_name else (suggest_topic, "s/")
    name = check("a" * longest)

    assert name.strip("/") == str(parse_locator(prefix + name.strip("/"))).removeprefix(prefix)
    with pytest.raises(NameRefusedError, match=f"at most {longest}"):
        check("a" * (longest + 1))
    with pytest.raises(NameRefusedError, match="characters is not a valid locator"):
        parse_locator(prefix + "a" * (longest + 1))
    assert suggest("a" * 2000) == check(suggest("a" * 2000))


@pytest.mark.parametrize(
    "name", ["a b", "a.b", "a/b", "a:b", "-a", "_a", "", "/", "é", "//a", "a\n"]
)
def test_sequence_name_refused(name):
    """A sequence name outside the platform's alphabet is refused with a name that would do."""
    with pytest.raises(NameRefusedError) as caught:
        check_sequence_name(name)

    assert repr(suggest_name(name)) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a b", "a.b", "a:b", "_a", "-a", "", "/", "//a", "a//b", "a/", "a/../b"]
)
def test_topic_name_refused(name):
    """A topic name outside the platform's alphabet is refused with a name that would do."""
    with pytest.raises(NameRefusedError) as caught:
        check_topic_name(name)

    assert repr(suggest_topic(name)) in str(caught.value)


def test_leading_slash_of_sequence_is_dropped():
    """A sequence may be written with a slash; it is sent without."""
    assert "a" == check_sequence_name("/a")


@given(NAMES, TOPICS)
def test_unpack_reverses_pack(sequence, topic):
    """What is packed comes back unchanged."""
    assert (sequence, topic) == unpack(pack(sequence, topic))


@given(NAMES, TOPICS)
def test_locators_print_as_they_are_read(sequence, topic):
    """A locator's text and its parsed form say the same."""
    for text in (sequence, sequence + topic, f"{sequence}:01JGX3V8ZK6Q2M4T7R9B5C1D0E"):
        assert text == str(parse_locator(text))


def test_locator_kinds():
    """A slash makes a topic, a colon a session, neither a sequence."""
    kinds = [parse_locator(text).kind for text in ("/s", "s/t/u", "s:01")]

    assert [LocatorKind.Sequence, LocatorKind.Topic, LocatorKind.Session] == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a b",
        "..",
        "a/..",
        "a/",
        "a//b",
        "a:",
        ":a",
        "a:b/c",
        "a/b:c",
        "é",
        "a\x00",
        "a/\n",
    ],
)
def test_locator_refused(text):
    """What could never exist is no locator."""
    with pytest.raises(NameRefusedError, match="is not a valid locator"):
        parse_locator(text)


@pytest.mark.parametrize("locator", ["a", "a:b"])
def test_unpack_wants_a_topic(locator):
    """Only a topic's locator has two names in it."""
    with pytest.raises(NameRefusedError, match="topic locator"):
        unpack(locator)


@given(st.text())
def test_suggestions_are_allowed(text):
    """Any text becomes an allowed name, and the same one each time."""
    assert check_sequence_name(suggest_name(text)) == suggest_name(text)
    assert check_topic_name(suggest_topic(text)) == suggest_topic(text)


@given(NAMES, TOPICS)
def test_allowed_names_are_their_own_suggestion(name, topic):
    """A name that is allowed is not changed."""
    assert (name, topic) == (suggest_name(name), suggest_topic(topic))
