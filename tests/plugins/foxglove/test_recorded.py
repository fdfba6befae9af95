"""Recordings of public projects hold what the protobuf library reads of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.json_format import MessageToDict
from mcap.reader import make_reader

from mosaico_ingest.run import ingest, serve

FOLDER = "mcap/rerun-io+rerun/crates/store/re_data_loader"
LOG = f"{FOLDER}/src/loader_mcap/tests/assets/foxglove_log.mcap"
POSE = f"{FOLDER}/tests/assets/simple-protobuf.mcap"


@pytest.fixture(scope="module")
def client(shared_data, tmp_path_factory) -> Iterator[object]:
    """A client of a server that has the recordings."""
    from mosaico_ingest import MosaicoClient

    with (
        serve(tmp_path_factory.mktemp("recorded")) as server,
        MosaicoClient.connect(server.url) as client,
    ):
        report = ingest([shared_data / LOG, shared_data / POSE], client=client)
        assert 0 == report.exit_code, report
        yield client


def messages(path: Path, topic: str) -> Iterator[tuple[int, dict]]:
    """Yield log time and message as the protobuf library reads them."""
    with path.open("rb") as file:
        for schema, _, message in make_reader(file).iter_messages(topics=[topic]):
            files = descriptor_pb2.FileDescriptorSet.FromString(schema.data)
            kind = message_factory.GetMessages(files.file)[schema.name]
            made = kind.FromString(message.data)
            stamp = made.timestamp.ToNanoseconds()
            plain = MessageToDict(
                made,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
                use_integers_for_enums=True,
            )
            yield message.log_time, {**plain, "timestamp": stamp}


def test_pose(client, shared_data):
    """A pose has its stamp, its frame and every number."""
    ((log_ns, expected),) = messages(shared_data / POSE, "pose")
    (row,) = client.topic_handler("simple-protobuf", "pose").read().read_all().to_pylist()
    pose = {
        part: {axis: value for axis, value in row[part].items() if axis in {*"xyzw"}}
        for part in ("position", "orientation")
    }

    assert expected["pose"] == pose
    assert (expected["timestamp"], log_ns, expected["frame_id"]) == (
        row["timestamp_ns"],
        row["recording_timestamp_ns"],
        row["frame_id"],
    )


def test_log(client, shared_data):
    """A log entry, which no type has room for, keeps its columns and takes its own time."""
    expected = list(messages(shared_data / LOG, "/text_log"))
    rows = client.topic_handler("foxglove_log", "text_log").read().read_all().to_pylist()
    names = ("level", "message", "name", "file", "line")

    assert [[m[name] for name in names] for _, m in expected] == [
        [row[name] for name in names] for row in rows
    ]
    assert [(m["timestamp"], log_ns) for log_ns, m in expected] == [
        (row["timestamp_ns"], row["recording_timestamp_ns"]) for row in rows
    ]
