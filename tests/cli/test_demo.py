import json
from pathlib import Path


def test_demo_ends_with_a_table_and_a_hint(cli):
    """Demo writes a recording and a store, ends with the run's table and says how to go on."""
    code, out, err = cli("demo")

    assert 0 == code
    assert "mosaico-demo/demo.mcap -> demo: stored\n" in out
    assert "1 recording (1 stored): 1,750 messages" in out
    assert "mosaico-ingest info demo --store mosaico-demo/store" in err
    assert {"demo.mcap", "store"} <= {path.name for path in Path("mosaico-demo").iterdir()}


def test_hint_works_as_it_stands(cli):
    """The command that demo proposes works."""
    _, _, err = cli("demo")
    words = err.split("mosaico-ingest ")[-1].split()

    assert 0 == cli(*words)[0]


def test_demo_twice_is_already_stored(cli):
    """The recording is the same every time: a second demo finds it stored."""
    cli("demo", "--dir", "here")
    code, out, _ = cli("demo", "--dir", "here", "--json")

    assert (0, "already_stored") == (code, json.loads(out)["recordings"][0]["status"])


def test_folder_that_cannot_be_made(cli):
    """Where the demo cannot be written, one line names the flag."""
    Path("mosaico-demo").write_text("a file")
    code, out, err = cli("demo")

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert "--dir" in err
