"""
From ticks of a container, or places in a row of pictures, to nanoseconds since 1970.

Every clock gives two columns: when each message is shown, and a time that only advances as messages
are stored, which is the order in which a decoder needs them.

Must not know: PyAV, files. Next: `order`, `packets`.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

__all__ = [
    "Clock",
    "Ints",
    "ListClock",
    "Places",
    "RateClock",
    "ShownClock",
    "TickClock",
    "max_ticks",
    "to_ns",
]

_NS_PER_S = 1_000_000_000
_FAR_NS = 1 << 62  # times stay below, so that an origin can be added

Ints = npt.NDArray[np.int64]


class Clock(Protocol):
    """Gives consecutive messages of one stream their times."""

    def __call__(self, first: int, pts: Ints, dts: Ints) -> tuple[Ints, Ints]:
        """
        Return the times of storing and of showing, nanoseconds.

        Args:
            first: Number of the first message in its stream.
            pts, dts: (n,) ticks of showing and of decoding.
        """


class Places(Protocol):
    """Tells messages' places in the order of showing from their ticks."""

    def __call__(self, pts: Ints) -> Ints:
        """Return the places, from 0."""


@attrs.frozen(kw_only=True)
class TickClock:
    """
    The container's own clock.

    Args:
        base: Seconds per tick.
        origin_ns: The instant of tick 0.
        lead: Ticks by which the first message is shown after it is decoded; None where messages are
            stored as they are shown.
    """

    base: Fraction
    origin_ns: int = 0
    lead: int | None = None

    def __call__(self, first: int, pts: Ints, dts: Ints) -> tuple[Ints, Ints]:
        """Return the times of storing and of showing."""
        shown = to_ns(pts, self.base) + self.origin_ns
        if self.lead is None:
            return shown, shown
        return to_ns(dts + self.lead, self.base) + self.origin_ns, shown


@attrs.frozen(kw_only=True, eq=False)
class RateClock:
    """Pictures at a steady rate."""

    rate: Fraction
    places: Places
    origin_ns: int = 0

    def __call__(self, first: int, pts: Ints, dts: Ints) -> tuple[Ints, Ints]:
        """Return the times of storing and of showing."""
        stored = np.arange(first, first + len(pts))
        base = 1 / self.rate
        return (
            to_ns(stored, base) + self.origin_ns,
            to_ns(self.places(pts), base) + self.origin_ns,
        )


@attrs.frozen(kw_only=True, eq=False)
class ListClock:
    """Pictures with a list of times, in the order of showing."""

    times_ns: Ints
    places: Places

    def __call__(self, first: int, pts: Ints, dts: Ints) -> tuple[Ints, Ints]:
        """Return the times of storing and of showing."""
        stored = np.arange(first, first + len(pts))
        last = (
            len(self.times_ns) - 1
        )  # a file that changed since it was opened must not break the run
        return (
            self.times_ns[np.minimum(stored, last)],
            self.times_ns[np.clip(self.places(pts), 0, last)],
        )


@attrs.frozen
class ShownClock:
    """Pictures that are stored in the order of showing: both times are that of showing."""

    clock: Clock

    def __call__(self, first: int, pts: Ints, dts: Ints) -> tuple[Ints, Ints]:
        """Return the times of storing and of showing."""
        _, shown = self.clock(first, pts, dts)
        return shown, shown


def max_ticks(base: Fraction) -> int:
    """Return how many ticks of *base* seconds a time may lie from its origin."""
    return min(_FAR_NS * base.denominator // (base.numerator * _NS_PER_S), _FAR_NS)


def to_ns(ticks: Sequence[int] | Ints, base: Fraction) -> Ints:
    """Return ticks of *base* seconds, at most `max_ticks`, as nanoseconds: to the nearest, by integers."""
    wide = np.asarray(ticks, np.int64)
    num, den = base.numerator, base.denominator
    largest = max(abs(int(wide.min())), abs(int(wide.max()))) if len(wide) else 0
    if den < 1 << 32 and largest * num < 1 << 62:
        whole, part = np.divmod(wide * num, den)
        nanoseconds: Ints = whole * _NS_PER_S + (part * _NS_PER_S + den // 2) // den
        return nanoseconds
    exact = [(2 * tick * num * _NS_PER_S + den) // (2 * den) for tick in wide.tolist()]
    return np.array(exact, np.int64)
