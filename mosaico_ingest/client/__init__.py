"""
F3, the client: control, data and processing layers behind `MosaicoClient`.

Must not know: hooks, server. Next: `locators`, `address`, `control`, `connections`, `stream`, `rows`,
`outbox`, `topic`, `sequence`, `facts`, `handlers`, `client`.
"""

from mosaico_ingest.client.client import MosaicoClient

__all__ = ["MosaicoClient"]
