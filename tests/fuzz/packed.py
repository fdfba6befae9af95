"""Packed files; what can be unpacked before the damage is told by the packings' own libraries."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from mosaico_ingest.hooks.host import Host
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.pipeline.opening import Opener
from mosaico_ingest.plugin import Recording

from .bags import mcap
from .subjects import Message, Range, Subject


class Packed(Subject):
    """A packed file: all that is unpacked before the damage is there, and nothing behind need be."""

    def expected(self, damaged: list[Range], data: bytes) -> set[Message]:
        intact = data[: min((start for start, _ in damaged), default=len(data))]
        count = len(_unpacked(self.path.suffix, intact))
        return {m for (_, end), found in self.parts if end <= count for m in found}


def packed_mcap(folder: Path, suffix: str) -> Subject:
    """Pack an MCAP without a summary."""
    inner = mcap(folder, f"inner{suffix}")
    data = inner.path.read_bytes()
    path = inner.path.with_name(inner.path.name + suffix)
    path.write_bytes(gzip.compress(data) if suffix == ".gz" else zstandard.compress(data))
    host, settings = Host.discover(), Settings(temp=folder)

    @contextmanager
    def opened(packed: Path) -> Iterator[Recording]:
        with (
            Opener(host.registry, settings) as opening,
            opening.open(packed, "mcap") as recording,
        ):
            yield recording

    return Packed(open=opened, path=path, parts=inner.parts)


def _unpacked(suffix: str, data: bytes) -> bytes:
    unpack = (
        zlib.decompressobj(31) if suffix == ".gz" else zstandard.ZstdDecompressor().decompressobj()
    )
    return unpack.decompress(data)
