import io
import os
import pty

import pytest

from mosaico_ingest.reports.text import Column, Table, print_blocks
from mosaico_ingest.units import printable

TABLE = Table(
    columns=(
        Column("topic"),
        Column("type", spare=3),
        Column("lost", right=True, spare=2),
        Column("stored", right=True),
    ),
    rows=(("/imu", "sensor_msgs/msg/Imu", "0", "10"),),
    total=("total", "", "0", "10"),
)


def on_terminal(blocks, columns, monkeypatch):
    """Return what a terminal of so many columns is sent."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream:
        print_blocks(blocks, stream)
        stream.flush()
        text = os.read(master, 65536).decode()
    os.close(master)
    return text.replace("\r\n", "\n")


def test_plain_text_is_aligned_and_whole():
    """In a pipe every column is shown, as wide as it needs, without decoration."""
    stream = io.StringIO()
    print_blocks(["title", TABLE], stream)

    assert (
        "title\n"
        "topic  type                 lost  stored\n"
        "-----  -------------------  ----  ------\n"
        "/imu   sensor_msgs/msg/Imu     0      10\n"
        "total                          0      10\n"
    ) == stream.getvalue()


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (40, ["topic", "type", "lost", "stored"]),
        (39, ["topic", "type", "stored"]),
        (33, ["topic", "stored"]),
        (3, ["topic", "stored"]),
    ],
)
def test_spare_columns_make_room(width, names):
    """Columns that say nothing go first, then the others that can be spared; the rest always stays."""
    assert names == [column.name for column in TABLE.within(width).columns]


def test_column_with_a_number_is_never_spared():
    """A column that tells of a loss stays, however narrow the terminal is."""
    table = Table(columns=TABLE.columns, rows=(("/imu", "Imu", "3", "10"),))

    assert "lost" in [column.name for column in table.within(5).columns]


def test_columns_of_one_rank_go_together():
    """Tables of one report look alike: columns of the same rank are left out all or none."""
    columns = (Column("topic"), *(Column(n, right=True, spare=2) for n in ("lost", "rejected")))
    table = Table(columns=columns, rows=(("/imu", "0", "0"),))

    assert ["topic"] == [column.name for column in table.within(12).columns]


def test_terminal_lines_fit(monkeypatch):
    """On a terminal no line of a table is wider than the terminal."""
    lines = on_terminal([TABLE], 34, monkeypatch).splitlines()

    assert [] == [line for line in lines if len(line) > 34]
    assert "stored" in lines[0]


def test_terminal_shows_markup_as_it_is(monkeypatch):
    """Brackets in a name are text, not style."""
    assert "[red]/imu[/red]" in on_terminal(["[red]/imu[/red]"], 80, monkeypatch)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/imu über", "/imu über"),
        ("a\x1b[31mb\n", "a\\x1b[31mb\\n"),
        ("lone \udc80", "lone \\udc80"),
    ],
)
def test_printable(text, expected):
    """What would steer a terminal or break an encoder is escaped; letters of any script are not."""
    assert expected == printable(text)


def test_cells_are_escaped():
    """A name from a recording cannot steer the terminal."""
    stream = io.StringIO()
    print_blocks([Table(columns=(Column("topic"),), rows=(("/\x1b[2J",),))], stream)

    assert "\x1b" not in stream.getvalue()
