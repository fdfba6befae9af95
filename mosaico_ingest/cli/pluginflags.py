"""
Options of source formats and mappers, which are attrs classes, as flags.

A field `tf` becomes `--tf`. Formats that mean the same by a field (same name, type and default) share its
flag; where another flag has that name, it is `--NAME-tf`. Its help text is `metadata={"help": …}` of the
field. A field whose type has no form on a command line can be set in the config file only.

Must not know: which plugins exist.
"""

import enum
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from mosaico_ingest.hooks.registry import Registry

__all__ = ["PluginFlag", "plugin_flags"]

_PLAIN: dict[Any, Any] = {
    str: str,
    int: int,
    float: float,
    bool: bool,
    Path: click.Path(path_type=Path),
}


class PluginFlag(click.Option):
    """
    A flag that stands for one field of plugins' options; its value is kept apart from the command's own.

    Args:
        owners: Names of the source formats and mappers that have the field.
        field: Name of the field.
    """

    def __init__(self, owners: tuple[str, ...], field: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, expose_value=False, callback=self._keep, **kwargs)
        self.owners = owners
        self.field = field

    @property
    def meta_key(self) -> str:
        """Where the value is kept in the context's `meta`."""
        return f"mosaico_ingest.option.{self.owners[0]}.{self.field}"

    def _keep(self, ctx: click.Context, _param: click.Parameter, value: object) -> object:
        """Put the value where `hosting.chosen_options` finds it."""
        ctx.meta[self.meta_key] = value
        return value


def plugin_flags(registry: Registry, taken: Sequence[click.Parameter]) -> list[PluginFlag]:
    """
    Return the flags of all options that *registry* has.

    Args:
        taken: Parameters that the command has already.
    """
    names = {name for param in taken for name in param.opts}
    flags: list[PluginFlag] = []
    for field, owners in _fields(registry):
        name = f"--{field.name.replace('_', '-')}"
        if name in names:
            name = f"--{owners[0]}-{field.name.replace('_', '-')}"
        flag = _flag(owners, field, name)
        if flag is not None:
            names.add(name)
            flags.append(flag)
    return flags


def _fields(registry: Registry) -> Iterable[tuple["attrs.Attribute[Any]", tuple[str, ...]]]:
    """Yield every field with the names of those who mean the same by it."""
    shared: dict[Any, tuple[attrs.Attribute[Any], list[str]]] = {}
    for owner, kind in _owners(registry):
        attrs.resolve_types(kind)
        for field in attrs.fields(kind):
            key = (field.name, str(field.type), repr(field.default))
            shared.setdefault(key, (field, []))[1].append(owner)
    for field, owners in shared.values():
        yield field, tuple(owners)


def _owners(registry: Registry) -> Iterable[tuple[str, type]]:
    """Yield every source format and mapper that has options, by name."""
    owners: dict[str, type | None] = {
        **{name: item.value.options for name, item in registry.sources.items()},
        **{name: item.value.options for name, item in registry.mappers.items()},
    }
    for name, kind in sorted(owners.items()):
        if kind is not None:
            yield name, kind


def _flag(owners: tuple[str, ...], field: "attrs.Attribute[Any]", name: str) -> PluginFlag | None:
    """Return the flag of one field, None if its type has no form on a command line."""
    kind, is_many = _unwrapped(field.type)
    settings: dict[str, Any] = {
        "help": f"{field.metadata.get('help', 'Option.')} ({', '.join(owners)})",
        "multiple": is_many,
    }
    if kind is bool and not is_many:
        declaration = f"{name}/--no-{name.removeprefix('--')}"
    elif choices := _choices(kind):
        declaration = name
        settings["type"] = click.Choice(choices)
    elif kind in _PLAIN:
        declaration = name
        settings["type"] = _PLAIN[kind]
    else:
        return None
    default = field.default.value if isinstance(field.default, enum.Enum) else field.default
    if isinstance(default, str | int | float):
        settings |= {"default": default, "show_default": True}
    parameter = f"{owners[0]}_{field.name}".replace("-", "_").replace(".", "_")
    return PluginFlag(owners, field.name, [declaration, parameter], **settings)


def _unwrapped(kind: Any) -> tuple[Any, bool]:
    """Return the type of one value, and whether there may be several."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        return _unwrapped(rest[0]) if len(rest) == 1 else (None, False)
    if origin in (tuple, list) and arguments and arguments[-1:] in ((...,), arguments):
        return arguments[0], True
    return kind, False


def _choices(kind: Any) -> list[str]:
    """Return the words that *kind* allows, none if it is not a choice of words."""
    if typing.get_origin(kind) is typing.Literal:
        return [str(word) for word in typing.get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return [member.value for member in kind]
    return []
