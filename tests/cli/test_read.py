import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from mosaico_ingest.cli.rows import write_rows

START = "2025-01-01"
SOON = "2025-01-01T00:00:00.05Z"


def test_table_shows_the_first_rows(demo_store, cli):
    """A table has the first twenty rows, and says that there are more."""
    code, out, err = cli("read", "demo/imu/data", "--store", demo_store)

    assert (0, 22) == (code, len(out.splitlines()))
    assert "acceleration.x" in out.splitlines()[0]
    assert "These are the first 20 rows; --limit N shows more.\n" == err


def test_window_and_limit(demo_store, cli):
    """The end of a window is not in it; a limit that was asked for needs no remark."""
    window = ("--from", START, "--to", SOON, "--format", "json")
    read = ("read", "demo/imu/data", "--store", demo_store, *window)
    lines = [json.loads(line) for line in cli(*read)[1].splitlines()]

    assert [0, 10, 20, 30, 40] == [
        (line["timestamp_ns"] - 1_735_689_600_000_000_000) // 10**6 for line in lines
    ]
    assert 2 == len(cli(*read, "--limit", 2)[1].splitlines())
    assert (0, "", "") == cli(*read, "--limit", 0)


def test_no_rows_are_said(demo_store, cli):
    """A window without rows is a sentence in a table, and nothing in JSON."""
    read = ("read", "demo/imu/data", "--store", demo_store, "--to", 5)

    assert (0, "No rows.\n", "") == cli(*read)
    assert (0, "", "") == cli(*read, "--format", "json")


def test_csv_has_a_column_per_value(demo_store, cli):
    """Structures become columns with dotted names, lists texts."""
    _, out, _ = cli("read", "demo/joint_states", "--store", demo_store, "--format", "csv")
    table = pa.csv.read_csv(io.BytesIO(out.encode()))

    assert "timestamp_ns" == table.column_names[0]
    assert isinstance(json.loads(table["names"][0].as_py()), list)


@pytest.mark.parametrize(
    ("form", "read"),
    [("arrow", lambda path: pa.ipc.open_stream(path).read_all()), ("parquet", pq.read_table)],
)
def test_files_hold_the_rows_as_they_are(demo_store, cli, tmp_path, form, read):
    """Arrow and Parquet keep every type; the file replaces the one that was there."""
    path = tmp_path / "rows"
    path.write_text("old")
    flags = ("--store", demo_store, "--format", form, "--output", path)
    code, out, err = cli("read", "demo/imu/data", *flags)

    assert (0, "", "") == (code, out, err)
    assert 100 == read(path).num_rows
    assert pa.types.is_struct(read(path).schema.field("acceleration").type)
    assert [path.name] == [one.name for one in tmp_path.iterdir() if "rows" in one.name]


def test_what_cannot_be_read_is_one_line(demo_store, cli, tmp_path):
    """A sequence, a missing topic, an odd time and a folder that is not there are said in a line."""
    for args, words in (
        (["demo"], "Expected one of its topics"),
        (["demo/nothing"], "demo/nothing not found."),
        (["demo/imu/data", "--from", "soon"], "Cannot read 'soon' as an instant"),
        (["demo/imu/data", "--from", "5", "--to", "5"], "is empty"),
        (["demo/imu/data", "--output", tmp_path / "no" / "file"], "Choose another place"),
    ):
        code, out, err = cli("read", *args, "--store", demo_store)

        assert (True, "", 1) == (code != 0, out, err.count("\n"))
        assert words in err


def test_values_without_a_form_in_json():
    """Bytes are given in base64, numbers that are none as null, also deep inside."""
    schema = pa.schema([("b", pa.binary()), ("l", pa.list_(pa.struct([("x", pa.float64())])))])
    rows = pa.RecordBatch.from_pylist([{"b": b"\xff", "l": [{"x": float("nan")}]}], schema)
    sink, text = io.BytesIO(), io.BytesIO()
    write_rows("json", schema, [rows], sink)
    write_rows("csv", schema, [rows], text)

    assert {"b": "/w==", "l": [{"x": None}]} == json.loads(sink.getvalue())
    assert ["/w==", '[{"x": null}]'] == [
        column[0].as_py() for column in pa.csv.read_csv(io.BytesIO(text.getvalue())).columns
    ]
