"""The promises of the plugin, checked by the test kit, and one recording from end to end."""

import mosaico_ingest_waypoints as waypoints
import numpy as np
import pytest

from mosaico_ingest import ingest
from mosaico_ingest.testing.sink import MemorySink
from mosaico_ingest.testing.source import SourceContract


@pytest.fixture
def path(tmp_path):
    """A recording of a hundred points."""
    rows = np.zeros(100, waypoints.ROW)
    rows[waypoints.LOG_TIME] = np.arange(100) * 1_000_000
    rows["x"] = np.linspace(0, 1, 100)
    path = tmp_path / "track.waypoints"
    path.write_bytes(waypoints.MAGIC + rows.tobytes())
    return path


class TestSource(SourceContract):
    """What every source promises."""

    plugin_module = "mosaico_ingest_waypoints"

    @pytest.fixture
    def source_format(self):
        """The format under test."""
        return waypoints.WaypointsFormat()

    @pytest.fixture
    def recordings(self, path):
        """Good recordings, with their messages per topic."""
        return {path: {"/waypoints": 100}}


def test_every_point_is_stored(path):
    """The installed plugin is found, and every point arrives with its time."""
    sink = MemorySink()
    report = ingest(path, sink=sink)
    table = sink.recordings["track"].topics["/waypoints"].table()

    assert 0 == report.exit_code
    assert [0.0, 1.0] == table["x"].to_pylist()[::99]
    assert [0, 99_000_000] == table["timestamp_ns"].to_pylist()[::99]
