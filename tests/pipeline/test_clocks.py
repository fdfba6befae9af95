"""Tests of mosaico_ingest.pipeline.clocks."""

import pyarrow as pa
import pytest

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.errors import DecodeError, PlanError
from mosaico_ingest.model.clock import Clock
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.clocks import choose_clock, field_clock
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.pipeline.planner import plan_recordings
from mosaico_ingest.pipeline.searching import find
from mosaico_ingest.testing.lines import write_lines
from mosaico_ingest.testing.sink import MemorySink


def test_the_last_glob_that_matches_decides():
    """Channels that no glob matches keep the clock of the run."""
    chosen = {"/gps/*": "log", "/gps/a": "publish"}

    assert Clock(TimePolicy.Publish) == choose_clock("/gps/a", TimePolicy.Header, chosen)
    assert Clock(TimePolicy.Log) == choose_clock("/gps/b", TimePolicy.Header, chosen)
    assert Clock(TimePolicy.Header) == choose_clock("/imu", TimePolicy.Header, chosen)


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        (pa.array([5, None, -7]), "at", [5, None, -7]),
        (pa.array([5, None, -7]), "at:ms", [5_000_000, None, -7_000_000]),
        (pa.array([1.5, float("nan"), -0.25]), "at", [1_500_000_000, None, -250_000_000]),
        (pa.array([1.5, 1e300, None]), "at:us", [1_500, None, None]),
        (pa.array([1_000], pa.timestamp("ms", "UTC")), "at", [1_000_000_000]),
        (
            pa.array([{"sec": 2, "nanosec": 3}, {"sec": -1, "nanosec": 5}]),
            "at",
            [2_000_000_003, -999_999_995],
        ),
        (pa.array([{"seconds": 2, "nanos": 3}]), "at", [2_000_000_003]),
        (
            pa.array(
                [
                    "1970-01-01T00:00:01Z",
                    None,
                    "1970-01-01 01:00:00.000000005+01:00",
                    "1970-01-01T00:00:02.5",
                    "soon",
                ]
            ),
            "at",
            [1_000_000_000, None, 5, 2_500_000_000, None],
        ),
        (pa.array([{"b": {"c": 9}}]), "at.b.c", [9]),
    ],
)
def test_fields_are_read_as_nanoseconds(values, field, expected):
    """Integers, fractions, timestamps and stamps become nanoseconds; what is no number becomes null."""
    data = pa.record_batch({"at": values})

    read = field_clock(data.schema, Clock.parse(field), "/a")

    assert expected == read(data).to_pylist()


def test_a_column_name_may_contain_dots():
    """A field is found by its whole path, however its names are written."""
    data = pa.record_batch({"field.header.stamp": pa.array([4])})

    assert [4] == field_clock(data.schema, Clock.parse("field.header.stamp"), "/a")(
        data
    ).to_pylist()


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("header.stmp", "has no field 'header.stmp'.*Did you mean 'header.stamp'"),
        ("valid", "'valid' of channel '/a' holds bool, which is no time"),
    ],
)
def test_a_field_that_gives_no_time_is_refused(field, message):
    """The error names the field, what it holds, and the nearest names."""
    stamp = pa.struct({"sec": pa.int32(), "nanosec": pa.uint32()})
    columns = pa.schema({"header": pa.struct({"stamp": stamp}), "valid": pa.bool_()})

    with pytest.raises(PlanError, match=message):
        field_clock(columns, Clock.parse(field), "/a")


def test_a_field_becomes_the_time_of_the_rows(tmp_path, bench):
    """The chosen channel takes its field, the others what they had; log times stay as they are."""
    path = write_lines(tmp_path / "run.lines", "/numbers 7 1.5", "/a 8 x")
    sink = MemorySink()
    bench.run(path, sink=sink, settings=Settings(clocks={"/num*": "value"}))
    topics = sink.recordings["run"].topics

    assert [(1_500_000_000, 7)] == _times(topics["/numbers"])
    assert [(8, 8)] == _times(topics["/a"])


def test_a_missing_field_stops_that_recording_only(tmp_path, host):
    """A clock that a channel does not have is a conflict of its recording's plan."""
    bad = write_lines(tmp_path / "bad.lines", "/a 1 x")
    good = write_lines(tmp_path / "good.lines", "/numbers 1 2")
    settings = Settings(clocks={"*": "value"})
    found = find([bad, good], host.registry.sources, settings).recordings

    with Opener(host.registry, settings) as opener:
        refused, planned = plan_recordings(found, host, settings, opener)

    assert "Channel '/a' has no field 'value', which --time names." in refused.error
    assert "" == planned.error


def _times(topic):
    """Return the two clocks of each row."""
    table = topic.table()
    return list(zip(*(table[n].to_pylist() for n in table.column_names[:2]), strict=True))


def test_text_that_is_never_a_time():
    """A field of text is taken at its word until nothing in a batch is a time."""
    data = pa.record_batch({"at": pa.array([None, "left"])})
    read = field_clock(data.schema, Clock.parse("at"), "/a")

    with pytest.raises(DecodeError, match="holds 'left', which is no time"):
        read(data)
