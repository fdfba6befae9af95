"""
The plugin listing, as a table and as JSON.

Must not know: how plugins are found. Next: `contents`.
"""

from collections.abc import Iterator, Sequence

from mosaico_ingest.hooks.discovery import PluginState, PluginStatus
from mosaico_ingest.reports.text import Block, Column, Table

__all__ = ["plugin_blocks", "plugins_to_json"]


def plugin_blocks(statuses: Sequence[PluginStatus]) -> Iterator[Block]:
    """Yield a row per plugin, then what each that is not loaded misses, then what the others hand in."""
    yield Table(
        columns=(
            Column("plugin"),
            Column("status"),
            Column("version", spare=1),
            Column("distribution", spare=2),
            Column("hands in"),
        ),
        rows=tuple(
            (
                status.name,
                status.status.value,
                status.version,
                status.distribution,
                _kinds(status.contributions),
            )
            for status in statuses
        ),
    )
    for status in statuses:
        if status.status is not PluginState.Loaded:
            yield f"  {status.name}: {status.status.value}: {status.reason}"


def plugins_to_json(statuses: Sequence[PluginStatus]) -> dict[str, object]:
    """Return the listing as a JSON object, with every contribution by its name."""
    return {
        "plugins": [
            {
                "name": status.name,
                "version": status.version,
                "distribution": status.distribution,
                "status": status.status.value,
                "contributions": list(status.contributions),
                "reason": status.reason,
            }
            for status in statuses
        ]
    }


def _kinds(contributions: Sequence[str]) -> str:
    """List contributions (`source mcap`) by kind, a long kind by its number."""
    kinds: dict[str, list[str]] = {}
    for contribution in contributions:
        kind, _, name = contribution.partition(" ")
        kinds.setdefault(kind, []).append(name)
    return ", ".join(
        f"{kind} {' '.join(names)}" if len(names) < 4 else f"{kind} ({len(names)} of them)"
        for kind, names in kinds.items()
    )
