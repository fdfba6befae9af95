"""
The config file `mosaico-ingest.toml`: what is not given by a flag or the environment.

::

    [run]                      # any long flag of `run`, without its dashes
    server = "grpc://robots.example:6726"
    topics = ["/imu/*", "!/imu/raw"]
    metadata = { site = "north", run = 7 }

    [plugins]                  # which plugins are loaded
    disable = ["rosbag"]

    [plugins.ros]              # options of a source format or mapper, by its name
    tf = "message"

    [[map]]                    # what a mapping file may hold, see docs/mapping-files.md
    topic = "/imu"

Must not know: flags' types (click reads the values). Next: `hosting`.
"""

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NoReturn

import attrs

from mosaico_ingest.errors import UsageError
from mosaico_ingest.mapping import SECTIONS

__all__ = ["FILE_NAME", "Config", "load_config", "refuse_unknown"]

FILE_NAME = "mosaico-ingest.toml"
_SELECTION = ("only", "disable")
_SECTIONS = ("run", "plugins", *SECTIONS)


@attrs.frozen(kw_only=True)
class Config:
    """
    What a config file says.

    Args:
        path: The file, None if there is none.
        run: Settings of `[run]`, by parameter name.
        selection: `only` and `disable` of `[plugins]`.
        options: Tables `[plugins.NAME]`, by name.
        mapping: The tables of a mapping file, `[[map]]` and `[ontology.TAG]`.
        text: All of the file.
    """

    path: Path | None = None
    run: Mapping[str, object] = attrs.field(factory=dict)
    selection: Mapping[str, object] = attrs.field(factory=dict)
    options: Mapping[str, Mapping[str, object]] = attrs.field(factory=dict)
    mapping: Mapping[str, object] = attrs.field(factory=dict)
    text: str = attrs.field(default="", repr=False)


def load_config(path: Path | None, keys: Collection[str]) -> Config:
    """
    Read the config file.

    Args:
        path: The file; None takes `mosaico-ingest.toml` of the current folder, if it is there.
        keys: What `[run]` may set.

    Raises:
        UsageError: It cannot be read, is no TOML, or has a key that nothing understands.
    """
    file = path or Path(FILE_NAME)
    try:
        text = file.read_text("utf-8")
        tables = tomllib.loads(text)
    except FileNotFoundError:
        if path is None:
            return Config()
        msg = f"The config file {str(file)!r} does not exist. Check --config."
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"The config file {str(file)!r} cannot be read: {error.strerror}."
        raise UsageError(msg) from error
    except ValueError as error:
        msg = f"The config file {str(file)!r} is no valid TOML: {error}. Correct it."
        raise UsageError(msg) from error
    for name in tables:
        if name not in _SECTIONS:
            refuse_unknown(f"section [{name}] in {str(file)!r}", name, _SECTIONS)
    plugins = _table(file, "plugins", tables.get("plugins", {}))
    for name, value in plugins.items():
        if name not in _SELECTION and not isinstance(value, dict):
            refuse_unknown(f"key {name!r} of [plugins] in {str(file)!r}", name, _SELECTION)
    return Config(
        path=file,
        run=_run(file, _table(file, "run", tables.get("run", {})), keys),
        selection={name: plugins[name] for name in _SELECTION if name in plugins},
        options={name: value for name, value in plugins.items() if isinstance(value, dict)},
        mapping={name: tables[name] for name in SECTIONS if name in tables},
        text=text,
    )


def refuse_unknown(what: str, name: str, known: Collection[str]) -> NoReturn:
    """
    Say that *what* is unknown, with the nearest of *known*.

    Raises:
        UsageError: Always.
    """
    near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known)) or 'none'}."
    msg = f"Unknown {what}. {hint}"
    raise UsageError(msg)


def _run(file: Path, table: Mapping[str, object], keys: Collection[str]) -> dict[str, object]:
    """Return the settings of `[run]` under the names of their parameters."""
    settings: dict[str, object] = {}
    for name, value in table.items():
        parameter = name.replace("-", "_")
        if parameter not in keys:
            refuse_unknown(
                f"key {name!r} of [run] in {str(file)!r}",
                name,
                [key.replace("_", "-") for key in keys],
            )
        settings[parameter] = value
    return settings


def _table(file: Path, name: str, value: object) -> Mapping[str, object]:
    """Return *value* if it is a table."""
    if isinstance(value, dict):
        return value
    msg = f"{name!r} in {str(file)!r} is {value!r}. Expected a table [{name}]."
    raise UsageError(msg)
