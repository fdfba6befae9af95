"""
Commands that read the config file and, where they need plugins, choose them before any is imported.

The order is: `--config` and `-p` are looked for, the file is read, the plugins are chosen and loaded,
their options become flags, and only then the command line is parsed. Flags win over environment over file.

Must not know: what commands do. Next: `options`.
"""

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mosaico_ingest.cli.config import Config, load_config, refuse_unknown
from mosaico_ingest.errors import UsageError

if TYPE_CHECKING:
    from mosaico_ingest.hooks.host import Host
    from mosaico_ingest.mapping.file import MappingFile
    from mosaico_ingest.model.rule import Rule

__all__ = [
    "ConfiguredCommand",
    "HostCommand",
    "chosen_host",
    "chosen_options",
    "chosen_rules",
    "configured_host",
    "run_keys",
    "with_layout",
]

_CONFIG, _HOST = "mosaico_ingest.config", "mosaico_ingest.host"
_RULES = "mosaico_ingest.rules"

CONFIG_OPTION = click.Option(
    ["--config"],
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Config file instead of ./mosaico-ingest.toml.",
)
PLUGIN_OPTION = click.Option(
    ["-p", "--plugin", "plugins"],
    multiple=True,
    metavar="NAME",
    help="Load only this plugin; no:NAME loads all but this one. May be repeated.",
)


class ConfiguredCommand(click.Command):
    """A command whose defaults come from the config file."""

    early: tuple[click.Option, ...] = (CONFIG_OPTION,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += self.early
        self.help = with_layout(self.help or "")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the config file, then the command line."""
        early = _look_for(self.early, args)
        config = load_config(early.get("config"), run_keys())
        ctx.meta[_CONFIG] = config
        ctx.default_map = _defaults(self.params, config.run)
        self.prepare(ctx, early, config)
        rest = super().parse_args(ctx, args)
        for option in self.early:  # they have had their effect, and are no business of the command
            ctx.params.pop(option.name or "", None)
        return rest

    def prepare(self, ctx: click.Context, early: Mapping[str, Any], config: Config) -> None:
        """Do what has to be done before the command line is parsed."""


MAPPING_OPTION = click.Option(
    ["--mapping"],
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Mappings and ontology types of your own, as TOML.",
)


class HostCommand(ConfiguredCommand):
    """A command that works with plugins: it can choose them, and has their options as flags."""

    early = (PLUGIN_OPTION, MAPPING_OPTION, CONFIG_OPTION)

    def prepare(self, ctx: click.Context, early: Mapping[str, Any], config: Config) -> None:
        """Choose and load the plugins."""
        from mosaico_ingest.hooks.discovery import Selection
        from mosaico_ingest.hooks.host import Host

        environment = os.environ.get("MOSAICO_INGEST_PLUGINS", "")
        selection = Selection.parse(early.get("plugins", ()), environment, config.selection)
        host = Host.discover(selection)
        files = _mappings(host, early.get("mapping"), config)
        for file in files:
            host = host.with_(file)
        ctx.meta[_HOST] = host
        ctx.meta[_RULES] = tuple(rule for file in files for rule in file.rules)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters and, once plugins are loaded, theirs."""
        params = super().get_params(ctx)
        if _HOST not in ctx.meta:
            return params
        from mosaico_ingest.cli.pluginflags import plugin_flags

        # Ask once: click compares parameters by identity.
        key = f"{_HOST}.flags"
        if key not in ctx.meta:
            ctx.meta[key] = plugin_flags(ctx.meta[_HOST].registry, params)
        return [*params, *ctx.meta[key]]


def chosen_host(ctx: click.Context) -> "Host":
    """Return the plugins that the user chose."""
    return ctx.meta[_HOST]


def chosen_rules(ctx: click.Context) -> "tuple[Rule, ...]":
    """Return what mapping files want of channels."""
    return ctx.meta[_RULES]


def configured_host(ctx: click.Context) -> "Host":
    """Load the plugins and types that environment and config file choose, for a command without flags."""
    from mosaico_ingest.hooks.discovery import Selection
    from mosaico_ingest.hooks.host import Host

    environment, config = os.environ.get("MOSAICO_INGEST_PLUGINS", ""), ctx.meta[_CONFIG]
    host = Host.discover(Selection.parse((), environment, config.selection))
    return host.with_(*_mappings(host, None, config))


def chosen_options(ctx: click.Context) -> dict[str, dict[str, object]]:
    """
    Return the options of source formats and mappers: those of the file, overridden by flags.

    Raises:
        UsageError: The file has a table for a name that no plugin knows.
    """
    from mosaico_ingest.cli.pluginflags import PluginFlag

    host, config = chosen_host(ctx), ctx.meta[_CONFIG]
    known = {*host.registry.sources, *host.registry.mappers}
    # A plugin that is installed but not loaded keeps its table in the file without harm.
    idle = {status.name for status in host.statuses}
    options: dict[str, dict[str, object]] = {}
    for name, table in config.options.items():
        if name not in known | idle:
            refuse_unknown(f"section [plugins.{name}] in {str(config.path)!r}", name, known)
        if name in known:
            options[name] = dict(table)
    for param in ctx.command.get_params(ctx):
        if isinstance(param, PluginFlag) and _is_given(ctx, param):
            for owner in param.owners:
                options.setdefault(owner, {})[param.field] = ctx.meta[param.meta_key]
    return options


def _mappings(host: "Host", path: Path | None, config: Config) -> "list[MappingFile]":
    """Read the mapping file, and the mappings of the config file."""
    if path is None and not config.mapping:
        return []
    from mosaico_ingest.mapping.file import load_mapping, read_mapping

    files = [load_mapping(path, host.ontology)] if path else []
    if config.mapping and config.path:
        files.append(read_mapping(config.path, config.text, config.mapping, host.ontology))
    return files


def with_layout(text: str) -> str:
    """Mark the paragraphs of a help text that have indented lines, so that click does not refill them."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"\b\n{part}" if "\n  " in part else part for part in paragraphs)


def _is_given(ctx: click.Context, param: click.Parameter) -> bool:
    """Tell whether the user typed *param*."""
    source = ctx.get_parameter_source(param.name or "")
    return source is click.core.ParameterSource.COMMANDLINE


def _look_for(options: tuple[click.Option, ...], args: list[str]) -> dict[str, Any]:
    """Return what *args* say about a few options, whatever else they say."""
    scout = click.Command(
        None,
        params=list(options),
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    return scout.make_context(None, list(args), resilient_parsing=True).params


def _defaults(params: list[click.Parameter], settings: Mapping[str, object]) -> dict[str, object]:
    """Arrange the file's settings as click wants the defaults of *params*."""
    defaults: dict[str, object] = {}
    for param in params:
        name = param.name or ""
        if name not in settings or not isinstance(param, click.Option):
            continue
        value = settings[name]
        if param.multiple:
            if isinstance(value, dict):
                value = list(value.items())
            elif not isinstance(value, list):
                value = [value]
        elif isinstance(value, list | dict):
            msg = f"Key {name!r} of [run] in the config file is {value!r}. Expected one value."
            raise UsageError(msg)
        defaults[name] = value
    return defaults


def run_keys() -> frozenset[str]:
    """Return what `[run]` may set: every option of `run` that is not about one call."""
    from mosaico_ingest.cli.run import run_command

    once = {"config", "plugins", "json", "dry_run", "again"}
    return frozenset(
        param.name
        for param in run_command.params
        if isinstance(param, click.Option) and param.name and param.name not in once
    )
