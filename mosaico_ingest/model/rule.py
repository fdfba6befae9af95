"""
What a user wants of certain channels, as a mapping file says it.

Must not know: files, expressions (they are text here). Next: `settings`.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from mosaico_ingest.model.recording import Channel

__all__ = ["Rule", "Selection"]


@attrs.frozen(kw_only=True)
class Selection:
    """
    Which messages of a channel are stored; the others are skipped, and counted.

    Args:
        every: Only each message whose number in its channel, from 0, is a multiple of it.
        where: Only messages for which this expression over their columns is true.
        start_ns, end_ns: Only messages that were recorded from the first on, before the second.
    """

    every: int = 1
    where: str = ""
    start_ns: int | None = None
    end_ns: int | None = None


@attrs.frozen(kw_only=True)
class Rule:
    """
    A wish for the channels whose topic, and type, match; several rules make several topics of one channel.

    Args:
        topic, type: Globs that a channel must match.
        wanted: Ontology tag or mapper name, empty to leave the choice to the mappers.
        tag: The ontology type that it makes, empty where the mappers choose.
        name: Topic on the server, where `{name}` stands for the name that it would have; empty for that name.
        clock: What becomes `timestamp_ns`, as `Clock.parse` reads it; empty for that of the run.
        offset_ns: What is added to `timestamp_ns`.
        selection: Which messages are stored.
        split_by: Columns of the type whose values part the rows into topics of their own.
        metadata: User metadata of the topic, JSON values.
        metadata_of: User metadata that is taken from the first message, by expressions.
        keeps_rest: Whether columns that no rule uses are stored in a topic of their own.
        origin: Where the rule stands, for people (`mapping.toml, line 12`).
    """

    topic: str
    type: str = "*"
    wanted: str = ""
    tag: str = ""
    name: str = ""
    clock: str = ""
    offset_ns: int = 0
    selection: Selection = attrs.field(factory=Selection)
    split_by: tuple[str, ...] = ()
    metadata: Mapping[str, object] = attrs.field(factory=dict)
    metadata_of: Mapping[str, str] = attrs.field(factory=dict)
    keeps_rest: bool = True
    origin: str = ""

    def matches(self, channel: "Channel") -> bool:
        """Say whether the rule speaks of *channel*."""
        return fnmatchcase(channel.topic, self.topic) and fnmatchcase(channel.type_name, self.type)
