"""The examples of `docs/mapping-files.md` work as they stand there."""

import re
import shlex
from pathlib import Path

import pytest

from mosaico_ingest.cli import main
from mosaico_ingest.expressions.functions import CONSTANTS, FUNCTIONS, UNITS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mapping-files.md"
_FILE = re.compile(
    r"`([\w.-]+\.(?:csv|toml|py))`[^\n]*(?:\n[^`\n]+)*\n\n```(?:csv|toml|python)\n(.*?)```",
    re.DOTALL,
)
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def sessions():
    """Return the commands of each console block with the lines that the page shows."""
    for block in _CONSOLE.findall(PAGE.read_text()):
        steps = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        yield [(step.splitlines()[0], step.splitlines()[1:]) for step in steps]


def words(line):
    """Return the words of a line, however they are aligned."""
    return " ".join(line.split())


@pytest.mark.parametrize("number", range(4))
def test_each_session_prints_what_the_page_shows(number, tmp_path, monkeypatch, capsys):
    """Every command of a block runs in a folder with the page's files, and prints the lines under it."""
    monkeypatch.chdir(tmp_path)
    files = dict(_FILE.findall(PAGE.read_text()))
    assert {
        "vehicle.csv",
        "vehicle.toml",
        "engine.csv",
        "mosaico-ingest.toml",
        "broken.toml",
        "record.py",
        "robot.toml",
    } == set(files)
    for name, text in files.items():
        if name != "mosaico-ingest.toml" or number == 1:
            Path(name).write_text(text)
    for command, expected in list(sessions())[number]:
        program, *arguments = shlex.split(command)
        if program == "python":
            exec(compile(files[arguments[0]], arguments[0], "exec"), {})
            continue
        main(arguments)
        printed = capsys.readouterr()
        lines = [words(line) for line in (printed.out + printed.err).splitlines()]

        assert [] == [
            line for line in expected if not any(words(line) in found for found in lines)
        ], printed


def test_the_page_names_every_function_and_unit():
    """What expressions know stands in the page, and nothing else."""
    section = PAGE.read_text().split("## Expressions")[1]
    functions = section.split("Functions:")[1].split(".")[0]
    units = section.split("converts to SI:")[1]

    assert list(FUNCTIONS) == re.findall(r"`([^`]+)`", functions)
    assert list(UNITS) == re.findall(r"`([^`]+)`", units)
    assert all(f"`{name}`" in section for name in CONSTANTS)
