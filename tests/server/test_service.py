"""The server object, and the border that errors cross."""

import logging

import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.server.control import Control
from mosaico_ingest.server.service import MosaicoServer

pytestmark = pytest.mark.folder


def test_repr(tmp_path):
    """A server says where it listens, what it serves and whether it still does."""
    server = MosaicoServer(tmp_path / "store")
    serving = repr(server)
    server.close()
    server.close()

    assert f"<MosaicoServer grpc://127.0.0.1:{server.port} {tmp_path / 'store'} serving>" == serving
    assert repr(server).endswith("closed>")


def test_failed_start_frees_the_store(tmp_path):
    """A server that cannot listen leaves the store to others."""
    with MosaicoServer(tmp_path / "one") as one, pytest.raises(UsageError):
        MosaicoServer(tmp_path / "two", port=one.port)

    MosaicoServer(tmp_path / "two").close()


def test_faults_stay_inside(peer, monkeypatch, caplog):
    """A fault of the server reaches its log, and the client a sentence without any of it."""

    def fail(*_):
        raise ZeroDivisionError("/secret/path")

    monkeypatch.setattr(Control, "act", fail)
    with caplog.at_level(logging.ERROR):
        told = peer.refusal(peer.act, "version")

    assert ("ServerFaultError", "Internal error: see the log of the server.") == told
    assert "/secret/path" in caplog.text


def test_refusal_in_words(peer):
    """A client that knows nothing of our notes still reads the status in the message."""
    with pytest.raises(
        Exception, match="Flight returned not found error, with message: s not found"
    ):
        peer.act("sequence_delete", locator="s")
