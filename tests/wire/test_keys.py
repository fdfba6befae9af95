"""Ingesting with a key that allows no more than `write`."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import APIKeyPermissionEnum, SessionLevelErrorPolicy
from mosaico_ingest.errors import UnauthorizedError
from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.pipeline.fingerprint import fingerprint
from mosaico_ingest.run import ingest, plan, serve
from mosaico_ingest.server.security import Security
from mosaico_ingest.sinks import FlightSink
from mosaico_ingest.testing.lines import LinesPlugin, write_lines


@pytest.fixture
def writer(place) -> Iterator[MosaicoClient]:
    """A client whose key allows to write, and nothing beyond."""
    with serve(place) as server, MosaicoClient.connect(server.url) as client:
        token = client.api_key_create(APIKeyPermissionEnum.Write, "robot")
    with (
        serve(place, security=Security(require_api_key=True)) as server,
        MosaicoClient.connect(server.url, api_key=token) as client,
    ):
        yield client


@pytest.fixture
def host() -> Host:
    """The plugin of the lines format."""
    return Host.empty().with_(LinesPlugin())


@pytest.fixture
def drive(tmp_path) -> Path:
    """A recording of one topic."""
    return write_lines(tmp_path / "drive.lines", "good 1 a", "good 2 b")


def test_writing_is_enough_to_ingest(writer, host, drive):
    """A run in which nothing fails needs no more than `write`."""
    report = ingest(drive, client=writer, host=host)

    assert (0, ["drive"]) == (report.exit_code, writer.list_sequences())


def test_topic_that_cannot_be_deleted_stays(writer, host, drive):
    """A failed topic stays incomplete where the key may not delete it, and the reason names both."""
    (planned,) = plan(drive, host=host)
    recording = FlightSink(writer, SessionLevelErrorPolicy.Report, "here").open(planned.plan)
    topic = recording.topic(planned.plan.topics[0], 0)

    with pytest.raises(
        UnauthorizedError, match=r"may not delete topic '/good'.*\(broken\).*`delete`"
    ):
        topic.abort("broken")

    handler = writer.topic_handler("drive", "/good")
    assert (False, 0) == (handler.info.locked, handler.info.rows)


def test_remains_that_cannot_be_deleted(writer, host, drive):
    """What a killed run left stops the next one where the key may not delete it, with what to do."""
    mark = fingerprint([drive])
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    origin = {"fingerprint": mark, "writer": {"host": socket.gethostname(), "pid": dead.pid}}
    writer.sequence_create("drive", {"mosaico_ingest": origin}).open()
    (recording,) = ingest(drive, client=writer, host=host).recordings

    assert (RecordingStatus.Failed, ["drive"]) == (recording.status, writer.list_sequences())
    assert (
        "left 'drive' of the same recording, and the API key may not delete it" in recording.error
    )
