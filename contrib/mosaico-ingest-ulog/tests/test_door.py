"""The plugin is a stranger: it knows of the host what is promised to strangers, and nothing else."""

import ast
from pathlib import Path

import mosaico_ingest_ulog

DOOR = {"mosaico_ingest.plugin", "mosaico_ingest.errors"}


def test_it_enters_by_the_door():
    """Its modules import nothing of the host but the door for plugins and the errors."""
    folder = Path(mosaico_ingest_ulog.__file__).parent
    imported = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported.update(name.name for name in node.names)

    assert DOOR == {name for name in imported if name.split(".")[0] == "mosaico_ingest"}
