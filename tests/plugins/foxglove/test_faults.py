"""What the user sees of a message that does not fit."""

from foxglove_messages import make_dress, make_messages
from mcap.writer import Writer

from mosaico_ingest import MosaicoClient
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve


def test_message_that_does_not_fit(tmp_path):
    """The report names topic, value and the flag that keeps all; with that flag, all is kept."""
    dress = make_dress("json")
    channel = dress.channel("CameraCalibration")
    path = tmp_path / "run.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema(
            channel.type_name, channel.schema_encoding, channel.definition
        )
        number = writer.register_channel("/camera", "json", schema)
        for n, message in enumerate(make_messages("CameraCalibration", 3)):
            message["K"] = message["K"][n:]
            payload = dress.encoding.payload("CameraCalibration", message)
            writer.add_message(number, n, payload, n)
        writer.finish()
    with serve(tmp_path / "store") as server, MosaicoClient.connect(server.url) as client:
        failed = ingest(path, client=client)
        kept = ingest(path, client=client, settings=Settings(map={"/camera": "fallback"}))

    assert [1, 0] == [failed.exit_code, kept.exit_code]
    assert (
        "None of its messages can be stored: 'foxglove' failed to map '/camera': "
        "A message of '/camera' does not fit 'camera_info': 'K' has 8 values. Expected 9, or none. "
        "Use --map /camera=fallback to keep its columns."
    ) == failed.recordings[0].error
    assert 3 == kept.recordings[0].topics[0].stored
