"""
Plugin for JSON: the decoder `json`, with JSON Schema where a channel has one.

Must not know: how recordings are read. Next: `decoder`.
"""

from collections.abc import Sequence

from mosaico_ingest.plugin import Decoder, hookimpl

MOSAICO_API = (1, 0)


@hookimpl
def mosaico_decoders() -> Sequence[Decoder]:
    """Hand in `json`."""
    from mosaico_ingest_json.decoder import JsonDecoder

    return [JsonDecoder()]
