"""What the public SDK writes into our server, its policies included, read back by our client and CLI."""

import contextlib
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mosaico_ingest import MosaicoClient
from mosaico_ingest.errors import NotFoundError
from mosaico_ingest.run import serve

sdk = pytest.importorskip(
    "mosaicolabs", reason="The public SDK is not installed; run `tox -e interop`."
)

pytestmark = pytest.mark.interop

START_NS = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An embedded server that the tests of this file fill."""
    with serve(tmp_path_factory.mktemp("written") / "store") as server:
        yield server


@pytest.fixture
def theirs(server) -> Iterator[object]:
    """A client of the public SDK."""
    with sdk.MosaicoClient.connect(server.host, server.port) as client:
        yield client


@pytest.fixture
def ours(server) -> Iterator[MosaicoClient]:
    """A client of ours."""
    with MosaicoClient.connect(server.host, server.port) as client:
        yield client


def vector(model, n: int):
    """Return a vector, point or quaternion of the SDK."""
    names = "xyzw" if model is sdk.Quaternion else "xyz"
    return model(**{name: n + i / 8 for i, name in enumerate(names)})


def imu(n: int):
    """An IMU with a covariance, and an orientation every second time."""
    return sdk.IMU(
        acceleration=sdk.Vector3d(x=n, y=0.5, z=9.81, covariance=[float(i) for i in range(9)]),
        angular_velocity=vector(sdk.Vector3d, n),
        orientation=vector(sdk.Quaternion, n) if n % 2 else None,
    )


def gps(n: int):
    """A fix with a status."""
    status = sdk.GPSStatus(status=1, service=3, satellites=n % 12)
    return sdk.GPS(position=vector(sdk.Point3d, n), status=status)


def motion(n: int):
    """A motion state with nested covariances."""
    return sdk.MotionState(
        pose=sdk.Pose(
            position=vector(sdk.Point3d, n),
            orientation=vector(sdk.Quaternion, n),
            covariance=[n + i / 4 for i in range(36)],
        ),
        velocity=sdk.Velocity(linear=vector(sdk.Vector3d, n), angular=vector(sdk.Vector3d, -n)),
        target_frame_id="base_link",
    )


def transform(n: int):
    """A transform between two frames."""
    return sdk.Transform(
        translation=vector(sdk.Vector3d, n),
        rotation=vector(sdk.Quaternion, n),
        target_frame_id=f"link_{n}",
    )


def joints(n: int):
    """Joints whose number changes."""
    names = [f"joint_{i}" for i in range(n % 4)]
    values = [i / 2 for i in range(n % 4)]
    return sdk.RobotJoint(names=names, positions=values, velocities=values, efforts=values)


def picture(n: int):
    """A compressed image."""
    return sdk.CompressedImage(data=bytes(range(n % 256)), format=sdk.ImageFormat.JPEG)


FAMILIES = {
    "imu": (sdk.IMU, imu),
    "gps": (sdk.GPS, gps),
    "motion_state": (sdk.MotionState, motion),
    "transform": (sdk.Transform, transform),
    "robot_joint": (sdk.RobotJoint, joints),
    "compressed_image": (sdk.CompressedImage, picture),
    "temperature": (sdk.Temperature, lambda n: sdk.Temperature(value=273.15 + n, variance=0.5)),
    "string": (sdk.String, lambda n: sdk.String(data=f"line {n} ü")),
    "boolean": (sdk.Boolean, lambda n: sdk.Boolean(data=n % 2 == 0)),
    "floating64": (sdk.Floating64, lambda n: sdk.Floating64(data=n / 3)),
    "integer8": (sdk.Integer8, lambda n: sdk.Integer8(data=n - 60)),
}


def message(n: int, build) -> object:
    """Return message number *n* of a topic."""
    return sdk.Message(
        timestamp_ns=START_NS + n * 1_000_000,
        recording_timestamp_ns=START_NS + n * 1_000_000 + 17,
        frame_id="frame",
        sequence_id=n,
        data=build(n),
    )


def row(message) -> dict:
    """Return the columns of a message of the SDK, by its own account."""
    data = message.data.model_dump(mode="python")
    return message.model_dump(mode="python", exclude={"data"}) | data


@pytest.fixture(scope="module")
def written(server) -> dict[str, list]:
    """The messages by topic of `families`, a sequence that the SDK wrote: eleven types, 100 of each."""
    with (
        sdk.MosaicoClient.connect(server.host, server.port) as client,
        client.sequence_create(
            "families", {"vehicle": {"id": 7}}, max_batch_size_records=32
        ) as sequence,
    ):
        told = {
            tag: [message(n, build) for n in range(100)] for tag, (_, build) in FAMILIES.items()
        }
        for tag, (model, _) in FAMILIES.items():
            topic = sequence.topic_create(f"sensors/{tag}", {"tag": tag}, model)
            for item in told[tag]:
                topic.push(item)
    return told


@pytest.mark.parametrize("tag", sorted(FAMILIES))
def test_what_the_sdk_wrote_is_what_we_read(ours, written, tag):
    """Each row that our client reads has the values of the SDK's message."""
    topic = ours.topic_handler("families", f"/sensors/{tag}")

    assert (tag, {"tag": tag}) == (topic.ontology_tag, topic.user_metadata)
    assert [row(item) for item in written[tag]] == topic.read().read_all().to_pylist()


@pytest.mark.parametrize("tag", sorted(FAMILIES))
def test_the_sdk_reads_back_what_it_wrote(theirs, written, tag):
    """The SDK gets its own messages back."""
    topic = theirs.topic_handler("families", f"/sensors/{tag}")

    assert written[tag] == list(topic.get_data_streamer())


def test_the_sequence_is_known_to_both(ours, theirs, written):
    """A sequence that the SDK finalized is complete to us, with its metadata and topics."""
    sequence = ours.sequence_handler("families")

    assert sequence.complete
    assert {"vehicle": {"id": 7}} == sequence.user_metadata
    assert sorted(theirs.sequence_handler("families").topics) == sorted(sequence.topics)


def test_what_the_sdk_wrote_is_exported(ours, server, written, tmp_path):
    """`mosaico-ingest export` gives Parquet files with the rows of every topic."""
    program = Path(sysconfig.get_path("scripts")) / "mosaico-ingest"
    address = f"grpc://{server.host}:{server.port}"

    subprocess.run(
        [program, "export", "families", "--server", address, "--to", tmp_path / "out"],
        check=True,
        capture_output=True,
    )

    exported = {p.stem: pq.read_table(p) for p in (tmp_path / "out").rglob("*.parquet")}
    assert sorted(FAMILIES) == sorted(exported)
    for tag, table in exported.items():
        assert [row(item) for item in written[tag]] == table.to_pylist()


class TripError(Exception):
    """What goes wrong in the blocks below."""


def fail_in_session(client, name: str, policy: object) -> None:
    """Write a few messages with the SDK, then fail."""
    with contextlib.suppress(TripError), client.sequence_create(name, {}, policy) as sequence:
        topic = sequence.topic_create("imu", {}, sdk.IMU)
        for n in range(10):
            topic.push(message(n, imu))
        msg = "tripped over a cable"
        raise TripError(msg)


def test_the_policy_report_leaves_a_notification(ours, theirs):
    """Under `Report` the sequence stays, with a notification that both clients list, and can clear."""
    fail_in_session(theirs, "reported", sdk.SessionLevelErrorPolicy.Report)

    (notice,) = theirs.list_sequence_notifications("reported")
    assert ("reported", None) == (notice.sequence_name, notice.topic_name)
    assert "tripped over a cable" in notice.message
    assert [notice.message] == [n.text for n in ours.list_sequence_notifications("reported")]
    (on_topic,) = theirs.list_topic_notifications("reported", "/imu")
    assert ("reported", "tripped over a cable") == (on_topic.sequence_name, on_topic.message)

    theirs.clear_sequence_notifications("reported")
    theirs.clear_topic_notifications("reported", "/imu")

    assert [] == theirs.list_sequence_notifications("reported")
    assert [] == ours.list_topic_notifications("reported", "/imu")


def test_the_policy_delete_leaves_nothing(ours, theirs):
    """Under `Delete` a failed sequence is gone."""
    fail_in_session(theirs, "discarded", sdk.SessionLevelErrorPolicy.Delete)

    assert "discarded" not in theirs.list_sequences()
    with pytest.raises(NotFoundError):
        ours.sequence_handler("discarded")


@pytest.mark.parametrize(
    ("policy", "kept"), [("Raise", []), ("Ignore", ["0", "1", "2"]), ("Finalize", [])]
)
def test_the_topic_policies(ours, theirs, policy, kept):
    """A failure in a topic's block ends the session, is noted, or ends the topic, by the SDK's policy."""
    name = f"topic_{policy.lower()}"
    with contextlib.suppress(TripError), theirs.sequence_create(name, {}) as sequence:
        options = {"on_error": getattr(sdk.TopicLevelErrorPolicy, policy)}
        topic = sequence.topic_create("lines", {}, sdk.String, **options)
        with topic:
            for n in range(3):
                topic.push(message(n, lambda n: sdk.String(data=str(n))))
            msg = "tripped"
            raise TripError(msg)
        assert (
            "IgnoredLastError" if policy == "Ignore" else "FinalizedWithError"
        ) == topic.status.name

    assert ours.sequence_handler(name).complete
    assert ["tripped"] == [n.text for n in ours.list_topic_notifications(name, "/lines")]
    assert (policy == "Raise") == bool(theirs.list_sequence_notifications(name))
    rows = ours.topic_handler(name, "/lines").read().read_all()
    assert kept == rows["data"].to_pylist()


def test_the_policy_delete_of_an_update_deletes_its_session_only(ours, theirs):
    """A failed update under `Delete` leaves the sequence with what it had."""
    with theirs.sequence_create("grown", {}) as sequence:
        write_strings(sequence, "first", range(3))
    handler = theirs.sequence_handler("grown")

    with (
        contextlib.suppress(TripError),
        handler.update(sdk.SessionLevelErrorPolicy.Delete) as sequence,
    ):
        write_strings(sequence, "second", range(3))
        msg = "tripped"
        raise TripError(msg)

    known = ours.sequence_handler("grown")
    assert (["/first"], 1, True) == (list(known.topics), len(known.sessions), known.complete)


def write_strings(sequence, topic: str, numbers: range) -> None:
    """Write one topic of strings with the SDK."""
    writer = sequence.topic_create(topic, {}, sdk.String)
    for n in numbers:
        writer.push(message(n, lambda n: sdk.String(data=str(n))))


def test_a_second_session_adds_topics(ours, theirs):
    """The SDK updates a sequence: two sessions, both locked, and the topics of both are read merged."""
    with theirs.sequence_create("updated", {}) as sequence:
        write_strings(sequence, "even", range(0, 10, 2))
    with theirs.sequence_handler("updated").update() as sequence:
        write_strings(sequence, "odd", range(1, 10, 2))
    handler = theirs.sequence_handler("updated")
    handler.reload()

    assert [True, True] == [s.locked for s in ours.sequence_handler("updated").sessions]
    assert 2 == len(handler.sessions)
    assert [str(n) for n in range(10)] == [
        item.get_data(sdk.String).data for _, item in handler.get_data_streamer()
    ]


def test_our_session_is_added_to_theirs(ours, theirs):
    """Our client adds a session to a sequence of the SDK, in the SDK's own schema; the SDK reads both."""
    with theirs.sequence_create("mixed", {}) as sequence:
        write_strings(sequence, "even", range(0, 10, 2))
    rows = ours.topic_handler("mixed", "/even").read().read_all()
    with (
        ours.sequence_update("mixed") as sequence,
        sequence.topic_create("/copy", ontology="string") as topic,
    ):
        topic.push(rows)

    streamer = theirs.topic_handler("mixed", "/copy").get_data_streamer()

    assert [str(n) for n in range(0, 10, 2)] == [m.get_data(sdk.String).data for m in streamer]


def test_the_sdk_deletes_a_sequence(ours, theirs):
    """A complete sequence that the SDK deletes is gone for both."""
    with theirs.sequence_create("doomed", {}) as sequence:
        write_strings(sequence, "lines", range(5))
    before = "doomed" in ours.list_sequences()

    theirs.sequence_delete("doomed")

    assert before
    assert "doomed" not in [*ours.list_sequences(), *theirs.list_sequences()]


def test_rows_pushed_out_of_order_are_read_in_order(theirs):
    """Whatever the order of pushing, a time window is read in order, first bound in, last bound out."""
    numbers = [(n * 37) % 101 for n in range(101)]
    with theirs.sequence_create("shuffled", {}, max_batch_size_records=10) as sequence:
        write_strings(sequence, "lines", numbers)
    start_ns, end_ns = (START_NS + n * 1_000_000 for n in (20, 40))

    streamer = theirs.topic_handler("shuffled", "/lines").get_data_streamer(start_ns, end_ns)

    assert [str(n) for n in range(20, 40)] == [m.get_data(sdk.String).data for m in streamer]


def test_a_name_that_is_taken_is_refused_to_the_sdk(theirs, written):
    """The SDK hears that a sequence exists, and what is there stays as it is."""
    with pytest.raises(Exception, match="already exists"), theirs.sequence_create("families", {}):
        pytest.fail("The sequence was created twice.")

    assert len(FAMILIES) == len(theirs.sequence_handler("families").topics)
