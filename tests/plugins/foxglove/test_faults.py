"""What the user sees of a message that does not fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foxglove_messages import make_dress, make_messages
from mcap.writer import Writer

from mosaico_ingest import MosaicoClient
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, plan, serve


def write(path: Path, schema: str, messages: Sequence[dict[str, Any]]) -> Path:
    """Write messages in JSON to the channel /t, one each nanosecond."""
    dress = make_dress("json")
    channel = dress.channel(schema)
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        known = writer.register_schema(
            channel.type_name, channel.schema_encoding, channel.definition
        )
        number = writer.register_channel("/t", "json", known)
        for n, message in enumerate(messages):
            writer.add_message(number, n, dress.encoding.payload(schema, message), n)
        writer.finish()
    return path


def test_message_that_does_not_fit(tmp_path):
    """The report names topic, value and the flag that keeps all; with that flag, all is kept."""
    messages = make_messages("CameraCalibration", 3)
    messages[1]["K"].pop()
    path = write(tmp_path / "run.mcap", "CameraCalibration", messages)
    with serve(tmp_path / "store") as server, MosaicoClient.connect(server.url) as client:
        failed = ingest(path, client=client)
        kept = ingest(path, client=client, settings=Settings(map={"/t": "fallback"}))

    assert [1, 0] == [failed.exit_code, kept.exit_code]
    assert (
        "None of its messages can be stored: 'foxglove' failed to map '/t': "
        "A message of '/t' does not fit 'camera_info': 'K' has 8 values. Expected 9, or none. "
        "Use --map /t=fallback to keep its columns."
    ) == failed.recordings[0].error
    assert 3 == kept.recordings[0].topics[0].stored


def test_what_has_no_room_stays_known(tmp_path):
    """The topic's metadata name what its type has no room for; those of others name nothing."""
    cloud = write(tmp_path / "cloud.mcap", "PointCloud", make_messages("PointCloud"))
    image = write(tmp_path / "image.mcap", "RawImage", make_messages("RawImage"))
    sources = [planned.plan.topics[0].metadata["source"] for planned in plan([cloud, image])]

    assert [["pose of the points in frame_id"], None] == [s.get("not_kept") for s in sources]
