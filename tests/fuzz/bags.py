"""MCAP files and ROS bags, with the places of their chunks, records and pages."""

import random
import struct
from pathlib import Path

from mcap.writer import CompressionType, IndexType, Writer
from mosaico_ingest_mcap import McapFormat

from .subjects import Message, Part, Range, Subject, opener

_MESSAGES = 600
_RESYNC = 5  # records in a row that a walk without chunks needs to find its way again


def _sample() -> list[tuple[int, bytes]]:
    """Return the messages of every recording: numbered, of 20 to 400 bytes, half of them random."""
    noise = random.Random(6)
    return [
        (
            10**18 + 1000 * k,
            b"\0\1\0\0%08d" % k + noise.randbytes(noise.randrange(8, 190)) * 2,
        )
        for k in range(_MESSAGES)
    ]


def mcap(folder: Path, name: str, **options: object) -> Subject:
    """Write an MCAP, and find its chunks, or its messages where it has none."""
    path = folder / f"{name}.mcap"
    written = _sample()
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=8000, **options)
        writer.start()
        channel = writer.register_channel("/a", "x", 0)
        for k, (time_ns, payload) in enumerate(written):
            writer.add_message(channel, time_ns, payload, time_ns, sequence=k)
        writer.finish()
    data = path.read_bytes()
    parts: list[Part] = []
    checked: list[Range] = []
    left = iter(written)
    at = 8
    while at < len(data) - 8:
        op, length = struct.unpack_from("<BQ", data, at)
        end = at + 9 + length
        if op == 5:
            parts.append(((at, end), [next(left)]))
        elif op == 6:
            start_ns, end_ns = struct.unpack_from("<QQ", data, at + 9)
            checked.append((at + 9 + 40, end))
            parts.append(((at, end), [m for m in written if start_ns <= m[0] <= end_ns]))
        elif op == 7:  # the index of the chunk before it
            (start, _), messages = parts[-1]
            parts[-1] = (start, end), messages
        at = end
    assert sum(len(messages) for _, messages in parts) == len(written)
    is_chunked = bool(options.get("use_chunking", True))
    first = parts[0][0][0]
    return Subject(
        open=opener(McapFormat()),
        path=path,
        parts=parts,
        # Without a summary, nothing but its own length tells where the header ends.
        vital=(
            (0, 8)
            if "use_chunking" not in options and "index_types" not in options
            else (0, first),
        ),
        checked=tuple(checked),
        run=1 if is_chunked else _RESYNC,
    )


def ros1(folder: Path, compression: str) -> Subject:
    """Write a ROS 1 bag, and find its chunks."""
    from mosaico_ingest_rosbag.formats import Ros1Bag
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_typestore

    path = folder / f"{compression}.bag"
    written = _sample()
    writer = Writer(path)
    writer.chunk_threshold = 8000
    if compression != "none":
        writer.set_compression(Writer.CompressionFormat[compression.upper()])
    with writer:
        types = get_typestore(Stores.ROS1_NOETIC)
        connection = writer.add_connection("/a", "std_msgs/msg/String", typestore=types)
        for time_ns, payload in written:
            writer.write(connection, time_ns, payload)
    data = path.read_bytes()
    parts: list[Part] = []
    checked: list[Range] = []
    at = 13
    while at < len(data):
        (header_bytes,) = struct.unpack_from("<I", data, at)
        header = data[at + 4 : at + 4 + header_bytes]
        (data_bytes,) = struct.unpack_from("<I", data, at + 4 + header_bytes)
        end = at + 8 + header_bytes + data_bytes
        if b"op=\x05" in header:
            parts.append(((at, end), []))
            if compression == "bz2":
                checked.append((end - data_bytes, end))
        elif b"op=\x04" in header:  # the index of the chunk before it
            entries = struct.iter_unpack("<III", data[end - data_bytes : end])
            times = {s * 10**9 + rest for s, rest, _ in entries}
            parts[-1] = (parts[-1][0][0], end), [m for m in written if m[0] in times]
        at = end
    assert sum(len(messages) for _, messages in parts) == len(written)
    return Subject(
        open=opener(Ros1Bag()), path=path, parts=parts, vital=((0, 13),), checked=tuple(checked)
    )


def db3(folder: Path) -> Subject:
    """Write a ROS 2 bag in SQLite, and find the pages that its messages are on."""
    from mosaico_ingest_rosbag.formats import Ros2Db3
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    written = _sample()
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(folder / "db3", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/a", "std_msgs/msg/String", typestore=types)
        for time_ns, payload in written:
            writer.write(connection, time_ns, payload)
    path = folder / "db3" / "db3.db3"
    data = path.read_bytes()
    page_bytes = int.from_bytes(data[16:18], "big")
    pages: dict[int, list[Message]] = {}
    for message in written:
        assert len(message[1]) < page_bytes // 2
        pages.setdefault(data.index(message[1]) // page_bytes, []).append(message)
    others = set(range(len(data) // page_bytes)) - pages.keys()
    return Subject(
        open=opener(Ros2Db3()),
        path=path,
        parts=[((p * page_bytes, (p + 1) * page_bytes), pages[p]) for p in sorted(pages)],
        vital=tuple((p * page_bytes, (p + 1) * page_bytes) for p in others),
        checked=(),
    )


_BARE = {
    "index_types": IndexType.NONE,
    "use_statistics": False,
    "use_summary_offsets": False,
    "repeat_channels": False,
    "repeat_schemas": False,
}


def compressed(folder: Path, compression: str) -> Subject:
    """Write an MCAP of another compression."""
    return mcap(folder, compression, compression=CompressionType[compression.upper()])


def bag_folder(folder: Path) -> Subject:
    """Write a ROS 2 bag, and take the file beside its database, which the data do not need."""
    from mosaico_ingest_rosbag.formats import Ros2Db3

    inner = db3(folder / "beside")
    database = inner.path
    everything = [message for _, found in inner.parts for message in found]
    return Subject(
        open=opener(Ros2Db3()),
        path=database.parent / "metadata.yaml",
        within=database.parent,
        parts=[((0, 0), everything)],
    )
