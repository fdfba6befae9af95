"""The mapper: the promises of every mapper, and values with their units."""

import pyarrow as pa
import pytest
from mosaico_ingest_ulog.mapper import UlogMapper

from mosaico_ingest import Host
from mosaico_ingest.plugin import Channel, MapRequest, TimePolicy, Times
from mosaico_ingest.testing.mapper import MapperContract, MapperSample

F32 = pa.float32()
NAN = float("nan")


def sample(name, **columns):
    """Return two rows of the topic *name*: values and their type per column."""
    channel = Channel(id=1, topic=f"/{name}", type_name=name, message_encoding="ulog")
    data = pa.RecordBatch.from_arrays(
        [pa.array([1, 2], pa.uint64()), *(pa.array(v, kind) for v, kind in columns.values())],
        ["timestamp", *columns],
    )
    return MapperSample(channel=channel, data=data)


GPS = {
    "vel_n_m_s": ([1.5, 0], F32),
    "vel_e_m_s": ([-0.5, 0], F32),
    "vel_d_m_s": ([0.25, 0], F32),
    "vel_ned_valid": ([True, False], pa.bool_()),
    "fix_type": ([3, 6], pa.uint8()),
    "satellites_used": ([12, 0], pa.uint8()),
    "hdop": ([0.5, 0.75], F32),
    "eph": ([1, 2], F32),
}
SAMPLES = {
    "imu": sample(
        "sensor_combined",
        gyro_rad=([[0.5, -1, 2], [0, 0, NAN]], pa.list_(F32, 3)),
        accelerometer_m_s2=([[0.25, 0, -9.5], [1, 2, 3]], pa.list_(F32, 3)),
        gyro_integral_dt=([4000, 4000], pa.uint32()),
    ),
    "old gps": sample(
        "vehicle_gps_position",
        lat=([473_977_418, -(2**31)], pa.int32()),
        lon=([85_455_941, 0], pa.int32()),
        alt=([488_125, -1], pa.int32()),
        **GPS,
    ),
    "new gps": sample(
        "vehicle_gps_position",
        latitude_deg=([47.3977418, 0], pa.float64()),
        longitude_deg=([8.5455941, 0], pa.float64()),
        altitude_msl_m=([488.125, 0], pa.float64()),
        **GPS,
    ),
    "attitude": sample(
        "vehicle_attitude", q=([[1, 0.5, 0.25, 0.125], [1, 0, 0, 0]], pa.list_(F32, 4))
    ),
    "position": sample(
        "vehicle_local_position",
        **{name: ([k, -k], F32) for k, name in enumerate(("x", "y", "z", "vx", "vy", "vz"), 1)},
        **{name: ([k, NAN], F32) for k, name in enumerate(("ax", "ay", "az"), 7)},
        xy_valid=([True, False], pa.bool_()),
        z_valid=([True, True], pa.bool_()),
    ),
    "battery": sample(
        "battery_status",
        voltage_v=([15.5, 0], F32),
        current_a=([2.5, -1], F32),
        remaining=([0.75, -1], F32),
        temperature=([21.5, NAN], F32),
        capacity=([5000, 0], pa.uint16()),
        serial_number=([77, 0], pa.uint16()),
        connected=([True, False], pa.bool_()),
        voltage_cell_v=([[4, 3.5] + [0] * 12, [0] * 14], pa.list_(F32, 14)),
    ),
    "old battery": sample(
        "battery_status",
        voltage_v=([15.5, 0], F32),
        current_a=([2.5, -1], F32),
        remaining=([0.75, -1], F32),
    ),
}


class TestContract(MapperContract):
    """What every mapper promises."""

    @pytest.fixture
    def mapper(self):
        """The mapper under test."""
        return UlogMapper()

    @pytest.fixture
    def ontologies(self):
        """The types that it maps to, of whoever brings them."""
        host = Host.discover()
        return [
            host.ontology(tag)
            for tag in ("imu", "gps", "quaternion", "motion_state", "battery_state")
        ]

    @pytest.fixture
    def samples(self):
        """A sample of each topic, in the fields of old and new firmware."""
        return SAMPLES


def rows(name):
    """Map a sample; return the tag, and rows without what is null."""
    chosen = SAMPLES[name]
    claim = UlogMapper().claim(chosen.channel, chosen.data.schema, None)
    request = MapRequest(
        channel=chosen.channel,
        columns=chosen.data.schema,
        ontology=Host.discover().ontology(claim.tag),
        time=TimePolicy.Log,
        options=None,
    )
    found = UlogMapper().compile(request)(chosen.data, Times(log_ns=pa.array([10, 20])))
    return claim, [known(row) for row in found.to_pylist()]


def known(value):
    """Return *value* without nulls and clocks."""
    if not isinstance(value, dict):
        return value
    clocks = ("timestamp_ns", "recording_timestamp_ns")
    return {k: known(v) for k, v in value.items() if v is not None and k not in clocks}


def test_sensor_combined_is_an_imu():
    """Rates and accelerations keep the axes of the vehicle, which the frame names."""
    claim, (first, second) = rows("imu")

    assert ("imu", ("gyro_integral_dt",)) == (claim.tag, claim.losses)
    assert {
        "frame_id": "base_link_frd",
        "acceleration": {"x": 0.25, "y": 0.0, "z": -9.5},
        "angular_velocity": {"x": 0.5, "y": -1.0, "z": 2.0},
    } == first
    assert {"x": 0.0, "y": 0.0} == second["angular_velocity"]


@pytest.mark.parametrize("name", ["old gps", "new gps"])
def test_gps_of_either_firmware(name):
    """Degrees and metres come out alike, whether logged in 1e-7 degrees and millimetres or not."""
    claim, (first, second) = rows(name)
    position = first.pop("position")

    assert ("gps", ("eph",)) == (claim.tag, claim.losses)
    assert {"x": 47.3977418, "y": 8.5455941, "z": 488.125} == pytest.approx(position, abs=1e-9)
    assert {
        "frame_id": "map_ned",
        "velocity": {"x": 1.5, "y": -0.5, "z": 0.25},
        "status": {"status": 0, "service": 0, "satellites": 12, "hdop": 0.5},
    } == first
    assert ({}, 2) == (second["velocity"], second["status"]["status"])


def test_attitude_is_a_quaternion():
    """PX4 logs w first."""
    claim, (first, _) = rows("attitude")

    assert "quaternion" == claim.tag
    assert {"frame_id": "map_ned", "w": 1.0, "x": 0.5, "y": 0.25, "z": 0.125} == first


def test_local_position_is_a_motion():
    """What PX4 marks as invalid is null, and an orientation that is not logged is not invented."""
    claim, (first, second) = rows("position")

    assert "motion_state" == claim.tag
    assert {
        "frame_id": "map_ned",
        "pose": {"position": {"x": 1.0, "y": 2.0, "z": 3.0}, "orientation": {}},
        "velocity": {"linear": {"x": 4.0, "y": 5.0, "z": 6.0}},
        "target_frame_id": "map_ned",
        "acceleration": {"linear": {"x": 7.0, "y": 8.0, "z": 9.0}},
    } == first
    assert {"z": -3.0} == second["pose"]["position"]


def test_battery():
    """A current that discharges is negative, and -1 is unknown; capacities are in Ah, shares from 0 to 1."""
    _, (first, second) = rows("battery")

    assert {
        "voltage": 15.5,
        "current": -2.5,
        "percentage": 0.75,
        "temperature": 21.5,
        "capacity": 5.0,
        "power_supply_status": 0,
        "power_supply_health": 0,
        "power_supply_technology": 0,
        "present": True,
        "location": "",
        "serial_number": "77",
        "cell_voltage": [4.0, 3.5],
    } == first
    assert str(NAN) == str(second["percentage"])
    assert {"current", "temperature", "capacity", "cell_voltage"}.isdisjoint(second)


def test_other_topics_are_left_alone():
    """A name with other columns than it should have is left to the fallback, which keeps them."""
    other = sample("vehicle_attitude", q=([[1, 2, 3], [4, 5, 6]], pa.list_(F32, 3)))
    mapper = UlogMapper()

    assert mapper.claim(other.channel, other.data.schema, None) is None
    assert mapper.claim(sample("cpuload").channel, pa.schema([]), None) is None
