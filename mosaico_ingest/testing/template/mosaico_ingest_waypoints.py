"""
Waypoints recordings for mosaico-ingest: a source and a mapper.

A `.waypoints` file is `WAYPOINTS1`, a line feed, and rows of `time_ns int64 | x, y, z float64`.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Self

import numpy as np
import pyarrow as pa

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import (
    LOG_TIME,
    Channel,
    Claim,
    Cursor,
    Damage,
    Fit,
    MapRequest,
    MapRows,
    Match,
    RawBatch,
    RecordingInfo,
    SourceFile,
    Strength,
    Times,
    envelope,
    hookimpl,
)

MOSAICO_API = (1, 0)

MAGIC = b"WAYPOINTS1\n"
ROW = np.dtype([(LOG_TIME, "<i8"), ("x", "<f8"), ("y", "<f8"), ("z", "<f8")])
COLUMNS = pa.schema([(LOG_TIME, pa.int64()), *((name, pa.float64()) for name in "xyz")])


class WaypointsRecording:
    """One opened file."""

    def __init__(self, file: SourceFile) -> None:
        if not file.head.startswith(MAGIC):
            msg = f"{str(file.path)!r} is no waypoints recording. Expected it to begin with {MAGIC!r}."
            raise SourceError(msg, path=file.path)
        self._count, rest = divmod(file.size_bytes - len(MAGIC), ROW.itemsize)
        declared = self._count + bool(rest)
        cut = Damage(
            reason="The last row is cut off.",
            byte_range=(file.size_bytes - rest, file.size_bytes),
            lost={0: 1},
        )
        channel = Channel(
            id=0,
            topic="/waypoints",
            type_name="waypoints",
            message_encoding="arrow",  # typed columns: no decoder is needed
            columns=COLUMNS,
            messages=declared,
        )
        self.info = RecordingInfo(
            path=file.path,
            format="waypoints",
            files=(file.path,),
            size_bytes=file.size_bytes,
            channels=(channel,),
            messages=declared,
            has_index=True,
            damage=(cut,) if rest else (),
        )
        self._file = file.path.open("rb")

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield the rows, some at a time; a cursor counts them."""
        if 0 not in channels:
            return
        step = max(1, target_bytes // ROW.itemsize)
        start = cursor.position if cursor else 0
        self._file.seek(len(MAGIC) + start * ROW.itemsize)
        for seq, first in enumerate(range(start, self._count, step)):
            rows = np.fromfile(self._file, ROW, min(step, self._count - first))
            columns = [pa.array(np.ascontiguousarray(rows[name])) for name in COLUMNS.names]
            data = pa.RecordBatch.from_arrays(columns, schema=COLUMNS)
            yield RawBatch(channel_id=0, seq=seq, data=data, cursor=Cursor(first + len(rows)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


class WaypointsFormat:
    """Waypoints recordings."""

    name = "waypoints"
    suffixes: Sequence[str] = (".waypoints",)
    options: type | None = None
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Know a recording by its first bytes."""
        return Match(Strength.MAGIC, "WAYPOINTS1") if file.head.startswith(MAGIC) else None

    def open(self, file: SourceFile, options: object) -> WaypointsRecording:
        """Open a recording."""
        return WaypointsRecording(file)


class WaypointsMapper:
    """Rows of a waypoints recording are points of the platform."""

    name = "waypoints"
    options: type | None = None
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Claim the channels of the source above."""
        if channel.type_name != "waypoints":
            return None
        return Claim(tag="point_3_d", fit=Fit.EXACT, reason="waypoints")

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare one topic: the envelope, then x, y, z, and null for what else a point may have."""
        fields = list(request.ontology.fields)

        def map_rows(data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
            columns = [
                data.column(field.name)
                if field.name in data.schema.names
                else pa.nulls(data.num_rows, field.type)
                for field in fields
            ]
            rows = [*envelope(times, request.time), *columns]
            return pa.RecordBatch.from_arrays(rows, schema=request.ontology.schema)

        return map_rows


@hookimpl
def mosaico_sources() -> list[WaypointsFormat]:
    """Hand in the format."""
    return [WaypointsFormat()]


@hookimpl
def mosaico_mappers() -> list[WaypointsMapper]:
    """Hand in the mapper."""
    return [WaypointsMapper()]
