"""
A flight log as a recording: a channel per format and instance, and one each for texts, parameters, gaps.

Must not know: columns. Next: `contents`, `decoder`.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from typing import Self

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import (
    Channel,
    Collector,
    Cursor,
    Damage,
    RawBatch,
    RecordingInfo,
    SourceFile,
)
from mosaico_ingest_ulog.clock import UlogOptions, origin
from mosaico_ingest_ulog.contents import WINDOW_BYTES, Contents, Topic
from mosaico_ingest_ulog.decoder import ENCODING, Form
from mosaico_ingest_ulog.layout import definition_of
from mosaico_ingest_ulog.records import LogFile, walk
from mosaico_ingest_ulog.routing import DROPOUTS, FIRST_TOPIC, PARAMETERS, TEXTS

__all__ = ["UlogRecording"]

_ANY_KIND = b"\1" * 256
_RECORDS = {
    TEXTS: ("/logged_text", Form.Text),
    PARAMETERS: ("/parameter_changes", Form.Parameter),
    DROPOUTS: ("/dropouts", Form.Dropout),
}


class UlogRecording:
    """
    One opened log.

    Raises:
        SourceError: It is no ULog file, or cannot be read.

    Thread: one.
    """

    def __init__(self, file: SourceFile, options: UlogOptions) -> None:
        self._file = LogFile(file.path)
        try:
            self._contents = contents = Contents(self._file, options.max_channels)
            self._origin_ns, told = origin(contents.gps, contents.begin_us, options.start)
        except BaseException:
            self._file.close()
            raise
        channels = tuple(self._channels())
        spans = [span for channel in channels for span in (channel.start_ns, channel.end_ns)]
        times_ns = [time_ns for time_ns in spans if time_ns is not None]
        self.info = RecordingInfo(
            path=file.path,
            format=f"ULog {contents.version}",
            files=(file.path,),
            size_bytes=self._file.size,
            channels=channels,
            messages=sum(contents.counts.values()),
            start_ns=min(times_ns, default=None),
            end_ns=max(times_ns, default=None),
            has_index=True,
            damage=contents.all_damage(),
            attachments=contents.facts.attachments(),
            metadata=contents.facts.metadata(),
            findings=(told, *contents.findings()),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the messages of *channels*; all damage was met when the log was opened."""
        wanted = {channel.id for channel in self.info.channels} & set(channels)
        collector = Collector(target_bytes, cursor=cursor)
        at = cursor.position if cursor else 0
        routes = self._contents.routes
        for start, end in self._spans_from(at) if wanted else ():
            at = start
            while at < end:
                data = self._file.read(at, min(WINDOW_BYTES, end - at))
                places, length = walk(data, _ANY_KIND)
                if not length:
                    msg = f"{str(self._file.path)!r} has changed while it was read. Read it again."
                    raise SourceError(msg, path=self._file.path, offset=at)
                collector.begin(at)
                rows = routes.follow(data, places, routes.channels(data, places, at))
                for channel, payloads, times_us in rows.by_channel(data):
                    if channel in wanted:
                        log_ns = times_us * 1000 + self._origin_ns
                        yield from collector.add(channel, payloads, log_ns)
                at += length
        yield from collector.flush()

    def attachment(self, index: int) -> Iterator[bytes]:
        """Yield the bytes of a file among the log's information."""
        yield from self._contents.facts.attachment(index)

    def _spans_from(self, place: int) -> Iterator[tuple[int, int]]:
        """Yield where intact records are, from *place* on."""
        spans = self._contents.spans
        first = max(0, bisect_right(spans, (place, 1 << 63)) - 1)
        for start, end in spans[first:]:
            if end > place:
                yield max(start, place), end

    def _channels(self) -> Iterator[Channel]:
        """Yield what was recorded."""
        contents = self._contents
        for number, topic in enumerate(contents.topics, FIRST_TOPIC):
            name = f"/{topic.name}/{topic.multi_id}" if topic.multi_id else f"/{topic.name}"
            yield self._channel(number, name, topic.name, Form.Message, topic)
        for number, (name, form) in _RECORDS.items():
            if contents.counts[number]:
                yield self._channel(number, name, name.strip("/"), form)

    def _channel(
        self, number: int, name: str, type_name: str, form: Form, topic: Topic | None = None
    ) -> Channel:
        contents = self._contents
        times_us = contents.times_us.get(number)
        return Channel(
            id=number,
            topic=name,
            type_name=type_name,
            message_encoding=ENCODING,
            schema_encoding=form.value,
            definition=definition_of(topic.name, contents.facts.formats) if topic else b"",
            messages=contents.counts[number],
            start_ns=times_us[0] * 1000 + self._origin_ns if times_us else None,
            end_ns=times_us[1] * 1000 + self._origin_ns if times_us else None,
            metadata={"multi_id": str(topic.multi_id)} if topic else {},
        )
