"""
Which channel each record belongs to, and its time: for many records at once, from their places alone.

Must not know: damage, files. Next: `contents`.
"""

from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from mosaico_ingest.errors import SourceError
from mosaico_ingest.plugin import Payloads
from mosaico_ingest_ulog.records import Kind, take

__all__ = ["DROPOUTS", "FIRST_TOPIC", "PARAMETERS", "TEXTS", "Routes", "Rows"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

TEXTS, PARAMETERS, DROPOUTS, FIRST_TOPIC = range(4)
_NOWHERE = -1
_MOST_US = 4_000_000_000_000_000  # 126 years: no vehicle is up for longer, so the stamp is wrong
_MOST_CHANGES = 1000
_STAMP_AT = {Kind.TEXT: 4, Kind.TAGGED_TEXT: 6}
_CHANNEL_OF = np.full(256, _NOWHERE, np.int64)
_CHANNEL_OF[[Kind.TEXT, Kind.TAGGED_TEXT]] = TEXTS
_CHANNEL_OF[Kind.PARAMETER] = PARAMETERS
_CHANNEL_OF[Kind.DROPOUT] = DROPOUTS


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """
    Records that belong to a channel, in stored order; each (n,) int64.

    Args:
        channels: The channel of each.
        starts, lengths: Its payload: a message's fields, or a record from its kind on.
        times_us: Microseconds since the vehicle's start.
    """

    channels: Ints
    starts: Ints
    lengths: Ints
    times_us: Ints

    def by_channel(self, data: Bytes) -> Iterator[tuple[int, Payloads, Ints]]:
        """Yield channel, payloads and times of each channel, still in stored order."""
        if not len(self.channels):
            return
        order = np.argsort(self.channels, kind="stable")
        cuts = np.flatnonzero(np.diff(self.channels[order])) + 1
        for rows in np.split(order, cuts):
            payloads = Payloads(data, self.starts[rows], self.lengths[rows])
            yield int(self.channels[rows[0]]), payloads, self.times_us[rows]


class Routes:
    """
    The way of records to channels.

    Args:
        begin_us: Time of what comes before any stamp.

    Attributes:
        data_start: Where the first record is that is no definition; parameters change from there on.
    """

    def __init__(self, begin_us: int) -> None:
        self._begin_us = begin_us
        self._channel = np.full(0x10000, _NOWHERE, np.int64)
        self._since = np.zeros(0x10000, np.int64)
        self._changes: list[tuple[int, int, int]] = []
        self._stamp_at = np.full(FIRST_TOPIC, _NOWHERE, np.int64)
        self.data_start = 1 << 62

    def add_channel(self, stamp_at: int | None) -> None:
        """Note where the messages of the next topic have their time, None for nowhere."""
        self._stamp_at = np.append(self._stamp_at, _NOWHERE if stamp_at is None else stamp_at)

    def subscribe(self, place: int, msg_id: int, channel: int) -> None:
        """Note that from *place* of the file on *msg_id* stands for *channel*."""
        if self._channel[msg_id] == _NOWHERE:
            self._channel[msg_id], self._since[msg_id] = channel, place
        elif self._now(msg_id) != channel:
            if len(self._changes) == _MOST_CHANGES:
                msg = f"Message ids change their meaning more than {_MOST_CHANGES} times. The log is damaged."
                raise SourceError(msg, offset=place)
            self._changes.append((place, msg_id, channel))

    def channels(self, data: Bytes, places: Ints, base: int) -> Ints:
        """
        Return the channel of each of the records at *places* of *data*, -1 for those without one.

        Args:
            base: Where *data* begins in the file.
        """
        kinds, sizes = data[places + 2], take(data, places, np.uint16)
        channels = _CHANNEL_OF[kinds]
        channels[(kinds == Kind.PARAMETER) & (base + places < self.data_start)] = _NOWHERE
        rows = np.flatnonzero((kinds == Kind.DATA) & (sizes >= 2))
        channels[rows] = self._resolve(take(data, places[rows] + 3, np.uint16), base + places[rows])
        return channels

    def follow(self, data: Bytes, places: Ints, channels: Ints) -> Rows:
        """Return the rows among records; *channels* are what `channels` says of them."""
        known = channels != _NOWHERE
        places, channels = places[known], channels[known]
        kinds, sizes = data[places + 2], take(data, places, np.uint16)
        is_data = kinds == Kind.DATA
        return Rows(
            channels=channels,
            starts=places + np.where(is_data, 5, 2),
            lengths=sizes + np.where(is_data, -2, 1),
            times_us=self._times_us(data, places, kinds, sizes, channels),
        )

    def _now(self, msg_id: int) -> int:
        """Return the channel that *msg_id* stands for at last."""
        later = (channel for _, changed, channel in reversed(self._changes) if changed == msg_id)
        return next(later, int(self._channel[msg_id]))

    def _resolve(self, ids: Ints, places: Ints) -> Ints:
        """Return the channel of each message."""
        channels = np.where(places > self._since[ids], self._channel[ids], _NOWHERE)
        if len(places):
            for place, msg_id, channel in self._changes:
                if place < places[-1]:
                    channels[(ids == msg_id) & (places > place)] = channel
        return channels

    def _times_us(
        self, data: Bytes, places: Ints, kinds: Bytes, sizes: Ints, channels: Ints
    ) -> Ints:
        """Return times; a record without one has that of the one before it."""
        n = len(places)
        stamp_at = np.where(kinds == Kind.DATA, self._stamp_at[channels], _NOWHERE)
        stamp_at = np.where(stamp_at >= 0, stamp_at + 5, _NOWHERE)
        for kind, at in _STAMP_AT.items():
            stamp_at[kinds == kind] = at
        rows = np.flatnonzero((stamp_at >= 0) & (stamp_at + 8 <= sizes + 3))
        stamps = take(data, places[rows] + stamp_at[rows], np.uint64)
        usable = (stamps >= 0) & (stamps < _MOST_US)
        rows, stamps = rows[usable], stamps[usable]
        if not len(rows):
            return np.full(n, self._begin_us, np.int64)
        before = np.maximum(np.searchsorted(rows, np.arange(n), side="right") - 1, 0)
        times: Ints = stamps[before]
        return times
