"""
Renders the reference pages of `docs/` from the code: rewrites them, or prints the one that is named.

    python tests/meta/reference.py
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

DOCS = Path(__file__).resolve().parents[2] / "docs"
_NOTE = "<!-- Made from the code by `python tests/meta/reference.py`; a test compares. -->\n"
_INTRODUCTION = """\
A plugin implements any of these functions, marked with `mosaico_ingest.plugin.hookimpl`, and states
`MOSAICO_API = (1, 0)`. An implementation may take fewer arguments than the spec. The objects that it
hands in keep the contracts below; `docs/plugins.md` shows a whole plugin.
"""


def hooks_page() -> str:
    """Return `docs/hooks.md`: every hook with its signature and contract."""
    from mosaico_ingest.hooks import contracts, specs

    parts = [
        "# Hooks\n",
        _NOTE,
        _INTRODUCTION,
    ]
    for name, function in sorted(vars(specs).items()):
        if name.startswith("mosaico_"):
            parts.append(f"## `{name}{_signature(function)}`\n\n{inspect.getdoc(function)}\n")
    parts.append("# Contracts\n")
    for name in contracts.__all__:
        value = getattr(contracts, name)
        if inspect.isclass(value):
            parts.append(f"## `{name}`\n\n{_fenced(inspect.getdoc(value))}\n")
            for method, function in vars(value).items():
                public = not method.startswith("_") and inspect.isfunction(function)
                if public and name != "MapRequest":
                    text = _fenced(inspect.getdoc(function))
                    parts.append(f"### `{name}.{method}{_signature(function)}`\n\n{text}\n")
    return "\n".join(parts)


def cli_page() -> str:
    """Return `docs/cli.md`: every command with its help, as the terminal shows it."""
    from mosaico_ingest.cli.app import app

    parts = ["# The command line\n", _NOTE]
    settings = {**app.context_settings, "terminal_width": 100}
    context = click.Context(app, info_name="mosaico-ingest", **settings)
    parts.append(f"```text\n{app.get_help(context)}\n```\n")
    parts += _commands(app, context, "##")
    return "\n".join(parts)


def _commands(group: click.Group, context: click.Context, heading: str) -> Iterator[str]:
    """Yield the help of every command of *group*, and of the groups in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        child = click.Context(command, info_name=name, parent=context)
        path = child.command_path.removeprefix("mosaico-ingest ")
        yield f"{heading} `{path}`\n\n```text\n{command.get_help(child)}\n```\n"
        if isinstance(command, click.Group):
            yield from _commands(command, child, f"{heading}#")


def ontology_page() -> str:
    """Return `docs/ontology.md`: the types of the platform, and which messages become them."""
    from mosaico_ingest_foxglove.schemas import RULES as FOXGLOVE
    from mosaico_ingest_ontology import mosaico_ontologies
    from mosaico_ingest_ros.mapping.geometry import TF_MESSAGES, TF_ROWS
    from mosaico_ingest_ros.mapping.quantities import DECODED
    from mosaico_ingest_ros.mapping.rules import RULES

    sources: dict[str, list[str]] = {TF_ROWS.tag: [f"`{name}`" for name in TF_MESSAGES]}
    for name, rules in RULES.items():
        for tag in dict.fromkeys(rule.tag for rule in rules):
            sources.setdefault(tag, []).append(f"`{name}`")
    for tag in DECODED:
        sources.setdefault(tag, []).append(f"`sensor_msgs/PointCloud2` with `--map TOPIC={tag}`")
    for schema, choices in FOXGLOVE.items():
        for tag in dict.fromkeys(rule.tag for rule in choices):
            sources.setdefault(tag, []).append(f"`foxglove.{schema}`")
    parts = [
        "# Ontology types\n",
        _NOTE,
        "| tag | what it is | columns after the envelope | messages |\n|---|---|---|---|",
    ]
    for ontology in sorted(mosaico_ontologies(), key=lambda o: o.tag):
        columns = ", ".join(
            f"`{field.name}`" + ("" if field.nullable else "!") for field in ontology.fields
        )
        told = ", ".join(sorted(sources.get(ontology.tag, [])))
        parts.append(f"| `{ontology.tag}` | {ontology.summary} | {columns} | {told} |")
    parts.append(
        "\n`!` marks a column without nulls. The envelope is `timestamp_ns`!, "
        "`recording_timestamp_ns`, `frame_id`, `sequence_id`.\n"
    )
    return "\n".join(parts)


PAGES = {"hooks.md": hooks_page, "cli.md": cli_page, "ontology.md": ontology_page}


def _signature(function: object) -> str:
    """Return a function's signature without `self` and without quotes around annotations."""
    signature = inspect.signature(function)
    kept = [p for name, p in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=kept)).replace("'", "").replace('"', "")


def _fenced(text: str | None) -> str:
    """Keep the lines of a docstring's sections apart."""
    return f"```text\n{text}\n```" if text and "\n" in text else text or ""


if __name__ == "__main__":
    if sys.argv[1:]:
        print(PAGES[sys.argv[1]](), end="")
    else:
        for page, render in PAGES.items():
            (DOCS / page).write_text(render())
