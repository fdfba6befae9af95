"""Real recordings, the loss of the catalog, and what is there afterwards."""

from mosaico_ingest import Q
from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.run import ingest, serve
from mosaico_ingest.server.runner import rebuild_store

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


def test_real_recordings_come_back(shared_data, place, files_in):
    """After the catalog was lost and made anew, all is as before, and nothing is ingested twice."""
    paths, files = [shared_data / path for path in RECORDINGS], files_in(place)
    first = ingest(paths, store=place)
    before = look(place)
    for path in list(files):
        if path.startswith("catalog"):
            del files[path]
    told = rebuild_store(place)
    after = look(place)
    again = ingest(paths, store=place)

    stored = {RecordingStatus.Stored, RecordingStatus.StoredWithLosses}
    kept = [one.path for one in first.recordings if one.status in stored]
    known = [one.path for one in again.recordings if one.status is RecordingStatus.AlreadyStored]
    assert (True, ()) == (len(kept) > 3, told.losses)
    assert set(kept) <= set(known)
    assert before["query"]
    assert before.keys() == after.keys()
    for name, facts in before.items():
        assert facts == after[name], name
