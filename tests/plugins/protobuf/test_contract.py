"""The decoder `protobuf` keeps the promises of every decoder."""

import pytest
from mosaico_ingest_protobuf.decoder import ProtobufDecoder

from mosaico_ingest.testing.decoder import DecoderContract, Sample


class TestProtobuf(DecoderContract):
    """Protocol Buffers."""

    plugin_module = "mosaico_ingest_protobuf"
    refuses_cuts = False  # a message that ends between two fields is a message

    @pytest.fixture
    def decoder(self):
        """The decoder under test."""
        return ProtobufDecoder()

    @pytest.fixture
    def samples(self, kit):
        """Messages with nested, repeated and mapped fields, written by the library."""
        definition = kit.Definition("Robot")
        definition.message("Joint", ("", "string", "name", 1), ("presence", "double", "angle", 2))
        robot = definition.message(
            "Robot",
            ("", "uint64", "time", 1),
            ("repeated", "Joint", "joints", 2),
            ("repeated", "sint32", "codes", 3),
        )
        definition.map(robot, "string", "int32", "counts", 4)
        write = kit.message(definition)
        payloads, rows = [], []
        for k in range(1, 4):
            joints = [{"name": f"joint_{'x' * j}", "angle": j / 3} for j in range(k)]
            codes, counts = [-j * 100 for j in range(k)], {"a" * k: k}
            message = write(time=k << 60, joints=joints, codes=codes, counts=counts)
            payloads.append(message.SerializeToString(deterministic=True))
            entries = [{"key": key, "value": value} for key, value in counts.items()]
            rows.append({"time": k << 60, "joints": joints, "codes": codes, "counts": entries})
        channel = kit.channel(definition.files.SerializeToString(), "t.Robot")
        return [Sample(channel=channel, payloads=payloads, rows=rows)]
