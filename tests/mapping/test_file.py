"""Tests of mosaico_ingest.mapping.file."""

import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.mapping.file import load_mapping
from mosaico_ingest.model.rule import Selection


def load(tmp_path, text):
    """Read a file with *text*; no other type is known."""
    path = tmp_path / "m.toml"
    path.write_text(text)
    return load_mapping(path, lambda tag: None)


def test_a_rule_says_what_becomes_of_channels(tmp_path):
    """Every key has its place in the rule; a rule without fields has no mapper."""
    text = """
[[map]]
topic = "/imu*"
type = "sensor_msgs/*"
ontology = "imu"
name = "/sensors{name}"
time = "t:us"
offset = "-50ms"
every = 2
where = "a > 1"
from = 2026-01-01T00:00:00Z
to = "2026-01-02"
split_by = "frame_id"
rest = "drop"
metadata = { vehicle = "A4", driver = { field = "name" } }
"""
    (rule,) = load(tmp_path, text).rules

    day_ns = 86_400 * 10**9
    start_ns = 1_767_225_600 * 10**9
    expected = Selection(every=2, where="a > 1", start_ns=start_ns, end_ns=start_ns + day_ns)
    assert ("/imu*", "sensor_msgs/*", "imu", "/sensors{name}") == (
        rule.topic,
        rule.type,
        rule.wanted,
        rule.name,
    )
    assert ("t:us", -50_000_000, expected) == (rule.clock, rule.offset_ns, rule.selection)
    assert (("frame_id",), False, "m.toml, line 2") == (rule.split_by, rule.keeps_rest, rule.origin)
    assert ({"vehicle": "A4"}, {"driver": "name"}) == (rule.metadata, rule.metadata_of)


def test_names_with_dots_are_members(tmp_path):
    """A field may be written as a path, as a table, or as both."""
    text = """
[[map]]
topic = "/a"
ontology = "imu"
[map.fields]
"acceleration.x" = "a"
acceleration.y = "b"
angular_velocity = { x = "c", "y.z" = 1 }
"""
    file = load(tmp_path, text)
    (mapper,) = file.mappers

    assert {
        "acceleration": {"x": "a", "y": "b"},
        "angular_velocity": {"x": "c", "y": {"z": 1}},
    } == mapper.fields
    assert ["m.toml:2"] == [rule.wanted for rule in file.rules]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[map]]\ntopic = 3", "line 2: topic is 3. Expected a text"),
        ("[[map]]\nontology = 'imu'", "line 1: a topic is missing"),
        ("\n[[map]]\ntopic = '/a'\nevry = 2", "line 4: 'evry' is no key of .*Did you mean 'every'"),
        ("[[map]]\ntopic = '/a'\nevery = 0", "line 3: every is 0"),
        ("[[map]]\ntopic = '/a'\nwhere = 'a >'", "line 3: The expression 'a >', at character 4"),
        ("[[map]]\ntopic = '/a'\noffset = '5'", "line 3: Cannot read '5' as a span"),
        ("[[map]]\ntopic = '/a'\nfrom = 'now'", "line 3: Cannot read 'now' as an instant"),
        ("[[map]]\ntopic = '/a'\nrest = 'some'", "line 3: rest is 'some'"),
        ("[[map]]\ntopic = '/a'\n[map.fields]\nx = 'a'", "line 1: fields need an ontology type"),
        (
            "[[map]]\ntopic = '/a'\nontology='b'\nmapper='c'",
            "line 4: either 'ontology' or 'mapper'",
        ),
        (
            "[[map]]\ntopic = '/a'\nontology='b'\n[map.fields]\nx = 'a b'",
            "line 5: The expression 'a b'",
        ),
        (
            "[[map]]\ntopic = '/a'\nontology='b'\n[map.fields]\n'x.y'='a'\nx.y='b'",
            "'x.y' is said twice",
        ),
        ("[mapq]\nx = 1", "has the section 'mapq'. Expected map"),
        ("map = 3", "'map' is 3. Expected tables"),
        ("ontology = 3", "'ontology' is 3. Expected tables"),
        ("[[map]", "no valid TOML"),
    ],
)
def test_faults_name_their_line(text, message, tmp_path):
    """Whatever is wrong is told with file, line, and what was expected."""
    with pytest.raises(UsageError, match=message):
        load(tmp_path, text)


def test_a_missing_file_is_told(tmp_path):
    """A path that leads nowhere is a usage error."""
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_mapping(tmp_path / "none.toml", lambda tag: None)
