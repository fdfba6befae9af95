"""
What a start does about the end of the server before it: nothing half-made stays.

Finalized sessions are durable and not looked at. In open ones, a chunk that a power cut took takes its topic
back to UPLOADING, so that the session cannot be finalized without it. Files that no row names are removed.

Must not know: what is being served. Next: `control`.
"""

import logging

import sqlalchemy as sa

from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.store import Store
from mosaico_ingest.server.tables import TopicState, chunks, sessions, topics

__all__ = ["recover"]

_log = logging.getLogger(__name__)


def recover(catalog: Catalog, store: Store) -> None:
    """Bring *store* and *catalog* together; called before anyone is served."""
    lost = _lost_topics(catalog, store)
    if lost:
        _log.warning("%d unfinished uploads were lost with the last shutdown.", len(lost))
        with catalog.write(durable=True) as connection:
            connection.execute(chunks.delete().where(chunks.c.topic_id.in_(lost)))
            connection.execute(
                topics.update()
                .where(topics.c.id.in_(lost))
                .values(state=TopicState.Uploading.value, completed_at_ns=None, arrow_schema=None)
            )
    with catalog.read() as connection:
        known = set(connection.scalars(sa.select(chunks.c.path)))
    removed = store.sweep(known)
    if removed:
        _log.info("%d files of unfinished uploads were removed.", removed)


def _lost_topics(catalog: Catalog, store: Store) -> list[int]:
    with catalog.read() as connection:
        unproven = connection.execute(
            sa.select(chunks.c.topic_id, chunks.c.path, chunks.c.bytes)
            .join_from(chunks, topics)
            .join(sessions)
            .where(sessions.c.completed_at_ns.is_(None))
        ).all()
    return sorted({row.topic_id for row in unproven if store.size(row.path) != row.bytes})
