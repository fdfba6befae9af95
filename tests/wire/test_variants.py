"""500 Imu messages in every way that people have them: all are stored, or the loss is exact."""

import bz2
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Ros2Writer
from rosbags.typesys import Stores, get_typestore

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.run import ingest
from mosaico_ingest.sinks import NullSink
from mosaico_ingest.testing.recordings import write_imu

COUNT = 500
IMU = "sensor_msgs/msg/Imu"
NO_INDEX = {
    "index_types": IndexType.NONE,
    "use_statistics": False,
    "use_summary_offsets": False,
    "repeat_channels": False,
    "repeat_schemas": False,
}
MCAP: dict[str, dict[str, object]] = {
    "zstd": {},
    "lz4": {"compression": CompressionType.LZ4},
    "none": {"compression": CompressionType.NONE},
    "unchunked": {"use_chunking": False},
    "no summary, no indexes": NO_INDEX,
    "chunk index, no message index": {"index_types": IndexType.CHUNK},
    "no checksums": {"enable_crcs": False},
    "data checksum": {"enable_data_crcs": True},
    "no profile": {"profile": ""},
    "unknown profile": {"profile": "nobody-knows"},
}
METADATA = """\
rosbag2_bagfile_information:
  version: {version}
  storage_identifier: {storage}
  relative_file_paths:
    - {path}
  duration: {{nanoseconds: 1}}
  starting_time: {{nanoseconds_since_epoch: 1}}
  message_count: 500
  topics_with_message_count:
    - topic_metadata:
        name: /imu/data
        type: sensor_msgs/msg/Imu
        serialization_format: cdr
        {qos}
      message_count: 500
"""
LATER = {
    4: '  compression_format: ""\n  compression_mode: ""\n',
    5: "  files: []\n",
    7: "  custom_data: ~\n",
    8: "  ros_distro: rosbags\n",
}


@pytest.fixture(scope="module")
def host() -> Host:
    """The plugins, discovered once."""
    return Host.discover()


@pytest.fixture(scope="module")
def payloads(tmp_path_factory) -> list[tuple[int, bytes, bytes]]:
    """Time and CDR payload of 500 Imu messages, and the same in ROS 1 serialisation."""
    path = tmp_path_factory.mktemp("variants") / "imu.mcap"
    write_imu(path, COUNT)
    newer, older = get_typestore(Stores.ROS2_HUMBLE), get_typestore(Stores.ROS1_NOETIC)
    header = older.types["std_msgs/msg/Header"]
    found = []
    with path.open("rb") as stream:
        for _, _, message in make_reader(stream).iter_messages():
            imu = newer.deserialize_cdr(message.data, IMU)
            imu.header = header(seq=1, stamp=imu.header.stamp, frame_id="imu")
            packed = bytes(older.serialize_ros1(imu, IMU))
            found.append((message.log_time, message.data, packed))
    return found


@pytest.fixture
def write_mcap(tmp_path, payloads) -> Callable[..., Path]:
    """Write the messages as MCAP."""

    def write(name: str = "run.mcap", *, ros1=False, note=False, profile="ros2", **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        types = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
        text = types.generate_msgdef(IMU)[0].encode()
        with path.open("wb") as stream:
            writer = Writer(stream, chunk_size=20_000, **options)
            writer.start(profile=profile)
            schema = writer.register_schema(IMU, "ros1msg" if ros1 else "ros2msg", text)
            channel = writer.register_channel("/imu/data", "ros1" if ros1 else "cdr", schema)
            if note:
                plain = writer.register_schema("Note", "jsonschema", b'{"type": "object"}')
                other = writer.register_channel("/note", "json", plain)
                writer.add_message(other, payloads[0][0], b'{"a": 1}', 0)
            for time_ns, cdr, packed in payloads:
                writer.add_message(channel, time_ns, packed if ros1 else cdr, time_ns)
            writer.finish()
        return path

    return write


@pytest.fixture
def write_db3(tmp_path, payloads) -> Callable[..., Path]:
    """Write the messages as a ROS 2 bag directory in SQLite."""

    def write(mode: str = "") -> Path:
        path = tmp_path / "run"
        writer = Ros2Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3)
        if mode:
            writer.set_compression(CompressionMode[mode], CompressionFormat.ZSTD)
        with writer:
            types = get_typestore(Stores.ROS2_HUMBLE)
            connection = writer.add_connection("/imu/data", IMU, typestore=types)
            for time_ns, cdr, _ in payloads:
                writer.write(connection, time_ns, cdr)
        return path

    return write


@pytest.fixture
def write_ros1(tmp_path, payloads) -> Callable[..., Path]:
    """Write the messages as a ROS 1 bag."""

    def write(compression: str = "none", name: str = "run.bag") -> Path:
        writer = Ros1Writer(tmp_path / name)
        writer.chunk_threshold = 20_000
        if compression != "none":
            writer.set_compression(Ros1Writer.CompressionFormat[compression.upper()])
        with writer:
            types = get_typestore(Stores.ROS1_NOETIC)
            connection = writer.add_connection("/imu/data", IMU, typestore=types)
            for time_ns, _, packed in payloads:
                writer.write(connection, time_ns, packed)
        return tmp_path / name

    return write


@pytest.fixture
def ends(host) -> Callable[[Path], tuple[int, int, int, set[str]]]:
    """Ingest a recording: messages stored, rejected and lost, and the ontologies that they became."""

    def run(path: Path) -> tuple[int, int, int, set[str]]:
        (report,) = ingest(path, sink=NullSink(), host=host).recordings
        topics = report.topics
        counts = [
            sum(getattr(t, field) for t in topics) for field in ("stored", "rejected", "lost")
        ]
        return counts[0], counts[1], counts[2], {t.ontology for t in topics}

    return run


WHOLE = (COUNT, 0, 0, {"imu"})


@pytest.mark.parametrize("variant", MCAP)
def test_mcap(write_mcap, ends, variant):
    """However an MCAP is written, all its messages become Imu rows."""
    assert WHOLE == ends(write_mcap(**MCAP[variant]))


def test_mcap_of_ros1_messages(write_mcap, ends):
    """ROS 1 messages in MCAP are decoded by the encoding of their channel, not by the profile."""
    assert WHOLE == ends(write_mcap(ros1=True, profile="ros2"))


def test_mcap_of_mixed_encodings(write_mcap, ends):
    """Each channel is decoded by its own encoding, or kept as bytes."""
    stored, rejected, lost, ontologies = ends(write_mcap(note=True))

    assert (COUNT + 1, 0, 0) == (stored, rejected, lost)
    assert "imu" in ontologies


@pytest.mark.parametrize("name", ["RUN.MCAP", "run", "run.bag", "run.db3"])
def test_names_do_not_matter(write_mcap, ends, name):
    """A recording is what its bytes say, whatever it is called."""
    assert WHOLE == ends(write_mcap(name))


def test_mcap_without_its_last_20_bytes(write_mcap, ends):
    """A cut footer costs nothing."""
    path = write_mcap()
    path.write_bytes(path.read_bytes()[:-20])

    assert WHOLE == ends(path)


def test_mcap_cut_at_60_percent(write_mcap, ends, payloads):
    """Every message record that is whole before the cut is stored."""
    path = write_mcap(compression=CompressionType.NONE, **NO_INDEX)
    data = path.read_bytes()[: int(path.stat().st_size * 0.6)]
    path.write_bytes(data)
    whole = sum(cdr in data for _, cdr, _ in payloads)

    stored, rejected, lost, _ = ends(path)
    assert (0, 0) == (rejected, lost)
    assert whole == stored


def test_mcap_with_one_bit_turned_over(write_mcap, ends):
    """A bit in a chunk costs the messages of that chunk, which its index counts."""
    path = write_mcap()
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    chunk = summary.chunk_indexes[2]
    data = bytearray(path.read_bytes())
    data[chunk.chunk_start_offset + chunk.chunk_length - 30] ^= 4
    path.write_bytes(data)
    (index_at,) = chunk.message_index_offsets.values()
    (nbytes,) = struct.unpack_from("<I", data, index_at + 9 + 2)

    assert (COUNT - nbytes // 16, 0, nbytes // 16, {"imu"}) == ends(path)


@pytest.mark.parametrize("compression", ["none", "bz2", "lz4"])
@pytest.mark.parametrize("name", ["run.bag", "run.bag.active", "run"])
def test_ros1(write_ros1, ends, compression, name):
    """ROS 1 bags of each compression, under any name."""
    assert WHOLE == ends(write_ros1(compression, name))


def test_ros1_without_index(write_ros1, ends):
    """A bag whose recorder died says that it has no index, and may end with its last chunk."""
    path = write_ros1()
    data = path.read_bytes()
    at = data.index(b"index_pos=") + 10
    (index_at,) = struct.unpack_from("<Q", data, at)
    path.write_bytes(data[:at] + bytes(8) + data[at + 8 : index_at])

    assert WHOLE == ends(path)


def test_ros1_with_a_broken_chunk(write_ros1, ends):
    """A broken chunk costs its own messages, and its time range is told."""
    path = write_ros1("bz2")
    data = bytearray(path.read_bytes())
    at = data.index(b"BZh", data.index(b"BZh") + 1)
    data[at + 40] ^= 0xFF
    path.write_bytes(data)
    lost = len(bz2.decompress(write_ros1("bz2", "again.bag").read_bytes()[at:]).split(b"op=\2")) - 1

    stored, rejected, found, _ = ends(path)
    assert (COUNT, 0) == (stored + found, rejected)
    assert lost == found


@pytest.mark.parametrize("mode", ["", "FILE", "MESSAGE"])
def test_ros2(write_db3, ends, mode):
    """A bag directory, plain or with zstd around files or messages."""
    assert WHOLE == ends(write_db3(mode))


def test_ros2_messages_of_zstd_without_metadata(write_db3, ends, tmp_path):
    """Messages in zstd frames are known by their bytes where nothing says so."""
    (part,) = write_db3("MESSAGE").glob("*.db3")
    alone = tmp_path / "alone.db3"
    shutil.move(part, alone)

    assert WHOLE == ends(alone)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("version", range(1, 10))
def test_ros2_metadata_of_any_version(write_db3, write_mcap, ends, version, storage):
    """A metadata.yaml of each version, doubled paths, no storage and odd QoS text: the data decide."""
    path = write_db3() if storage == "sqlite3" else write_mcap("run/run_0.mcap").parent
    (part,) = (p.name for p in path.iterdir() if p.suffix in (".db3", ".mcap"))
    qos = "" if version < 3 else "offered_qos_profiles: " + ("'odd: ['" if version < 9 else "[]")
    text = METADATA.format(
        version=version,
        storage=storage if version % 2 else '""',
        path=f"run/{part}" if version % 3 else part,
        qos=qos,
    )
    text += "".join(line for first, line in LATER.items() if version >= first)
    (path / "metadata.yaml").write_text(text)

    assert WHOLE == ends(path)


@pytest.mark.parametrize("text", [None, "", "}{", "rosbag2_bagfile_information: 3\n"])
def test_ros2_without_usable_metadata(write_db3, ends, text):
    """A metadata.yaml that is missing, empty or nonsense costs nothing."""
    path = write_db3()
    (path / "metadata.yaml").unlink()
    if text is not None:
        (path / "metadata.yaml").write_text(text)

    assert WHOLE == ends(path)


def test_ros2_cut_at_70_percent(write_db3, ends, payloads):
    """Of a cut database, every row is stored whose page is left."""
    path = write_db3()
    part = path / "run.db3"
    data = part.read_bytes()[: int(part.stat().st_size * 0.7)]
    part.write_bytes(data)
    pages = data[: len(data) // 4096 * 4096]
    left = sum(cdr in pages for _, cdr, _ in payloads)

    stored, rejected, lost, _ = ends(path)
    assert (left, 0, COUNT - left) == (stored, rejected, lost)


def test_zstd_is_what_the_helpers_think(write_db3):
    """The packed variants are packed: else the tests above would show nothing."""
    (packed,) = write_db3("FILE").glob("*.zstd")

    assert zstandard.ZstdDecompressor().stream_reader(packed.read_bytes()).read(6) == b"SQLite"
