"""
API keys as a table and as JSON.

Must not know: tokens. Next: `checks`.
"""

from collections.abc import Iterator, Sequence

from mosaico_ingest.client.keys import APIKeyStatus
from mosaico_ingest.reports.text import Block, Column, Table
from mosaico_ingest.units import format_time_ns

__all__ = ["key_blocks", "keys_to_json"]


def key_blocks(keys: Sequence[APIKeyStatus]) -> Iterator[Block]:
    """Yield a row per key."""
    if not keys:
        yield "There are no API keys."
        return
    yield Table(
        columns=(
            Column("fingerprint"),
            Column("permission"),
            Column("created", spare=2),
            Column("ends"),
            Column("generation", spare=3),
            Column("description", spare=1),
        ),
        rows=tuple(
            (
                key.fingerprint,
                key.permission or "",
                format_time_ns(key.created_ns),
                _end(key),
                key.generation or "",
                key.description,
            )
            for key in keys
        ),
    )


def keys_to_json(keys: Sequence[APIKeyStatus]) -> dict[str, object]:
    """Return the keys as a JSON object."""
    return {
        "keys": [
            {
                "fingerprint": key.fingerprint,
                "permission": key.permission,
                "description": key.description,
                "created_ns": key.created_ns,
                "expires_ns": key.expires_ns,
                "expired": key.is_expired,
                "generation": key.generation,
            }
            for key in keys
        ]
    }


def _end(key: APIKeyStatus) -> str:
    if key.expires_ns is None:
        return "never"
    return "expired" if key.is_expired else format_time_ns(key.expires_ns)
