"""
Files that travel inside a recording, as rows of a topic of their own, so that any server can hold them.

A file is cut into parts that say where they belong; the topic's metadata lists the files.

Must not know: threads, sinks, formats. Next: `flow`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import attrs
import cattrs
import pyarrow as pa

from mosaico_ingest.hooks.contracts import AttachmentSource
from mosaico_ingest.model.batch import ArrowBatch
from mosaico_ingest.model.ontology import Ontology
from mosaico_ingest.model.plan import Fit, TopicPlan
from mosaico_ingest.model.recording import Attachment, Channel, RecordingInfo

__all__ = ["ATTACHMENT", "PART_BYTES", "attachment_rows", "listed_attachments", "plan_attachments"]

PART_BYTES = 4 * 1024 * 1024
_LIST, _MOST_LISTED = "attachments", 1000

ATTACHMENT = Ontology(
    tag="attachment",
    fields=pa.schema(
        [
            pa.field("attachment", pa.uint32(), nullable=False),
            pa.field("name", pa.string(), nullable=False),
            pa.field("media_type", pa.string(), nullable=False),
            pa.field("offset", pa.uint64(), nullable=False),
            pa.field("data", pa.binary(), nullable=False),
        ]
    ),
    summary="Files of a recording that are no messages, in parts: number, name, type, first byte, bytes.",
)
"""What attachments become."""


def plan_attachments(info: RecordingInfo, taken: Collection[str]) -> TopicPlan | None:
    """Plan the topic for the attachments of a recording, None if it has none."""
    if not info.attachments:
        return None
    name, number = "/attachments", 1
    while name in taken:
        number += 1
        name = f"/attachments_{number}"
    return TopicPlan(
        channel=Channel(id=-1, topic=name, type_name="", message_encoding=""),
        name=name,
        ontology=ATTACHMENT,
        decoder="",
        mapper="",
        fit=Fit.EXACT,
        reason="attachments of the recording",
        metadata={_LIST: [attrs.asdict(a) for a in info.attachments[:_MOST_LISTED]]},
    )


def attachment_rows(
    source: AttachmentSource, info: RecordingInfo, index: int
) -> Iterator[ArrowBatch]:
    """
    Yield the parts of one attachment, a row each, of about `PART_BYTES`.

    Their `timestamp_ns` is the begin of the recording, so that a file's age does not stretch the sequence;
    `recording_timestamp_ns` is the time that the recording has for the attachment.

    Raises:
        SourceError: It cannot be read, or not to its end; the parts before were yielded.
    """
    attachment = info.attachments[index]
    begin_ns = info.start_ns if info.start_ns is not None else attachment.log_time_ns
    row = {
        "timestamp_ns": begin_ns or 0,
        "recording_timestamp_ns": attachment.log_time_ns,
        "attachment": index,
        "name": attachment.name,
        "media_type": attachment.media_type,
    }
    offset = 0
    for data in _parts(source.attachment(index)):
        part = {**row, "offset": offset, "data": data}
        rows = pa.RecordBatch.from_pylist([part], schema=ATTACHMENT.schema)
        yield ArrowBatch(topic="", seq=index, data=rows, messages=0)
        offset += len(data)


def _parts(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Gather blocks; an empty file is one empty part."""
    kept: list[bytes] = []
    size = parts = 0
    for block in blocks:
        if size and size + len(block) > PART_BYTES:
            yield b"".join(kept)
            parts += 1
            kept, size = [], 0
        kept.append(block)
        size += len(block)
    if size or not parts:
        yield b"".join(kept)


def listed_attachments(metadata: Mapping[str, object]) -> list[Attachment]:
    """Return what the metadata of an attachment topic lists; what is not of our form is passed over."""
    found: list[Attachment] = []
    listed = metadata.get(_LIST)
    for fact in listed if isinstance(listed, list) else ():
        with suppress(cattrs.BaseValidationError):
            found.append(cattrs.structure(fact, Attachment))
    return found
