"""
Each source against the reader that one would pick without this package: seconds, and peak memory.

Ours is `ingest` without a server: from the file to rows of typed Arrow columns. Theirs walks the same
file message by message, once for the payload bytes alone and once into Python objects. Every
measurement is a process of its own; start-up and imports do not count, the best of all runs does.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from tests.bench.measuring import recording, table

_MESSAGES = 100_000
_ROWS = 1_000_000  # of a table
_MIB = 1024 * 1024

Count = Callable[[Path], int]


@attrs.frozen(kw_only=True)
class Case:
    """
    One kind of recording.

    Args:
        path: Its file or folder, below the folder of the benchmark.
        write: Makes it; the folder of the benchmark is given.
        peer: What the other reader is.
        walk, decode: The other reader's two ways, each returning how many messages or rows it met; a
            reader that has one way only leaves *walk* out.
    """

    path: str
    write: Callable[[Path], None]
    peer: str
    decode: Count
    walk: Count | None = None


def run(folder: Path, options: argparse.Namespace) -> None:
    """Measure every case."""
    rows = []
    for name, case in CASES.items():
        if not (folder / case.path).exists():
            case.write(folder)
        roles = ["ours", "decode", *(["walk"] if case.walk else [])]
        told = {role: _measure(folder, name, role, options.repeat) for role in roles}
        counts = {found["count"] for found in told.values()}
        assert len(counts) == 1, f"The readers of {name} disagree: {told}."
        ours = told["ours"]["seconds"]
        rows.append(
            [
                name,
                case.peer,
                *(_rate(told.get(role)) for role in ("ours", "walk", "decode")),
                f"{told['walk']['seconds'] / ours:.1f}" if case.walk else "",
                f"{told['decode']['seconds'] / ours:.1f}",
            ]
        )
    table(
        [
            "recording",
            "other reader",
            "`ingest`, no server",
            "it, bytes only",
            "it, decoded",
            "ratio, bytes only",
            "ratio, decoded",
        ],
        rows,
    )


def _measure(folder: Path, name: str, role: str, repeat: int) -> dict[str, float]:
    """Run one reader in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.sources", str(folder), name, role, str(repeat)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        msg = f"Reading {name} ({role}) failed: {result.stderr[-1500:]}"
        raise RuntimeError(msg)
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def _rate(told: dict[str, float] | None) -> str:
    """Return rate and peak memory for people."""
    if told is None:
        return ""
    return f"{told['count'] / told['seconds']:,.0f}/s, {told['peak'] / _MIB:.0f} MiB"


def _ours() -> Count:
    """Return our reader of any recording."""
    from mosaico_ingest.hooks.host import Host
    from mosaico_ingest.run import ingest
    from mosaico_ingest.sinks import NullSink

    host = Host.discover()

    def read(path: Path) -> int:
        report = ingest(path, sink=NullSink(), host=host)
        assert report.exit_code == 0, report
        return report.stored

    return read


def _child() -> None:
    """Measure one reader, and print what was found."""
    folder, name, role, repeat = sys.argv[1:]
    case = CASES[name]
    read = _ours() if role == "ours" else getattr(case, role)
    seconds = []
    for _ in range(int(repeat)):
        began = time.perf_counter()
        count = read(Path(folder) / case.path)
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"count": count, "seconds": min(seconds), "peak": peak}))


def _imu(folder: Path) -> Iterator[tuple[int, bytes]]:
    """Yield times and payloads of the Imu messages that all ROS recordings here are made of."""
    from mcap.reader import make_reader

    with recording(folder, "imu").open("rb") as stream:
        for _, _, message in make_reader(stream).iter_messages():
            if message.sequence >= _MESSAGES:
                return
            yield message.log_time, message.data


def _write_mcap(folder: Path) -> None:
    """Write Imu messages as MCAP, zstd."""
    from mosaico_ingest.testing.recordings import write_imu

    write_imu(folder / "sources-imu.mcap", _MESSAGES)


def _write_ros1(folder: Path, compression: str) -> None:
    """Write Imu messages as a ROS 1 bag."""
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_typestore

    name = "sensor_msgs/msg/Imu"
    newer, older = get_typestore(Stores.ROS2_HUMBLE), get_typestore(Stores.ROS1_NOETIC)
    header = older.types["std_msgs/msg/Header"]
    path = folder / f"sources-imu-{compression}.bag"
    path.unlink(missing_ok=True)
    writer = Writer(path)
    if compression != "none":
        writer.set_compression(Writer.CompressionFormat[compression.upper()])
    with writer:
        connection = writer.add_connection("/imu/data", name, typestore=older)
        for number, (time_ns, payload) in enumerate(_imu(folder)):
            message = newer.deserialize_cdr(payload, name)
            message.header = header(
                seq=number, stamp=message.header.stamp, frame_id=message.header.frame_id
            )
            writer.write(connection, time_ns, older.serialize_ros1(message, name))


def _write_db3(folder: Path) -> None:
    """Write Imu messages as a ROS 2 bag in SQLite."""
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    path = folder / "sources-imu-db3"
    with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/imu/data", "sensor_msgs/msg/Imu", typestore=types)
        for time_ns, payload in _imu(folder):
            writer.write(connection, time_ns, payload)


def _write_video(folder: Path) -> None:
    """Write one and a half minutes of 720p as H.264 in MP4, about 10 Mbit/s."""
    import av
    import numpy as np

    noise = np.random.default_rng(5).integers(0, 48, (720, 1280, 3), np.uint8)
    shades = np.linspace(0, 200, 1280, dtype=np.uint8)[None, :, None]
    with av.open(str(folder / "sources-720p.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "bf": "0",
            "b": "10M",
            "maxrate": "10M",
            "bufsize": "5M",
        }
        for k in range(2700):
            picture = np.roll(shades, 7 * k, 1) + np.roll(noise, 5 * k, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _walk_video(path: Path) -> int:
    """Demux a video with PyAV, and no more."""
    import av

    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux() if packet.size)


def _decode_video(path: Path) -> int:
    """Decode a video with PyAV, on all cores."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


def _walk_mcap(path: Path) -> int:
    """Walk an MCAP with mcap's reader."""
    from mcap.reader import make_reader

    with path.open("rb") as stream:
        return sum(1 for _ in make_reader(stream).iter_messages())


def _decode_mcap(path: Path) -> int:
    """Walk an MCAP with mcap's reader and deserialise with rosbags."""
    from mcap.reader import make_reader
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    count = 0
    with path.open("rb") as stream:
        for schema, _, message in make_reader(stream).iter_messages():
            assert schema is not None
            types.deserialize_cdr(message.data, schema.name)
            count += 1
    return count


def _walk_bag(path: Path) -> int:
    """Walk a bag with rosbags' AnyReader."""
    from rosbags.highlevel import AnyReader

    with AnyReader([path]) as reader:
        return sum(1 for _ in reader.messages())


def _decode_bag(path: Path) -> int:
    """Walk a bag with rosbags' AnyReader and deserialise."""
    from rosbags.highlevel import AnyReader

    count = 0
    with AnyReader([path]) as reader:
        for connection, _, payload in reader.messages():
            reader.deserialize(payload, connection.msgtype)
            count += 1
    return count


def _ros1(compression: str) -> Case:
    """Return the case of a ROS 1 bag."""
    return Case(
        path=f"sources-imu-{compression}.bag",
        write=lambda folder: _write_ros1(folder, compression),
        peer="rosbags AnyReader",
        walk=_walk_bag,
        decode=_decode_bag,
    )


def _write_csv(folder: Path) -> None:
    """Write a table of IMU numbers with a fixed seed: time and six axes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    axes = np.random.default_rng(7).normal(size=(6, _ROWS)).round(9)
    times = 1_700_000_000 + np.arange(_ROWS) / 1000
    names = ["time", "ax", "ay", "az", "gx", "gy", "gz"]
    pa.csv.write_csv(pa.table([times, *axes], names), folder / "sources-imu.csv")


def _stream_csv(path: Path) -> int:
    """Read a table block by block with pyarrow."""
    import pyarrow.csv

    return sum(batch.num_rows for batch in pyarrow.csv.open_csv(path))


def _read_csv(path: Path) -> int:
    """Read a table with pandas."""
    import pandas as pd

    return len(pd.read_csv(path))


CASES: dict[str, Case] = {
    "Imu, MCAP zstd": Case(
        path="sources-imu.mcap",
        write=_write_mcap,
        peer="mcap `iter_messages`, rosbags types",
        walk=_walk_mcap,
        decode=_decode_mcap,
    ),
    "Imu, ROS 1 bag": _ros1("none"),
    "Imu, ROS 1 bag lz4": _ros1("lz4"),
    "Imu, ROS 1 bag bz2": _ros1("bz2"),
    "Imu, CSV": Case(
        path="sources-imu.csv",
        write=_write_csv,
        peer="pyarrow `open_csv`",
        decode=_stream_csv,
    ),
    "Imu, CSV (pandas)": Case(
        path="sources-imu.csv",
        write=_write_csv,
        peer="pandas `read_csv`",
        decode=_read_csv,
    ),
    "Imu, ROS 2 bag sqlite3": Case(
        path="sources-imu-db3",
        write=_write_db3,
        peer="rosbags AnyReader",
        walk=_walk_bag,
        decode=_decode_bag,
    ),
    "H.264 720p, MP4": Case(
        path="sources-720p.mp4",
        write=_write_video,
        peer="PyAV demux, decode",
        walk=_walk_video,
        decode=_decode_video,
    ),
}


if __name__ == "__main__":
    _child()
