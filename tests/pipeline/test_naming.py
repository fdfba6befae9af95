"""Tests of mosaico_ingest.pipeline.naming."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.errors import NameRefusedError, UsageError
from mosaico_ingest.pipeline.naming import Subject, sequence_names, topic_names
from mosaico_ingest.protocol.names import check_sequence_name, check_topic_name


def subjects(*paths, suffixes=(".mcap", ".bag")):
    """Return recordings at *paths*."""
    return [Subject(path=Path(path), suffixes=suffixes) for path in paths]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/d/run 1.mcap"], ["run_1"]),
        (["/d/a.mcap", "/d/b.mcap"], ["a", "b"]),
        (["/d/run.mcap", "/d/run.bag"], ["run_mcap", "run_bag"]),
        (["/x/run.mcap", "/y/run.mcap"], ["x_run", "y_run"]),
        (["/x/mcap/wbag", "/x/sqlite3/wbag", "/z.bag"], ["mcap_wbag", "sqlite3_wbag", "z"]),
        (["/a/s/run.bag", "/b/s/run.bag"], ["a_s_run", "b_s_run"]),
    ],
)
def test_names_say_as_little_as_tells_recordings_apart(paths, expected):
    """A name is the file's; only where two clash, endings and parent folders are added."""
    assert expected == sequence_names(subjects(*paths))


def test_a_template_is_filled_with_the_recording_s_facts():
    """`{name}`, `{parent}` and `{date}` stand for facts of each recording."""
    subject = Subject(
        path=Path("/field test/run.mcap"), suffixes=(".mcap",), start_ns=1_735_689_600_000_000_000
    )

    assert ["car-field_test-2025-01-01-run"] == sequence_names(
        [subject], "car-{parent}-{date}-{name}"
    )


@pytest.mark.parametrize("template", ["{nam}", "{0}", "{name", "{name!x}", "{name:>q}"])
def test_a_template_with_other_fields_is_refused(template):
    """The error names the fields that exist."""
    with pytest.raises(UsageError, match=r"\{parent\}"):
        sequence_names(subjects("/a/b.mcap"), template)


def test_a_template_that_makes_a_refused_name_is_an_error():
    """Text around the fields must be allowed by the platform; it is not changed silently."""
    with pytest.raises(NameRefusedError, match=r"a b-run"):
        sequence_names(subjects("/x/run.mcap"), "a b-{name}")


@given(st.lists(st.text(min_size=1).filter(lambda t: "/" not in t and "\0" not in t), max_size=8))
def test_every_recording_gets_an_allowed_name_of_its_own(names):
    """Whatever files are called, their names are allowed and differ."""
    made = sequence_names(subjects(*[f"/data/{name}" for name in names]))

    assert len(set(made)) == len(names)
    assert [check_sequence_name(name) for name in made] == made


@given(st.lists(st.text(), max_size=8))
def test_every_channel_gets_an_allowed_topic_of_its_own(channels):
    """Whatever channels are called, their topics are allowed and differ."""
    made = topic_names(channels)

    assert len(set(made)) == len(channels)
    assert [check_topic_name(name) for name in made] == made
