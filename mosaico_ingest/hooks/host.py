"""
The host: an explicit set of plugins. No global one exists.

pluggy checks every implementation against its spec; the host calls each implementation apart, so
that one plugin's failure is one line in `plugins` and nothing more.

Must not know: client, server, pipeline. Next: `mosaico_ingest.pipeline.planner`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import pluggy

from mosaico_ingest.errors import MosaicoError, PluginError
from mosaico_ingest.hooks import discovery, specs
from mosaico_ingest.hooks.contracts import Observer
from mosaico_ingest.hooks.discovery import (
    Plugin,
    PluginState,
    PluginStatus,
    Selection,
    embedded,
    incompatibility,
)
from mosaico_ingest.hooks.registry import ClashError, Contributions, Registered, Registry
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import RecordingPlan
from mosaico_ingest.model.settings import Settings

if TYPE_CHECKING:
    import click

__all__ = ["Host"]

_HAND_IN = ("sources", "decoders", "ontologies", "mappers", "sinks", "engines")


@attrs.frozen(kw_only=True, eq=False)
class Host:
    """
    A set of plugins and what they hand in; a value, `with_` and `without` give new ones.

    Args:
        registry: Contributions by kind and name.
        statuses: What became of every plugin that was seen.
    """

    registry: Registry
    statuses: tuple[PluginStatus, ...]
    _plugins: tuple[Plugin, ...] = attrs.field(alias="plugins", repr=False)
    _manager: pluggy.PluginManager = attrs.field(alias="manager", repr=False)

    @classmethod
    def discover(cls, selection: Selection | None = None) -> "Host":
        """
        Load the installed plugins that *selection* wants.

        Raises:
            UsageError: A plugin that was asked for by name is not installed.
            PluginError: A plugin that was asked for by name cannot be used.
        """
        chosen = selection or Selection()
        wanted, left_out = discovery.find(chosen)
        plugins, failed = discovery.load(wanted)
        host = cls._assemble(plugins, [*left_out, *failed])
        for status in host.statuses:
            if status.name in chosen.only and status.status is not PluginState.Loaded:
                msg = (
                    f"Plugin {status.name!r} ({status.distribution} {status.version}) was asked for "
                    f"but is {status.status}: {status.reason}."
                )
                raise PluginError(msg, plugin=status.name, stage="load")
        return host

    @classmethod
    def empty(cls) -> "Host":
        """Return a host without any plugin."""
        return cls._assemble([], [])

    def with_(self, *instances: object) -> "Host":
        """
        Return a host with more plugins, given as modules or objects.

        Raises:
            PluginError: One of them breaks a rule; nothing is left out silently here.
        """
        added = [Plugin(candidate=embedded(instance), instance=instance) for instance in instances]
        for plugin in added:
            reason = incompatibility(plugin.instance)
            if reason:
                msg = f"Plugin {plugin.name!r} {reason}."
                raise PluginError(msg, plugin=plugin.name, stage="load")
        host = self._assemble([*self._plugins, *added], self._left_out())
        names = {plugin.name for plugin in added}
        for status in host.statuses:
            if status.name in names and status.status is not PluginState.Loaded:
                msg = f"Plugin {status.name!r} is {status.status}: {status.reason}."
                raise PluginError(msg, plugin=status.name, stage="load")
        return host

    def without(self, *names: str) -> "Host":
        """Return a host without the plugins *names*."""
        kept = [plugin for plugin in self._plugins if plugin.name not in names]
        dropped = [plugin for plugin in self._plugins if plugin.name in names]
        out = [p.candidate.status(PluginState.Disabled, "left out") for p in dropped]
        return self._assemble(kept, [*self._left_out(), *out])

    def ontology(self, tag: str) -> Ontology | None:
        """Return the ontology type *tag*, None if no plugin brings it."""
        found = self.registry.ontologies.get(tag)
        return found.value if found else None

    def observers(
        self, run: specs.RunContext
    ) -> tuple[list[Registered[Observer]], list[PluginError]]:
        """Ask every plugin for its listeners to *run*; the failures of those that break."""
        observers: list[Registered[Observer]] = []
        errors: list[PluginError] = []
        for plugin in self._plugins:
            try:
                given = _call(self._manager, plugin, "mosaico_observers", run=run)
            except PluginError as error:
                errors.append(error)
            else:
                observers += [Registered(o, plugin.candidate) for o in _listed(given)]  # type: ignore[arg-type]
        return observers, errors

    def refine(self, plan: RecordingPlan) -> RecordingPlan:
        """
        Let every plugin change *plan*, one after the other.

        Raises:
            PluginError: A plugin fails, or returns something that is not a plan.
        """
        for plugin in self._plugins:
            refined = _call(self._manager, plugin, "mosaico_refine_plan", plan=plan)
            if isinstance(refined, RecordingPlan):
                plan = refined
            elif refined is not None:
                msg = (
                    f"Plugin {plugin.name!r} returned {refined!r} as a plan. "
                    "Expected a RecordingPlan or None."
                )
                raise PluginError(msg, plugin=plugin.name, stage="mosaico_refine_plan")
        return plan

    def commands(self) -> "list[click.Command]":
        """Return the subcommands that plugins add."""
        commands: list[click.Command] = []
        for plugin in self._plugins:
            commands += _listed(_call(self._manager, plugin, "mosaico_commands"))  # type: ignore[arg-type]
        return commands

    def checks(self, settings: Settings) -> list[specs.CheckResult]:
        """Run every plugin's probes; a probe that raises is a failed one."""
        results: list[specs.CheckResult] = []
        for plugin in self._plugins:
            try:
                given = _call(self._manager, plugin, "mosaico_checks", settings=settings)
            except PluginError as error:
                results.append(specs.CheckResult(name=plugin.name, ok=False, detail=str(error)))
            else:
                results += _listed(given)  # type: ignore[arg-type]
        return results

    def _left_out(self) -> list[PluginStatus]:
        """Return the statuses of the plugins that are not loaded."""
        loaded = {(plugin.name, plugin.candidate.distribution) for plugin in self._plugins}
        return [s for s in self.statuses if (s.name, s.distribution) not in loaded]

    @classmethod
    def _assemble(cls, plugins: Sequence[Plugin], left_out: Sequence[PluginStatus]) -> "Host":
        """Register *plugins* one by one, each whole or not at all."""
        manager = pluggy.PluginManager(specs.PROJECT)
        manager.add_hookspecs(specs)
        registry = Registry()
        kept: list[Plugin] = []
        statuses = list(left_out)
        for plugin in plugins:
            name = plugin.name
            try:
                _register(manager, plugin)
                given = _contributions(manager, plugin)
                registry = registry.add(plugin.candidate, given)
            except ClashError as error:
                _unregister(manager, name)
                reason = f"{error}; leave one out with -p no:NAME, or declare `replaces`"
                statuses.append(plugin.candidate.status(PluginState.Clash, reason))
            except PluginError as error:
                _unregister(manager, name)
                statuses.append(plugin.candidate.status(PluginState.Broken, str(error)))
            else:
                kept.append(plugin)
                what = tuple(f"{_SINGULAR[kind]} {item}" for kind, item in given.names())
                lacks = discovery.shortage(plugin)
                state = PluginState.MissingExtra if lacks else PluginState.Loaded
                status = plugin.candidate.status(state, lacks)
                statuses.append(attrs.evolve(status, contributions=what))
        statuses.sort(key=lambda s: (s.distribution, s.name))
        return cls(
            registry=registry.settled(),
            statuses=tuple(statuses),
            plugins=tuple(kept),
            manager=manager,
        )


_SINGULAR: Mapping[str, str] = {
    "sources": "source",
    "decoders": "decoder",
    "ontologies": "ontology",
    "mappers": "mapper",
    "sinks": "sink",
    "engines": "engine",
}


def _register(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    """
    Let pluggy check the plugin's implementations against the specs.

    Raises:
        PluginError: An implementation does not fit, or implements no hook of ours.
    """
    try:
        manager.register(plugin.instance, plugin.name)
        manager.check_pending()
    except Exception as error:
        msg = f"Plugin {plugin.name!r} cannot be registered: {error}"
        raise PluginError(msg, plugin=plugin.name, stage="register") from error


def _unregister(manager: pluggy.PluginManager, name: str) -> None:
    """Undo a registration, also one that failed half-way."""
    if manager.has_plugin(name):
        manager.unregister(name=name)


def _contributions(manager: pluggy.PluginManager, plugin: Plugin) -> Contributions:
    """Ask one plugin for all that it hands in."""
    given = {kind: _listed(_call(manager, plugin, f"mosaico_{kind}")) for kind in _HAND_IN}
    return Contributions(**given)  # type: ignore[arg-type]


def _listed(given: object) -> list[object]:
    """Return what a hook gave as a list; None is nothing."""
    return [] if given is None else list(given)  # type: ignore[call-overload]


def _call(manager: pluggy.PluginManager, plugin: Plugin, hook: str, **values: object) -> object:
    """
    Call one plugin's implementation of *hook*, None if it has none.

    Raises:
        PluginError: It raises.
    """
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin is plugin.instance:
            arguments = {name: values[name] for name in implementation.argnames}
            try:
                return implementation.function(**arguments)
            except MosaicoError as error:
                failure, reason = error, str(error)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - any plugin may fail anyhow
                failure, reason = error, repr(error)  # type: ignore[assignment]
            candidate = plugin.candidate
            msg = (
                f"Plugin {plugin.name!r} ({candidate.distribution} {candidate.version}) "
                f"failed in {hook}: {reason}"
            )
            raise PluginError(msg, plugin=plugin.name, stage=hook) from failure
    return None
