"""
Reads the first payloads of channels whose decoders choose their columns by them.

They stay in the plan, so that decoding chooses as planning did, in whatever process it happens.

Must not know: what decoders look for. Next: `planner`.
"""

from collections.abc import Callable, Collection

import attrs
import pyarrow as pa

from mosaico_ingest.hooks.contracts import Recording, SampleDecoder
from mosaico_ingest.hooks.registry import Registry
from mosaico_ingest.model.batch import LOG_TIME, PAYLOAD, RawBatch
from mosaico_ingest.model.recording import Channel, RecordingInfo

__all__ = ["sampled"]

_BYTES = 64 * 1024
_MESSAGES = 256
_FEW = 10  # so many are waited for, however long it takes
_SPAN_NS = 5_000_000_000  # after them, nothing is read to see more than that
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
    samples = {c.id: _Sample(c.messages) for c in info.channels if c.id in wanted}
    with open_recording() as recording:
        _read(recording, samples)
    told = [
        attrs.evolve(channel, sample=tuple(samples[channel.id].payloads))
        if channel.id in samples
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


@attrs.define
class _Sample:
    """
    The first payloads of one channel.

    Args:
        declared: How many messages it has, None where the file does not say.
    """

    declared: int | None
    payloads: list[bytes] = attrs.field(factory=list)
    nbytes: int = 0
    first_ns: int = 0

    def take(self, data: pa.RecordBatch) -> bool:
        """Take the next messages; say whether these are enough."""
        for payload, log_ns in zip(data.column(PAYLOAD), data.column(LOG_TIME), strict=True):
            size = payload.as_buffer().size
            if size > _MAX_BYTES:
                return True
            now = log_ns.as_py()
            self.first_ns = self.first_ns if self.payloads else now
            self.payloads.append(payload.as_py())
            self.nbytes += size
            n = len(self.payloads)
            is_long = n >= _FEW and now - self.first_ns >= _SPAN_NS
            if n in (self.declared, _MESSAGES) or self.nbytes >= _BYTES or is_long:
                return True
        return False


def _read(recording: Recording, samples: dict[int, _Sample]) -> None:
    """Fill *samples* in one pass, in which a channel that has enough is not read any more."""
    left, cursor = set(samples), None
    while left:
        for item in recording.batches(frozenset(left), 1, cursor):
            if isinstance(item, RawBatch) and samples[item.channel_id].take(item.data):
                left.remove(item.channel_id)
                cursor = item.cursor
                break
        else:
            return
        if cursor is None:  # it cannot be restarted there: begin again, for what is left
            for channel in left:
                samples[channel] = _Sample(samples[channel].declared)
