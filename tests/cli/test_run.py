import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from mosaico_ingest.testing.recordings import write_imu

REPORT_KEYS = {
    "recordings",
    "passed_over",
    "stored",
    "rejected",
    "skipped",
    "lost",
    "bytes",
    "seconds",
    "exit_code",
}


def test_first_and_second_run(demo_file, cli):
    """A run stores every message and exits 0; the same bytes again change nothing and exit 0."""
    first = cli("run", demo_file)
    second = cli("run", demo_file)

    assert (0, 0) == (first[0], second[0])
    assert "1 recording (1 stored): 175 messages" in first[1]
    assert "demo: already stored, nothing changed" in second[1]
    assert Path("mosaico-store").is_dir()


def test_result_and_progress_are_apart(demo_file, cli):
    """Stdout is the table, stderr the progress; with --json stdout is one object."""
    _, table, progress = cli("run", demo_file)
    code, told, events = cli("run", demo_file, "--again", "--json", "--log", "json")

    assert table.startswith(f"{demo_file} -> demo: stored\n")
    assert "demo.mcap: stored, 175 messages" in progress
    assert REPORT_KEYS == json.loads(told).keys()
    assert ("demo_2", 175, 0) == (
        json.loads(told)["recordings"][0]["sequence"],
        json.loads(told)["stored"],
        code,
    )
    assert "run_finished" == json.loads(events.splitlines()[-1])["event"]


def test_log_none_is_silent(demo_file, cli):
    """With --log none a run that goes well says nothing on stderr."""
    assert "" == cli("run", demo_file, "--log", "none")[2]


def test_choice_of_topics_is_no_loss(demo_file, cli):
    """What the user did not want is skipped, told, and no reason for another exit code."""
    code, out, _ = cli("run", demo_file, "--topics", "/imu/*", "--json")
    report = json.loads(out)

    assert (0, 100, 75, 0) == (code, report["stored"], report["skipped"], report["lost"])


def test_damage_is_told_with_code_three(demo_file, tmp_path, cli):
    """A recording that is cut off is stored as far as it goes; the table says what is missing."""
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(demo_file.read_bytes()[:300_000])
    code, out, err = cli("run", cut)

    assert 3 == code
    assert "cut.mcap -> cut: stored with losses" in out
    assert "  damage: " in out
    assert "damage" in err


def test_one_failure_among_many_is_code_one(demo_file, tmp_path, cli):
    """A path that fails does not stop the others, and is in the report with its reason."""
    code, out, _ = cli("run", demo_file, tmp_path / "missing.mcap")

    assert 1 == code
    assert "demo: stored" in out
    assert "does not exist. Check the path." in out


@pytest.mark.parametrize("as_json", [False, True])
def test_dry_run_changes_nothing(as_json, demo_file, cli):
    """--dry-run prints the plan and starts nothing."""
    code, out, _ = cli("run", demo_file, "--dry-run", *(["--json"] if as_json else []))

    assert (0, []) == (code, list(Path.cwd().iterdir()))
    assert "robot_joint" in out


@pytest.fixture
def folder_of_nothing(tmp_path):
    """Paths of which nothing can be made."""
    folder = tmp_path / "in"
    (folder / "folder").mkdir(parents=True)
    (folder / "empty.mcap").touch()
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 8)
    (folder / "unreadable.mcap").symlink_to("/proc/self/mem")  # not even root may read its start
    return folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.mcap", "does not exist. Check the path."),
        ("empty.mcap", "is empty (0 bytes)"),
        ("noise.bin", "No plugin recognises"),
        ("folder", "holds no recording"),
        ("unreadable.mcap", "cannot be read: Input/output error"),
    ],
)
def test_bad_input_is_one_line(name, expected, folder_of_nothing, cli):
    """A path of which nothing can be made is one line that says what to do; no store appears."""
    code, out, err = cli("run", folder_of_nothing / name)

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("mosaico-ingest: error: ")
    assert expected in err
    assert [] == list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("flags", "expected", "code"),
    [
        (["--topics", "!*"], "not selected by --topics", 1),
        (["--name", "a/b"], "Try 'a_b'", 2),
        (["--name", "{day}"], "It may use {name}, {parent} and {date}", 2),
        (["--map", "/imu/data=nope"], "nope", 1),
        (["--server", "grpc://127.0.0.1:1"], "No Mosaico server answers at", 1),
        (["--server", "http://x"], "Expected grpc://HOST:PORT", 2),
    ],
)
def test_run_that_cannot_begin_is_one_line(flags, expected, code, demo_file, cli):
    """What stops a run before anything is sent is one line that says what to do."""
    told, out, err = cli("run", demo_file, "--log", "none", *flags)

    assert (code, "", 1) == (told, out, err.count("\n"))
    assert expected in err


def test_taken_name_is_refused_with_the_flag(demo_file, demo_store, tmp_path, cli):
    """Another recording under a taken name is refused, and the flag that helps is named."""
    other = tmp_path / "demo.mcap"
    write_imu(other, 10)
    code, out, err = cli("run", other, "--store", demo_store, "--log", "none")

    assert (1, "") == (code, out)
    assert "--name" in err


GATED = """
import os
from mosaico_ingest.plugin import Match, RawBatch, Strength, hookimpl

MOSAICO_API = (1, 0)

class Gated:
    name, suffixes, options, replaces = "gated", (), None, ("mcap",)

    def sniff(self, file):
        return Match(Strength.MAGIC, "any file")

    def open(self, file, options):
        from mosaico_ingest_mcap import McapFormat
        return Recording(McapFormat().open(file, options))

class Recording:
    def __init__(self, inner):
        self._inner = inner
        self.info = inner.info

    def __enter__(self):
        self._inner.__enter__()
        return self

    def __exit__(self, *args):
        return self._inner.__exit__(*args)

    def batches(self, channels, target_bytes, cursor=None):
        for number, batch in enumerate(self._inner.batches(channels, 20_000, cursor)):
            if number == 1:
                with open(os.environ["GATE"]) as gate:
                    gate.read()
            yield batch

@hookimpl
def mosaico_sources():
    return [Gated()]
"""


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """A source that reads one batch and waits until the gate, a pipe, is opened and closed."""
    folder = tmp_path / "site"
    info = folder / "gated-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gated\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mosaico_ingest]\ngated = gated_plugin\n")
    (folder / "gated_plugin.py").write_text(GATED)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def wait_for(process, text):
    """Read the program's stderr up to the line that has *text*."""
    for line in process.stderr:
        if text in line:
            return
    msg = f"{text!r} was never said."
    raise AssertionError(msg)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_finishes_what_was_read(number, gate, tmp_path, program, cli):
    """A signal during a run ends it with a report and code 130; what was complete before stays."""
    write_imu(tmp_path / "first.mcap", 10)
    write_imu(tmp_path / "second.mcap", 1000)
    store = tmp_path / "store"
    process = program(
        *("run", tmp_path / "first.mcap", tmp_path / "second.mcap"),
        *("--store", store, "--json", "--log", "json"),
    )
    wait_for(process, '"batch_stored", "index": 1')
    process.send_signal(number)
    wait_for(process, "Finishing what was read")
    gate.write_text("go on")
    out, _ = process.communicate()
    report = json.loads(out)
    listed = json.loads(cli("ls", "--store", store, "--json")[1])["sequences"]

    assert (130, 130) == (process.returncode, report["exit_code"])
    assert ["stored", "failed"] == [r["status"] for r in report["recordings"]]
    assert "the run was interrupted" == report["recordings"][1]["error"]
    assert [True, False] == [sequence["complete"] for sequence in listed]


def test_second_interrupt_aborts(gate, tmp_path, program):
    """A second Ctrl-C aborts; the report and code 130 come all the same."""
    write_imu(tmp_path / "one.mcap", 1000)
    process = program(
        *("run", tmp_path / "one.mcap", "--store", tmp_path / "store", "--json", "--log", "json")
    )
    wait_for(process, '"batch_stored"')
    process.send_signal(signal.SIGINT)
    wait_for(process, "press Ctrl-C again to abort")
    process.send_signal(signal.SIGINT)
    wait_for(process, "Aborting")
    gate.write_text("go on")
    out, _ = process.communicate()

    (recording,) = json.loads(out)["recordings"]

    assert 130 == process.returncode
    assert ("failed", "the run was interrupted") == (recording["status"], recording["error"])


def test_server_of_the_environment_is_used(demo_file, demo_store, monkeypatch, program, cli):
    """A run goes to the server that MOSAICO_DAEMON_URL names."""
    server = program("serve", "--port", "0", "--store", demo_store)
    url = server.stdout.readline().split()[3].rstrip(";")
    monkeypatch.setenv("MOSAICO_DAEMON_URL", url)
    code, out, _ = cli("run", demo_file)
    server.send_signal(signal.SIGTERM)

    assert (0, 0) == (code, server.wait())
    assert "demo: already stored" in out


def test_config_file_is_read(demo_file, cli):
    """mosaico-ingest.toml of the current folder gives what no flag says."""
    Path("mosaico-ingest.toml").write_text('[run]\nstore = "elsewhere"\nname = "x_{name}"\n')
    _, out, _ = cli("run", demo_file)

    assert "-> x_demo: stored" in out
    assert Path("elsewhere").is_dir()


def test_store_of_two_servers_is_refused(demo_file, demo_store, program, cli):
    """A store that a server holds is refused to a second one, in one line."""
    server = program("serve", "--port", "0", "--store", demo_store)
    server.stdout.readline()
    code, out, err = cli("run", demo_file, "--store", demo_store)

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert str(demo_store) in err


def test_folder_and_glob_find_recordings(demo_file, tmp_path, cli):
    """A folder is searched and a glob expanded; a recording named twice is stored once."""
    nested = tmp_path / "runs" / "a"
    nested.mkdir(parents=True)
    shutil.copy(demo_file, nested / "one.mcap")
    write_imu(nested / "two.mcap", 5)
    code, out, _ = cli("run", tmp_path / "runs", f"{tmp_path}/runs/**/*.mcap", "--json")

    assert (0, ["one", "two"]) == (
        code,
        [recording["sequence"] for recording in json.loads(out)["recordings"]],
    )
