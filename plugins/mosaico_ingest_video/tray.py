"""
Gathers the messages of one stream until they are a batch. Large ones are not copied: the batch refers to the
memory of their packets. Small ones are copied once, when it leaves.

Must not know: PyAV. Next: `reading`.
"""

from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.plugin import LOG_TIME, PAYLOAD, PUBLISH_TIME
from mosaico_ingest_video.clock import Clock
from mosaico_ingest_video.mapper import NUMBER

__all__ = ["Tray"]

_MAX_ROWS = 65_536
_NAMES = [LOG_TIME, PUBLISH_TIME, NUMBER, PAYLOAD]
_VIEW_MEAN_BYTES = 4096
_INLINE_BYTES = 12  # a binary_view keeps values up to this size inside the view itself
_MAX_BYTES = 1 << 30  # offsets of a binary column have 32 bits


@attrs.define(eq=False)
class Tray:
    """
    Messages that wait.

    Args:
        clock: Gives them their times.
        number: Messages of the stream so far, the waiting ones too.
    """

    clock: Clock
    number: int = 0
    nbytes: int = 0
    _data: list[Any] = attrs.field(factory=list)
    _lengths: list[int] = attrs.field(factory=list)
    _pts: list[int] = attrs.field(factory=list)
    _dts: list[int] = attrs.field(factory=list)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._lengths)

    def add(self, data: Any, size: int, pts: int, dts: int, before: bytes = b"") -> None:
        """Put one message (anything with the buffer protocol) in, with the bytes that go *before* it."""
        if before:
            data = b"".join((before, data))
            size = len(data)
        self._data.append(data)
        self._lengths.append(size)
        self._pts.append(pts)
        self._dts.append(dts)
        self.nbytes += size
        self.number += 1

    def is_due(self, target_bytes: int, size: int, *, is_key: bool) -> bool:
        """
        Tell whether the batch should leave before a message of *size* bytes is added.

        Batches begin with a key frame where they can; a group of pictures that is much larger is parted.
        """
        rows = len(self._lengths)
        if not rows:
            return False
        if is_key and (2 * self.nbytes >= target_bytes or 2 * rows >= _MAX_ROWS):
            return True
        return (
            self.nbytes >= 4 * target_bytes or rows >= _MAX_ROWS or self.nbytes + size > _MAX_BYTES
        )

    def give(self) -> pa.RecordBatch:
        """Return the waiting messages as one batch; none wait afterwards."""
        n = len(self._lengths)
        first = self.number - n
        log_ns, publish_ns = self.clock(first, np.array(self._pts), np.array(self._dts))
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(log_ns),
                pa.array(publish_ns),
                pa.array(np.arange(first, first + n).astype(np.uint32)),
                self._payloads(),
            ],
            _NAMES,
        )
        self.nbytes = 0
        for waiting in (self._data, self._lengths, self._pts, self._dts):
            waiting.clear()
        return batch

    def _payloads(self) -> pa.Array:
        """Return the bytes of the messages: as `binary_view` over their own memory, if they are large."""
        n = len(self._lengths)
        lengths = np.array(self._lengths, np.int64)
        if self.nbytes >= n * _VIEW_MEAN_BYTES and lengths.min() > _INLINE_BYTES:
            views = np.zeros((n, 4), np.uint32)  # length, first bytes, number of the buffer, offset
            views[:, 0] = lengths
            heads = b"".join([memoryview(data)[:4] for data in self._data])
            views[:, 1] = np.frombuffer(heads, np.uint32)
            views[:, 2] = np.arange(n)
            buffers = [pa.py_buffer(data) for data in self._data]
            return pa.Array.from_buffers(pa.binary_view(), n, [None, pa.py_buffer(views), *buffers])
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        joined = pa.py_buffer(b"".join(self._data))
        return pa.Array.from_buffers(pa.binary(), n, [None, pa.py_buffer(offsets), joined])
