"""
The batches on the data path: raw payloads, decoded columns, ontology rows. Columns, never single messages.

Must not know: who reads or writes them. Next: `payloads`, then `ontology`.
"""

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = [
    "LOG_TIME",
    "PAYLOAD",
    "PLACE",
    "PUBLISH_TIME",
    "REASON",
    "ArrowBatch",
    "Cursor",
    "Decoded",
    "RawBatch",
    "Receipt",
    "Reject",
    "Times",
]

LOG_TIME, PUBLISH_TIME, PAYLOAD = "log_time_ns", "publish_time_ns", "payload"
REASON, PLACE = "reason", "place"


@attrs.frozen
class Cursor:
    """
    Where a source may start again so that exactly the batches after this one follow.

    Args:
        position: A place in the recording, as its source counts (byte offset, row id).
        skip: Messages per channel id, from *position* on, that earlier batches have delivered.
    """

    position: int
    skip: Mapping[int, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class RawBatch:
    """
    Consecutive messages of one channel, in stored order.

    Args:
        channel_id: The channel they belong to.
        seq: Number of this batch in its channel, from 0, without gaps.
        data: `log_time_ns int64 | publish_time_ns int64 (optional) | payload binary or binary_view`,
            or `log_time_ns int64 | publish_time_ns int64 (optional) | typed columns…` for `arrow` channels.
        cursor: Restarts the source after this batch, None where it cannot be restarted.
        rejects: Messages that the source could not turn into typed columns, kept as they stand:
            `log_time_ns int64 | payload binary | reason string | place string`. A reason is shared by
            many, a place (`line 17`) is a message's own.
    """

    channel_id: int
    seq: int
    data: pa.RecordBatch
    cursor: Cursor | None = None
    rejects: pa.RecordBatch | None = None

    @property
    def messages(self) -> int:
        """Messages in it, rejected ones included."""
        return int(self.data.num_rows + (self.rejects.num_rows if self.rejects else 0))

    @property
    def nbytes(self) -> int:
        """Memory that this batch keeps alive: the whole of every buffer that it refers to."""
        rejected = self.rejects.get_total_buffer_size() if self.rejects else 0
        return int(self.data.get_total_buffer_size() + rejected)


@attrs.frozen(eq=False)
class Reject:
    """Messages of one batch that share a reason for not being decoded; *rows* are row numbers, int64."""

    rows: npt.NDArray[np.int64]
    reason: str


@attrs.frozen(kw_only=True, eq=False)
class Decoded:
    """
    The columns of one batch of payloads.

    Args:
        data: One row per decoded message, one column per field of the message.
        kept: Row number in the payload column of each row of *data*, None if all were decoded.
        rejects: The other rows, grouped by reason.
        findings: What else to tell of decoded messages, a clause each, with the number of messages.
    """

    data: pa.RecordBatch
    kept: npt.NDArray[np.int64] | None = None
    rejects: tuple[Reject, ...] = ()
    findings: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Times:
    """
    The clocks of a batch's messages, row by row with the decoded columns.

    Args:
        log_ns: When the recorder wrote each message, int64.
        publish_ns: When the publisher sent it, int64, None where the file does not say.
    """

    log_ns: pa.Int64Array
    publish_ns: pa.Int64Array | None = None


@attrs.frozen(kw_only=True, eq=False)
class ArrowBatch:
    """
    Rows of one topic, ready to be sent.

    Args:
        topic: Name of the topic (`/imu`).
        seq: Number of the raw batch it comes from.
        data: Its schema is exactly that of the topic's ontology.
        messages: Messages of the source in it; a message may give several rows, or none.
        largest_bytes: Payload of the largest of them, 0 where they have none of their own.
    """

    topic: str
    seq: int
    data: pa.RecordBatch
    messages: int
    largest_bytes: int = 0


@attrs.frozen(kw_only=True)
class Receipt:
    """
    What a sink took with one batch.

    Args:
        topic: Which one.
        messages, rows, nbytes: How much; bytes are those of Arrow.
        seconds: Time spent writing.
        refused: Why it did not take further messages of the batch: text to count.
    """

    topic: str
    messages: int
    rows: int
    nbytes: int
    seconds: float
    refused: Mapping[str, int] = attrs.field(factory=dict)
