"""
The manifest of a session: what the catalog knows of it, as one JSON file beside its chunks.

It is written before the catalog calls the session finalized, and taken away before a change of what it tells;
`recovery` writes those that are missing at a start. From manifests the catalog can be made anew. A chunk
bears a label besides, enough to place its topic where the manifest is gone.

Must not know: Flight, how a catalog is made from it. Next: `rebuild`.
"""

import base64
import json
import math
from collections.abc import Iterable
from typing import TypeVar

import attrs
import cattrs
import sqlalchemy as sa

from mosaico_ingest.enum import SerializationFormat
from mosaico_ingest.errors import StoreError
from mosaico_ingest.protocol.wire import JsonObject, load_json, make_converter
from mosaico_ingest.server.lookup import Row
from mosaico_ingest.server.statistics import Bounds
from mosaico_ingest.server.store import MANIFEST
from mosaico_ingest.server.tables import chunks, column_bounds, sequences, sessions, topics

__all__ = [
    "LABEL",
    "ChunkEntry",
    "Label",
    "Manifest",
    "TopicEntry",
    "dump_label",
    "dump_manifest",
    "load_label",
    "load_manifest",
    "manifest_path",
    "manifests_of",
]

_T = TypeVar("_T")
VERSION = 1
LABEL = b"mosaico_ingest:topic"
"""The key in a chunk's footer under which its label is."""


@attrs.frozen(kw_only=True)
class ChunkEntry:
    """A chunk; *file* is its name in the folder of the session."""

    file: str
    rows: int
    bytes: int
    min_ns: int
    max_ns: int
    bounds: list[Bounds]


@attrs.frozen(kw_only=True)
class Label:
    """What a chunk tells of its topic: where it belongs, and what its creator said of it."""

    sequence: str
    topic: str
    ontology_tag: str
    serialization_format: SerializationFormat
    user_metadata: JsonObject
    created_at_ns: int


@attrs.frozen(kw_only=True)
class TopicEntry:
    """A topic of a finalized session; *name* begins with a slash."""

    name: str
    uuid: str
    ontology_tag: str
    serialization_format: SerializationFormat
    user_metadata: JsonObject
    created_at_ns: int
    completed_at_ns: int
    arrow_schema: bytes
    chunks: list[ChunkEntry]


@attrs.frozen(kw_only=True)
class Manifest:
    """A finalized session, and the sequence it belongs to."""

    version: int = VERSION
    sequence: str
    sequence_created_at_ns: int
    sequence_metadata: JsonObject
    session_uuid: str
    session_ulid: str
    created_at_ns: int
    completed_at_ns: int
    topics: list[TopicEntry]


def manifest_path(session_uuid: str) -> str:
    """Return where in the store the manifest of a session is."""
    return f"{session_uuid}/{MANIFEST}"


def dump_manifest(manifest: Manifest) -> bytes:
    """Return *manifest* as the text of its file."""
    return _dump(manifest)


def load_manifest(text: bytes) -> Manifest:
    """
    Read the text of a manifest's file.

    Raises:
        StoreError: It is broken, or of a version that is not known.
    """
    value = _parse(text)
    version = value.get("version")
    if version != VERSION:
        msg = f"It has version {version!r}, this mosaico-ingest knows {VERSION}."
        raise StoreError(msg)
    return _structure(value, Manifest)


def dump_label(label: Label) -> bytes:
    """Return *label* as it is written into a footer."""
    return _dump(label)


def load_label(text: bytes) -> Label:
    """
    Read the label of a chunk.

    Raises:
        StoreError: It is broken.
    """
    return _structure(_parse(text), Label)


def manifests_of(
    connection: sa.Connection, which: sa.ColumnElement[bool], *, completed_at_ns: int = 0
) -> list[Manifest]:
    """
    Return the manifests of the sessions that meet *which*, as the catalog tells.

    Args:
        completed_at_ns: The end of a session that is open: it is about to be finalized.
    """
    found = connection.execute(
        sa.select(
            sessions,
            sequences.c.name.label("sequence"),
            sequences.c.created_at_ns.label("sequence_created_at_ns"),
            sequences.c.user_metadata.label("sequence_metadata"),
        )
        .join_from(sessions, sequences)
        .where(which)
        .order_by(sessions.c.id)
    )
    return [
        Manifest(
            sequence=row.sequence,
            sequence_created_at_ns=row.sequence_created_at_ns,
            sequence_metadata=load_json(row.sequence_metadata),
            session_uuid=row.uuid,
            session_ulid=row.ulid,
            created_at_ns=row.created_at_ns,
            completed_at_ns=row.completed_at_ns or completed_at_ns,
            topics=_topics(connection, row.id),
        )
        for row in found.all()
    ]


def _topics(connection: sa.Connection, session_id: int) -> list[TopicEntry]:
    entries: dict[int, TopicEntry] = {}
    for row in connection.execute(
        sa.select(topics).where(topics.c.session_id == session_id).order_by(topics.c.id)
    ):
        entries[row.id] = TopicEntry(
            name=row.name,
            uuid=row.uuid,
            ontology_tag=row.ontology_tag,
            serialization_format=SerializationFormat(row.serialization_format),
            user_metadata=load_json(row.user_metadata),
            created_at_ns=row.created_at_ns,
            completed_at_ns=row.completed_at_ns,
            arrow_schema=bytes(row.arrow_schema),
            chunks=[],
        )
    belong = sa.select(chunks).join(topics).where(topics.c.session_id == session_id)
    bounds: dict[int, list[Bounds]] = {}
    for row in connection.execute(
        sa.select(column_bounds)
        .join_from(column_bounds, chunks)
        .join(topics)
        .where(topics.c.session_id == session_id)
        .order_by(column_bounds.c.chunk_id, column_bounds.c.column)
    ):
        bounds.setdefault(row.chunk_id, []).append(_bounds(row))
    for row in connection.execute(belong.order_by(chunks.c.id)):
        entries[row.topic_id].chunks.append(
            ChunkEntry(
                file=row.path.rpartition("/")[2],
                rows=row.rows,
                bytes=row.bytes,
                min_ns=row.min_ns,
                max_ns=row.max_ns,
                bounds=bounds.get(row.id, []),
            )
        )
    return list(entries.values())


def _bounds(row: Row) -> Bounds:
    names = (field.name for field in attrs.fields(Bounds))
    return Bounds(**{name: row._mapping[name] for name in names})  # noqa: SLF001 - SQLAlchemy's public name


def _dump(value: object) -> bytes:
    return json.dumps(_converter.unstructure(value), allow_nan=False).encode()


def _parse(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as err:
        msg = f"It is no JSON: {err}."
        raise StoreError(msg) from err
    if not isinstance(value, dict):
        msg = f"It is no JSON object but {type(value).__name__}."
        raise StoreError(msg)
    return value


def _structure(value: object, kind: type[_T]) -> _T:
    try:
        return _converter.structure(value, kind)
    except (cattrs.BaseValidationError, ValueError, TypeError) as err:
        faults: Iterable[str] = [str(err)]
        if isinstance(err, cattrs.BaseValidationError):
            faults = cattrs.transform_error(err)
        msg = f"It does not tell what it should: {'; '.join(faults)[:300]}."
        raise StoreError(msg) from err


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # JSON has no infinity


def _make_converter() -> cattrs.Converter:
    converter = make_converter()
    converter.register_unstructure_hook(float, _number)
    converter.register_unstructure_hook(bytes, lambda data: base64.b64encode(data).decode())
    converter.register_structure_hook(bytes, lambda text, _: base64.b64decode(text, validate=True))
    return converter


_converter = _make_converter()
