"""
PX4 ULog flight logs for mosaico-ingest: a source, a decoder and a mapper.

Next: `recording`, then `decoder` and `mapper`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import (
    Decoder,
    Mapper,
    Match,
    Recording,
    SourceFile,
    SourceFormat,
    Strength,
    hookimpl,
)
from mosaico_ingest_ulog.clock import UlogOptions
from mosaico_ingest_ulog.records import MAGIC

__all__ = ["MOSAICO_API", "UlogFormat"]

MOSAICO_API = (1, 0)


class UlogFormat:
    """ULog files."""

    name = "ulog"
    suffixes: Sequence[str] = (".ulg", ".ulog")
    options: type | None = UlogOptions
    replaces: Sequence[str] = ()

    def sniff(self, file: SourceFile) -> Match | None:
        """Claim a file by its first bytes."""
        return Match(Strength.MAGIC, "ULog") if file.head.startswith(MAGIC) else None

    def open(self, file: SourceFile, options: object) -> Recording:
        """Open a log; every record is looked at once, since a log has no index."""
        from mosaico_ingest_ulog.recording import UlogRecording

        return UlogRecording(file, options if isinstance(options, UlogOptions) else UlogOptions())


@hookimpl
def mosaico_sources() -> Sequence[SourceFormat]:
    """Hand in the format."""
    return (UlogFormat(),)


@hookimpl
def mosaico_decoders() -> Sequence[Decoder]:
    """Hand in the decoder."""
    from mosaico_ingest_ulog.decoder import UlogDecoder

    return (UlogDecoder(),)


@hookimpl
def mosaico_mappers() -> Sequence[Mapper]:
    """Hand in the mapper."""
    from mosaico_ingest_ulog.mapper import UlogMapper

    return (UlogMapper(),)
