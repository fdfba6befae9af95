"""Columns that belong together become ontology types, by their names and in their units."""

import math

import pyarrow as pa
import pytest
from mosaico_ingest_csv.groups import find_groups
from mosaico_ingest_csv.mapper import TableMapper
from mosaico_ingest_csv.names import read_name

from mosaico_ingest.plugin import Channel, MapRequest, TimePolicy, Times
from mosaico_ingest.testing.mapper import MapperContract, MapperSample

IMU = ["imu_ax", "imu_ay", "imu_az", "imu_gx", "imu_gy", "imu_gz"]
NAMES = {
    "imu": IMU,
    "imu with all": [
        "field.header.seq",
        "field.header.stamp",
        "field.header.frame_id",
        *(f"field.orientation.{axis}" for axis in "xyzw"),
        *(f"field.orientation_covariance{k}" for k in range(9)),
        *(f"field.angular_velocity.{axis}" for axis in "xyz"),
        *(f"field.angular_velocity_covariance{k}" for k in range(9)),
        *(f"field.linear_acceleration.{axis}" for axis in "xyz"),
    ],
    "pose": ["tx", "ty", "tz", "qx", "qy", "qz", "qw"],
    "velocity": [f"{part}.{axis}" for part in ("linear", "angular") for axis in "xyz"],
    "force_torque": [f"{part}.{axis}" for part in ("force", "torque") for axis in "xyz"],
    "gps": ["Latitude", "Longitude", "Altitude (ft)"],
    "gps without height": ["gps_lat", "gps_lon"],
    "magnetometer": [f"Magnetometer {axis} (uT)" for axis in "XYZ"],
    "quaternion": [f"q{axis}" for axis in "xyzw"],
    "temperature": ["temp [°C]"],
    "pressure": ["Pressure (hPa)"],
}


@pytest.fixture
def ontologies(discovered):
    return discovered


@pytest.fixture(scope="module")
def discovered():
    """The platform's types."""
    from mosaico_ingest_ontology.catalogue import ONTOLOGIES

    return ONTOLOGIES


def _channel(**metadata):
    return Channel(id=1, topic="/t", type_name="", message_encoding="arrow", metadata=metadata)


def _columns(names):
    kinds = {"seq": pa.int64(), "stamp": pa.int64(), "frame_id": pa.string()}
    fields = [(name, kinds.get(name.split(".")[-1], pa.float64())) for name in names]
    rows = [
        {n: ("base" if t == pa.string() else k + i) for i, (n, t) in enumerate(fields)}
        for k in range(4)
    ]
    rows[2] = {n: (v if n.startswith("field.header") else None) for n, v in rows[2].items()}
    return pa.RecordBatch.from_pylist(rows, pa.schema(fields))


class TestTableMapper(MapperContract):
    @pytest.fixture
    def mapper(self):
        return TableMapper()

    @pytest.fixture
    def ontologies(self, discovered):
        return discovered

    @pytest.fixture
    def samples(self):
        return {
            name: MapperSample(channel=_channel(), data=_columns(names), has_header="all" in name)
            for name, names in NAMES.items()
        }


@pytest.fixture
def rows_of(discovered):
    """`rows_of(columns)`: what the mapper makes of them, as a dict."""

    def make(columns, **metadata):
        batch = pa.RecordBatch.from_pydict(columns)
        mapper, channel = TableMapper(), _channel(**metadata)
        claim = mapper.claim(channel, batch.schema, None)
        ontology = next(o for o in discovered if o.tag == claim.tag)
        request = MapRequest(
            channel=channel,
            columns=batch.schema,
            ontology=ontology,
            time=TimePolicy.Header,
            options=None,
        )
        times = Times(log_ns=pa.array(range(batch.num_rows), pa.int64()))
        return mapper.compile(request)(batch, times).to_pylist()

    return make


def test_units_that_names_state_are_converted(rows_of):
    """g, deg/s and uT become m/s², rad/s and T."""
    imu = {f"Accelerometer {axis} (g)": [1.0] for axis in "XYZ"}
    imu |= {f"Gyroscope {axis} (deg/s)": [180.0] for axis in "XYZ"}

    (row,) = rows_of(imu)
    (field,) = rows_of({f"Magnetometer {axis} (uT)": [50.0] for axis in "XYZ"})
    (warm,) = rows_of({"temp (C)": [21.5]})

    assert 9.80665 == row["acceleration"]["z"]
    assert math.isclose(math.pi, row["angular_velocity"]["x"])
    assert math.isclose(50e-6, field["magnetic_field"]["y"])
    assert 294.65 == warm["value"]


def test_the_header_fills_the_envelope(rows_of):
    """Stamp, frame and number are those of the columns; --start moves the stamps too."""
    columns = {
        "field.header.seq": [7],
        "field.header.stamp": [117735250000],
        "field.header.frame_id": ["base"],
        **{f"field.orientation.{axis}": [0.5] for axis in "xyzw"},
    }

    (row,), (moved,) = rows_of(columns), rows_of(columns, clock_shift_ns="1000")

    envelope = [
        row[n] for n in ("timestamp_ns", "recording_timestamp_ns", "frame_id", "sequence_id")
    ]
    assert [117735250000, 0, "base", 7] == envelope
    assert 117735251000 == moved["timestamp_ns"]


def test_a_covariance_of_zeros_is_unknown(rows_of):
    """A matrix of zeros says nothing and becomes null, as with messages of ROS."""
    columns = {f"orientation.{axis}": [0.5, 0.5] for axis in "xyzw"}
    columns |= {f"orientation_covariance_{k}": [0.0, float(k)] for k in range(9)}

    unknown, known = rows_of(columns)

    assert None is unknown["covariance"]
    assert [float(k) for k in range(9)] == known["covariance"]


@pytest.mark.parametrize(
    "names",
    [
        ["b_w_RS_S_x", "b_w_RS_S_y", "b_w_RS_S_z", "b_a_RS_S_x", "b_a_RS_S_y", "b_a_RS_S_z"],
        ["ax", "ay", "gx", "gy", "gz"],
        ["ax (furlong)", "ay (furlong)", "az (furlong)", "gx", "gy", "gz"],
        ["ax (g)", "ay (g)", "az", "gx", "gy", "gz"],
        ["temperature"],
        ["max", "may", "maz"],
        ["x", "y", "z"],
    ],
)
def test_what_is_not_sure_is_left_alone(names):
    """Biases, missing axes, unknown, mixed or unstated units of temperatures make no type."""
    assert [] == find_groups(pa.schema([(name, pa.float64()) for name in names]))


def test_text_makes_no_vector():
    """Columns that are not numbers make no type."""
    assert [] == find_groups(pa.schema([(name, pa.string()) for name in IMU]))


def test_groups_are_named_after_whose_they_are():
    """Two sensors in one table are two topics."""
    names = [f"{side}_imu_{part}" for side in ("left", "right") for part in ("ax", "ay", "az")]
    names += [f"{side}_imu_{part}" for side in ("left", "right") for part in ("gx", "gy", "gz")]

    groups = find_groups(pa.schema([(name, pa.float64()) for name in names]))

    assert ["/left/imu", "/right/imu"] == [group.topic for group in groups]


def test_a_channel_with_more_than_a_group_is_not_claimed():
    """A mapping takes every column, or none."""
    columns = pa.schema([(name, pa.float64()) for name in [*IMU, "steering"]])

    assert None is TableMapper().claim(_channel(), columns, None)


def test_the_reason_shows_the_rule():
    """`plan` says which columns become what, and which units are taken for granted."""
    columns = pa.schema([(name, pa.float64()) for name in [*IMU[:3], "imu_gx", "imu_gy", "imu_gz"]])

    claim = TableMapper().claim(_channel(), columns, None)

    assert (
        "acceleration from imu_ax … imu_az, no unit stated: taken as m/s^2; "
        "angular_velocity from imu_gx … imu_gz, no unit stated: taken as rad/s"
    ) == claim.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("field.angular_velocity.x", ((), "angular_velocity", "x", None)),
        ("Gyroscope X (deg/s)", ((), "angular_velocity", "x", "deg/s")),
        ("w_RS_S_x [rad s^-1]", ((), "angular_velocity", "x", "rad/s")),
        ("left_imu_accelY", (("left", "imu"), "acceleration", "y", None)),
        ("pose.pose.position.z", ((), "position", "z", None)),
        ("orientation_covariance[4]", ((), "orientation", "cov4", None)),
        ("gyro_bias_x", ((), "", "", None)),
    ],
)
def test_names_are_read(text, expected):
    """Dots, underscores, blanks, capitals and brackets part words alike."""
    name = read_name(text)

    assert expected == (name.prefix, name.quantity, name.part, name.unit)


def test_real_groups(shared_data, read_table, rows_of):
    """The first IMU row of a real table, by hand from its text."""
    path = shared_data / "csv/xioTechnologies+Fusion/Examples/Python/sensor_data.csv"

    found = read_table(path).rows["/imu"][0]
    columns = {name: [value] for name, value in found.items() if name != "log_time_ns"}
    (row,) = rows_of(columns)

    assert math.isclose(0.01644619 * math.pi / 180, row["angular_velocity"]["x"])
    assert math.isclose(0.9970807 * 9.80665, row["acceleration"]["z"])
    assert None is row["orientation"]
