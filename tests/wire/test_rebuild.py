"""Real recordings, the loss of the catalog, and what is there afterwards."""

import pytest

from mosaico_ingest import Q
from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.server.runner import rebuild_store

pytestmark = pytest.mark.folder

RECORDINGS = (
    "mcap/DERIVED/demo_lz4.mcap",
    "mcap/jinbeizame007+rosbag2parquet/testdata",
    "mcap/eProsima+DDS-Record-Replay/ros2",
    "ros1/ros+ros_comm",
)


def look(store):
    """Tell everything that the client can learn; rows as text, since NaN equals nothing."""
    with serve(store) as server, MosaicoClient.connect(server.host, server.port) as client:
        told = {}
        for name in client.list_sequences():
            told[name] = client.sequence_handler(name), client.sequence_system_info(name)
            for topic in told[name][0].topics:
                handler = client.topic_handler(name, topic)
                rows = str(handler.read().read_all().to_pylist())
                told[name + topic] = handler.user_metadata, handler.info, handler.schema, rows
        found = client.query(Q.ontology("imu.acceleration.z") > 0.0)
        told["query"] = [(one.name, one.topics) for one in found]
    return told


def test_real_recordings_come_back(shared_data, tmp_path):
    """After the catalog was lost and made anew, all is as before, and nothing is ingested twice."""
    paths, store = [shared_data / path for path in RECORDINGS], tmp_path / "store"
    first = ingest(paths, store=store)
    before = look(store)
    for path in store.glob("catalog*"):
        path.unlink()
    told = rebuild_store(store)
    after = look(store)
    again = ingest(paths, store=store)

    stored = {RecordingStatus.Stored, RecordingStatus.StoredWithLosses}
    kept = [one.path for one in first.recordings if one.status in stored]
    known = [one.path for one in again.recordings if one.status is RecordingStatus.AlreadyStored]
    assert (True, ()) == (len(kept) > 3, told.losses)
    assert set(kept) <= set(known)
    assert before["query"]
    assert before.keys() == after.keys()
    for name, facts in before.items():
        assert facts == after[name], name
