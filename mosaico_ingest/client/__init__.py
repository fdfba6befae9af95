"""
F3, the client: control, data and processing layers behind `MosaicoClient`.

Must not know: hooks, server. Next: `locators`, `address`, `control`, `connections`, `stream`, `rows`,
`outbox`, `topic`, `notes`, `sequence`, `facts`, `handlers`, `merging`, `query`, `known`, `client`.
"""

from mosaico_ingest.client.client import MosaicoClient
from mosaico_ingest.client.query import Q, QueryResult

__all__ = ["MosaicoClient", "Q", "QueryResult"]
