"""A small writer of ULog files, which shares nothing with the plugin, and the flight that tests read."""

import struct

import pytest

for contract in ("source", "decoder", "mapper"):
    pytest.register_assert_rewrite(f"mosaico_ingest.testing.{contract}")

FORMATS = {
    "sensor_combined": "uint64_t timestamp;float[3] gyro_rad;uint32_t gyro_integral_dt;"
    "int32_t accelerometer_timestamp_relative;float[3] accelerometer_m_s2;uint8_t accelerometer_clipping;"
    "uint8_t[3] _padding0;",
    "sensor_accel": "uint64_t timestamp;float x;float y;float z;",
    "vehicle_gps_position": "uint64_t timestamp;uint64_t time_utc_usec;int32_t lat;int32_t lon;int32_t alt;"
    "float eph;float vel_n_m_s;float vel_e_m_s;float vel_d_m_s;uint8_t fix_type;bool vel_ned_valid;"
    "uint8_t satellites_used;uint8_t[5] _padding0;",
    "esc_status": "uint64_t timestamp;uint8_t count;uint8_t[7] _padding0;esc_report[2] esc;char[8] label;",
    "esc_report": "uint32_t rpm;float voltage;bool[2] flags;uint8_t[2] _padding0;",
}
SYNC = bytes.fromhex("2F7313 20250CBB12".replace(" ", ""))
UTC_US = 1_700_000_000_000_000  # when the vehicle started


class LogWriter:
    """Writes records one after the other; `places` are where they begin."""

    def __init__(self, begin_us=1_000_000, version=1):
        self.content = bytearray(b"ULog\x01\x12\x35" + struct.pack("<BQ", version, begin_us))
        self.places = []

    def record(self, kind, content):
        self.places.append(len(self.content))
        self.content += struct.pack("<HB", len(content), ord(kind)) + content
        return self

    def flags(self, *appended, incompatible=0):
        padded = [*appended, 0, 0, 0][:3]
        bits = struct.pack("<8x B7x", incompatible or bool(appended))
        return self.record("B", bits + struct.pack("<3Q", *padded))

    def formats(self, *names):
        for name in names:
            self.record("F", f"{name}:{FORMATS[name]}".encode())
        return self

    def keyed(self, kind, key, value, lead=b""):
        return self.record(kind, lead + bytes([len(key)]) + key.encode() + value)

    def subscribe(self, name, msg_id, multi_id=0):
        return self.record("A", struct.pack("<BH", multi_id, msg_id) + name.encode())

    def data(self, msg_id, layout, *values):
        return self.record("D", struct.pack("<H" + layout, msg_id, *values))

    def text(self, us, text, level="6"):
        return self.record("L", level.encode() + struct.pack("<Q", us) + text.encode())

    def tagged(self, us, tag, text, level="3"):
        return self.record("C", level.encode() + struct.pack("<HQ", tag, us) + text.encode())

    def sync(self):
        return self.record("S", SYNC)

    def dropout(self, milliseconds):
        return self.record("O", struct.pack("<H", milliseconds))


def write_flight(log, steps=40, *, has_gps=True):
    """Write a flight: IMU, two accelerometers, GPS, nested types, texts, parameters, a gap."""
    log.flags().formats(*FORMATS)
    log.keyed("I", "char[9] sys_name", b"PX4\0other")
    log.keyed("I", "uint32_t ver_sw_release", struct.pack("<I", 0x010E00FF))
    log.keyed("I", "int32_t time_ref_utc", struct.pack("<i", 3600))
    log.keyed("M", "char[4] perf", b"one ", b"\0").keyed("M", "char[3] perf", b"two", b"\1")
    log.keyed("M", "uint8_t[3] events", b"\xfd7z", b"\0").keyed(
        "M", "uint8_t[2] events", b"\1\2", b"\1"
    )
    log.keyed("P", "float MC_ROLL_P", struct.pack("<f", 6.5))
    log.keyed("P", "int32_t SYS_AUTOSTART", struct.pack("<i", 4001))
    log.keyed("Q", "float MC_ROLL_P", struct.pack("<f", 6.0), b"\3")
    log.subscribe("sensor_combined", 0).subscribe("sensor_accel", 1).subscribe("sensor_accel", 2, 1)
    log.subscribe("vehicle_gps_position", 3).subscribe("esc_status", 4)
    for k in range(steps):
        us = 1_000_000 + 4000 * k
        log.data(0, "Q3fIi3fB", us, k, 0.5, -1.0, 4000, 0, 0.25, -k, -9.81, k % 2)
        log.data(1, "Q3f", us + 1, k, 1, 2)
        if k % 2:
            log.data(2, "Q3f", us + 2, -k, 1, 2)
        if k % 10 == 5:
            utc = UTC_US + us + 3 * (k - 15) if has_gps and k > 5 else 0
            log.data(
                *(3, "QQiii4fB?B", us + 3, utc, 473_977_418 + k, 85_455_941, 488_123),
                *(1.5, 0.5, -0.25, 0.125, 3, k != 15, 12),
            )
            esc = (900 + k, 12.5, True, False), (901 + k, 12.25, False, True)
            log.data(4, "QB7xIf??2xIf??2x8s", us + 4, 2, *esc[0], *esc[1], b"left\0old")
        if k == 20:
            log.text(us, "[commander] Takeoff").tagged(us + 5, 7, "[logger] slow card").sync()
            log.keyed("P", "float MC_ROLL_P", struct.pack("<f", 7.25)).dropout(150)
            log.keyed("P", "int32_t COM_X", struct.pack("<i", -(2**31)))
    return log


@pytest.fixture
def writer():
    """The class of the writer."""
    return LogWriter


@pytest.fixture
def flight():
    """Write the flight with *writer*."""
    return write_flight


@pytest.fixture
def path(tmp_path):
    """A whole flight in a file."""
    path = tmp_path / "flight.ulg"
    path.write_bytes(write_flight(LogWriter()).content)
    return path


@pytest.fixture
def counts():
    """The records of the flight, per topic, counted by hand."""
    return {
        "/sensor_combined": 40,
        "/sensor_accel": 40,
        "/sensor_accel/1": 20,
        "/vehicle_gps_position": 4,
        "/esc_status": 4,
        "/logged_text": 2,
        "/parameter_changes": 2,
        "/dropouts": 1,
    }
