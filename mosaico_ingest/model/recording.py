"""
What a recording holds, as its source plugin tells it before a single message is read.

Must not know: payloads, plans. Next: `batch`.
"""

from collections.abc import Mapping
from pathlib import Path

import attrs
import pyarrow as pa

__all__ = ["Attachment", "Channel", "Damage", "MetadataRecord", "RecordingInfo"]


@attrs.frozen(kw_only=True)
class Channel:
    """
    One stream of messages inside a recording; two channels may carry the same topic name.

    Args:
        id: Number of the channel, unique in its recording.
        topic: Name as the file has it (`/imu/data`).
        type_name: Name of the message type (`sensor_msgs/msg/Imu`), empty if the file has none.
        message_encoding: How payloads are written: `cdr`, `ros1`, `json`, `protobuf`, …; `arrow` for
            typed columns, which need no decoder.
        schema_encoding: How *definition* is written: `ros2msg`, `ros2idl`, `ros1msg`, `jsonschema`, …
        definition: The message definition, verbatim.
        messages: Declared number of messages, None where the file does not say.
        start_ns, end_ns: First and last log time, inclusive, None where unknown.
        metadata: What else the file says: QoS, latched flag, publisher.
        columns: Schema of the typed columns, where *message_encoding* is `arrow`.
        sample: Its first payloads, where a decoder needs them to choose its columns (`SampleDecoder`); the
            core reads them when it plans, a source leaves it empty.
    """

    id: int
    topic: str
    type_name: str
    message_encoding: str
    schema_encoding: str = ""
    definition: bytes = attrs.field(default=b"", repr=False)
    messages: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    columns: pa.Schema | None = None
    sample: tuple[bytes, ...] = attrs.field(default=(), repr=False)


@attrs.frozen(kw_only=True)
class Damage:
    """
    Part of a recording that cannot be read. It is data, not an error: it ends in the report.

    Args:
        reason: What is wrong, a sentence for people.
        byte_range: First byte and the one after the last, in the file *path*.
        path: The file of a recording of several, None for the only one.
        time_range_ns: Log times that it covers, inclusive, where known.
        lost: Messages lost per channel id, as far as the file tells; empty where unknown.
    """

    reason: str
    byte_range: tuple[int, int] | None = None
    path: Path | None = None
    time_range_ns: tuple[int, int] | None = None
    lost: Mapping[int, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Attachment:
    """A file that travels inside a recording; its bytes stay in the recording."""

    name: str
    media_type: str
    size_bytes: int
    log_time_ns: int | None = None


@attrs.frozen(kw_only=True)
class MetadataRecord:
    """A named table of texts inside a recording."""

    name: str
    values: Mapping[str, str]


@attrs.frozen(kw_only=True)
class RecordingInfo:
    """
    The table of contents of one recording.

    Args:
        path: The file or directory that was opened.
        format: What it is, for people (`MCAP`, `ROS 1 bag 2.0`, `ROS 2 bag (sqlite3)`).
        files: All files that hold its data, in reading order.
        size_bytes: Size of all *files*.
        channels: Every channel, also those without messages.
        messages: Declared number of messages, None where the file does not say.
        start_ns, end_ns: First and last log time, inclusive.
        compression: Number of chunks per kind of compression (`{"zstd": 12}`).
        has_index: Whether counts and times come from an index and can be trusted.
        damage: Damage that opening alone has shown.
        packing: How its files are packed as a whole (`gzip`); the core says so, a source leaves it empty.
        grouping: Why several files are one recording; the core says so, a source leaves it empty.
        findings: What else a careful reader would tell (`metadata.yaml says 2623 ns, the data span 1998 ns`).
    """

    path: Path
    format: str
    files: tuple[Path, ...]
    size_bytes: int
    channels: tuple[Channel, ...]
    messages: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    compression: Mapping[str, int] = attrs.field(factory=dict)
    has_index: bool = False
    damage: tuple[Damage, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    metadata: tuple[MetadataRecord, ...] = ()
    packing: str = ""
    grouping: str = ""
    findings: tuple[str, ...] = ()
