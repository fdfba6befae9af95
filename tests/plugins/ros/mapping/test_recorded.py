"""Every mapped value of real recordings equals what a computation message by message gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mcap.reader import make_reader
from mosaico_ingest_ros import mosaico_decoders
from mosaico_ingest_ros.mapping.rule import base_name
from ros_one_by_one import EXPECTED, envelope_of
from rosbags.rosbag1 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from mosaico_ingest.plugin import Channel, Times

RERUN = "mcap/rerun-io+rerun/crates/store/re_data_loader/tests/assets"


def recorded(path: Path) -> Iterator[tuple[Channel, list[int], list[bytes], list[Any]]]:
    """Yield the channels of a recording with log times, payloads and messages, read by others."""
    if path.suffix == ".bag":
        with Reader(path) as reader:
            for c in reader.connections:
                rows = list(reader.messages([c]))
                name, text = c.msgtype.replace("/msg/", "/"), c.msgdef.data
                yield read_by_rosbags(
                    name, text, "ros1", [r[1] for r in rows], [r[2] for r in rows]
                )
    else:
        with path.open("rb") as stream:
            reader = make_reader(stream)
            for c in reader.get_summary().channels.values():
                rows = [r for r in reader.iter_messages([c.topic]) if r[1].id == c.id]
                schema = reader.get_summary().schemas[c.schema_id]
                log_ns, payloads = [r[2].log_time for r in rows], [r[2].data for r in rows]
                yield read_by_rosbags(
                    schema.name, schema.data.decode(), c.message_encoding, log_ns, payloads
                )


def read_by_rosbags(
    name: str, text: str, encoding: str, log_ns: list[int], payloads: list[bytes]
) -> tuple[Channel, list[int], list[bytes], list[Any]]:
    """Return a channel with its messages, deserialised one by one."""
    kind = name if "/msg/" in name else name.replace("/", "/msg/", 1)
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(text, kind))
    read = store.deserialize_ros1 if encoding == "ros1" else store.deserialize_cdr
    channel = Channel(
        id=1,
        topic="/topic",
        type_name=name,
        message_encoding=encoding,
        schema_encoding="ros1msg" if encoding == "ros1" else "ros2msg",
        definition=text.encode(),
    )
    return channel, log_ns, payloads, [read(payload, kind) for payload in payloads]


@pytest.mark.parametrize(
    "recording",
    [
        "mcap/reductstore+reductstore_agent/testdata/demo.mcap",
        f"{RERUN}/rosbag2_2025_09_10-13_03_56_0.mcap",
        "mcap/DERIVED/test2_ros1_profile_lz4.mcap",
        "ros1/cra-ros-pkg+robot_localization/test/test2.bag",
        "ros1/eric-wieser+ros_numpy/test/test.bag",
        "ros1/foxglove+rosbag/example-lz4.bag",
    ],
)
def test_recorded_values(shared_data, apply_mapper, recording):
    """Messages that robots have written become the same rows as the messages one by one."""
    compared = 0
    for channel, log_ns, payloads, messages in recorded(shared_data / recording):
        tag, expected_row = EXPECTED.get(base_name(channel.type_name), ("", dict))
        if not tag or not messages:
            continue
        expected = [
            envelope_of(m, t) | expected_row(m) for m, t in zip(messages, log_ns, strict=True)
        ]
        (decoder,) = (d for d in mosaico_decoders() if d.claim(channel))
        decoded = decoder.compile(channel)(pa.array(payloads, pa.binary()))

        mapped = apply_mapper(channel, decoded.data, Times(log_ns=pa.array(log_ns)))

        assert tag == mapped.claim.tag
        assert repr(expected) == repr(mapped.rows)
        compared += len(expected)
    assert compared
