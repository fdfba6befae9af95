import json
from pathlib import Path

from mosaico_ingest.testing.recordings import Stream, write_ros2_mcap


def test_inspect_lists_channels(demo_file, cli):
    """Inspect names format, channels, counts and rates, and writes nothing."""
    code, out, err = cli("inspect", demo_file)

    assert (0, "", []) == (code, err, list(Path.cwd().iterdir()))
    assert "zstd" in out
    assert "sensor_msgs/msg/Imu" in out
    assert "100.0" in out


def test_inspect_json_counts(demo_file, cli):
    """Inspect --json is one object with the counts of every channel."""
    told = json.loads(cli("inspect", demo_file, "--json")[1])

    assert {
        "/imu/data": 100,
        "/gps/fix": 5,
        "/joint_states": 50,
        "/camera/image_raw": 10,
        "/lidar/points": 10,
    } == {c["topic"]: c["messages"] for c in told["recordings"][0]["channels"]}


def test_inspect_goes_on_after_a_failure(demo_file, cli):
    """A path that cannot be read is told on stderr, the others are shown, and the code is 1."""
    code, out, err = cli("inspect", "missing.mcap", demo_file)
    told = json.loads(cli("inspect", "missing.mcap", demo_file, "--json")[1])

    assert (1, 1) == (code, err.count("\n"))
    assert "/imu/data" in out
    assert "does not exist" in told["recordings"][0]["error"]


def test_plan_gives_reasons(demo_file, cli):
    """Plan names sequence, ontology, decoder, mapper and reason; what is skipped has its reason."""
    code, out, _ = cli("plan", demo_file, "--topics", "/imu/*", "--name", "x_{name}")

    assert 0 == code
    assert f"{demo_file} (mcap) -> x_demo" in out
    assert "skipped: /gps/fix (5 messages): not selected by --topics" in out


def test_plan_json_and_code(demo_file, cli):
    """Plan --json is one object; a plan that could not run has its reason and code 1."""
    code, out, _ = cli("plan", demo_file, "--topics", "!*", "--json")
    recording = json.loads(out)["recordings"][0]

    assert (1, "demo") == (code, recording["sequence"])
    assert "not selected" in recording["error"]


def transforms(types, header, _elapsed_s):
    """Make a message of one transform."""
    geometry = {
        name: types.types[f"geometry_msgs/msg/{name}"]
        for name in ("Transform", "TransformStamped", "Vector3", "Quaternion")
    }
    transform = geometry["Transform"](
        translation=geometry["Vector3"](x=1.0, y=0.0, z=0.0),
        rotation=geometry["Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    stamped = geometry["TransformStamped"](
        header=header, child_frame_id="base", transform=transform
    )
    return types.types["tf2_msgs/msg/TFMessage"](transforms=[stamped])


def test_plugin_flag_changes_the_plan(tmp_path, cli):
    """An option of a plugin is a flag of plan and run."""
    path = tmp_path / "tf.mcap"
    tf = Stream(
        topic="/tf",
        type_name="tf2_msgs/msg/TFMessage",
        messages=3,
        hz=10,
        frame="map",
        build=transforms,
    )
    write_ros2_mcap(path, [tf])

    def tag(*flags):
        recording = json.loads(cli("plan", path, "--json", *flags)[1])["recordings"][0]
        return recording["topics"][0]["ontology"]

    assert ("transform", "frame_transform") == (tag(), tag("--tf", "message"))


def test_inspect_deep_tells_what_a_run_would_do(demo_file, cli):
    """Counts per topic as `run` would report them, and the health of each topic; exit code as `run`."""
    code, out, err = cli("inspect", "--deep", demo_file)
    told = json.loads(cli("inspect", "--deep", demo_file, "--json", "--topics", "/imu/*")[1])

    assert (0, "") == (code, err)
    assert "would be stored" in out
    assert "largest" in out
    assert ["/imu/data"] == [topic["name"] for topic in told["health"][0]["topics"]]
    assert told["stored"] == told["health"][0]["topics"][0]["rows"]


def test_a_flag_of_the_plan_needs_deep(demo_file, cli):
    """A flag that would change nothing is refused, not passed over."""
    code, _, err = cli("inspect", demo_file, "--topics", "/imu/*")

    assert 2 == code
    assert "--topics has an effect with --deep only" in err
