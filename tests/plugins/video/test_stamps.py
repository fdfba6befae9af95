"""Times as people write them, exact to the nanosecond."""

from fractions import Fraction

import pytest
from mosaico_ingest_video.stamps import parse_rate, parse_start, read_stamps

from mosaico_ingest.errors import SourceError, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2011-09-26T13:02:25.594360375Z", 1317042145594360375),
        ("2011-09-26 15:02:25.5+02:00", 1317042145500000000),
        ("2011-09-26T13:02:25", 1317042145000000000),
        ("1317042145.594360375", 1317042145594360375),
        ("1317042145", 1317042145000000000),
        ("4000000000", 4 * 10**18),
        ("1317042145594360375", 1317042145594360375),
        ("0", 0),
    ],
)
def test_instants(text, expected):
    """ISO 8601, seconds, and nanoseconds where a number is too large for seconds."""
    assert expected == parse_start(text)


def test_dates_without_a_zone(tmp_path):
    """A date that states no zone is in the one that was named; one that does is not."""
    path = tmp_path / "list.txt"
    path.write_text("2011-09-26 15:02:25.594360375\n2011-09-26T13:02:26Z\n")
    stamps = read_stamps(path, "Europe/Rome")

    assert (1317042145594360375, 1317042146 * 10**9) == stamps.times_ns
    assert 1317042145 * 10**9 == parse_start("2011-09-26 15:02:25", "Europe/Rome")
    with pytest.raises(UsageError, match="time zone 'Mars'"):
        parse_start("2011-09-26 15:02:25", "Mars")


@pytest.mark.parametrize(
    "text", ["", "noon", "2011-13-40T00:00:00Z", "1e400", "1e-400x", "12:00", "9999-01-01"]
)
def test_instants_that_are_none(text):
    """What is no instant is refused with the forms that are."""
    with pytest.raises(UsageError, match="ISO 8601"):
        parse_start(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", Fraction(30)), ("29.97", Fraction(2997, 100)), ("30000/1001", Fraction(30000, 1001))],
)
def test_rates(text, expected):
    """Rates stay fractions."""
    assert expected == parse_rate(text)


@pytest.mark.parametrize("text", ["0", "-1", "fast", "1/0", "1e9", "nan", "9" * 50])
def test_rates_that_are_none(text):
    """What is no rate is refused."""
    with pytest.raises(UsageError, match="frames per second"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "times", "names", "is_absolute"),
    [
        ("0.000000e+00\n1.036224e-01\n", (0, 103_622_400), (), False),
        ("2011-09-26 13:02:25.594360375\n", (1317042145594360375,), (), True),
        (
            "#timestamp [ns],filename\r\n1403636579763555584,a.png\r\n",
            (1403636579763555584,),
            ("a.png",),
            True,
        ),
        (
            "# color images\n# timestamp filename\n1305031102.175304 rgb/a.png\n",
            (1305031102175304000,),
            ("rgb/a.png",),
            True,
        ),
        ("frame,ts\n0,0.5\n1,0.75\n", (500_000_000, 750_000_000), (), False),
        (
            "time_0.jpg 0.5\ntime_1.jpg 0.75\n",
            (500_000_000, 750_000_000),
            ("time_0.jpg", "time_1.jpg"),
            False,
        ),
        ("0 0.5\n1 0.75\n", (500_000_000, 750_000_000), (), False),
        ("# timestamp format v2\n0\n33.366667\n", (0, 33_366_667), (), False),
        (
            "[1403636579763555584, 1403636579813555584]",
            (1403636579763555584, 1403636579813555584),
            (),
            True,
        ),
        ('{"timestamps": [0.1, 0.2]}', (100_000_000, 200_000_000), (), False),
        ('[{"frame": 0, "timestamp": 1.5, "file": "a.jpg"}]', (1_500_000_000,), ("a.jpg",), False),
        ("1317042145594\n1317042145595\n", (1317042145594000000, 1317042145595000000), (), True),
        ("1317042145594360\n", (1317042145594360000,), (), True),
        ("\ufefftime\n1.5\n\n2.5\n", (1_500_000_000, 2_500_000_000), (), False),
    ],
)
def test_lists(text, times, names, is_absolute, tmp_path):
    """Lists of KITTI, EuRoC, TUM, Matroska's tools and everyone's own are read, with no float in between."""
    path = tmp_path / "list"
    path.write_text(text, newline="")
    stamps = read_stamps(path)

    assert (times, names, is_absolute) == (stamps.times_ns, stamps.names, stamps.is_absolute)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\n33\n66\n", "the unit of '66' cannot be told"),
        ("1.5\nlater\n", "'later' has no time"),
        ('{"a": ', "cannot be read"),
        ("[[1]]", "has no time"),
        ("1e300\n", "beyond the year 2116"),
    ],
)
def test_lists_that_are_none(text, message, tmp_path):
    """A list that cannot be read says what is wrong with it."""
    path = tmp_path / "list.txt"
    path.write_text(text)

    with pytest.raises(SourceError, match=message):
        read_stamps(path)


def test_a_list_that_is_not_there(tmp_path):
    """A path that does not exist is named."""
    with pytest.raises(SourceError, match=r"gone\.txt"):
        read_stamps(tmp_path / "gone.txt")


def test_a_list_with_a_broken_line(tmp_path):
    """A line without a time costs the file that it names; where lines name none, the list is refused."""
    path = tmp_path / "list.csv"
    lines = [f"{1403636579763555584 + k},{k}.png" for k in range(5)]
    path.write_text("\n".join([*lines[:2], lines[2].replace("0", "O"), *lines[3:]]))
    stamps = read_stamps(path)
    path.write_text("1.5\n1.6\n1.O\n1.8\n")

    assert ("0.png", "1.png", "3.png", "4.png") == stamps.names
    assert [0, 1, 3, 4] == [time - 1403636579763555584 for time in stamps.times_ns]
    with pytest.raises(SourceError, match=r"'1\.O' has no time"):
        read_stamps(path)
