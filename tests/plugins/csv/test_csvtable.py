"""Tables of text in all the ways that people write them."""

import random

import pytest

from mosaico_ingest.errors import SourceError, UsageError

HEAD = "time,a,b\n"


def _values(found, *names):
    (rows,) = found.rows.values()
    return [tuple(row[name] for name in names) for row in rows]


def test_decimal_comma_and_semicolon(table, stamps):
    """Cells parted by semicolons with decimal commas are numbers."""
    found = table("time;a\n1700000000,25;1,5\n1700000000,5;-2,25\n")

    assert [1_700_000_000_250_000_000, 1_700_000_000_500_000_000] == stamps(found)
    assert [(1.5,), (-2.25,)] == _values(found, "a")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_delimiters_are_found(table, delimiter):
    """Any usual delimiter is found by the rows that it makes."""
    rows = [["time", "a", "b"], *([str(1700000000 + k), f"{k}.5", "x"] for k in range(5))]

    found = table("".join(delimiter.join(row) + "\n" for row in rows))

    assert [(k + 0.5, "x") for k in range(5)] == _values(found, "a", "b")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(table, encoding):
    """A byte order mark decides, else UTF-8, else Windows-1252 with a note; quotes keep line ends."""
    text = 'time,Höhe,note\n1700000000,1,"ä\nö"\n1700000001,2,ß\n'

    found = table(text.encode(encoding))

    assert [(1, "ä\nö"), (2, "ß")] == _values(found, "Höhe", "note")
    assert (encoding in ("utf-8", "utf-8-sig")) == (
        not any("read as" in f for f in found.info.findings)
    )


def test_duplicate_names_are_told_apart(table):
    """A name that comes twice is numbered, and told."""
    found = table("time,a,a\n1700000000,1,2\n")

    assert [(1, 2)] == _values(found, "a", "a_1")
    assert "A further column 'a' is called 'a_1'." in found.info.findings


def test_preamble_and_comments(table):
    """What stands before the header is passed over, and so are comments anywhere."""
    found = table("Logger v1\nSerial: 5\n\n# units\ntime,a\n1700000000,1\n# pause\n1700000001,2\n")

    assert [(1,), (2,)] == _values(found, "a")
    assert "The first 4 lines are not part of the table." in found.info.findings


def test_header_behind_a_comment_mark(table):
    """The last comment before the rows names the columns if it has as many cells."""
    found = table("# by Logger\n#time [ns],w [rad/s]\n1403636579758555392,1.5\n")

    assert [(1.5,)] == _values(found, "w [rad/s]")


def test_no_header(table):
    """Without a header columns are numbered, and the first that runs is the clock."""
    found = table("0.00,1,x\n0.01,2,y\n0.02,3,z\n")

    assert [(1, "x"), (2, "y"), (3, "z")] == _values(found, "column_2", "column_3")


def test_ragged_and_unparsable_rows_are_kept_with_their_line(table):
    """A row that does not fit is a reject: its bytes, the reason, its line, the time of the row before."""
    rows = [f"{1700000000 + k},{k},t\n" for k in range(200)]
    rows[3], rows[10], rows[150] = "1700000003,3\n", "1700000010,oops,t\n", "soon,1,t\n"

    found = table("# x\n\n" + HEAD + "".join(rows))

    (rejects,) = found.rejects.values()
    assert 197 == len(_values(found, "a"))
    assert [
        (b"1700000003,3", "2 cells instead of 3", "line 7", 1_700_000_002 * 10**9),
        (b"1700000010,oops,t", "column 'a' is not of type int64", "line 14", 1_700_000_009 * 10**9),
        (b"soon,1,t", "no time in column 'time'", "line 154", 1_700_000_149 * 10**9),
    ] == [(r["payload"], r["reason"], r["place"], r["log_time_ns"]) for r in rejects]
    assert 200 == found.info.messages


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_do_on_any_system(tmp_path, read_table, newline):
    """Comments between rows are passed over, and a reject has its line, whatever ends lines."""
    rows = [f"{1700000000 + k},{k}" for k in range(10)]
    path = tmp_path / "t.csv"
    path.write_bytes(newline.join(["time,a", *rows[:2], "# note", *rows[2:], "1,2,3", ""]).encode())

    found = read_table(path)

    (rejects,) = found.rejects.values()
    assert ["line 13"] == [reject["place"] for reject in rejects]
    assert [(k,) for k in range(10)] == _values(found, "a")


def test_lines_are_counted_over_blocks(tmp_path, read_table):
    """A reject in a later block has its line in the file, also after quoted line ends."""
    lines = [HEAD, *(f'{1700000000 + k},{k},"two\nlines {"x" * 50}"\n' for k in range(40_000))]
    lines.append("1800000000,1\n")
    path = tmp_path / "t.csv"
    path.write_text("".join(lines))

    found = read_table(path)

    (rejects,) = found.rejects.values()
    assert [f"line {1 + 2 * 40_000 + 1}"] == [reject["place"] for reject in rejects]
    assert 40_000 == len(_values(found, "a"))


def test_rows_that_are_not_text(table):
    """A row with bytes that are no UTF-8 is kept as it stands, the others are read."""
    rows = [f"{1700000000 + k},{k},ä\n".encode() for k in range(100)]
    rows[50] = b"1700000050,50,\xff\xfe\n"

    found = table(HEAD.encode() + b"".join(rows), encoding="utf-8")

    (rejects,) = found.rejects.values()
    assert [(b"1700000050,50,\xff\xfe", "not UTF-8", "line 52")] == [
        (r["payload"], r["reason"], r["place"]) for r in rejects
    ]
    assert 99 == len(_values(found, "a"))


def test_a_quote_that_is_never_closed_costs_its_row(table):
    """The rows after an odd quote are read."""
    found = table('time,a,b\n1700000000,1,"x\n1700000001,2,y\n1700000002,3,z\n')

    (rejects,) = found.rejects.values()
    assert [b'1700000000,1,"x'] == [reject["payload"] for reject in rejects]
    assert [(2, "y"), (3, "z")] == _values(found, "a", "b")


def test_types_hold_for_the_whole_file(tmp_path, read_table):
    """Whole numbers that become fractions late, and columns that are empty for long, lose nothing."""
    path = tmp_path / "t.csv"
    lines = [f"{1700000000 + k},{k},,\n" for k in range(100_000)]
    path.write_text("time,a,b,c\n" + "".join(lines) + "1800000000,0.5,1.5,late\n")

    found = read_table(path)

    assert {} == found.rejects
    assert (0.5, 1.5, "late") == _values(found, "a", "b", "c")[-1]
    assert (7.0, None, "") == _values(found, "a", "b", "c")[7]


def test_what_looks_like_numbers_and_is_not(table):
    """Leading zeros and hexadecimal digits are kept as text; 64 unsigned bits are kept whole."""
    found = table(f"time,id,hex,big\n1700000000,007,FE,{2**64 - 1}\n1700000001,010,10,1\n")

    assert [("007", "FE", 2**64 - 1), ("010", "10", 1)] == _values(found, "id", "hex", "big")


def test_missing_values(table):
    """Empty cells and the usual words for them are null, NaN is NaN; `--null-values` says others."""
    text = "time,a,b\n1700000000,,nan\n1700000001,NA,1\n1700000002,5,-999\n"

    usual, own = table(text), table(text, null_values=("", "NA", "-999"))

    assert "[(None, nan), (None, 1.0), (5, -999.0)]" == str(_values(usual, "a", "b"))
    assert None is _values(own, "a", "b")[2][1]


def test_rows_that_end_in_a_delimiter(table):
    """An empty column that only trailing delimiters make is left out; cells in it later are rejects."""
    found = table("time,a\n1700000000,1,\n1700000001,2,\n")

    assert [(1,), (2,)] == _values(found, "a")
    assert ["a"] == found.info.channels[0].columns.names


def test_a_row_beyond_all_bounds(table):
    """A row longer than `--max-row` is damage with its bytes; what follows is read."""
    text = HEAD + "1700000000,1,x\n" + "1700000001,2," + "y" * 3_000_000 + "\n1700000002,3,z\n"

    short, long = table(text, max_row=2_000_000), table(text)

    assert [(1, "x"), (3, "z")] == _values(short, "a", "b")
    assert "--max-row" in short.info.damage[0].reason
    assert (2, "y" * 3_000_000) == _values(long, "a", "b")[1]


def test_rows_of_fields_and_values(table):
    """`topic,time,field,value` becomes one topic per field, each with a type of its own."""
    found = table(
        "topic,time,field,value\n/imu,1700000000.1,ax,0.5\n/gps,1700000000.2,fix,ok\n"
        "/imu,1700000000.3,ax,0.6\n"
    )

    assert [0.5, 0.6] == [row["value"] for row in found.rows["/imu/ax"]]
    assert ["ok"] == [row["value"] for row in found.rows["/gps/fix"]]


def test_the_order_of_rows_is_kept(table, stamps):
    """Rows that go back in time stay where they are, and are counted."""
    order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10, 12]

    found = table(HEAD + "".join(f"{1700000000 + k},{k},x\n" for k in order))

    assert order == [row[0] for row in _values(found, "a")]
    assert any(note.startswith("1 of 13 rows") for note in found.info.findings)


def test_a_table_without_times_is_refused_with_the_flags_that_help(table, stamps):
    """A frame number is no time: --time-column and --rate are named, and --rate reads it."""
    text = "frame,v\n1,0.5\n2,0.7\n4,0.9\n"

    with pytest.raises(SourceError, match=r"--time-column.*--rate"):
        table(text)
    found = table(text, rate=4.0, start="2024-01-01")

    assert [1704067200 * 10**9 + k * 250_000_000 for k in range(3)] == stamps(found)
    assert [(1,), (2,), (4,)] == _values(found, "frame")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time_column": "when"}, "--time-column names 'when'"),
        ({"start": "soon"}, "--start is 'soon'"),
        ({"timezone": "Mars"}, "--timezone is 'Mars'"),
        ({"encoding": "klingon"}, "--encoding is 'klingon'"),
        ({"rate": -1.0}, "--rate is -1"),
    ],
)
def test_wrong_options_are_named(table, options, words):
    """An option that cannot be is named with its value."""
    with pytest.raises(UsageError, match=words):
        table(HEAD + "1700000000,1,x\n", **options)


def test_a_large_file_is_read_in_constant_memory(tmp_path, read_table):
    """A file above the size that is read for its counts gives every row, and no counts before."""
    random.seed(7)
    path = tmp_path / "t.csv"
    with path.open("w") as stream:
        stream.write("time,a\n")
        stream.writelines(
            f"{1700000000 + k},{random.random():.16f}{'0' * 40}\n" for k in range(140_000)
        )

    found = read_table(path)

    assert None is found.info.messages
    assert 140_000 == len(_values(found, "a"))


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("drive.csv", "/drive"),
        ("run.2024.01.CSV", "/run.2024.01"),
        ("-x-vel.tsv", "/x-vel"),
        ("t.csv.gz", "/t"),
    ],
)
def test_the_topic_is_called_after_the_file(table, name, topic):
    """A table of one group is named after its file, without the endings."""
    found = table(HEAD + "1700000000,1,x\n", name=name)

    assert [topic] == [channel.topic for channel in found.info.channels]


def test_rows_of_kinds_that_are_not_text(table):
    """A row of a kind that is no UTF-8 is kept as it stands, the others are read."""
    rows = [b"%d,%s\n" % (4000 * k, b"mag,1,x" if k % 3 else b"baro,3") for k in range(60)]
    rows[10] = b"40000,mag,1,\xff\n"

    found = table(b"".join(rows), encoding="utf-8")

    assert [b"40000,mag,1,\xff"] == [reject["payload"] for reject in found.rejects["/mag"]]
    assert (39, 20) == (len(found.rows["/mag"]), len(found.rows["/baro"]))


@pytest.mark.parametrize("damage", [b"\x0cmag", b",\x01\x02g", b",ma\xffg"])
def test_a_broken_row_among_kinds(table, damage):
    """A row whose kind was damaged is a reject or a kind of its own; all others keep their kinds."""
    rows = [b"%d,%s\n" % (4000 * k, b"mag,1,x" if k % 3 else b"baro,3") for k in range(90)]
    rows[10] = rows[10].replace(b",mag", damage)

    found = table(b"".join(rows))

    assert (59, 30) == (len(found.rows["/mag"]), len(found.rows["/baro"]))


def test_a_stray_quote_among_kinds(table):
    """A quote that nothing closes takes the rows behind it, not the kinds of those before."""
    rows = [b"%d,%s\n" % (4000 * k, b"mag,1,x" if k % 3 else b"baro,3") for k in range(90)]
    rows[29] = rows[29].replace(b",mag", b',"ag')

    found = table(b"".join(rows))

    assert (19, 10) == (len(found.rows["/mag"]), len(found.rows["/baro"]))
