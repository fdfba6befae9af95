"""
Finds plugins under the entry-point group and imports each in quarantine.

Which plugins are wanted is decided by name before anything of a plugin is imported.

Must not know: what plugins hand in. Next: `registry`.
"""

import difflib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points

import attrs

from mosaico_ingest.errors import PluginError, UsageError
from mosaico_ingest.hooks.contracts import API_VERSION
from mosaico_ingest.hooks.specs import GROUP

__all__ = [
    "Candidate",
    "Plugin",
    "PluginState",
    "PluginStatus",
    "Selection",
    "embedded",
    "find",
    "incompatibility",
    "load",
    "shortage",
]


class PluginState(StrEnum):
    """What became of a plugin."""

    Loaded = "loaded"
    Disabled = "disabled"
    Broken = "broken"
    Incompatible = "incompatible"
    Clash = "clash"
    MissingExtra = "missing extra"


@attrs.frozen(kw_only=True)
class PluginStatus:
    """
    One line of `mosaico-ingest plugins`.

    Args:
        name: Entry-point name.
        distribution, version: Where it comes from.
        status: What became of it.
        contributions: What it hands in (`source mcap`, `ontology imu`).
        reason: Why it is not loaded, empty if it is.
    """

    name: str
    distribution: str
    version: str
    status: PluginState
    contributions: tuple[str, ...] = ()
    reason: str = ""


@attrs.frozen
class Selection:
    """
    Which plugins are wanted.

    Args:
        only: Just these, if any is named.
        without: Never these.
    """

    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    @classmethod
    def parse(
        cls, flags: Sequence[str] = (), env: str = "", config: Mapping[str, object] | None = None
    ) -> "Selection":
        """
        Read the choice from `-p` flags, else `MOSAICO_INGEST_PLUGINS`, else `[plugins]` of the config file.

        Args:
            flags: `NAME` or `no:NAME` each.
            env: The same, separated by commas.
            config: Table with `only` and `disable`, lists of names.

        Raises:
            UsageError: A word that is neither.
        """
        words = list(flags) or [word.strip() for word in env.split(",") if word.strip()]
        if words:
            names = [word.removeprefix("no:") for word in words]
            bad = [word for word, name in zip(words, names, strict=True) if not _is_name(name)]
            if bad:
                msg = f"Cannot read {bad[0]!r} as a plugin choice. Expected NAME or no:NAME."
                raise UsageError(msg)
            without = frozenset(w.removeprefix("no:") for w in words if w.startswith("no:"))
            return cls(frozenset(w for w in words if not w.startswith("no:")), without)
        table = config or {}
        return cls(_names(table, "only"), _names(table, "disable"))

    def wants(self, name: str) -> bool:
        """Tell whether the plugin *name* is to be loaded."""
        return name not in self.without and (not self.only or name in self.only)


@attrs.frozen(kw_only=True)
class Candidate:
    """An announced plugin that has not been imported."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint | None = attrs.field(default=None, repr=False)

    def status(self, state: PluginState, reason: str = "") -> PluginStatus:
        """Say what became of it."""
        return PluginStatus(
            name=self.name,
            distribution=self.distribution,
            version=self.version,
            status=state,
            reason=reason,
        )


@attrs.frozen(kw_only=True)
class Plugin:
    """An imported plugin: the module or object that carries its hook implementations."""

    candidate: Candidate
    instance: object = attrs.field(repr=False)

    @property
    def name(self) -> str:
        """The entry-point name."""
        return self.candidate.name


def find(selection: Selection) -> tuple[list[Candidate], list[PluginStatus]]:
    """
    List the announced plugins that are wanted, in an order that no environment decides.

    Returns:
        The candidates, sorted by distribution and name, and the statuses of those that are left out.

    Raises:
        UsageError: A plugin that is asked for by name is not installed.
    """
    announced = [_candidate(point) for point in entry_points(group=GROUP)]
    announced.sort(key=lambda c: (c.distribution, c.name))
    known = {c.name for c in announced}
    for name in sorted(selection.only - known):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Is its package installed?"
        msg = (
            f"No plugin is called {name!r}. Installed: {', '.join(sorted(known)) or 'none'}. {hint}"
        )
        raise UsageError(msg)
    wanted = [c for c in announced if selection.wants(c.name)]
    left_out = [
        c.status(PluginState.Disabled, "not selected") for c in announced if c not in wanted
    ]
    return wanted, left_out


def load(candidates: Iterable[Candidate]) -> tuple[list[Plugin], list[PluginStatus]]:
    """
    Import each candidate, whatever the others do.

    Returns:
        The plugins that could be imported, and the statuses of those that could not.
    """
    plugins: list[Plugin] = []
    failed: list[PluginStatus] = []
    for candidate in candidates:
        if candidate.entry_point is None:
            msg = f"Plugin {candidate.name!r} has no entry point to load."
            raise PluginError(msg, plugin=candidate.name, stage="import")
        try:
            instance = candidate.entry_point.load()
        except ModuleNotFoundError as error:
            state, reason = _missing(candidate, error)
            failed.append(candidate.status(state, reason))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - quarantine: any import may fail anyhow
            failed.append(candidate.status(PluginState.Broken, f"import failed: {error!r}"))
        else:
            reason = incompatibility(instance)
            if reason:
                failed.append(candidate.status(PluginState.Incompatible, reason))
            else:
                plugins.append(Plugin(candidate=candidate, instance=instance))
    return plugins, failed


def incompatibility(instance: object) -> str:
    """Return why a plugin's `MOSAICO_API` does not fit this host, empty if it does."""
    stated = getattr(instance, "MOSAICO_API", None)
    major, minor = API_VERSION
    match stated:
        case (int(theirs), int(least)):
            if theirs == major and least <= minor:
                return ""
            return f"needs plugin API {theirs}.{least}, this host has {major}.{minor}"
        case _:
            return f"states MOSAICO_API = {stated!r}, expected a pair such as ({major}, {minor})"


def shortage(plugin: Plugin) -> str:
    """
    Return what a loaded plugin can do only in part for lack of an extra, empty if it lacks nothing.

    A plugin states the modules it needs and the extras that bring them: `MOSAICO_NEEDS = {"av": "video"}`.
    Nothing is imported to find out.
    """
    stated = getattr(plugin.instance, "MOSAICO_NEEDS", None)
    needs = stated if isinstance(stated, Mapping) else {}
    for module, extra in needs.items():
        if importlib.util.find_spec(module.split(".")[0]) is None:
            what = f"{plugin.candidate.distribution}[{extra}]"
            return f"needs the module {module!r}, which is not installed: pip install {what!r}"
    return ""


def embedded(instance: object) -> Candidate:
    """Name a plugin, or an observer, that was handed over as an object."""
    name = getattr(instance, "__name__", None) or type(instance).__name__
    return Candidate(name=str(name), distribution="embedded", version="-")


def _candidate(point: EntryPoint) -> Candidate:
    """Look at an entry point without importing it."""
    dist = point.dist
    return Candidate(
        name=point.name,
        distribution=dist.name if dist else "",
        version=dist.version if dist else "",
        entry_point=point,
    )


def _missing(candidate: Candidate, error: ModuleNotFoundError) -> tuple[PluginState, str]:
    """Tell a plugin whose extra is not installed from one that is broken."""
    module = candidate.entry_point.module if candidate.entry_point else ""
    name = error.name or ""
    if not name or name.split(".")[0] == module.split(".")[0]:
        return PluginState.Broken, f"import failed: {error}"
    return PluginState.MissingExtra, f"needs the module {name!r}, which is not installed"


def _is_name(text: str) -> bool:
    """Tell whether *text* may be an entry-point name."""
    return bool(text) and not any(c.isspace() or c in ":,=" for c in text)


def _names(table: Mapping[str, object], key: str) -> frozenset[str]:
    """Read a list of plugin names from the config file's table."""
    value = table.get(key, [])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return frozenset(value)
    msg = f"Setting plugins.{key} = {value!r} is wrong. Expected a list of plugin names."
    raise UsageError(msg)
