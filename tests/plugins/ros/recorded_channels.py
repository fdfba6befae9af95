"""The channels of real recordings, read by other libraries."""

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import zstandard
from mcap.exceptions import McapError
from mcap.records import Channel as McapChannel
from mcap.records import Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.rosbag1 import Reader, ReaderError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

__all__ = ["Stored", "oracle_types", "stored_channels"]


@attrs.define
class Stored:
    """One channel of a file: what is needed to decode it, and its payloads."""

    encoding: str
    type_name: str
    schema_encoding: str = ""
    definition: bytes = b""
    payloads: list[bytes] = attrs.field(factory=list)


def read_mcap(path: Path) -> Iterator[Stored]:
    """Read the intact messages of an MCAP file with its own library."""
    schemas, channels = {}, {}
    with path.open("rb") as stream:
        try:
            for record in StreamReader(stream).records:
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, McapChannel):
                    schema = schemas.get(record.schema_id)
                    if schema:
                        stored = Stored(
                            record.message_encoding, schema.name, schema.encoding, schema.data
                        )
                        channels.setdefault(record.id, stored)
                elif isinstance(record, Message) and record.channel_id in channels:
                    channels[record.channel_id].payloads.append(bytes(record.data))
        except McapError:
            pass  # damage is the matter of the source plugin's tests
    yield from (c for c in channels.values() if c.encoding in {"cdr", "ros1"})


def read_bag(path: Path) -> Iterator[Stored]:
    """Read the intact messages of a ROS 1 bag with rosbags."""
    channels: dict[tuple, Stored] = {}
    try:
        with Reader(path) as reader:
            for connection, _, payload in reader.messages():
                definition = connection.msgdef.data.encode()
                key = (connection.msgtype, definition)
                channels.setdefault(key, Stored("ros1", key[0], "ros1msg", definition))
                channels[key].payloads.append(bytes(payload))
    except (ReaderError, OSError):
        pass
    yield from channels.values()


def read_db3(path: Path, folder: Path) -> Iterator[Stored]:
    """Read a copy of an sqlite bag: opening it may write beside it."""
    for file in path.parent.glob(path.name + "*"):
        shutil.copy(file, folder)
    with closing(sqlite3.connect(folder / path.name)) as database:
        try:
            topics = database.execute(
                "SELECT id, type FROM topics WHERE serialization_format = 'cdr'"
            ).fetchall()
            texts = {name: text.encode() for name, text in definitions(database)}
            query = "SELECT data FROM messages WHERE topic_id = ? ORDER BY id"
            for topic_id, type_name in topics:
                found = database.execute(query, [topic_id]).fetchall()
                text = texts.get(type_name, b"")
                schema_encoding = "ros2msg" if text else ""
                payloads = [unpacked(row[0]) for row in found]
                yield Stored("cdr", type_name, schema_encoding, text, payloads)
        except sqlite3.DatabaseError:
            return


def definitions(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return names and texts of the definitions, which newer bags have."""
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    if "message_definitions" not in tables:
        return []
    query = "SELECT topic_type, encoded_message_definition FROM message_definitions"
    return database.execute(query).fetchall()


def unpacked(payload: bytes) -> bytes:
    """Return a message that rosbag2 may have compressed on its own."""
    is_zstd = payload.startswith(b"\x28\xb5\x2f\xfd")
    return zstandard.ZstdDecompressor().decompress(payload) if is_zstd else payload


def oracle_types(stored: Stored) -> tuple[dict, str]:
    """Return the definition as rosbags parses it, on top of what ROS ships."""
    known = Stores.ROS1_NOETIC if stored.encoding == "ros1" else Stores.ROS2_HUMBLE
    types, text = dict(get_typestore(known).fielddefs), stored.definition.decode()
    if not text.strip():
        return types, stored.type_name
    if stored.schema_encoding == "omgidl":
        embedded = get_types_from_idl(text)
        return types | embedded, stored.type_name
    # eProsima's recorder writes `MSG: fastdds/pkg/msg/Name` for what fields call `pkg/msg/Name`.
    embedded = get_types_from_msg(text.replace("MSG: fastdds/", "MSG: "), stored.type_name)
    return types | embedded, next(iter(embedded))


def files(folder: Path) -> list[tuple[Path, str]]:
    """Return the recordings below *folder* with their suffixes."""
    suffixes = (".mcap", ".bag", ".db3")
    return [
        (p, p.suffix) for p in sorted(folder.rglob("*")) if p.suffix in suffixes and p.is_file()
    ]


def stored_channels(recordings: Path, folder: Path) -> Iterator[Stored]:
    """
    Yield every channel below *recordings*; channels of the same type and definition are one.

    Args:
        folder: An empty folder for copies.
    """
    groups: dict[tuple, Stored] = {}
    payloads: dict[tuple, list[bytes]] = defaultdict(list)
    for k, (path, suffix) in enumerate(files(recordings)):
        copies = folder / str(k)
        copies.mkdir()
        read = {".mcap": read_mcap, ".bag": read_bag}.get(suffix)
        for stored in read(path) if read else read_db3(path, copies):
            key = (stored.encoding, stored.type_name, stored.schema_encoding, stored.definition)
            groups.setdefault(key, stored)
            payloads[key] += stored.payloads
    for key, stored in groups.items():
        yield attrs.evolve(stored, payloads=payloads[key])
