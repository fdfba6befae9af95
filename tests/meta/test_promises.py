"""Promises about the project itself."""

import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mosaico_ingest
from mosaico_ingest.hooks import specs

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for root in ("mosaico_ingest", "plugins")
    for path in (ROOT / root).rglob("*.py")
    if "migrations" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
HOOKS = sorted(name for name in vars(specs) if name.startswith("mosaico_"))


def modules():
    """Import every module of the core."""
    yield mosaico_ingest
    for found in pkgutil.walk_packages(mosaico_ingest.__path__, "mosaico_ingest."):
        if "__main__" not in found.name and "migrations" not in found.name:
            yield importlib.import_module(found.name)


@pytest.mark.parametrize("page", ["cli.md", "hooks.md", "ontology.md"])
def test_reference_pages_are_those_of_the_code(page):
    """The reference pages show what the code says; `python tests/meta/reference.py` renews them."""
    # In a process of its own: click remembers how a command was asked for help before.
    command = [sys.executable, str(ROOT / "tests" / "meta" / "reference.py"), page]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert told == (ROOT / "docs" / page).read_text()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_of_its_name(hook):
    """A hook without `test_hook_<name>` is a hook that nobody tried."""
    text = (ROOT / "tests" / "hooks" / "test_hooks.py").read_text()

    assert f"def test_hook_{hook}(" in text


@pytest.mark.filterwarnings("ignore:OnErrorPolicy is deprecated")
def test_all_is_sorted_and_exact():
    """`__all__` lists what a module has, once, in order."""
    wrong = []
    for module in modules():
        names = list(getattr(module, "__all__", []))
        if len(set(names)) != len(names) or any(not hasattr(module, name) for name in names):
            wrong.append(module.__name__)

    assert [] == wrong


def test_importing_the_package_pulls_no_plugin_and_no_format_library():
    """`import mosaico_ingest` loads no plugin, format library, server or CLI, and starts no thread."""
    code = (
        "import sys, threading, mosaico_ingest\n"
        "bad = ('mcap', 'rosbags', 'av', 'rich', 'click', 'sqlalchemy', 'alembic', 'pyarrow.flight')\n"
        "print([m for m in sys.modules if m in bad or m.startswith('mosaico_ingest_')],"
        " threading.active_count())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "[] 1" == result.stdout.strip()


SPEAKING = [path for path in SOURCES if not {"server", "protocol"} & set(path.parts)]
"""What a server says on the wire gets its full stop at one border, `protocol.faults`."""


@pytest.mark.parametrize("path", SPEAKING, ids=lambda p: str(p.relative_to(ROOT)))
def test_messages_end_with_a_full_stop(path):
    """A message that a user may read is a sentence."""
    tree = ast.parse(path.read_text())
    raising = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    wrong = []
    for node in raising:
        if [getattr(target, "id", "") for target in node.targets] == ["msg"]:
            last = last_text(node.value)
            if last is not None and not last.rstrip().endswith((".", "!", "?", "`")):
                wrong.append((node.lineno, last[-40:]))

    assert [] == wrong


def last_text(node):
    """Return the literal text that a string expression ends with, None if it ends with a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        return last_text(node.values[-1])
    if isinstance(node, ast.BinOp):
        return last_text(node.right)
    return None


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_test_states_its_rule(path):
    """The docstring of a test is the rule that it holds."""
    tree = ast.parse(path.read_text())
    silent = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert [] == silent


def test_no_module_grows_past_400_lines():
    """400 lines are a reason to split."""
    long = [
        str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text().splitlines()) > 400
    ]

    assert [] == long


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_public_thing_says_what_it_is(path):
    """Modules, and public classes and functions, have docstrings."""
    tree = ast.parse(path.read_text())
    silent = [] if ast.get_docstring(tree) else ["module"]
    silent += [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert [] == silent


def test_first_party_plugins_are_announced_as_strangers_are():
    """Every package below `plugins/` stands in the entry-point group, and nothing else of ours does."""
    packages = {
        path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists()
    }
    points = importlib.metadata.entry_points(group="mosaico_ingest")
    ours = {point.value for point in points if point.dist and point.dist.name == "mosaico-ingest"}

    assert packages == ours


def test_the_changelog_knows_the_version():
    """The version of the package has its section."""
    text = (ROOT / "CHANGELOG.md").read_text()

    assert re.search(rf"^## .*{re.escape(mosaico_ingest.__version__)}", text, re.MULTILINE)


def test_hook_specs_say_when_they_are_called():
    """The docstring of each hook says how often it is called."""
    silent = [
        name for name in HOOKS if "Called" not in (inspect.getdoc(getattr(specs, name)) or "")
    ]

    assert [] == silent
