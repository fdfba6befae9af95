"""
A whole plugin in one small module: a text format, its decoder and its mapper.

The tests of the core run on it, so that they need no other plugin, and it shows how little a plugin
is. A file begins with `LINES`; each further line is `TOPIC TIME_NS TEXT`. A line that cannot be read
is damage, a text that is no number is a reject of a channel whose topic ends in `numbers`.

Next: `mosaico_ingest.plugin`.
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
    Channel,
    Claim,
    Collector,
    Cursor,
    Damage,
    Decoded,
    Fit,
    MapRequest,
    MapRows,
    Match,
    Ontology,
    Payloads,
    RawBatch,
    RecordingInfo,
    Reject,
    SourceFile,
    Strength,
    Times,
    envelope,
    hookimpl,
)

__all__ = ["LinesPlugin", "write_lines"]

_MAGIC = b"LINES\n"
_TEXT = Ontology(tag="text_line", fields=pa.schema([pa.field("text", pa.string(), nullable=False)]))
_NUMBER = Ontology(
    tag="number_line", fields=pa.schema([pa.field("value", pa.float64(), nullable=False)])
)


def write_lines(path: Path, *lines: str) -> Path:
    """Write a file of the format; return *path*."""
    path.write_bytes(_MAGIC + "".join(f"{line}\n" for line in lines).encode())
    return path


class _Recording:
    """One opened file."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._lines: list[tuple[int, list[bytes]]] = []
        at = len(_MAGIC)
        for line in self._data[at:].splitlines(keepends=True):
            self._lines.append((at, line.split(maxsplit=2)))
            at += len(line)
        self._bad = [(p, w) for p, w in self._lines if len(w) != 3 or not w[1].isdigit()]
        good = [w for _, w in self._lines if len(w) == 3 and w[1].isdigit()]
        counts = Counter(w[0].decode() for w in good)
        self._ids = {topic: i for i, topic in enumerate(counts)}
        times = [int(w[1]) for w in good]
        self.info = RecordingInfo(
            path=path,
            format="lines",
            files=(path,),
            size_bytes=len(self._data),
            channels=tuple(
                Channel(
                    id=i,
                    topic=topic,
                    type_name="number" if topic.endswith("numbers") else "text",
                    message_encoding="line",
                    messages=counts[topic],
                )
                for topic, i in self._ids.items()
            ),
            messages=len(good),
            start_ns=min(times, default=None),
            end_ns=max(times, default=None),
            has_index=True,
        )

    def batches(
        self, channels: Collection[int], target_bytes: int, cursor: Cursor | None = None
    ) -> Iterator[RawBatch | Damage]:
        """Yield every line, and the bad ones as damage."""
        collector = Collector(target_bytes, cursor=cursor)
        buffer = np.frombuffer(self._data, np.uint8)
        first = cursor.position if cursor else 0
        for at, words in self._lines:
            if at < first:
                continue
            if (at, words) in self._bad:
                yield Damage(reason="not TOPIC TIME_NS TEXT", byte_range=(at, at + 1))
                continue
            channel = self._ids[words[0].decode()]
            if channel not in channels:
                continue
            collector.begin(at)
            text = words[2].rstrip(b"\n")
            start = at + self._data[at:].index(words[2])
            payloads = Payloads(buffer, np.array([start]), np.array([len(text)]))
            yield from collector.add(channel, payloads, np.array([int(words[1])]))
        yield from collector.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hold no file open."""


class _Format:
    """The source format."""

    name = "lines"
    suffixes = (".lines",)
    splits = True
    options = None
    replaces = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Recognise the first line."""
        return Match(Strength.MAGIC, "begins with LINES") if file.head.startswith(_MAGIC) else None

    def open(self, file: SourceFile, options: object) -> _Recording:
        """Open *file*."""
        return _Recording(file.path)


@attrs.frozen
class _Decode:
    """Texts to a string or number column."""

    is_number: bool
    note: str = ""

    @property
    def schema(self) -> pa.Schema:
        """One column."""
        return (_NUMBER if self.is_number else _TEXT).fields

    def __call__(self, payload: pa.Array) -> Decoded:
        """Read every text; those that are no numbers are rejects."""
        texts = [bytes(value.as_py()).decode() for value in payload]
        if not self.is_number:
            return Decoded(data=pa.RecordBatch.from_arrays([pa.array(texts)], schema=self.schema))
        good = [i for i, text in enumerate(texts) if text.replace(".", "", 1).isdigit()]
        bad = np.array([i for i in range(len(texts)) if i not in good], np.int64)
        numbers = pa.array([float(texts[i]) for i in good], pa.float64())
        return Decoded(
            data=pa.RecordBatch.from_arrays([numbers], schema=self.schema),
            kept=np.array(good, np.int64),
            rejects=(Reject(bad, "not a number"),) if len(bad) else (),
        )


class _Decoder:
    """The encoding of the format's payloads."""

    name = "line"
    replaces = ()

    def claim(self, channel: Channel) -> Match | None:
        """Claim the format's own encoding."""
        return Match(Strength.MAGIC, "line") if channel.message_encoding == "line" else None

    def compile(self, channel: Channel) -> _Decode:
        """Prepare a channel."""
        return _Decode(channel.type_name == "number")


class _Mapper:
    """Columns to rows."""

    name = "lines"
    options = None
    replaces = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Claim the decoder's two schemas."""
        for ontology in (_TEXT, _NUMBER):
            if columns == ontology.fields:
                return Claim(tag=ontology.tag, fit=Fit.EXACT, reason=channel.type_name)
        return None

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare a topic."""

        def map_rows(data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
            columns = [*envelope(times, request.time), *data.columns]
            return pa.RecordBatch.from_arrays(columns, schema=request.ontology.schema)

        return map_rows


class LinesPlugin:
    """The plugin: hand it to `Host.with_`."""

    MOSAICO_API = (1, 0)

    @hookimpl
    def mosaico_sources(self) -> list[_Format]:
        """Hand in the format."""
        return [_Format()]

    @hookimpl
    def mosaico_decoders(self) -> list[_Decoder]:
        """Hand in the decoder."""
        return [_Decoder()]

    @hookimpl
    def mosaico_ontologies(self) -> list[Ontology]:
        """Hand in the two types."""
        return [_TEXT, _NUMBER]

    @hookimpl
    def mosaico_mappers(self) -> list[_Mapper]:
        """Hand in the mapper."""
        return [_Mapper()]
