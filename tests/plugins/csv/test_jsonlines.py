"""Lines of JSON objects."""

import json
from types import SimpleNamespace

import pytest
from mosaico_ingest_csv import JsonLinesFormat

from mosaico_ingest.errors import SourceError
from mosaico_ingest.testing.source import SourceContract


class TestJsonLines(SourceContract):
    plugin_module = "mosaico_ingest_csv"

    @pytest.fixture
    def source_format(self):
        return JsonLinesFormat()

    @pytest.fixture
    def recordings(self, tmp_path):
        path = tmp_path / "t.jsonl"
        lines = [{"t": 1700000000 + k, "l": [k], "v": k / 2, "s": f'"{k}'} for k in range(150)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return {path: {"/t": 150}}


@pytest.fixture
def lines(tmp_path, read_table):
    """`lines(text)`: the text as a file, read."""

    def make(text, **options) -> SimpleNamespace:
        path = tmp_path / "t.jsonl"
        path.write_text(text)
        return read_table(path, JsonLinesFormat(), **options)

    return make


def test_times_keep_their_decimals(lines):
    """A number with nanoseconds is not taken through a float."""
    found = lines('{"t": 1700000000.123456789, "v": 1}\n{"t": 1700000001, "v": 2}\n')

    times = [row["log_time_ns"] for row in found.rows["/t"]]
    assert [1700000000123456789, 1700000001 * 10**9] == times


def test_dates(lines):
    """Dates are read with and without fractions."""
    found = lines(
        '{"time": "2024-01-01T00:00:00", "v": 1}\n{"time": "2024-01-01T00:00:00.5Z", "v": 2}\n'
    )

    times = [row["log_time_ns"] for row in found.rows["/t"]]
    assert [1704067200 * 10**9, 1704067200 * 10**9 + 500_000_000] == times


def test_types_are_widened(lines):
    """Whole numbers become fractions, members come later, empty lists get their type."""
    found = lines(
        '{"t": 1700000000, "a": 1, "l": []}\n{"t": 1700000001, "a": 1.5, "b": "x", "l": [2]}\n'
    )

    first, second = found.rows["/t"]
    assert (1.0, None, []) == (first["a"], first["b"], first["l"])
    assert (1.5, "x", [2]) == (second["a"], second["b"], second["l"])


def test_nested_objects_are_columns(lines):
    """Members of members have dotted names, so that they form groups as columns of a table do."""
    vector = '{"x": 1, "y": 2, "z": 3.5}'
    found = lines(f'{{"t": 1700000000, "accel": {vector}, "gyro": {vector}}}\n')

    (row,) = found.rows["/t"]
    assert "table/imu" == found.info.channels[0].type_name
    assert 3.5 == row["accel.z"]


def test_lines_that_do_not_fit_are_kept(lines):
    """A broken line, a list, and a member of another type are rejects with their line."""
    good = [f'{{"t": {1700000000 + k}, "v": {k}}}' for k in range(20)]
    text = [
        *good[:3],
        '{"t": 17',
        *good[3:5],
        "[1, 2]",
        "",
        *good[5:],
        '{"t": 1700000100, "v": {}}',
    ]

    found = lines("\n".join(text) + "\n")

    kept = [(r["payload"], r["place"]) for r in found.rejects["/t"]]
    assert [
        (b'{"t": 17', "line 4"),
        (b"[1, 2]", "line 7"),
        (b'{"t": 1700000100, "v": {}}', "line 24"),
    ] == kept
    assert list(range(20)) == [row["v"] for row in found.rows["/t"]]


def test_lines_that_are_not_text(tmp_path, read_table):
    """A line with bytes that are no UTF-8 is kept as it stands."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"t": 1700000000, "s": "a"}\n{"t": 1700000001, "s": "\xff"}\n')

    found = read_table(path, JsonLinesFormat())

    assert [(b'{"t": 1700000001, "s": "\xff"}', "not UTF-8")] == [
        (reject["payload"], reject["reason"]) for reject in found.rejects["/t"]
    ]


def test_objects_without_a_time_are_refused(lines):
    """The flags that help are named."""
    with pytest.raises(SourceError, match="--time-column"):
        lines('{"a": "x"}\n{"a": "y"}\n')


def test_a_member_of_one_line_is_no_clock(lines):
    """What hardly any line has is no clock where there is another, whatever it is called."""
    text = [f'{{"t": {k / 100}, "v": {k}}}' for k in range(20)]
    text.insert(3, '{"time": 1700000000.5}')

    found = lines("\n".join(text) + "\n")

    assert [k * 10_000_000 for k in range(20)] == [row["log_time_ns"] for row in found.rows["/t"]]
