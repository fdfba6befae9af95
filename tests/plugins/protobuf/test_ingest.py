"""Protobuf recordings all the way into a store."""

import json

from mcap.writer import Writer

import mosaico_ingest as mi


def write(path, definition, messages) -> None:
    """Write an MCAP of one channel, a message per second from second 100 on."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        descriptors = definition.files.SerializeToString()
        schema = writer.register_schema(definition.name, "protobuf", descriptors)
        channel = writer.register_channel("/state", "protobuf", schema)
        for k, data in enumerate(messages):
            at = (100 + k) * 10**9
            writer.add_message(channel, log_time=at, publish_time=at, data=data)
        writer.finish()


def test_rows_rejects_and_findings(tmp_path, kit):
    """Rows are stored by their own stamp, broken payloads beside; what the definition lacks is told."""
    definition = kit.Definition("State")
    definition.enum("Mode", IDLE=0, MOVING=3)
    definition.message("Stamp", ("", "int64", "seconds", 1), ("", "int32", "nanos", 2))
    definition.message(
        "State",
        ("", "Stamp", "timestamp", 1),
        ("", "enum Mode", "mode", 2),
        ("repeated", "float", "load", 3),
    )
    message = kit.message(definition)
    good = [message(timestamp={"seconds": k, "nanos": 7}, mode=3, load=[k]) for k in range(50)]
    payloads = [m.SerializeToString() for m in good]
    payloads[10] += b"\x20\x01"
    payloads[20] = payloads[20][:-2]
    write(tmp_path / "drive.mcap", definition, payloads)

    with (
        mi.serve(tmp_path / "store") as server,
        mi.MosaicoClient.connect(server.host, server.port) as client,
    ):
        report = mi.ingest([tmp_path / "drive.mcap"], client=client)
        stored = client.topic_handler("drive", "/state").read().read_all()
        kept = client.topic_handler("drive", "/state/_rejected").read().read_all()

    (recording,) = report.recordings
    (topic,) = recording.topics
    told = "/state: fields that the definition does not know are left out, in 1 message."
    assert (50, 49, 1, 0) == (topic.declared, topic.stored, topic.rejected, topic.lost)
    assert told in recording.findings
    assert {"The payload ends inside 'load'.": 1} == dict(topic.reasons)
    assert [payloads[20]] == kept.column("payload").to_pylist()
    assert [k * 10**9 + 7 for k in range(50) if k != 20] == stored["timestamp_ns"].to_pylist()
    assert [[k] for k in range(50) if k != 20] == stored["load"].to_pylist()
    assert {"IDLE": 0, "MOVING": 3} == json.loads(stored.schema.field("mode").metadata[b"enum"])
