"""The decoders `cdr` and `ros1` keep the promises of every decoder."""

import numpy as np
import pytest
from mosaico_ingest_ros.decoding.decoder import CdrDecoder, Ros1Decoder
from rosbags.typesys import Stores, get_typestore

from mosaico_ingest.plugin import Channel
from mosaico_ingest.testing.decoder import DecoderContract, Sample

JOINT = "sensor_msgs/msg/JointState"


def joint_states(store, encoding: str) -> list[bytes]:
    """Return messages of several layouts."""
    types = store.types
    payloads = []
    for k in range(4):
        seq = [k] if encoding == "ros1" else []
        stamp = types["builtin_interfaces/msg/Time"](k, 2 * k)
        header = types["std_msgs/msg/Header"](*seq, stamp, "base"[: k + 1])
        names = [f"joint_{'x' * j}" for j in range(k)]
        message = types[JOINT](header, names, *[np.arange(k) / 3] * 3)
        write = store.serialize_cdr if encoding == "cdr" else store.serialize_ros1
        payloads.append(bytes(write(message, JOINT)))
    return payloads


def joint_row(k: int, encoding: str) -> dict[str, object]:
    """Return the values of message *k*."""
    seq = {"seq": k} if encoding == "ros1" else {}
    numbers = [j / 3 for j in range(k)]
    return {
        "header": seq | {"stamp": {"sec": k, "nanosec": 2 * k}, "frame_id": "base"[: k + 1]},
        "name": [f"joint_{'x' * j}" for j in range(k)],
        "position": numbers,
        "velocity": numbers,
        "effort": numbers,
    }


def sample(encoding: str, store: Stores) -> Sample:
    """Return joint states with the definition that rosbags writes for them."""
    types = get_typestore(store)
    version, schema_encoding = (2, "ros2msg") if encoding == "cdr" else (1, "ros1msg")
    channel = Channel(
        id=1,
        topic="/joints",
        type_name=JOINT,
        message_encoding=encoding,
        schema_encoding=schema_encoding,
        definition=types.generate_msgdef(JOINT, ros_version=version)[0].encode(),
    )
    rows = [joint_row(k, encoding) for k in range(4)]
    return Sample(channel=channel, payloads=joint_states(types, encoding), rows=rows)


class TestCdr(DecoderContract):
    """CDR."""

    plugin_module = "mosaico_ingest_ros"

    @pytest.fixture
    def decoder(self):
        """The decoder under test."""
        return CdrDecoder()

    @pytest.fixture
    def samples(self):
        """Joint states of ROS 2, and a message without fields."""
        empty = Channel(id=2, topic="/e", type_name="std_msgs/msg/Empty", message_encoding="cdr")
        payloads = [b"\0\1\0\0\0", b"\0\1\0\0\0\0\0\0"]
        return [
            sample("cdr", Stores.ROS2_HUMBLE),
            Sample(channel=empty, payloads=payloads, rows=[{}, {}]),
        ]


class TestRos1(DecoderContract):
    """ROS 1 serialisation."""

    plugin_module = "mosaico_ingest_ros"

    @pytest.fixture
    def decoder(self):
        """The decoder under test."""
        return Ros1Decoder()

    @pytest.fixture
    def samples(self):
        """Joint states of ROS 1."""
        return [sample("ros1", Stores.ROS1_NOETIC)]
