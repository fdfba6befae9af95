"""
The mapper of pictures and packets: `compressed_image` where the ontology knows the format, else bytes.

`timestamp_ns` is the time at which a picture is shown, `recording_timestamp_ns` advances with decoding, and
`sequence_id` is the place in the order of decoding.

Must not know: containers.
"""

from collections.abc import Mapping, Sequence

import attrs
import pyarrow as pa

from mosaico_ingest.plugin import (
    ENVELOPE,
    PAYLOAD,
    RAW_BYTES,
    Channel,
    Claim,
    Fit,
    MapRequest,
    MapRows,
    TimePolicy,
    Times,
    envelope,
)

__all__ = ["COLUMNS", "NUMBER", "PacketMapper"]

NUMBER = "number"
COLUMNS = pa.schema(
    [pa.field(NUMBER, pa.uint32(), nullable=False), pa.field(PAYLOAD, pa.binary(), nullable=False)]
)
"""What the sources of this plugin give besides the clocks: place in the order of decoding, and bytes."""

_FORMATS: Mapping[str, str] = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/tiff": "tiff",
    "video/h264": "h264",
    "video/hevc": "hevc",
}


class PacketMapper:
    """Maps what the sources of this plugin read."""

    name = "packets"
    options: type | None = None
    replaces: Sequence[str] = ()

    def claim(self, channel: Channel, columns: pa.Schema, options: object) -> Claim | None:
        """Offer the type for a channel of packets."""
        if columns != COLUMNS:
            return None
        kind = channel.type_name
        if kind in _FORMATS:
            return Claim(tag="compressed_image", fit=Fit.EXACT, reason=kind)
        reason = f"{kind} packets kept as recorded"
        if kind.startswith("video/"):
            reason += "; --video frames makes pictures of them"
        return Claim(tag=RAW_BYTES.tag, fit=Fit.FAMILY, reason=reason, ontology=RAW_BYTES)

    def compile(self, request: MapRequest) -> MapRows:
        """Prepare to put envelope and format around the packets."""
        word = _FORMATS.get(request.channel.type_name, "")
        is_raw = request.ontology.tag == RAW_BYTES.tag
        return _Wrap(schema=request.ontology.schema, time=request.time, word="" if is_raw else word)


@attrs.frozen(kw_only=True)
class _Wrap:
    """Makes rows of packets."""

    schema: pa.Schema
    time: TimePolicy
    word: str

    def __call__(self, data: pa.RecordBatch, times: Times) -> pa.RecordBatch:
        # Shown is what a header's stamp is elsewhere: the source hands it over as the publisher's clock.
        policy = TimePolicy.Publish if self.time is TimePolicy.Header else self.time
        stamps = envelope(times, policy)[: len(ENVELOPE) - 1]
        payload = data.column(PAYLOAD)
        if pa.types.is_binary_view(payload.type):
            payload = payload.cast(pa.binary())
        columns = [*stamps, data.column(NUMBER), payload]
        if self.word:
            columns.append(pa.repeat(self.word, data.num_rows))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)
