"""
The order in which pictures are shown, where ticks alone do not tell it: for raw streams and lists of times.

Must not know: batches. Next: `packets`.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from mosaico_ingest_video.clock import Ints
from mosaico_ingest_video.container import MAX_PIXELS, Stream, is_flush, open_container

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["ByNumber", "ByTicks", "read_places"]


@attrs.frozen(eq=False)
class ByNumber:
    """Places of packets whose tick is their number in the file."""

    places: Ints

    def __len__(self) -> int:
        """Return how many packets there are."""
        return len(self.places)

    def __call__(self, pts: Ints) -> Ints:
        """Return the places."""
        found: Ints = self.places[np.minimum(pts, len(self.places) - 1)]
        return found


@attrs.frozen(eq=False)
class ByTicks:
    """Places of packets whose ticks tell when they are shown, given those of all."""

    ticks: Ints

    def __len__(self) -> int:
        """Return how many packets there are."""
        return len(self.ticks)

    def __call__(self, pts: Ints) -> Ints:
        """Return the places."""
        return np.searchsorted(self.ticks, pts)


def read_places(path: Path, demuxer: str, stream: Stream, *, is_raw: bool) -> ByNumber | ByTicks:
    """
    Read the whole file once for the order in which the packets of *stream* are shown.

    A raw stream has no ticks, and the order of its pictures is known to a decoder only: one whose
    pictures are stored in another order is decoded, without the work that only makes them look better.
    """
    if is_raw and stream.is_reordered:
        return ByNumber(_decoded_places(path, demuxer, stream.index))
    ticks: list[int] = []
    with open_container(path, demuxer) as container:
        for packet in _until_broken(container.demux(container.streams[stream.index])):
            if not is_flush(packet):
                pts = packet.pts if packet.pts is not None else packet.dts
                ticks.append(pts if pts is not None else (ticks[-1] if ticks else 0))
    if is_raw:
        return ByNumber(np.arange(len(ticks)))
    return ByTicks(np.sort(np.array(ticks, np.int64)))


def _decoded_places(path: Path, demuxer: str, index: int) -> Ints:
    """Return the order in which a decoder gives the pictures back; each carries its packet's number."""
    import av

    shown: list[int] = []
    count = 0
    with open_container(path, demuxer) as container:
        stream: Any = container.streams[index]
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS), "skip_loop_filter": "all"}
        for packet in _until_broken(container.demux(stream)):
            if not is_flush(packet):
                packet.pts = packet.dts = count
                count += 1
            with contextlib.suppress(av.FFmpegError, ValueError):
                shown += [frame.pts for frame in packet.decode() if frame.pts is not None]
    keys = np.full(count, -1, np.int64)
    for place, number in enumerate(shown):
        if 0 <= number < count:
            keys[number] = place
    # A packet without a picture of its own comes after the one before it.
    known = np.maximum.accumulate(np.where(keys >= 0, np.arange(count), 0))
    places = np.empty(count, np.int64)
    places[np.argsort(keys[known], kind="stable")] = np.arange(count)
    return places


def _until_broken(packets: "Iterator[Packet[Any]]") -> "Iterator[Packet[Any]]":
    """Yield *packets* up to the first that cannot be read; what is behind it is not read later either."""
    import av

    with contextlib.suppress(av.FFmpegError, ValueError, OverflowError):
        yield from packets
