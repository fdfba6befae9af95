"""MCAP files in every variant, written with the `mcap` package, and what its own reader finds in them."""

import struct
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from mcap.records import Channel, Message
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, IndexType, Writer
from mosaico_ingest_mcap import McapFormat

from mosaico_ingest.testing.source import read_rows, source_file

VARIANTS = {
    "zstd": {"compression": CompressionType.ZSTD},
    "lz4": {"compression": CompressionType.LZ4},
    "none": {"compression": CompressionType.NONE},
    "unchunked": {"use_chunking": False},
    "unchunked, no index": {
        "use_chunking": False,
        "index_types": IndexType.NONE,
        "use_statistics": False,
        "use_summary_offsets": False,
        "repeat_channels": False,
        "repeat_schemas": False,
    },
    "no summary, no index": {
        "index_types": IndexType.NONE,
        "use_statistics": False,
        "use_summary_offsets": False,
        "repeat_channels": False,
        "repeat_schemas": False,
    },
    "no message index": {"index_types": IndexType.CHUNK},
    "no statistics": {"use_statistics": False},
    "no checksums": {"enable_crcs": False, "compression": CompressionType.NONE},
}


def write_variant(
    path: Path, messages: int = 500, *, oversized=False, definition=b"float64 x", **options
) -> Path:
    """Write *messages* over four channels (two share a topic, one has no schema), in chunks of 4 KiB."""
    random = np.random.default_rng(7)
    with path.open("wb") as stream:
        writer = Writer(stream, **{"chunk_size": 4096, **options})
        writer.start(profile="ros2", library="tests")
        imu = writer.register_schema("sensor_msgs/msg/Imu", "ros2msg", definition)
        json = writer.register_schema("Note", "jsonschema", b'{"type": "object"}')
        channels = [
            writer.register_channel("/imu", "cdr", imu, {"offered_qos_profiles": "- depth: 5"}),
            writer.register_channel("/note", "json", json),
            writer.register_channel("/note", "json", imu),
            writer.register_channel("/plain", "x-own", 0),
        ]
        for k in range(messages):
            channel = channels[0] if k % 5 else channels[k // 5 % 4]
            size = 9000 if oversized and k == messages // 2 else int(random.integers(0, 200))
            log = 10**9 + 10 * k - (25 if k % 7 == 3 else 0)
            payload = struct.pack("<I", k) + random.bytes(size)
            writer.add_message(channel, log_time=log, publish_time=log - 3, data=payload)
        writer.add_attachment(5, 4, "calibration.yaml", "text/yaml", b"k: 1")
        writer.add_metadata("robot", {"name": "kilo"})
        writer.finish()
    return path


def independent_rows(path: Path) -> dict[int, list]:
    """Return what mcap's own stream reader finds: rows per channel id, in stored order."""
    rows = defaultdict(list)
    with path.open("rb") as stream:
        for record in StreamReader(stream, validate_crcs=True).records:
            if isinstance(record, Message):
                rows[record.channel_id].append((record.log_time, record.publish_time, record.data))
    return dict(rows)


def independent_topics(path: Path) -> dict[int, str]:
    """Return the topics of the channels that mcap's own stream reader finds."""
    with path.open("rb") as stream:
        records = StreamReader(stream).records
        return {record.id: record.topic for record in records if isinstance(record, Channel)}


def open_path(path: Path):
    """Open a recording as the host does."""
    return McapFormat().open(source_file(path), None)


def read_path(path: Path):
    """Return the table of contents, all rows per channel and all damage."""
    with open_path(path) as recording:
        rows, damage = read_rows(recording)
        return recording.info, rows, [*recording.info.damage, *damage]


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def variant(request, tmp_path):
    """One recording of 500 messages, in each way it can be written."""
    return write_variant(tmp_path / "variant.mcap", **request.param)


@pytest.fixture
def mcap_file(tmp_path):
    """Write a recording with the options of `write_variant`."""

    def write(name: str = "file.mcap", **options) -> Path:
        return write_variant(tmp_path / name, **options)

    return write


@pytest.fixture
def kit():
    """The helpers of this file, for test modules (which cannot import it)."""

    class Kit:
        write = staticmethod(write_variant)
        rows = staticmethod(independent_rows)
        topics = staticmethod(independent_topics)
        open = staticmethod(open_path)
        read = staticmethod(read_path)
        variants = VARIANTS

    return Kit
