"""
The byte budget: the only brake of the pipeline, and the bound of its memory.

Must not know: what is weighed. Next: `mosaico_ingest.model`.
"""

import threading

__all__ = ["BudgetClosedError", "ByteBudget"]


class BudgetClosedError(Exception):
    """The budget was closed while somebody waited for it, or before."""


class ByteBudget:
    """
    Credits for bytes in flight: taken before work begins, given back when it has ended.

    Args:
        limit_bytes: Bytes that may be in flight. A larger piece passes alone.

    Thread: any.
    """

    def __init__(self, limit_bytes: int) -> None:
        if limit_bytes < 1:
            msg = f"A byte budget needs at least one byte, got {limit_bytes!r}."
            raise ValueError(msg)
        self._limit = limit_bytes
        self._free = threading.Condition()  # guards the fields below
        self._taken = 0
        self._peak = 0
        self._is_closed = False

    @property
    def peak(self) -> int:
        """The most bytes that were in flight at any time."""
        with self._free:
            return self._peak

    @property
    def taken(self) -> int:
        """Bytes in flight now."""
        with self._free:
            return self._taken

    def take(self, nbytes: int) -> None:
        """
        Wait until *nbytes* fit, and take them.

        Raises:
            BudgetClosedError: `close` was called.
        """
        with self._free:
            self._free.wait_for(lambda: self._is_closed or self._fits(nbytes))
            if self._is_closed:
                msg = "The byte budget was closed."
                raise BudgetClosedError(msg)
            self._taken += nbytes
            self._peak = max(self._peak, self._taken)

    def give(self, nbytes: int) -> None:
        """Give *nbytes* back."""
        with self._free:
            self._taken -= nbytes
            if self._taken < 0:
                msg = f"{-self._taken} bytes more were given back than taken."
                raise ValueError(msg)
            self._free.notify_all()

    def close(self) -> None:
        """Let nobody wait any more; may be called twice."""
        with self._free:
            self._is_closed = True
            self._free.notify_all()

    def _fits(self, nbytes: int) -> bool:
        """Tell whether *nbytes* may pass now; the caller holds the lock."""
        return self._taken == 0 or self._taken + nbytes <= self._limit

    def __repr__(self) -> str:
        with self._free:
            return f"<ByteBudget {self._taken}/{self._limit} bytes, peak {self._peak}>"
