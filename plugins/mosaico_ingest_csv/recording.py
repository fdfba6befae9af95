"""
A table as a recording: one channel per group of columns that belong together, and one for the rest.

Channels keep the columns as they are called in the file; what becomes of them is a mapper's.

Must not know: text, Parquet. Next: `table`, `groups`.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
import numpy as np
import pyarrow as pa

from mosaico_ingest.plugin import (
    LOG_TIME,
    PUBLISH_TIME,
    Channel,
    Cursor,
    Damage,
    RawBatch,
    RecordingInfo,
    SourceFile,
)
from mosaico_ingest_csv.groups import CLOCK_SHIFT, find_groups, header_columns
from mosaico_ingest_csv.options import TableOptions
from mosaico_ingest_csv.table import Part, Rows, Table

__all__ = ["TableRecording"]

_TAKEN = (LOG_TIME, PUBLISH_TIME)
_COUNTING_BYTES = 1 << 30
_SUFFIXES = {
    *(".csv", ".tsv", ".tab", ".txt", ".dat", ".asc", ".jsonl", ".ndjson", ".json"),
    *(".parquet", ".pq", ".arrow", ".arrows", ".feather", ".ipc", ".gz", ".zst", ".bz2", ".lz4"),
}


@attrs.frozen(kw_only=True, eq=False)
class _Route:
    """Where the rows of a channel come from: a part, and its columns by name."""

    part: int
    columns: tuple[str, ...]


class TableRecording:
    """
    An opened table.

    Thread: one.
    """

    def __init__(self, file: SourceFile, table: Table, options: TableOptions) -> None:
        self._table = table
        self._routes: dict[int, _Route] = {}
        channels = self._describe(_stem(file.path), options)
        self.info = RecordingInfo(
            path=file.path,
            format=table.format,
            files=(file.path,),
            size_bytes=file.size_bytes,
            channels=channels,
            messages=None if table.rows is None else table.rows * len(channels),
            compression=dict(table.compression),
            findings=table.findings,
        )
        if table.is_small:
            try:
                self.info = _counted(self)
            except BaseException:
                table.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._table.close()

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the rows of *channels*, block by block, and what is damaged."""
        table = self._table
        wanted = [channel for channel in self._routes if channel in set(channels)]
        skip = dict(cursor.skip) if cursor else {}
        seq: dict[int, int] = {}
        # A clock that counts rows must count them from the first.
        start = cursor.position if cursor and table.clock.columns else table.start
        position = start
        done: dict[int, int] = {}
        for block in table.blocks(start):
            if isinstance(block, Damage):
                damage = self._damage(block)
                if damage not in self.info.damage:
                    yield damage
                continue
            if table.clock.columns and block.position != position:
                position, done = block.position, {}
            for channel in wanted:
                route = self._routes[channel]
                rows = block.rows.get(route.part)
                if rows is None:
                    continue
                for batch in _slices(channel, route, rows, target_bytes):
                    n = batch.messages
                    done[channel] = done.get(channel, 0) + n
                    if skip.get(channel, 0) >= n:
                        skip[channel] -= n
                        continue
                    ahead = skip.pop(channel, 0)
                    number = seq[channel] = seq.get(channel, -1) + 1
                    yield attrs.evolve(
                        batch,
                        data=batch.data.slice(ahead),
                        seq=number,
                        cursor=Cursor(position, dict(done)),
                    )

    def _damage(self, damage: Damage) -> Damage:
        """Return *damage* with what each channel loses."""
        lost = {
            channel: damage.lost[route.part]
            for channel, route in self._routes.items()
            if route.part in damage.lost
        }
        return attrs.evolve(damage, lost=lost)

    def _describe(self, stem: str, options: TableOptions) -> tuple[Channel, ...]:
        """Make the channels, and note where their rows come from."""
        channels: list[Channel] = []
        shift = {CLOCK_SHIFT: str(self._table.clock.shift_ns)} if self._table.clock.shift_ns else {}
        for number, part in enumerate(self._table.parts):
            for topic, type_name, names in _topics(part, stem, options):
                channel = len(channels) + 1
                self._routes[channel] = _Route(part=number, columns=names)
                channels.append(
                    Channel(
                        id=channel,
                        topic=topic,
                        type_name=type_name,
                        message_encoding="arrow",
                        messages=self._table.rows,
                        metadata=shift,
                        columns=pa.schema(
                            [part.columns.field(name).with_name(_free(name)) for name in names]
                        ),
                    )
                )
        return tuple(channels)


def _topics(
    part: Part, stem: str, options: TableOptions
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield topic, type name and columns of each channel that *part* becomes."""
    names = part.columns.names
    header = set(header_columns(names).values())
    groups = find_groups(part.columns) if options.split else []
    if not groups:
        header = set()
    taken = header.union(*(group.columns for group in groups))
    rest = [name for name in names if name not in taken]
    base = f"/{part.label.strip('/')}" if part.label else ""
    for group in groups:
        own = tuple(name for name in names if name in header or name in group.columns)
        is_alone = len(groups) == 1 and not rest
        topic = (base or f"/{stem}") if is_alone else f"{base}{group.topic}"
        yield topic, f"table/{group.tag}", own
    if rest or not groups:
        own = tuple(name for name in names if name in header or name in rest)
        label = f"/{part.label.strip('/')}" if part.label else ""
        yield base or f"/{stem}", f"table/{stem}{label}", own


def _slices(channel: int, route: _Route, rows: Rows, target_bytes: int) -> Iterator[RawBatch]:
    """Cut the rows of one block to about *target_bytes*; rejects go with the last of them."""
    data = rows.data.select(list(route.columns))
    n = data.num_rows
    batch = pa.RecordBatch.from_arrays(
        [pa.array(rows.log_ns), *data.columns], [LOG_TIME, *map(_free, route.columns)]
    )
    step = max(1, n * target_bytes // max(batch.nbytes, 1)) if n else 1
    for at in range(0, max(n, 1), step):
        rejects = rows.rejects if at + step >= n else None
        part = batch.slice(at, step)
        if part.num_rows or rejects is not None:
            yield RawBatch(channel_id=channel, seq=0, data=part, rejects=rejects)


def _counted(recording: TableRecording) -> RecordingInfo:
    """Return the table of contents with the counts and times that reading all of it gives."""
    info = recording.info
    counts: Counter[int] = Counter()
    spans: dict[int, tuple[int, int]] = {}
    damage: list[Damage] = []
    for item in recording.batches([c.id for c in info.channels], _COUNTING_BYTES):
        if isinstance(item, Damage):
            damage.append(item)
            counts.update(item.lost)
            continue
        counts[item.channel_id] += item.messages
        if item.data.num_rows:
            log_ns = np.asarray(item.data.column(LOG_TIME))
            first, last = int(log_ns.min()), int(log_ns.max())
            before = spans.get(item.channel_id, (first, last))
            spans[item.channel_id] = min(before[0], first), max(before[1], last)
    channels = tuple(
        attrs.evolve(
            channel,
            messages=counts[channel.id],
            start_ns=spans.get(channel.id, (None, None))[0],
            end_ns=spans.get(channel.id, (None, None))[1],
        )
        for channel in info.channels
    )
    return attrs.evolve(
        info,
        channels=channels,
        messages=sum(counts.values()),
        start_ns=min((span[0] for span in spans.values()), default=None),
        end_ns=max((span[1] for span in spans.values()), default=None),
        damage=tuple(damage),
    )


def _free(name: str) -> str:
    """Return the name of a column, clear of the clocks' names."""
    return f"{name}_" if name in _TAKEN else name


def _stem(path: Path) -> str:
    """Return the file's name without its endings, for topics."""
    while path.suffix.lower() in _SUFFIXES and path.stem:
        path = path.with_suffix("")
    return path.name.lstrip("._-") or "table"
