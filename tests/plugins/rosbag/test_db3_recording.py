"""ROS 2 bags in sqlite3 that are split, cut, unfinished, or described wrongly."""

import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from mosaico_ingest.errors import SourceError

START_NS = 1_700_000_000_000_000_000


def count(topics) -> int:
    """Return the number of messages."""
    return sum(map(len, topics.values()))


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def logged_bag(ros2_bag, tmp_path) -> tuple[Path, dict]:
    """A .db3 whose last 100 messages are in its write-ahead log only, as a crash leaves it."""
    folder, expected = ros2_bag("writer")
    home = tmp_path / "logged"
    home.mkdir()
    database = sqlite3.connect(folder / "writer.db3")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    for i in range(300, 400):
        payload = b"\0\1\0\0" + i.to_bytes(4, "little")
        database.execute(
            "INSERT INTO messages (topic_id, timestamp, data) "
            "SELECT id, ?, ? FROM topics WHERE name = '/number'",
            (START_NS + i, payload),
        )
        expected["/number"].append((START_NS + i, payload))
    database.commit()
    for name in ("writer.db3", "writer.db3-wal"):
        shutil.copyfile(folder / name, home / name)
    database.close()
    return home / "writer.db3", expected


def test_log_beside_the_database_is_read_in_place(logged_bag, read):
    """Messages that are in the write-ahead log only come too, and the folder stays as it was."""
    path, expected = logged_bag
    before = content(path.parent)

    info, topics, damage = read(path)

    assert expected == topics
    assert ([], ()) == (damage, info.damage)
    assert (path, path.with_name("writer.db3-wal")) == info.files
    assert before == content(path.parent)


@contextmanager
def powerless() -> Iterator[None]:
    """Be a user whom permissions hold back, also where tests run as root."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_log_in_a_read_only_folder_is_read(logged_bag, read):
    """A folder that cannot be written to is no obstacle, and stays as it was."""
    path, expected = logged_bag
    before = content(path.parent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "bag"
        shutil.copytree(path.parent, folder)
        folder.parent.chmod(0o755)
        folder.chmod(0o555)
        with powerless():
            with pytest.raises(PermissionError):
                (folder / "new").touch()
            _, topics, _ = read(folder / path.name)
        after = content(folder)
        folder.chmod(0o755)

    assert expected == topics
    assert before == after


def test_database_in_wal_mode_leaves_nothing_beside(ros2_bag, read):
    """A database that was closed in WAL mode is read without -wal and -shm appearing, or changing."""
    folder, expected = ros2_bag()
    database = sqlite3.connect(folder / "run.db3")
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    before = content(folder)

    _, topics, _ = read(folder)

    assert expected == topics
    assert before == content(folder)


def test_parts_are_one_recording(split_bag, read):
    """Split parts give one channel per topic, with the messages of all parts in order."""
    folder, parts, expected = split_bag

    info, topics, damage = read(folder)

    assert expected == topics
    assert tuple(parts) == info.files
    assert {"/text": 100, "/number": 200} == {c.topic: c.messages for c in info.channels}
    assert ([], (), ()) == (damage, info.damage, info.findings)


# As text the last of these lists would be 10^14 letters long.
ALIAS_BOMB = "rosbag2_bagfile_information:\n  a: &a [x, x]\n" + "".join(
    f"  {b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefghijklmno")
)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (None, "metadata.yaml is missing"),
        ("", "metadata.yaml has no rosbag2_bagfile_information"),
        ("a: [1, 2", "metadata.yaml is no valid YAML"),
        ("x: !!python/object/apply:os.system ['exit 1']", "metadata.yaml is no valid YAML"),
        ("rosbag2_bagfile_information: 7", "metadata.yaml has no rosbag2_bagfile_information"),
        (ALIAS_BOMB, "metadata.yaml uses aliases"),
        ("# nothing\n" * 500_000, "metadata.yaml is larger than 4194304 bytes"),
    ],
)
def test_useless_metadata_is_a_finding(split_bag, read, text, finding):
    """Without usable metadata.yaml the parts are read by their numbers."""
    folder, parts, expected = split_bag
    (folder / "metadata.yaml").unlink()
    if text is not None:
        (folder / "metadata.yaml").write_text(text)

    info, topics, _ = read(folder)

    assert expected == topics
    assert tuple(parts) == info.files
    assert info.findings[0].startswith(finding)


def test_numbers_are_sorted_as_numbers(split_bag, read):
    """Without metadata.yaml, part 10 comes after part 2."""
    folder, parts, expected = split_bag
    (folder / "metadata.yaml").unlink()
    parts[2].rename(folder / "split_10.db3")
    parts[1].rename(folder / "split_2.db3")

    info, topics, _ = read(folder)

    assert ["split_0.db3", "split_2.db3", "split_10.db3"] == [file.name for file in info.files]
    assert expected == topics


def test_missing_part_is_damage(split_bag, read):
    """A part that metadata.yaml names and that is gone is told, with what it held per channel."""
    folder, parts, expected = split_bag
    parts[1].unlink()

    info, topics, _ = read(folder)

    kept = {
        topic: [row for row in own if not START_NS + 100 <= row[0] < START_NS + 200]
        for topic, own in expected.items()
    }
    assert kept == topics
    assert parts[1] == info.damage[0].path
    lost = {c.topic: sum(d.lost.get(c.id, 0) for d in info.damage) for c in info.channels}
    assert 100 == sum(lost.values())
    for channel in info.channels:
        assert channel.messages == len(topics[channel.topic]) + lost[channel.topic]


def test_paths_never_leave_the_folder(split_bag, read, tmp_path):
    """A path in metadata.yaml is only a name in the bag's folder: nothing outside is opened."""
    folder, parts, expected = split_bag
    secret = tmp_path / "secret.db3"
    shutil.copyfile(parts[0], secret)
    metadata = folder / "metadata.yaml"
    text = metadata.read_text()
    text = text.replace("  - split_0.db3", "  - ../split_0.db3", 1)
    metadata.write_text(text.replace("  - split_1.db3", f"  - split_1.db3\n  - {secret}", 1))

    info, topics, _ = read(folder)

    assert expected == topics
    assert {folder} == {file.parent for file in info.files}
    assert [folder / "secret.db3"] == [d.path for d in info.damage]


def test_wrong_counts_are_findings(split_bag, read):
    """A count in metadata.yaml that the data contradict is told, and changes nothing."""
    folder, _, expected = split_bag
    metadata = folder / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: 300", "message_count: 7"))

    info, topics, _ = read(folder)

    assert expected == topics
    assert ("metadata.yaml says 7 messages, the data hold 300.",) == info.findings
    assert 300 == info.messages


@pytest.mark.parametrize("share", [0.95, 0.8, 0.6])
def test_cut_database_gives_what_is_left(ros2_bag, read, share):
    """Of a truncated .db3 the messages of its whole pages come, unchanged, and the rest is damage."""
    folder, expected = ros2_bag(messages=3000)
    path = folder / "run.db3"
    size = path.stat().st_size
    os.truncate(path, int(size * share))

    info, topics, _ = read(path)

    assert 0 < count(topics) < 3000
    assert all(set(own) <= set(expected[topic]) for topic, own in topics.items())
    assert (int(size * share), size) == info.damage[0].byte_range


def test_cut_part_declares_what_is_lost(ros2_bag, read):
    """In a directory the counts of metadata.yaml say how many messages a cut part has lost."""
    folder, _ = ros2_bag(messages=3000)
    path = folder / "run.db3"
    os.truncate(path, path.stat().st_size * 6 // 10)

    info, topics, damage = read(folder)

    lost = sum(n for d in (*info.damage, *damage) for n in d.lost.values())
    assert 3000 == info.messages == count(topics) + lost


def test_rows_with_missing_data_are_lost_alone(ros2_bag, read):
    """Where only the data of large messages are cut off, each is counted as lost and the others come."""
    folder, expected = ros2_bag(messages=200, size=4000)
    path = folder / "run.db3"
    os.truncate(path, path.stat().st_size * 7 // 10)

    info, topics, damage = read(path)

    assert all(set(own) <= set(expected[topic]) for topic, own in topics.items())
    lost = sum(n for d in damage for n in d.lost.values())
    assert info.messages == count(topics) + lost


def test_odd_rows_are_lost_alone(ros2_bag, read):
    """Rows without bytes or with a text as time are counted as lost; all others come."""
    folder, expected = ros2_bag()
    path = folder / "run.db3"
    database = sqlite3.connect(path)
    database.execute("UPDATE messages SET data = 'text' WHERE timestamp = ?", (START_NS + 4,))
    database.execute("UPDATE messages SET timestamp = '12,13' WHERE timestamp = ?", (START_NS + 5,))
    database.commit()
    database.close()

    info, topics, damage = read(path)

    expected["/number"] = [r for r in expected["/number"] if r[0] - START_NS not in (4, 5)]
    numbers = next(c.id for c in info.channels if c.topic == "/number")
    assert expected == topics
    assert [{numbers: 2}] == [dict(d.lost) for d in damage]
    assert 300 == info.messages


def test_rows_without_a_topic_are_kept(ros2_bag, read):
    """Messages whose topic is not in the table of topics are kept under a name of their own."""
    folder, expected = ros2_bag()
    database = sqlite3.connect(folder / "run.db3")
    (topic_id,) = database.execute("SELECT id FROM topics WHERE name = '/text'").fetchone()
    database.execute("DELETE FROM topics WHERE id = ?", (topic_id,))
    database.commit()
    database.close()

    _, topics, _ = read(folder)

    assert expected["/text"] == topics[f"/undescribed_topic_{topic_id}"]


def test_large_messages_go_one_by_one(ros2_bag, read):
    """Messages that together exceed what one page may hold come all the same."""
    folder, _ = ros2_bag(messages=3)
    payload = bytes(9 << 20)
    database = sqlite3.connect(folder / "run.db3")
    database.execute("UPDATE messages SET data = ?", (payload,))
    database.executemany(
        "INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)",
        [(START_NS + i, payload) for i in range(3, 5)] + [(START_NS + 5, bytes(33 << 20))],
    )
    database.commit()
    database.close()

    info, topics, damage = read(folder / "run.db3")

    assert 6 == count(topics) == info.messages
    assert 33 << 20 == max(len(payload) for own in topics.values() for _, payload in own)
    assert [] == damage


def test_broken_frames_are_lost_alone(ros2_bag, read):
    """A message that is a damaged zstd frame is counted as lost; packed and plain ones come."""
    folder, expected = ros2_bag()
    codec = pa.Codec("zstd")
    database = sqlite3.connect(folder / "run.db3")
    for i in range(150):
        (data,) = database.execute(
            "SELECT data FROM messages WHERE timestamp = ?", (START_NS + i,)
        ).fetchone()
        frame = codec.compress(data, asbytes=True)
        frame = frame[:-2] if i == 10 else frame
        database.execute("UPDATE messages SET data = ? WHERE timestamp = ?", (frame, START_NS + i))
    database.commit()
    database.close()

    info, topics, damage = read(folder)

    expected["/number"] = [r for r in expected["/number"] if r[0] != START_NS + 10]
    assert expected == topics
    assert [1] == [n for d in damage for n in d.lost.values()]
    assert 300 == info.messages


def test_packed_part_is_removed_after_reading(ros2_bag, read, tmp_path, monkeypatch):
    """A packed part is unpacked into a private folder that is gone afterwards; a cut one is damage."""
    folder, expected = ros2_bag(messages=3000, size=400)
    plain = (folder / "run.db3").read_bytes()
    packed = folder / "run.db3.zstd"
    frame = pa.Codec("zstd").compress(plain, asbytes=True)
    packed.write_bytes(frame)
    (folder / "run.db3").unlink()
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))

    info, topics, damage = read(folder)
    packed.write_bytes(frame[: len(frame) * 8 // 10])
    cut_info, cut, _ = read(packed)

    assert (expected, [], ()) == (topics, damage, info.damage)
    assert 0 < count(cut) < 3000
    assert all(set(own) <= set(expected[topic]) for topic, own in cut.items())
    assert cut_info.damage[0].reason.startswith("run.db3.zstd is damaged: it can be unpacked up to")
    assert [] == [*room.iterdir()]


def test_both_forms_of_a_part_are_read_once(ros2_bag, read):
    """While a part exists packed and unpacked, its messages come once, and the choice is a finding."""
    folder, expected = ros2_bag()
    plain = (folder / "run.db3").read_bytes()
    (folder / "run.db3.zstd").write_bytes(pa.Codec("zstd").compress(plain, asbytes=True))

    info, topics, _ = read(folder)

    assert expected == topics
    assert ("run.db3.zstd is left out: run.db3 holds the same unpacked.",) == info.findings


def test_unreadable_part_is_damage(split_bag, read):
    """A part that is no database at all costs that part only."""
    folder, parts, _ = split_bag
    parts[0].write_bytes(b"no database" * 100)

    info, topics, _ = read(folder)

    assert 200 == count(topics)
    assert parts[0] == info.damage[0].path
    assert 300 == info.messages


@pytest.mark.parametrize("make", ["CREATE TABLE logs (text)", "CREATE TABLE messages (id, text)"])
def test_other_databases_are_refused(tmp_path, read, make):
    """An SQLite file that is no bag is refused, with its tables and what was expected."""
    path = tmp_path / "x.db3"
    database = sqlite3.connect(path)
    database.execute(make)
    database.close()

    with pytest.raises(
        SourceError, match=r"its tables are: \w+; expected topics and messages"
    ) as error:
        read(path)

    assert str(error.value).endswith(".")


def test_serialization_format_is_passed_on(ros2_bag, read):
    """A topic that is not CDR is a channel of its own encoding; the others are not affected."""
    folder, expected = ros2_bag()
    database = sqlite3.connect(folder / "run.db3")
    database.execute("UPDATE topics SET serialization_format = 'protobuf' WHERE name = '/text'")
    database.commit()
    database.close()

    info, topics, _ = read(folder)

    assert expected == topics
    assert {"/text": "protobuf", "/number": "cdr"} == {
        c.topic: c.message_encoding for c in info.channels
    }
    assert {"ros2msg"} == {c.schema_encoding for c in info.channels}
    assert all(b"data" in c.definition for c in info.channels)


def test_names_that_are_no_text_do_no_harm(ros2_bag, read):
    """A column name with a wrong byte is a column less, not a failure."""
    folder, expected = ros2_bag()
    path = folder / "run.db3"
    path.write_bytes(path.read_bytes().replace(b"offered_qos_profiles", b"offered_qos_profile\xff"))

    _, topics, damage = read(path)

    assert expected == topics
    assert [] == damage
