import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mosaico_ingest.cli.export import file_of
from mosaico_ingest.errors import StoreError


def test_ls_shows_state_and_size(demo_store, cli):
    """Ls has a row per sequence: state, topics, rows, size, times."""
    code, out, err = cli("ls", "--store", demo_store)
    told = json.loads(cli("ls", "--store", demo_store, "--json")[1])["sequences"][0]

    assert (0, "") == (code, err)
    assert "demo      complete       5   175" in out
    assert ("demo", True, 175, 5) == (
        told["name"],
        told["complete"],
        told["rows"],
        len(told["topics"]),
    )
    assert told["start_ns"] == 1_735_689_600_000_000_000


def test_ls_of_an_empty_store_says_so(tmp_path, cli):
    """A store without sequences is no error."""
    (tmp_path / "new").mkdir()

    assert (0, "No sequence is stored here.\n", "") == cli("ls", "--store", tmp_path / "new")


@pytest.mark.parametrize(
    "words", [["ls"], ["info", "a"], ["rm", "a", "-y"], ["export", "a", "--to", "b"]]
)
def test_missing_store_is_not_made(words, cli):
    """A command that reads makes no store: it says that there is none."""
    code, out, err = cli(*words)

    assert (1, "", 1, []) == (code, out, err.count("\n"), list(Path.cwd().iterdir()))
    assert "There is no store at 'mosaico-store'" in err


def test_info_of_a_sequence(demo_store, cli):
    """Info shows metadata, topics and where the sequence comes from."""
    _, out, _ = cli("info", "demo", "--store", demo_store)
    told = json.loads(cli("info", "demo", "--store", demo_store, "--json")[1])

    assert out.startswith("demo: complete, ")
    assert '  metadata:      mosaico_ingest.source = "mcap"' in out
    assert "/lidar/points" in out
    assert "mcap" == told["metadata"]["mosaico_ingest"]["source"]


def test_info_of_a_topic(demo_store, cli):
    """Info of a topic shows its columns and the type it comes from."""
    _, out, _ = cli("info", "demo/imu/data", "--store", demo_store)
    told = json.loads(cli("info", "demo/imu/data", "--store", demo_store, "--json")[1])

    assert out.startswith("demo/imu/data: imu, complete\n")
    assert "storage:       100 rows" in out
    assert {"name": "timestamp_ns", "type": "int64", "nullable": False} == told["columns"][0]


def test_info_shows_notifications(demo_file, tmp_path, cli):
    """What a run lost is found as notification of its sequence."""
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(demo_file.read_bytes()[:300_000])
    cli("run", cut)
    _, out, _ = cli("info", "cut")
    told = json.loads(cli("info", "cut", "--json")[1])

    assert "  notification:  " in out
    assert told["notifications"][0]["kind"] == "error"


@pytest.mark.parametrize("name", ["nope", "demo/nope", "nope/imu/data"])
def test_unknown_name_is_one_line(name, demo_store, cli):
    """A name that is not there is one line that says where to look."""
    code, out, err = cli("info", name, "--store", demo_store)

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert "mosaico-ingest ls" in err


def test_export_of_a_sequence(demo_store, cli):
    """Export writes a Parquet file per topic, and says how many rows each has."""
    code, out, _ = cli("export", "demo", "--to", "out", "--store", demo_store)
    files = sorted(p.as_posix() for p in Path("out").rglob("*") if p.is_file())

    assert 0 == code
    assert [
        "out/camera/image_raw.parquet",
        "out/gps/fix.parquet",
        "out/imu/data.parquet",
        "out/joint_states.parquet",
        "out/lidar/points.parquet",
    ] == files
    assert "out/imu/data.parquet: 100 rows" in out
    assert 100 == pq.read_metadata("out/imu/data.parquet").num_rows


def test_export_of_a_topic(demo_store, cli):
    """Export of one topic writes one file, ordered by time, with the topic's own columns."""
    cli("export", "demo/gps/fix", "--to", "gps.parquet", "--store", demo_store)
    table = pq.read_table("gps.parquet")
    times = table["timestamp_ns"].to_pylist()

    assert (sorted(times), 5) == (times, table.num_rows)
    assert "position" in table.column_names


def test_export_overwrites_only_by_force(demo_store, cli):
    """A file that is there stays, unless --force is given."""
    Path("gps.parquet").write_text("mine")
    words = ["export", "demo/gps/fix", "--to", "gps.parquet", "--store", demo_store]
    refused = cli(*words)
    kept = Path("gps.parquet").read_text()
    forced = cli(*words, "--force")

    assert (2, "mine", 0) == (refused[0], kept, forced[0])
    assert "--force" in refused[2]
    assert 5 == pq.read_metadata("gps.parquet").num_rows


def test_export_of_many_topics_needs_a_folder(demo_store, cli):
    """A sequence of several topics cannot become one file."""
    code, _, err = cli("export", "demo", "--to", "x.parquet", "--store", demo_store)

    assert 2 == code
    assert "one topic such as demo/camera/image_raw" in err


def test_export_that_fails_leaves_nothing(demo_store, cli):
    """Where nothing can be written one line says so, and no half file is left."""
    Path("out").write_text("a file, not a folder")
    code, _, err = cli("export", "demo", "--to", "out", "--store", demo_store)

    assert (1, 1) == (code, err.count("\n"))
    assert ["out"] == [path.name for path in Path.cwd().iterdir()]


@pytest.mark.parametrize("topic", ["/../x", "/a//b", "/."])
def test_export_stays_in_its_folder(topic):
    """A topic's name cannot lead out of the folder."""
    with pytest.raises(StoreError, match="cannot become a file"):
        file_of(Path("out"), topic)


def test_rm_needs_a_yes(demo_store, cli):
    """Without a terminal to ask on, rm deletes only with --yes."""
    refused = cli("rm", "demo", "--store", demo_store)
    done = cli("rm", "demo", "--yes", "--store", demo_store)
    left = json.loads(cli("ls", "--store", demo_store, "--json")[1])["sequences"]

    assert (2, (0, "Deleted demo.\n", ""), []) == (refused[0], done, left)


def test_rm_of_a_topic_is_refused(demo_store, cli):
    """A topic cannot be deleted by itself; the sequence is named."""
    code, _, err = cli("rm", "demo/imu/data", "--yes", "--store", demo_store)

    assert 2 == code
    assert "did you mean 'demo'?" in err


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_rm_asks_on_a_terminal(answer, code, demo_store, cli):
    """On a terminal rm asks, and does what is answered."""
    master, slave = pty.openpty()
    words = ["rm", "demo", "--store", str(demo_store)]
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from mosaico_ingest.cli import main; raise SystemExit(main())",
            *words,
        ],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.write(master, answer.encode())
        process.communicate()
    os.close(slave)
    os.close(master)
    left = json.loads(cli("ls", "--store", demo_store, "--json")[1])["sequences"]

    assert (code, code != 0) == (process.returncode, bool(left))
