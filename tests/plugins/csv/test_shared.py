"""
Real tables, against what the csv module and an editor say.

Counts are numbers of lines without the header (`wc -l`), per kind by `cut -d, -f2 | sort | uniq -c`.
"""

import csv
from decimal import Decimal

import pytest

BAGPY = "csv/jmscslgroup+bagpy/2016-06-01-14-57-13"
EXPECTED = {
    "csv/PX4+PX4-ECL/test/replay_data/iris_gps.csv": {
        "/mag": 6872,
        "/airspeed": 7036,
        "/imu": 7062,
        "/baro": 6883,
        "/gps": 169,
        "/landed": 43,
    },
    "csv/borglab+gtsam/examples/Data/quadraped_imu_data.csv": {"/quadraped_imu_data": 2635},
    "csv/collin80+SavvyCAN/examples/GVRET_Log.csv": {"/GVRET_Log": 12974},
    f"{BAGPY}/-catvehicle-cmd_vel.csv": {"/catvehicle-cmd_vel": 263},
    f"{BAGPY}/-catvehicle-steering.csv": {"/catvehicle-steering": 1117},
    f"{BAGPY}/-catvehicle-vel.csv": {"/catvehicle-vel": 1120},
    f"{BAGPY}/-gps_odom.csv": {"/pose": 560, "/gps_odom": 560},
    "csv/udacity+self-driving-car/challenges/challenge-2/CH2_final_evaluation.csv": {
        "/CH2_final_evaluation": 5614
    },
    "csv/xioTechnologies+Fusion/Examples/Python/sensor_data.csv": {
        "/imu": 13514,
        "/magnetometer": 13514,
    },
}
FIRST_NS = {  # the first row's time, by hand
    "iris_gps": 4_000_000,
    "quadraped_imu_data": 117_735_250_000,
    "GVRET_Log": 166_064_000_000,
    "-catvehicle-cmd_vel": 1_464_818_237_665_394_000,
    "-catvehicle-steering": 1_464_818_234_403_032_000,
    "-catvehicle-vel": 1_464_818_234_304_184_200,
    "-gps_odom": 1_464_818_234_304_198_700,
    "CH2_final_evaluation": 1_479_425_441_182_877_835,
    "sensor_data": 0,
}
NS_PER_UNIT = {
    "iris_gps": 1000,
    "quadraped_imu_data": 1,
    "GVRET_Log": 1000,
    "CH2_final_evaluation": 1,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_row_comes(shared_data, read_table, name):
    """Each topic has as many rows as the file has lines of it; none is rejected, none is damaged."""
    path = shared_data / name

    found = read_table(path)

    assert EXPECTED[name] == {topic: len(rows) for topic, rows in found.rows.items()}
    assert EXPECTED[name] == {c.topic: c.messages for c in found.info.channels}
    assert ({}, [], ()) == (found.rejects, found.damage, found.info.damage)
    assert FIRST_NS[path.stem] == found.info.start_ns


@pytest.mark.parametrize("name", EXPECTED)
def test_times_are_exact(shared_data, read_table, name):
    """The time of every row is its text in decimal arithmetic, to the nanosecond."""
    path = shared_data / name
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    texts = [row[0] for row in rows if row[0][:1].isdigit()]
    factor = NS_PER_UNIT.get(path.stem, 10**9)

    found = read_table(path)

    expected = sorted(int(Decimal(text) * factor) for text in texts)
    by_topic = [found.rows[topic] for topic in found.rows]
    if path.stem != "iris_gps":  # else topics have the rows of one kind each
        by_topic = by_topic[:1]
    assert expected == sorted(row["log_time_ns"] for rows in by_topic for row in rows)


def test_values_are_those_of_the_text(shared_data, read_table):
    """Cells keep their values: floats as Python reads them, identifiers as text."""
    name = "csv/collin80+SavvyCAN/examples/GVRET_Log.csv"
    with (shared_data / name).open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]

    found = read_table(shared_data / name).rows["/GVRET_Log"]

    assert [row[1] for row in rows] == [row["ID"] for row in found]
    assert [row[2] == "true" for row in rows] == [row["Extended"] for row in found]
    assert [int(row[4]) for row in rows] == [row["LEN"] for row in found]
    assert [row[5] for row in rows] == [row["D1"] for row in found]


def test_kinds_keep_their_own_cells(shared_data, read_table):
    """A row of a kind becomes a row of that kind's topic, cell by cell."""
    name = "csv/PX4+PX4-ECL/test/replay_data/iris_gps.csv"
    with (shared_data / name).open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row[1] == "imu"]

    found = read_table(shared_data / name).rows["/imu"]

    values = [[row[f"value_{k}"] for k in range(1, 7)] for row in found]
    assert [[float(cell) for cell in row[2:]] for row in rows] == values
