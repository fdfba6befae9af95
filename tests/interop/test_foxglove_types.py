"""Every type that Foxglove's schemas become is read by the public SDK, whatever their encoding."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mosaico_ingest import MosaicoClient
from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.run import ingest, serve

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins/foxglove"))

from foxglove_messages import DRESSES, Dress, make_dress, make_messages  # noqa: E402 - on the path above
from foxglove_one_by_one import EXPECTED, expected_rows  # noqa: E402

pytestmark = pytest.mark.interop

COUNT = 5
START_NS = 1_700_000_000_000_000_000
READABLE = set(sdk.Serializable._list_registered())
SCHEMAS = [schema for schema, (tag, _) in EXPECTED.items() if tag in READABLE]


def generated(schema: str) -> list[dict[str, Any]]:
    """Return messages of a schema, with what the SDK's models insist on."""
    messages = make_messages(schema, COUNT)
    for n, message in enumerate(messages):
        if "format" in message:
            message["format"] = "h265" if schema == "CompressedVideo" else "jpg"
        for field in message.get("fields", ()):
            field["type"] = 1 + n
    return messages


def write(path: Path, dress: Dress) -> None:
    """Write messages of every schema, one each nanosecond."""
    from mcap.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(library="test")
        for schema in dress.mapped(SCHEMAS):
            channel = dress.channel(schema)
            number = writer.register_channel(
                f"/{schema}",
                channel.message_encoding,
                writer.register_schema(
                    channel.type_name, channel.schema_encoding, channel.definition
                ),
            )
            for n, message in enumerate(generated(schema)):
                payload = dress.encoding.payload(schema, message)
                writer.add_message(number, START_NS + n, payload, START_NS + n)
        writer.finish()


@pytest.fixture(scope="module", params=sorted(DRESSES))
def dress(request) -> Dress:
    """Each encoding in turn."""
    return make_dress(request.param)


@pytest.fixture(scope="module")
def client(dress, tmp_path_factory) -> Iterator[object]:
    """A client of the SDK; what it reads was ingested with the recorder's clock, which orders messages."""
    folder = tmp_path_factory.mktemp(dress.name)
    write(folder / "run.mcap", dress)
    with serve(folder / "store") as server:
        with MosaicoClient.connect(server.url) as ours:
            settings = Settings(time=TimePolicy.Log)
            report = ingest(folder / "run.mcap", client=ours, settings=settings)
            assert 0 == report.exit_code, report
        with sdk.MosaicoClient.connect(server.host, server.port) as client:
            yield client


def test_values(client, dress):
    """The SDK's model of each row equals its model of the values computed from the message."""
    for schema in dress.mapped(SCHEMAS):
        tag = EXPECTED[schema][0]
        model = sdk.Serializable._get_class_type(tag)
        expected = [
            model.model_validate({name: row[name] for name in row if name in model.model_fields})
            for row in expected_rows(schema, generated(schema))
        ]
        read = [
            message.data
            for message in client.topic_handler("run", f"/{schema}").get_data_streamer()
        ]

        assert expected == read, schema


def test_all_schemas_but_newer_types_are_read():
    """Only paths have a type that the SDK's generation does not know."""
    assert ["PosesInFrame"] == [schema for schema in EXPECTED if schema not in SCHEMAS]
