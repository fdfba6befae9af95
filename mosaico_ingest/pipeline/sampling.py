"""
Reads the first payloads of channels whose decoders choose their columns by them.

They stay in the plan, so that decoding chooses as planning did, in whatever process it happens.

Must not know: what decoders look for. Next: `planner`.
"""

from collections.abc import Callable, Collection, Iterator

import attrs

from mosaico_ingest.hooks.contracts import Recording, SampleDecoder
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.batch import PAYLOAD, RawBatch
from mosaico_ingest.model.recording import Channel, RecordingInfo

__all__ = ["sampled"]

_BYTES = 64 * 1024
_MESSAGES = 256
_MAX_BYTES = 16 * 1024 * 1024  # of a message that is larger nothing is kept


def sampled(
    info: RecordingInfo,
    channels: Collection[Channel],
    registry: Registry,
    open_recording: Callable[[], Recording],
) -> RecordingInfo:
    """
    Return *info* with the first payloads of those of *channels* whose decoders want to see some.

    Args:
        open_recording: Opens it; not called where nobody wants to see anything.
    """
    wanted = {channel.id for channel in channels if _wants_sample(channel, registry)}
    if not wanted:
        return info
    with open_recording() as recording:
        told = [
            attrs.evolve(channel, sample=tuple(_first_payloads(recording, channel.id)))
            if channel.id in wanted
            else channel
            for channel in info.channels
        ]
    return attrs.evolve(info, channels=tuple(told))


def _wants_sample(channel: Channel, registry: Registry) -> bool:
    """Return whether a decoder that claims *channel* wants to see messages."""
    if channel.columns is not None or channel.messages == 0:
        return False
    for registered in registry.decoders.values():
        decoder = registered.value
        if isinstance(decoder, SampleDecoder):
            try:
                if decoder.claim(channel) and decoder.wants_sample(channel):
                    return True
            except Exception:  # noqa: BLE001, S112 - who fails here fails in planning, and is told there
                continue
    return False


def _first_payloads(recording: Recording, channel: int) -> Iterator[bytes]:
    """Yield the first payloads of a channel: some of many, one that is large."""
    for item in recording.batches([channel], _BYTES):
        if isinstance(item, RawBatch):
            left = _BYTES
            for payload in item.data.column(PAYLOAD).slice(0, _MESSAGES):
                size = payload.as_buffer().size
                if left <= 0 or size > _MAX_BYTES:
                    return
                left -= size
                yield payload.as_py()
            return
