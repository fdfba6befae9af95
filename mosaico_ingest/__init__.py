"""
mosaico-ingest: plugin-based ingestion of robot recordings into a Mosaico data platform.

The names below are the library; each is imported when it is first used, so that importing the
package costs little and loads no plugin.

Next: `mosaico_ingest.run`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mosaico_ingest.client.query import Q, QueryResult
    from mosaico_ingest.enum import (
        APIKeyPermissionEnum,
        FlightAction,
        GRPCCompressionAlgorithm,
        GRPCCompressionLevel,
        NotificationType,
        SequenceStatus,
        SerializationFormat,
        SessionLevelErrorPolicy,
        SessionStatus,
        TimePolicy,
        TopicLevelErrorPolicy,
        TopicWriterStatus,
    )
    from mosaico_ingest.errors import MosaicoError
    from mosaico_ingest.hooks.host import Host
    from mosaico_ingest.model.ontology import Ontology
    from mosaico_ingest.model.report import RunReport
    from mosaico_ingest.model.settings import Settings
    from mosaico_ingest.pipeline.stopping import StopSignal
    from mosaico_ingest.protocol.flight import GRPCCompression
    from mosaico_ingest.run import MosaicoClient, examine, ingest, inspect, plan, serve
    from mosaico_ingest.server.security import Security

__version__ = "0.1.0"

_HOMES = {
    "mosaico_ingest.client.query": ("Q", "QueryResult"),
    "mosaico_ingest.enum": (
        "APIKeyPermissionEnum",
        "FlightAction",
        "GRPCCompressionAlgorithm",
        "GRPCCompressionLevel",
        "NotificationType",
        "OnErrorPolicy",
        "SequenceStatus",
        "SerializationFormat",
        "SessionLevelErrorPolicy",
        "SessionStatus",
        "TimePolicy",
        "TopicLevelErrorPolicy",
        "TopicWriterStatus",
    ),
    "mosaico_ingest.errors": ("MosaicoError",),
    "mosaico_ingest.hooks.host": ("Host",),
    "mosaico_ingest.model.ontology": ("Ontology",),
    "mosaico_ingest.model.report": ("RunReport",),
    "mosaico_ingest.model.settings": ("Settings",),
    "mosaico_ingest.pipeline.stopping": ("StopSignal",),
    "mosaico_ingest.protocol.flight": ("GRPCCompression",),
    "mosaico_ingest.run": ("MosaicoClient", "examine", "ingest", "inspect", "plan", "serve"),
    "mosaico_ingest.server.security": ("Security",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APIKeyPermissionEnum",
    "FlightAction",
    "GRPCCompression",
    "GRPCCompressionAlgorithm",
    "GRPCCompressionLevel",
    "Host",
    "MosaicoClient",
    "MosaicoError",
    "NotificationType",
    "OnErrorPolicy",
    "Ontology",
    "Q",
    "QueryResult",
    "RunReport",
    "Security",
    "SequenceStatus",
    "SerializationFormat",
    "SessionLevelErrorPolicy",
    "SessionStatus",
    "Settings",
    "StopSignal",
    "TimePolicy",
    "TopicLevelErrorPolicy",
    "TopicWriterStatus",
    "examine",
    "ingest",
    "inspect",
    "plan",
    "serve",
]


def __getattr__(name: str) -> object:
    """Import a name of the library when it is first asked for."""
    home = _HOME_OF.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}."
        raise AttributeError(msg)
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    """List the library's names."""
    return [*__all__, "__version__"]
