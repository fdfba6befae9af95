"""Bag directories: one recording of all parts, whatever metadata.yaml says."""

import itertools
import shutil

import pytest

from mosaico_ingest.errors import SourceError

YAML = """\
rosbag2_bagfile_information:
  message_count: {messages}
  relative_file_paths: [{files}]
  starting_time: {{nanoseconds_since_epoch: 1000000000}}
  duration: {{nanoseconds: {duration}}}
  topics_with_message_count:
  - message_count: {imu}
    topic_metadata: {{name: /imu, type: sensor_msgs/msg/Imu}}
"""


@pytest.fixture
def bag(tmp_path, kit):
    """A bag of three parts with 100 messages each, without metadata.yaml."""
    folder = tmp_path / "bag"
    folder.mkdir()
    for k in (0, 1, 10):
        kit.write(folder / f"bag_{k}.mcap", 100)
    return folder


def _describe(bag, files="bag_0.mcap, bag_1.mcap, bag_10.mcap", messages=300, imu=255):
    text = YAML.format(files=files, messages=messages, duration=990, imu=imu)
    (bag / "metadata.yaml").write_text(text)


def _parts(info):
    return [path.name for path in info.files]


def test_parts_are_one_recording(bag, kit):
    """Channels that are the same in all parts are one, with the messages of all of them in order."""
    _describe(bag)
    info, rows, damage = kit.read(bag)
    one = kit.rows(bag / "bag_0.mcap")

    assert [own * 3 for own in one.values()] == [rows[c.id] for c in info.channels]
    assert (300, "ROS 2 bag (mcap, zstd)") == (info.messages, info.format)
    assert (damage, info.findings) == ([], ())


def test_numbers_order_the_parts(bag, kit):
    """Without metadata.yaml the numbers decide, as numbers; that it is missing is told."""
    info, _, _ = kit.read(bag)

    assert ["bag_0.mcap", "bag_1.mcap", "bag_10.mcap"] == _parts(info)
    assert ("metadata.yaml is missing; the files themselves were asked.",) == info.findings


def test_metadata_orders_the_parts(bag, kit):
    """The list in metadata.yaml is the reading order; a folder before the names does not matter."""
    _describe(bag, files="old/bag_10.mcap, ../bag_0.mcap, bag_1.mcap")
    info, _, damage = kit.read(bag)

    assert ["bag_10.mcap", "bag_0.mcap", "bag_1.mcap"] == _parts(info)
    assert (damage, info.findings) == ([], ())


def test_wrong_metadata_is_told_not_believed(bag, kit):
    """Where metadata.yaml disagrees with the data, the data count and the difference is told."""
    _describe(bag, messages=7, imu=1)
    info, rows, _ = kit.read(bag)

    assert 300 == info.messages == sum(map(len, rows.values()))
    assert (
        "metadata.yaml says messages: 7, the data say 300.",
        "metadata.yaml says 1 messages on /imu, the data have 255.",
    ) == info.findings


def test_a_real_bag_with_wrong_metadata(shared_data, kit):
    """The real split bag gives the sum of its parts, and its wrong time range is told."""
    folder = shared_data / "ros2/ros2+rosbag2/rosbag2_py/test/resources/mcap/wbag"
    info, rows, damage = kit.read(folder)
    expected: dict[str, list] = {}
    for path in sorted(folder.glob("*.mcap")):
        topics = kit.topics(path)
        for channel, own in kit.rows(path).items():
            expected.setdefault(topics[channel], []).extend(own)

    assert expected == {channel.topic: rows[channel.id] for channel in info.channels}
    assert (1000, 2998, 6074) == (info.start_ns, info.end_ns, info.messages)
    assert [
        "metadata.yaml says start (ns): 2623, the data say 1000.",
        "metadata.yaml says duration (ns): 411, the data say 1998.",
    ] == list(info.findings)
    assert damage == []


def test_a_missing_part_is_damage(bag, kit):
    """A part that is listed and not there is lost, the others are read."""
    _describe(bag)
    (bag / "bag_1.mcap").unlink()
    info, _, damage = kit.read(bag)

    assert (200, ["Part 'bag_1.mcap' of the bag is missing."]) == (
        info.messages,
        [d.reason for d in damage],
    )


def test_renamed_parts_are_read(bag, kit):
    """Parts that only have another name than the one listed are no damage."""
    _describe(bag)
    shutil.move(bag / "bag_10.mcap", bag / "bag_2.mcap")
    info, _, damage = kit.read(bag)

    assert (["bag_0.mcap", "bag_1.mcap", "bag_2.mcap"], []) == (_parts(info), damage)
    assert [True, True] == ["metadata.yaml" in text for text in info.findings]


ALIAS_BOMB = "rosbag2_bagfile_information:\n  a: &a {x: 1}\n" + "".join(
    f"  {b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n"
    for a, b in itertools.pairwise("abcdefghijkl")
)
LONG = "rosbag2_bagfile_information: 5\n" + "# nothing\n" * 500_000


@pytest.mark.parametrize(
    "text",
    ["", "a: [", "- 1", "rosbag2_bagfile_information: 5", "\x00\x01", ALIAS_BOMB, LONG],
    ids=lambda text: repr(text[:12]),
)
def test_unusable_metadata_is_told(text, bag, kit):
    """Whatever metadata.yaml contains, the data are read."""
    (bag / "metadata.yaml").write_text(text)
    info, rows, _ = kit.read(bag)

    assert 300 == info.messages == sum(map(len, rows.values()))
    assert [True] == ["metadata.yaml" in finding for finding in info.findings]


def test_a_part_that_cannot_be_read_is_damage(bag, kit):
    """An empty part costs itself only; its path is told."""
    (bag / "bag_1.mcap").write_bytes(b"")
    info, rows, damage = kit.read(bag)

    assert 200 == info.messages == sum(map(len, rows.values()))
    assert [bag / "bag_1.mcap"] == [d.path for d in damage]


def test_a_damaged_part_is_named(bag, kit):
    """Damage inside a part carries the part's path; the parts after it are read."""
    path = bag / "bag_0.mcap"
    path.write_bytes(path.read_bytes()[:-20])
    info, rows, damage = kit.read(bag)

    assert 300 == info.messages == sum(map(len, rows.values()))
    assert [path] == [d.path for d in damage]


def test_a_bag_of_nothing_is_refused(bag, kit):
    """Where no part can be read, opening fails with the first reason."""
    for path in bag.iterdir():
        path.write_bytes(b"nothing")

    with pytest.raises(SourceError, match=r"No part of the bag .* can be read"):
        kit.open(bag)


def test_a_folder_without_parts_is_refused(tmp_path, kit):
    """A folder that was forced on this format and holds none of its files is refused."""
    with pytest.raises(SourceError, match=r"holds no \.mcap file"):
        kit.open(tmp_path)


def test_same_topic_with_another_definition_is_another_channel(bag, kit):
    """A topic whose definition changes between parts becomes two channels, each with its own rows."""
    kit.write(bag / "bag_1.mcap", 100, definition=b"float32 y")
    info, rows, _ = kit.read(bag)
    imus = [channel for channel in info.channels if channel.topic == "/imu"]

    assert [b"float64 x", b"float32 y"] == [channel.definition for channel in imus]
    assert [170, 85] == [len(rows[channel.id]) for channel in imus]
