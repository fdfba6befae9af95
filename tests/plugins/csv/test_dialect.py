"""Whatever the csv module writes in whatever dialect is read back, cell by cell."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mosaico_ingest_csv.dialect import read_dialect
from mosaico_ingest_csv.options import CsvOptions

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
NOTES = st.lists(
    st.one_of(WORDS, st.sampled_from(['"', "\n", ",", ";", "\t", " "])), max_size=5
).map(lambda parts: "n" + "".join(parts))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


DIALECTS = st.tuples(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS, NOTES), min_size=3, max_size=30), dialect=DIALECTS)
def test_tables_are_read_as_written(tmp_path, read_table, rows, dialect):
    """Numbers keep every bit, texts every character, whatever the delimiter, quotes and line ends."""
    delimiter, line_end, quoting, encoding = dialect
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(["time", "a", "b", "note"])
    writer.writerows((1700000000 + k, *row) for k, row in enumerate(rows))
    path = tmp_path / "t.csv"
    path.write_bytes(text.getvalue().encode(encoding))

    found = read_table(path)

    (read,) = found.rows.values()
    assert rows == [(row["a"], row["b"], row["note"]) for row in read]
    assert {} == found.rejects


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("time,v\n1700000000,1\n", ("time", "v")),
        ("time,v,\n1700000000,1,\n", ("time", "v", "column_3")),
        ("a b;c\n1;2\n", ("a b", "c")),
        ("1,2\n3,4\n", ("column_1", "column_2")),
        ("name,kind\nx,y\nz,w\n", ("name", "kind")),
        ("by: Logger\n\ntime,v\n1,2\n3,4\n", ("time", "v")),
        ("#time,v\n1,2\n3,4\n", ("time", "v")),
        (
            "time,speed,heading\ns,m/s,deg\n1,2,3\n2,3,4\n",
            ("time [s]", "speed [m/s]", "heading [deg]"),
        ),
        ("Time,Speed,Mode\n[s],[m/s],\n1,2,x\n2,3,y\n", ("Time [s]", "Speed [m/s]", "Mode")),
    ],
)
def test_names(head, names):
    """Names come from the row above the numbers, from a comment there, and units from a row of their own."""
    assert names == read_dialect(head.encode(), CsvOptions(), is_whole=True).names
