import subprocess
import sys

import click
import pytest

import mosaico_ingest
from mosaico_ingest.cli.app import app


@pytest.mark.parametrize("command", list(app.commands))
def test_every_command_explains_itself(command, cli):
    """Each command's help says what it does, with an example and a sentence for every flag."""
    code, out, _ = cli(command, "--help")
    context = click.Context(app.commands[command])
    flags = [p for p in app.commands[command].get_params(context) if isinstance(p, click.Option)]

    assert code == 0
    assert "Example" in out
    assert f"\n    mosaico-ingest {command}" in out
    assert [] == [flag.name for flag in flags if not (flag.help or "").endswith((".", "]"))]


def test_version(cli):
    """--version says the version."""
    assert (0, f"mosaico-ingest, version {mosaico_ingest.__version__}\n", "") == cli("--version")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["serve", "--help"], ["ls", "--no"]])
def test_talk_imports_nothing_heavy(words):
    """What only talks imports neither pyarrow nor numpy: it answers at once."""
    code = (
        f"import sys\nfrom mosaico_ingest.cli import main\nmain({words!r})\n"
        "print([m for m in ('pyarrow', 'numpy', 'rich', 'mcap') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.endswith("[]\n")


def test_no_word_shows_the_help(cli):
    """Without a command the help is shown, as an error."""
    code, out, err = cli()

    assert (2, "") == (code, out)
    assert "Start with:" in err


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run"], "Missing argument 'PATH...'"),
        (["run", "x", "--stor", "y"], "No such option '--stor'"),
        (["run", "x", "--lanes", "0"], "0 is not in the range"),
        (["run", "x", "--budget", "much"], "Cannot read 'much' as a size"),
        (["run", "x", "--metadata", "site"], "Expected KEY=VALUE"),
        (["run", "x", "--metadata", "n:=one"], "no JSON"),
        (["run", "x", "--map", "/imu"], "Expected TOPIC=NAME"),
        (["run", "x", "--config", "none.toml"], "'none.toml' does not exist"),
        (["run", "x", "-p", "mcpa"], "Did you mean 'mcap'"),
        (["run", "x", "--source", "nope"], "Installed formats"),
        (["export", "demo"], "Missing option '--to'"),
        (["serve", "--generation", "9"], "'9' is not one of"),
    ],
)
def test_wrong_usage_is_one_line_and_code_two(args, expected, cli):
    """A mistake on the command line is one line on stderr that names it, and exit code 2."""
    code, out, err = cli(*args)

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("mosaico-ingest: error: ")
    assert expected in err


def test_unexpected_errors_are_one_line(cli, monkeypatch):
    """A bug of ours gives one line that says how to see more."""

    def fail(*_args, **_more):
        msg = "oops"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(app.commands["plugins"], "invoke", fail)
    code, out, err = cli("plugins")

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert "ZeroDivisionError: oops" in err
    assert "MOSAICO_INGEST_DEBUG=1" in err


def test_debug_shows_the_traceback(cli, monkeypatch):
    """With MOSAICO_INGEST_DEBUG the error goes on."""
    monkeypatch.setenv("MOSAICO_INGEST_DEBUG", "1")
    monkeypatch.setattr(app.commands["plugins"], "invoke", lambda _ctx: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        cli("plugins")


def test_interrupt_has_its_code(cli, monkeypatch):
    """Ctrl-C where no command takes care of it is exit code 130 and one line."""

    def interrupt(_ctx):
        raise KeyboardInterrupt

    monkeypatch.setattr(app.commands["plugins"], "invoke", interrupt)
    code, out, err = cli("plugins")

    assert (130, "", "\nmosaico-ingest: error: Interrupted.\n") == (code, out, err)


def test_reader_that_ends_early_is_no_error(program):
    """Output into a pipe that is closed, as by `head`, ends without a traceback."""
    process = program("plugins", "--json")
    process.stdout.close()
    process.wait()

    assert "Traceback" not in process.stderr.read()
    assert "Exception" not in process.stderr.read()


def test_plugin_adds_a_command(tmp_path, monkeypatch, cli, capsys):
    """A command that a plugin hands in is found by its name."""
    folder = tmp_path / "site"
    info = folder / "greeter-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeter\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mosaico_ingest]\ngreeter = greeter_plugin\n")
    (folder / "greeter_plugin.py").write_text(
        "import click\nfrom mosaico_ingest.plugin import hookimpl\nMOSAICO_API = (1, 0)\n"
        "@hookimpl\ndef mosaico_commands():\n"
        "    return [click.Command('greet', callback=lambda: click.echo('hello'))]\n"
    )
    monkeypatch.syspath_prepend(folder)

    assert (0, "hello\n", "") == cli("greet")
