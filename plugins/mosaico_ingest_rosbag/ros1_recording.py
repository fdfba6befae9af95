"""
A ROS 1 bag as a recording: connections become channels, parts become batches.

Several publishers of one topic are one channel as long as they agree on the message; the rows come
in the order of the file.

Must not know: records, compression. Next: `formats`.
"""

import os
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from mosaico_ingest.plugin import (
    Channel,
    Collector,
    Cursor,
    Damage,
    Payloads,
    RawBatch,
    RecordingInfo,
)
from mosaico_ingest_rosbag.options import Ros1Options, check_channels
from mosaico_ingest_rosbag.ros1_contents import Connection, Contents, read_contents
from mosaico_ingest_rosbag.ros1_messages import Messages
from mosaico_ingest_rosbag.ros1_parts import Part, PartContent, read_part
from mosaico_ingest_rosbag.ros1_records import BagFile
from mosaico_ingest_rosbag.rows import Lookup, split_by

__all__ = ["Ros1Recording"]

_THREADS = min(4, os.cpu_count() or 1)  # bz2 unpacks 10 to 20 MB a second on each
_PENDING_BYTES = 32 * 1024 * 1024


class Ros1Recording:
    """
    One opened bag.

    Raises:
        SourceError: It cannot be read at all.
    """

    def __init__(self, path: Path, options: Ros1Options) -> None:
        self._file = BagFile(path, options.max_record_bytes)
        try:
            contents = read_contents(self._file)
            check_channels(path, len(contents.connections), options)
        except BaseException:
            self._file.close()
            raise
        self._parts = contents.parts
        self._ahead: ThreadPoolExecutor | None = None
        # Channel id of each connection id; the first connection of a channel gives it its id.
        self._channel_of: dict[int, int] = {}
        channels = self._channels(contents)
        self._lookup = Lookup(self._channel_of)
        times = [part.time_range_ns for part in self._parts if part.time_range_ns is not None]
        self.info = RecordingInfo(
            path=path,
            format="ROS 1 bag 2.0",
            files=(path,),
            size_bytes=self._file.size,
            channels=channels,
            messages=sum(channel.messages or 0 for channel in channels),
            start_ns=min((start for start, _ in times), default=None),
            end_ns=max((end for _, end in times), default=None),
            compression=contents.compression,
            has_index=contents.has_index,
            damage=contents.damage,
            findings=contents.findings,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ahead is not None:
            self._ahead.shutdown(cancel_futures=True)
        self._file.close()

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*; parts without any of them are not read."""
        collector = Collector(target_bytes, cursor=cursor)
        start = cursor.position if cursor is not None else 0
        wanted = [p for p in self._parts if p.start >= start and self._holds(p, channels)]
        for part, content in self._read_ahead(wanted):
            collector.begin(part.start)
            for messages in content.messages:
                yield from self._add(collector, messages, channels)
            damage = self._damage(part, content, channels)
            if damage is not None:
                yield damage
        yield from collector.flush()

    def _read_ahead(self, parts: Iterable[Part]) -> Iterator[tuple[Part, PartContent]]:
        """Read *parts* in their order; the next ones are unpacked while one is looked at."""
        if self._ahead is None:
            self._ahead = ThreadPoolExecutor(_THREADS, thread_name_prefix="mi-read-ahead")
        pending: deque[tuple[Part, Future[PartContent]]] = deque()
        nbytes = 0
        for part in parts:
            while pending and (
                len(pending) > _THREADS or nbytes + part.end - part.start > _PENDING_BYTES
            ):
                done, content = pending.popleft()
                nbytes -= done.end - done.start
                yield done, content.result()
            pending.append((part, self._ahead.submit(read_part, self._file, part)))
            nbytes += part.end - part.start
        while pending:
            done, content = pending.popleft()
            yield done, content.result()

    def _holds(self, part: Part, channels: Collection[int]) -> bool:
        """Say whether *part* may have messages of *channels*."""
        if part.counts is None:
            return True
        return any(self._channel_of.get(connection) in channels for connection in part.counts)

    def _add(
        self, collector: Collector, messages: Messages, wanted: Collection[int]
    ) -> Iterator[RawBatch]:
        """Hand the messages of one part over, channel by channel."""
        for channel_id, rows in split_by(self._lookup(messages.connections)):
            if channel_id in wanted:
                payloads = Payloads(messages.buffer, messages.starts[rows], messages.lengths[rows])
                yield from collector.add(channel_id, payloads, messages.times_ns[rows])

    def _damage(self, part: Part, content: PartContent, channels: Collection[int]) -> Damage | None:
        """Say what of *part* could not be read, if anything."""
        found = content.counts()
        stated = part.counts if part.counts is not None else content.declared or {}
        lost: Counter[int] = Counter()
        for connection, n in stated.items():
            channel = self._channel_of.get(connection)
            if channel is not None and channel in channels and n > found.get(connection, 0):
                lost[channel] += n - found.get(connection, 0)
        unknown = sum(n for connection, n in found.items() if connection not in self._channel_of)
        fault = content.fault
        if not fault and unknown:
            fault = f"{unknown} messages belong to connections that the bag does not describe."
        if not fault and lost:
            fault = "The index states more messages than the chunk holds."
        if not lost and (not fault or part.fault):
            return None  # nothing is wrong, or opening has told it
        return Damage(
            reason=fault,
            byte_range=(part.start, part.end),
            path=self._file.path,
            time_range_ns=part.time_range_ns,
            lost=dict(lost),
        )

    def _channels(self, contents: Contents) -> tuple[Channel, ...]:
        """Make the channels, and note which connection belongs to which."""
        counts: Counter[int] = Counter()
        for part in contents.parts:
            counts.update(part.counts or {})
        groups: dict[tuple[str, str, str, bytes], list[int]] = defaultdict(list)
        for connection_id, c in sorted(contents.connections.items()):
            groups[c.topic, c.type_name, c.md5sum, c.definition].append(connection_id)
        channels = []
        for ids in groups.values():
            self._channel_of |= dict.fromkeys(ids, ids[0])
            first = contents.connections[ids[0]]
            channels.append(
                Channel(
                    id=ids[0],
                    topic=first.topic,
                    type_name=first.type_name,
                    message_encoding="ros1",
                    schema_encoding="ros1msg",
                    definition=first.definition,
                    messages=sum(counts[i] for i in ids),
                    metadata=_metadata([contents.connections[i] for i in ids]),
                )
            )
        for connection_id in sorted(counts.keys() - contents.connections.keys()):
            self._channel_of[connection_id] = connection_id
            channels.append(
                Channel(
                    id=connection_id,
                    topic=f"/undescribed_connection_{connection_id}",
                    type_name="",
                    message_encoding="ros1",
                    messages=counts[connection_id],
                )
            )
        return tuple(channels)


def _metadata(connections: list[Connection]) -> Mapping[str, str]:
    """Return what the connections of one channel say besides topic and type."""
    metadata = {"md5sum": connections[0].md5sum}
    if any(c.latching for c in connections):
        metadata["latching"] = "1"
    callers = sorted({c.callerid for c in connections if c.callerid})
    if callers:
        metadata["callerid"] = " ".join(callers)
    return metadata
