"""
What the plugins hand in, by kind and name, with clashes settled before anything runs.

Must not know: how plugins are found. Next: `host`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from mosaico_ingest.hooks.contracts import Decoder, Engine, Mapper, SinkFactory, SourceFormat
from mosaico_ingest.hooks.discovery import Candidate
from mosaico_ingest.model.ontology import Ontology

__all__ = ["ClashError", "Registered", "Registry"]

T_co = TypeVar("T_co", covariant=True)


class ClashError(Exception):
    """Two plugins hand in different things under one name, and neither replaces the other."""


@attrs.frozen
class Registered(Generic[T_co]):
    """A contribution and the plugin it comes from."""

    value: T_co
    plugin: Candidate

    @property
    def origin(self) -> str:
        """The plugin, for messages: name, distribution and version."""
        return f"{self.plugin.name} ({self.plugin.distribution} {self.plugin.version})"


@attrs.frozen(kw_only=True)
class Contributions:
    """All that one plugin hands in."""

    sources: Sequence[SourceFormat] = ()
    decoders: Sequence[Decoder] = ()
    ontologies: Sequence[Ontology] = ()
    mappers: Sequence[Mapper] = ()
    sinks: Sequence[SinkFactory] = ()
    engines: Sequence[Engine] = ()

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (kind, name) of each."""
        for kind in ("sources", "decoders", "mappers", "sinks", "engines"):
            for item in getattr(self, kind):
                yield kind, item.name
        for ontology in self.ontologies:
            yield "ontologies", ontology.tag


@attrs.frozen(kw_only=True)
class Registry:
    """The contributions of all plugins; a value, `add` gives a new one."""

    sources: Mapping[str, Registered[SourceFormat]] = attrs.field(factory=dict)
    decoders: Mapping[str, Registered[Decoder]] = attrs.field(factory=dict)
    ontologies: Mapping[str, Registered[Ontology]] = attrs.field(factory=dict)
    mappers: Mapping[str, Registered[Mapper]] = attrs.field(factory=dict)
    sinks: Mapping[str, Registered[SinkFactory]] = attrs.field(factory=dict)
    engines: Mapping[str, Registered[Engine]] = attrs.field(factory=dict)

    def add(self, plugin: Candidate, given: Contributions) -> "Registry":
        """
        Return a registry with the contributions of one more plugin.

        Raises:
            ClashError: A name is taken by something else.
        """
        return Registry(
            sources=_merge("source", self.sources, given.sources, plugin, _name),
            decoders=_merge("decoder", self.decoders, given.decoders, plugin, _name),
            ontologies=_merge("ontology", self.ontologies, given.ontologies, plugin, _tag),
            mappers=_merge("mapper", self.mappers, given.mappers, plugin, _name),
            sinks=_merge("sink", self.sinks, given.sinks, plugin, _name),
            engines=_merge("engine", self.engines, given.engines, plugin, _name),
        )

    def settled(self) -> "Registry":
        """Return the registry without what others replace."""
        return attrs.evolve(
            self,
            sources=_unreplaced(self.sources),
            decoders=_unreplaced(self.decoders),
            mappers=_unreplaced(self.mappers),
        )


T = TypeVar("T")


def _name(item: object) -> str:
    """Return the name of a contribution."""
    return str(item.name)  # type: ignore[attr-defined]


def _tag(item: Ontology) -> str:
    """Return the tag of an ontology."""
    return item.tag


def _merge(
    kind: str,
    taken: Mapping[str, Registered[T]],
    items: Sequence[T],
    plugin: Candidate,
    key: Callable[[T], str],
) -> dict[str, Registered[T]]:
    """Return *taken* and *items*, which must not redefine a name."""
    merged = dict(taken)
    for item in items:
        name = key(item)
        other = merged.get(name)
        if other is None:
            merged[name] = Registered(item, plugin)
        elif not (isinstance(item, Ontology) and item == other.value):
            msg = f"{kind} {name!r} is already given by {other.origin}"
            raise ClashError(msg)
    return merged


def _unreplaced(items: Mapping[str, Registered[T]]) -> dict[str, Registered[T]]:
    """Leave out what another contribution replaces."""
    gone = {name for item in items.values() for name in getattr(item.value, "replaces", ())}
    return {name: item for name, item in items.items() if name not in gone}
