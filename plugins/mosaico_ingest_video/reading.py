"""
From an open container to batches, packet by packet.

A packet costs itself and nothing else: what is broken is counted, and told at the end with its place.

Must not know: options, files. Next: `recording`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from mosaico_ingest.plugin import Cursor, Damage, RawBatch, format_number_of
from mosaico_ingest_video.packets import Prepare
from mosaico_ingest_video.tray import Tray

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

__all__ = ["Reading", "Way"]

_MAX_FAULTS = 16


@attrs.define(kw_only=True, eq=False)
class Way:
    """
    The way of one stream into batches.

    Args:
        channel_id, topic: Its channel.
        tray: Where its messages wait.
        prepare: Makes messages of packets, None if they stay as they are.
        limit: Ticks beyond which a time cannot be stored.
        is_numbered: Whether a packet's number stands for its ticks.
        declared: Messages that the file promises, None where it does not.
        skip: Messages to pass over, which earlier batches have delivered.
    """

    channel_id: int
    topic: str
    tray: Tray
    prepare: Prepare | None
    limit: int
    is_numbered: bool = False
    declared: int | None = None
    skip: int = 0
    seq: int = 0
    given: int = 0
    packets: int = 0
    lost: int = 0
    last: int = 0


class _Losses:
    """Counts what is lost, by channel and reason, with the bytes between the first and the last."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str, str], list[int]] = {}

    def add(self, way: Way, reason: str, start: int | None, size: int) -> None:
        """Count one message."""
        way.lost += 1
        at = -1 if start is None or start < 0 else start
        entry = self._found.setdefault((way.channel_id, way.topic, reason), [0, at, at + size])
        entry[0] += 1
        if at >= 0:
            entry[1] = at if entry[1] < 0 else min(entry[1], at)
            entry[2] = max(entry[2], at + size)

    def tell(self) -> Iterator[Damage]:
        """Yield one damage for each reason."""
        for (channel_id, topic, reason), (count, start, end) in self._found.items():
            yield Damage(
                reason=f"{format_number_of('packet', count)} of {topic} lost: {reason}.",
                byte_range=(start, end) if start >= 0 else None,
                lost={channel_id: count},
            )


class Reading:
    """
    One pass over the packets of a container.

    Args:
        ways: By number of the stream; packets of other streams are passed over.
        target_bytes: About the size of a batch.

    Thread: one.
    """

    def __init__(self, ways: Mapping[int, Way], target_bytes: int) -> None:
        from av import FFmpegError

        self._ways = ways
        self._target_bytes = target_bytes
        self._losses = _Losses()
        self._faults = (FFmpegError, ValueError, OverflowError)

    def run(self, container: "InputContainer") -> Iterator[RawBatch | Damage]:
        """Yield the messages of all ways, and the damage that is met."""
        for _ in range(_MAX_FAULTS):
            try:
                for packet in container.demux():
                    way = self._ways.get(packet.stream_index)
                    if way is not None and (full := self._take(way, packet)):
                        yield from full
                break
            except self._faults as error:
                yield Damage(reason=f"A part of the file cannot be read: {_reason(error)}.")
        for way in self._ways.values():
            yield from self._prepared(way, None)
            if way.tray:
                yield self._batch(way)
        yield from self._losses.tell()
        for way in self._ways.values():
            unseen = way.packets - way.lost - way.tray.number
            if unseen > 0:
                number = format_number_of("packet", unseen)
                yield Damage(reason=f"{number} of {way.topic} gave no picture of their own.")
            missing = (way.declared or 0) - way.packets
            if missing > 0:
                number = format_number_of("packet", missing)
                reason = f"The file's index lists {number} of {way.topic} that are not in it."
                yield Damage(reason=reason, lost={way.channel_id: missing})

    def _take(self, way: Way, packet: "Packet[Any]") -> Sequence[RawBatch]:
        """Put a packet into its tray; return the batches that were full."""
        if not packet.size and packet.dts is None:
            return ()  # what PyAV makes at the end of a file
        number = way.packets
        way.packets = number + 1
        if packet.is_corrupt:
            self._losses.add(way, "broken or cut off", packet.pos, packet.size)
            return ()
        if way.is_numbered:
            packet.pts = packet.dts = number
        if way.prepare is None:
            return self._add(way, packet, packet.pos)
        return self._prepared(way, packet)

    def _prepared(self, way: Way, packet: "Packet[Any] | None") -> Sequence[RawBatch]:
        """Put what becomes of a packet, or what is left at the end, into its tray."""
        if way.prepare is None:
            return ()
        start, size = (packet.pos, packet.size) if packet else (None, 0)
        try:
            done = way.prepare.make(packet)
        except self._faults as error:
            if packet:
                self._losses.add(way, _reason(error), start, size)
            return ()
        if len(done) == 1:
            if size and not done[0].size:
                self._losses.add(way, "nothing in it is a unit of its codec", start, size)
                return ()
            return self._add(way, done[0], start)
        return [batch for one in done for batch in self._add(way, one, start)]

    def _add(self, way: Way, packet: "Packet[Any]", start: int | None) -> Sequence[RawBatch]:
        """Put one message into its tray; return what had to leave before."""
        size, pts, dts = packet.size, packet.pts, packet.dts
        if pts is None:
            pts = dts if dts is not None else way.last
        if dts is None:
            dts = pts
        if not (-way.limit < pts < way.limit and -way.limit < dts < way.limit):
            self._losses.add(way, "a time beyond 64 bits", start, size)
            return ()
        way.last = pts
        tray, is_key, before = way.tray, packet.is_keyframe, b""
        if is_key and way.prepare:
            before = way.prepare.before(packet)
        if way.skip:
            way.skip -= 1
            way.given += 1
            tray.number += 1
            return ()
        full: Sequence[RawBatch] = ()
        if tray.is_due(self._target_bytes, size, is_key=is_key):
            full = (self._batch(way),)
        tray.add(packet, size, pts, dts, before)
        return full

    def _batch(self, way: Way) -> RawBatch:
        """Make a batch of all that waits on one way; its cursor counts what every way has given."""
        way.given += len(way.tray)
        batch = RawBatch(
            channel_id=way.channel_id,
            seq=way.seq,
            data=way.tray.give(),
            cursor=Cursor(0, {w.channel_id: w.given for w in self._ways.values() if w.given}),
        )
        way.seq += 1
        return batch


def _reason(error: Exception) -> str:
    """Return what FFmpeg says of an error."""
    return str(getattr(error, "strerror", None) or error)
