"""The clock of a table: its column, its unit, and since when it counts."""

import pytest

from mosaico_ingest.errors import SourceError


def _note(found):
    return next(note for note in found.info.findings if note.startswith("Times are"))


def _rows(header, texts):
    return f"{header},v\n" + "".join(f"{text},{k}\n" for k, text in enumerate(texts))


@pytest.mark.parametrize(
    ("header", "texts", "first_ns", "words"),
    [
        ("t", ["1700000000.123456789", "1700000000.2"], 1700000000123456789, "seconds, since 1970"),
        ("t", ["1700000000", "1700000001"], 1700000000 * 10**9, "seconds, since 1970"),
        (
            "t",
            ["1700000000123", "1700000000133"],
            1700000000123 * 10**6,
            "milliseconds, since 1970",
        ),
        ("t", ["1700000000123456", "1700000000133456"], 1700000000123456000, "microseconds, since"),
        (
            "t",
            ["1700000000123456789", "1700000000133456789"],
            1700000000123456789,
            "nanoseconds, since",
        ),
        ("time [us]", ["1700000000", "1700010000"], 1700000000000, "microseconds, relative"),
        ("time_ms", ["5", "15"], 5_000_000, "milliseconds, relative"),
        ("%time", ["117735250000", "117737750000"], 117735250000, "nanoseconds, relative"),
        ("time", ["0.00", "0.01", "0.02"], 0, "seconds, relative"),
        ("time", ["0", "10", "20"], 0, "milliseconds, relative"),
        ("time", ["1000", "2000", "3000"], 1_000_000, "microseconds, relative"),
        # Half an hour after its start a clock of microseconds shows numbers as large as seconds since 1970.
        (
            "time",
            ["1700000000", "1700010100", "1700020200"],
            1700000000000,
            "microseconds, relative",
        ),
    ],
)
def test_units(table, header, texts, first_ns, words):
    """The unit follows from name, size and steps, and is told with the reason."""
    found = table(_rows(header, texts))

    assert first_ns == found.info.start_ns
    assert words in _note(found)


def test_the_unit_can_be_said(table, stamps):
    """`--time-unit` overrides whatever is inferred."""
    found = table(_rows("t", ["10", "20"]), time_unit="s")

    assert [10 * 10**9, 20 * 10**9] == stamps(found)


def test_the_column_can_be_said(table, stamps):
    """`--time-column` overrides the name."""
    found = table(
        "time,gps_time\n1700000000,1800000000\n1700000001,1800000001\n", time_column="gps_time"
    )

    assert 1800000000 * 10**9 == stamps(found)[0]


def test_relative_times_begin_at_start(table, stamps):
    """With --start the first row is then; without, times count from 1970, which is told."""
    text = _rows("time (s)", ["100.5", "100.75"])

    dated, undated = table(text, start="2024-01-01T00:00:00Z"), table(text)

    assert [1704067200 * 10**9, 1704067200 * 10**9 + 250_000_000] == stamps(dated)
    assert 100_500_000_000 == stamps(undated)[0]
    assert any("--start" in note for note in undated.info.findings)


def test_start_does_not_move_absolute_times(table, stamps):
    """Times since 1970 are kept, and --start is told to be of no use."""
    found = table(_rows("t", ["1700000000", "1700000001"]), start="2024-01-01")

    assert 1700000000 * 10**9 == stamps(found)[0]
    assert any("--start is not needed" in note for note in found.info.findings)


def test_the_best_name_wins(table, stamps):
    """The recorder's clock goes before a sensor's own."""
    found = table("sensor_time,Time\n5.5,1700000000\n5.6,1700000001\n")

    assert 1700000000 * 10**9 == stamps(found)[0]


def test_a_column_that_only_looks_like_a_time(table, stamps):
    """Without a name for it, times since 1970 are recognised by their size."""
    found = table("frame_id,v\n1479425441182877835,1\n1479425441232704425,2\n")

    assert 1479425441182877835 == stamps(found)[0]


def test_seconds_and_nanoseconds_apart(table, stamps):
    """Two columns of one stamp are one clock."""
    found = table("a,stamp.secs,stamp.nsecs\n1,1700000000,5\n2,1700000000,600000000\n")

    assert [1700000000 * 10**9 + 5, 1700000000 * 10**9 + 600_000_000] == stamps(found)
    assert [("a",)] == [tuple(channel.columns.names) for channel in found.info.channels]


def test_of_two_clocks_the_one_with_a_date(table, stamps):
    """A column that knows the date goes before one that counts from somewhere."""
    found = table("time,timestamp,a\n0.1,1700000000.5,1\n0.2,1700000000.6,2\n")

    assert 1700000000_500_000_000 == stamps(found)[0]
    assert 0.1 == found.rows["/t"][0]["time"]


def test_dates_of_any_form(table, stamps):
    """`--time-format` reads dates that are not ISO 8601, decimals too; without it its flag is named."""
    text = "time;v\n26.02.2019 22:00:00;1\n26.02.2019 22:00:01,25;2\n"

    found = table(text, time_format="%d.%m.%Y %H:%M:%S")

    assert [1551218400 * 10**9, 1551218401 * 10**9 + 250_000_000] == stamps(found)
    with pytest.raises(SourceError, match="--time-format"):
        table(text)


def test_numbers_beyond_all_times(table):
    """Rows whose time is beyond any are rejected, and the unit is that of the others."""
    texts = [f"{1700000000 + k}" for k in range(20)]
    found = table(_rows("t", [*texts, "1.7e308", "-1.7e308"]))

    (rejects,) = found.rejects.values()
    assert 2 == len(rejects)
    assert "in seconds, since 1970" in _note(found)


def test_a_time_that_was_never_set(table, stamps):
    """One time that is zero, or has a wrong digit, changes nothing of the unit of all the others."""
    texts = [str(1_700_000_000 + k) for k in range(20)]
    texts[0], texts[7] = "0", "1900000007"
    found = table(_rows("t", texts))

    assert [int(text) * 10**9 for text in texts] == stamps(found)
    assert "seconds, since 1970" in _note(found)
