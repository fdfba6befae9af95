"""
Watches the times of a topic while its rows pass, and says what is odd about them.

Nothing is changed: stamps are stored as they are, and the finding names the flag that takes another clock.

Must not know: where the times come from. Next: `flow`.
"""

from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mosaico_ingest.units import format_duration_ns, format_number_of, format_time_ns

__all__ = ["Timekeeper"]

_NS_PER_S = 1_000_000_000
_STEP_BACK_NS = _NS_PER_S
_JUMP_NS = (
    5 * _NS_PER_S
)  # messages that were queued before they were recorded come closer than this
_DAY_NS = 86_400 * _NS_PER_S
_EPOCH_NS = 10**18  # September 2001: what lies later counts from 1970
_BOOT_NS = 10**17  # three years: no robot has been up for longer
_SCALES = ((10**9, "seconds"), (10**6, "milliseconds"), (10**3, "microseconds"))

Times = npt.NDArray[np.int64]


@attrs.define
class _Jumps:
    """Steps of a clock that are no passing of time."""

    limit_ns: int
    count: int = 0
    largest_ns: int = 0
    first_ns: int = 0

    def add(self, steps: Times, at: Times) -> None:
        """Count the *steps* beyond the limit; *at* is the recorder's time of each."""
        far = np.abs(steps) > self.limit_ns
        if far.any():
            if not self.count:
                self.first_ns = int(at[int(np.argmax(far))])
            self.count += int(far.sum())
            self.largest_ns = max(self.largest_ns, int(np.abs(steps).max()))

    def __str__(self) -> str:
        """Print how often, how far and when first."""
        times = "once" if self.count == 1 else f"{self.count:,} times"
        far = format_duration_ns(self.largest_ns)
        return f"{times}, by up to {far} (first at {format_time_ns(self.first_ns)})"


class Timekeeper:
    """
    Collects facts about the times of one topic.

    Thread: one at a time; batches come in stored order.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._zeros = 0
        self._first: tuple[int, int] | None = (
            None  # stamp and log time of the first row with a stamp
        )
        self._last: tuple[int, int] | None = None
        self._against_log = _Jumps(_JUMP_NS)
        self._backwards = _Jumps(_STEP_BACK_NS)

    def add(self, stamps: pa.Int64Array, log: pa.Int64Array) -> None:
        """Take the times of a batch: `timestamp_ns` and `recording_timestamp_ns`, rows in stored order."""
        if log.null_count or not len(stamps):
            return
        ours, theirs = np.asarray(stamps), np.asarray(log)
        self._rows += len(ours)
        # Where the recorder's clock is near 0 itself, 0 is a time as any other.
        is_set = (ours != 0) | (np.abs(theirs) < _DAY_NS)
        self._zeros += len(ours) - int(is_set.sum())
        ours, theirs = ours[is_set], theirs[is_set]
        if not len(ours):
            return
        if self._first is None:
            self._first = (int(ours[0]), int(theirs[0]))
        if self._last is not None:
            ours = np.concatenate([[self._last[0]], ours])
            theirs = np.concatenate([[self._last[1]], theirs])
        self._last = (int(ours[-1]), int(theirs[-1]))
        steps = np.diff(theirs)
        self._backwards.add(np.minimum(steps, 0), theirs[1:])
        self._against_log.add(np.diff(ours) - steps, theirs[1:])

    @property
    def jumps(self) -> int:
        """How often a clock jumped."""
        return self._against_log.count + self._backwards.count

    def findings(self, channel: str) -> Iterator[str]:
        """Yield what a person should know of the times of *channel*, one sentence each."""
        remedy = f"--time '{channel}=log' takes the recorder's clock."
        if self._zeros and self._rows > 1:
            share = f"{self._zeros:,} of {format_number_of('stamp', self._rows)}"
            yield f"{channel}: {share} {'is' if self._zeros == 1 else 'are'} 0, never set; {remedy}"
        origin = self._origin()
        if origin:
            yield f"{channel}: {origin}; {remedy}"
        elif self._against_log.count:
            yield f"{channel}: the stamps' clock jumps {self._against_log}; {remedy}"
        if self._backwards.count:
            yield f"{channel}: the recorder's clock steps back {self._backwards}."

    def _origin(self) -> str:
        """Say what the stamps count if it is not nanoseconds since 1970, as the recorder's clock does."""
        if self._first is None:
            return ""
        stamp, log = self._first
        if log < _EPOCH_NS or not 0 < stamp < _EPOCH_NS:
            return ""
        recorded = f"the first is {stamp} ns, recorded at {format_time_ns(log)}"
        for scale, unit in _SCALES:
            if abs(stamp * scale - log) < _DAY_NS:
                return f"stamps look like {unit} written as nanoseconds ({recorded})"
        if stamp < _BOOT_NS:
            return f"stamps count from a start of their own, not from 1970 ({recorded})"
        return ""
