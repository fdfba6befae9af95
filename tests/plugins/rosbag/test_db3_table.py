"""Rows read from the pages of a file are those that SQLite reads."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mosaico_ingest_rosbag.db3_pages import OddError, PageFile
from mosaico_ingest_rosbag.db3_rows import FIRST_ROW, Gap
from mosaico_ingest_rosbag.db3_table import MessageTable

Row = tuple[int, int, bytes]
SCHEMA = (
    "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, "
    "serialization_format TEXT NOT NULL);"
    "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, "
    "timestamp INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX timestamp_idx ON messages (timestamp ASC);"
)
TIMES = [0, 1, -1, 127, 128, -129, 1 << 20, 1 << 31, -(1 << 40), 1 << 50, 1_700_000_000_000_000_000]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write a database of *sizes* bytes of data per message; *afterwards* may be any SQL."""

    def write(
        sizes: list[int], *, before: str = "", afterwards: str = "", rows: list[int] | None = None
    ) -> Path:
        noise = random.Random(6)
        path = tmp_path / "part.db3"
        database = sqlite3.connect(path)
        database.executescript(before + SCHEMA)
        numbers = rows or list(range(1, len(sizes) + 1))
        database.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?)",
            [
                (row, i % 3 * 100, TIMES[i % len(TIMES)] + i // 11, noise.randbytes(size))
                for i, (row, size) in enumerate(zip(numbers, sizes, strict=True))
            ],
        )
        database.commit()
        database.executescript(afterwards)
        database.commit()
        database.close()
        return path

    return write


@pytest.fixture
def table() -> Iterator[Callable[[Path], MessageTable]]:
    """Open the table of messages of a file."""
    opened: list[MessageTable] = []

    def open_table(path: Path) -> MessageTable:
        with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
            database.execute("PRAGMA writable_schema = ON")
            sql = "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
            ((root,),) = database.execute(sql).fetchall()
        database.close()
        opened.append(MessageTable(PageFile(path), root))
        return opened[-1]

    yield open_table
    for one in opened:
        one.close()


def ours(table: MessageTable, topic_ids: set[int], first: int = FIRST_ROW) -> list[Row]:
    """Return topic id, time and data of all rows, read from the pages."""
    rows = []
    for page in table.pages(topic_ids, first):
        assert not isinstance(page, Gap), page
        columns = zip(page.topic_ids, page.times_ns, page.starts, page.lengths, strict=True)
        rows += [(int(i), int(t), page.buffer[a : a + n].tobytes()) for i, t, a, n in columns]
    return rows


def theirs(path: Path, topic_ids: set[int], first: int = FIRST_ROW) -> list[Row]:
    """Return the same as SQLite reads it."""
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    sql = "SELECT topic_id, timestamp, data FROM messages WHERE rowid >= ? ORDER BY rowid"
    rows = [row for row in database.execute(sql, (first,)) if row[0] in topic_ids]
    database.close()
    return rows


ALL = {0, 100, 200}
NOISE = random.Random(4)
SIZES = {
    "tiny": [i % 9 for i in range(5000)],
    "imu": [324] * 3000,
    "around the overflow": [400 + i for i in range(300)] + [4000 + i for i in range(200)],
    "images": [200_000, 10, 70_000, 0, 1_000_000, 5000, 4092, 4093, 4061, 4062, 65_536] * 3,
    "mixed": [NOISE.choice([0, 8, 40, 500, 3000, 9000, 30_000]) for _ in range(800)],
    "none": [],
    "one": [12],
}


@pytest.mark.parametrize("page_bytes", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("kind", SIZES)
def test_rows_are_those_of_sqlite(make, table, kind, page_bytes):
    """Whatever the page size and the size of the data, every row has SQLite's values."""
    path = make(SIZES[kind], before=f"PRAGMA page_size = {page_bytes};")

    assert theirs(path, ALL) == ours(table(path), ALL)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM messages WHERE id % 3 = 1",
        (
            "DELETE FROM messages WHERE id BETWEEN 100 AND 500; "
            "INSERT INTO messages SELECT id + 10000, topic_id, timestamp, data || data FROM messages;"
        ),
        "DELETE FROM messages WHERE id < 600; VACUUM",
        "UPDATE messages SET data = randomblob(7000) WHERE id % 5 = 0",
        "DROP INDEX timestamp_idx; CREATE TABLE other(a); INSERT INTO other SELECT data FROM messages",
        "DELETE FROM messages",
    ],
)
@pytest.mark.parametrize("before", ["", "PRAGMA auto_vacuum = FULL;"])
def test_changed_files_give_what_is_left(make, table, change, before):
    """Deleted rows, free pages and chains that are scattered over the file change nothing."""
    change += "; UPDATE messages SET data = CAST(data AS BLOB)"  # || makes text
    path = make(SIZES["mixed"], before=before, afterwards=change)

    assert theirs(path, ALL) == ours(table(path), ALL)


def test_odd_row_ids_keep_their_order(make, table):
    """Row ids may be negative, far apart, and as large as they can be."""
    rows = [-(1 << 63), -5, 0, 3, 1 << 40, (1 << 63) - 1]
    path = make([100] * len(rows), rows=rows)

    assert theirs(path, ALL) == ours(table(path), ALL)


@pytest.mark.parametrize("first", [1, 2, 1234, 2999, 3000, 3001])
def test_reading_starts_at_a_row(make, table, first):
    """Reading from a row id on gives that row and all after it, of the topics wanted only."""
    path = make(SIZES["imu"])

    assert theirs(path, {100}, first) == ours(table(path), {100}, first)


def test_counts_are_those_of_sqlite(make, table):
    """Messages per topic, with their first and last time."""
    path = make(SIZES["mixed"])
    database = sqlite3.connect(path)
    sql = "SELECT topic_id, count(*), min(timestamp), max(timestamp) FROM messages GROUP BY 1"
    expected = {i: (n, first, last) for i, n, first, last in database.execute(sql)}
    database.close()
    counts, times = table(path).counts()

    assert expected == {i: (n, *times[i]) for i, n in counts.items()}


@pytest.mark.parametrize("value", ["NULL", "1.5", "'text'", "12"])
def test_rows_that_are_no_messages_are_left_to_sqlite(make, table, value):
    """A row whose data are no bytes is not guessed at."""
    path = make([30] * 50)
    database = sqlite3.connect(path)
    database.execute("PRAGMA writable_schema = ON")
    database.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'BLOB NOT NULL', 'BLOB') WHERE name = 'messages'"
    )
    database.commit()
    database.close()
    database = sqlite3.connect(path)
    database.execute(f"UPDATE messages SET data = {value} WHERE id = 20")
    database.commit()
    database.close()

    with pytest.raises(OddError, match="not what a recorder of bags writes"):
        ours(table(path), ALL)


@pytest.mark.parametrize("kind", ["imu", "mixed", "images"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_file_gives_every_row_whose_pages_are_left(make, table, kind, share, tmp_path):
    """Rows that are whole in what is left of a file are all found, also below inner pages that are gone."""
    path = make(SIZES[kind], before="PRAGMA page_size = 1024;")
    cut = tmp_path / "cut.db3"
    shutil.copy(path, cut)
    pages = int(path.stat().st_size * share) // 1024
    with cut.open("rb+") as stream:
        stream.truncate(pages * 1024)
    rows = theirs(path, ALL)
    given, lost = [], 0
    for item in table(cut).pages(ALL, FIRST_ROW):
        if isinstance(item, Gap):
            lost += sum(item.counts.values())
        else:
            spans = zip(item.starts, item.lengths, strict=True)
            given += [item.buffer[a : a + n].tobytes() for a, n in spans]

    # Random data are found in the file itself: the leaf holds their first bytes, and the last page of
    # their chain the last.
    left = cut.read_bytes()
    sought = [data for _, _, data in rows if len(data) >= 40]
    expected = [data for data in sought if data[:40] in left and data[-40:] in left]
    there = set(expected)
    assert expected == [data for data in given if data in there]
    assert set(given) <= {data for _, _, data in rows}
    assert len(given) + lost <= len(rows)


def test_real_databases_give_the_rows_of_sqlite(shared_data, table):
    """Every database of the shared recordings gives SQLite's rows, where it has no write-ahead log."""
    seen = 0
    for path in sorted((shared_data / "ros2").rglob("*.db3")):
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            continue
        ids = {row[0] for row in theirs_ids(path)}
        assert theirs(path, ids) == ours(table(path), ids), path
        seen += 1

    assert seen == 12


def theirs_ids(path: Path) -> list[tuple[int]]:
    """Return the topic ids of all messages."""
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    found = database.execute("SELECT DISTINCT topic_id FROM messages").fetchall()
    database.close()
    return found


def test_garbage_never_raises_anything_else(make, table):
    """Whatever byte of a file is changed, reading its pages ends, with rows or with `OddError`."""
    noise = random.Random(11)
    path = make(SIZES["mixed"][:200], before="PRAGMA page_size = 512;")
    good = path.read_bytes()
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(noise.choice([1, 3, 40])):
            bad[noise.randrange(512, len(bad))] = noise.randrange(256)
        path.write_bytes(bad)
        try:
            for item in table(path).pages(ALL, FIRST_ROW):
                assert isinstance(item, Gap) or item.lengths.sum() <= len(good) * 2
        except OddError:
            pass
