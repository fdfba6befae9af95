"""ROS 1 bags that a crash, a cut or a wrong byte has left behind."""

import numpy as np
import pytest

from mosaico_ingest.errors import SourceError

COMPRESSIONS = ["none", "bz2", "lz4"]
HEAD_BYTES = 13 + 4096
BEFORE_COMPRESSION = 16  # bytes of a chunk record before its field `compression`


def unindexed(content: bytes) -> bytes:
    """Return a bag as a recorder that died leaves it: no index, and no position of one."""
    index_at = int.from_bytes(content[content.index(b"index_pos=") + 10 :][:8], "little")
    return content[:index_at].replace(
        b"index_pos=" + index_at.to_bytes(8, "little"), b"index_pos=" + bytes(8)
    )


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_bag_without_index_is_whole(ros1_bag, read, compression):
    """Without the index at the end all messages come, counted at opening."""
    path, expected = ros1_bag(compression)
    active = path.with_suffix(".bag.active")
    active.write_bytes(unindexed(path.read_bytes()))

    info, topics, damage = read(active)

    assert expected == topics
    assert sum(map(len, expected.values())) == info.messages
    assert ([], (), False) == (damage, info.damage, info.has_index)


def test_open_chunk_is_read_to_its_last_message(ros1_bag, read):
    """The last chunk of a dead recorder has sizes of 0; its messages come up to the cut one."""
    path, expected = ros1_bag()
    content = unindexed(path.read_bytes())
    chunk_at = content.rindex(b"compression=none") - BEFORE_COMPRESSION
    header_bytes = int.from_bytes(content[chunk_at : chunk_at + 4], "little")
    data_at = chunk_at + 4 + header_bytes
    length = int.from_bytes(content[data_at : data_at + 4], "little")
    size_at = content.index(b"size=", chunk_at) + 5
    head = bytearray(content[: data_at + 4])
    head[size_at : size_at + 4] = head[data_at : data_at + 4] = bytes(4)
    path.write_bytes(bytes(head) + content[data_at + 4 : data_at + 4 + length - 5])

    info, topics, damage = read(path)

    assert 299 == sum(map(len, topics.values())) == info.messages
    assert all(own == expected[topic][: len(own)] for topic, own in topics.items())
    assert ["The file ends inside a record"] == [d.reason[:29] for d in info.damage]
    assert [] == damage


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_cut_bag_gives_its_whole_chunks(ros1_bag, read, compression):
    """A bag cut at 60 % gives the messages before the cut and says that it was cut."""
    path, expected = ros1_bag(compression)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])

    info, topics, _ = read(path)

    assert 0 < sum(map(len, topics.values())) < 300
    assert all(own == expected[topic][: len(own)] for topic, own in topics.items())
    assert len(info.damage) == 1
    assert info.damage[0].byte_range[1] == path.stat().st_size


@pytest.mark.parametrize("compression", ["bz2", "lz4"])
def test_broken_chunk_is_counted_by_the_index(ros1_bag, read, compression):
    """A chunk that cannot be unpacked costs its messages: declared = read + lost per channel."""
    path, expected = ros1_bag(compression)
    content = bytearray(path.read_bytes())
    chunk_at = content.index(f"compression={compression}".encode(), HEAD_BYTES + 2000)
    for at in range(chunk_at + 60, chunk_at + 90):
        content[at] ^= 0xFF
    path.write_bytes(content)

    info, topics, damage = read(path)

    assert 1 == len(damage)
    for channel in info.channels:
        assert channel.messages == len(topics[channel.topic]) + damage[0].lost[channel.id]
        assert set(topics[channel.topic]) < set(expected[channel.topic])


def test_garbage_between_chunks_is_passed_over(ros1_bag, read):
    """Without an index, bytes that are no record are skipped and named; all messages come."""
    path, expected = ros1_bag()
    content = unindexed(path.read_bytes())
    at = content.index(b"compression=none", HEAD_BYTES + 2000) - BEFORE_COMPRESSION
    path.write_bytes(content[:at] + b"\xff" * 1000 + content[at:])

    info, topics, damage = read(path)

    assert expected == topics
    assert [("1000 bytes are no record of a bag.", (at, at + 1000))] == [
        (d.reason, d.byte_range) for d in info.damage
    ]
    assert [] == damage


def test_wrong_length_inside_a_chunk_costs_little(ros1_bag, read):
    """A garbage length of one message costs that message; the index leads to the others."""
    path, expected = ros1_bag()
    content = path.read_bytes()
    payload = expected["/number"][3][1]
    at = content.index(b"\x04\x00\x00\x00" + payload)
    path.write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])

    _, topics, damage = read(path)

    assert expected["/text"] == topics["/text"]
    assert [row for row in expected["/number"] if row[1] != payload] == topics["/number"]
    assert [1] == [n for d in damage for n in d.lost.values()]


def test_messages_outside_chunks_come(ros1_bag, read):
    """Message and connection records that no chunk holds are read too."""
    path, expected = ros1_bag("none", messages=60)
    content = unindexed(path.read_bytes())
    chunk_at = content.index(b"compression=none") - BEFORE_COMPRESSION
    data_at = chunk_at + 4 + int.from_bytes(content[chunk_at : chunk_at + 4], "little") + 4
    length = int.from_bytes(content[data_at - 4 : data_at], "little")
    path.write_bytes(content[:chunk_at] + content[data_at : data_at + length])

    info, topics, damage = read(path)

    assert expected == topics
    assert ([], (), 60) == (damage, info.damage, info.messages)


def test_lost_description_keeps_the_messages(ros1_bag, read):
    """Messages whose connection is described nowhere are kept under a name of their own."""
    path, expected = ros1_bag("bz2")
    content = bytearray(unindexed(path.read_bytes()))
    first = content.index(b"compression=bz2")
    for at in range(first + 60, first + 90):
        content[at] ^= 0xFF  # the chunk that describes both connections
    path.write_bytes(content)

    info, topics, damage = read(path)

    assert {"/undescribed_connection_0", "/undescribed_connection_1"} == topics.keys()
    assert set(topics["/undescribed_connection_0"]) < set(expected["/text"])
    lost = sum(damage[0].lost.values())
    assert 300 == sum(map(len, topics.values())) + lost == info.messages


def test_publishers_of_one_topic_are_one_channel(shared_data, read):
    """Connections that agree on topic, type and definition are one channel that names its callers."""
    info, topics, _ = read(
        shared_data / "ros1/ros2+rosbag2_bag_v2/test_bag_multiple_connections.bag"
    )

    (channel,) = (c for c in info.channels if c.topic == "/test_topic")
    assert 2 == channel.messages == len(topics["/test_topic"])
    assert 2 == len(channel.metadata["callerid"].split())
    assert "1" == channel.metadata["latching"]
    assert ("std_msgs/String", "ros1", "ros1msg", b"string data\n") == (
        channel.type_name,
        channel.message_encoding,
        channel.schema_encoding,
        channel.definition,
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#ROSBAG V1.1\nrest", r"is a bag of version 1\.1; expected 2\.0"),
        (b"#ROSBAG V2.0\n", r"No record of a ROS 1 bag is in .* \(13 bytes\)"),
        (b"#ROSBAG V2.0\n" + b"\xff" * 5000, r"No record of a ROS 1 bag"),
    ],
)
def test_hopeless_files_are_refused(tmp_path, read, content, message):
    """A file without a single record, or of another version, is refused in one sentence."""
    path = tmp_path / "x.bag"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=message) as error:
        read(path)

    assert str(error.value).endswith(".")


@pytest.mark.parametrize("compression", ["none", "bz2", "lz4"])
def test_a_cut_at_any_record_keeps_what_is_before_it(ros1_bag, read, compression):
    """Wherever between two records a bag is cut, all messages that were indexed before it come."""
    path, expected = ros1_bag(compression)
    content = path.read_bytes()
    times = {time_ns for own in expected.values() for time_ns, _ in own}
    before: set[int] = set()
    at = 13
    index_at = int.from_bytes(content[content.index(b"index_pos=") + 10 :][:8], "little")
    while at < index_at:
        size = int.from_bytes(content[at : at + 4], "little")
        length = int.from_bytes(content[at + 4 + size : at + 8 + size], "little")
        if b"op=\x04" in content[at + 4 : at + 4 + size]:
            entries = np.frombuffer(content, "<u4", length // 4, at + 8 + size).reshape(-1, 3)
            before |= {int(s) * 10**9 + int(rest) for s, rest, _ in entries.tolist()}
        at += 8 + size + length
        path.write_bytes(content[:at])
        try:
            _, topics, _ = read(path)
        except SourceError:
            topics = {}
        given = {time_ns for own in topics.values() for time_ns, _ in own}

        assert before <= given <= times
