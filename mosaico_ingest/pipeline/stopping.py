"""
The two stages of stopping a run: softly, so that what was read is stored, and hard.

Must not know: signals (the CLI installs handlers). Next: `flow`.
"""

import threading

__all__ = ["INTERRUPTED", "StopSignal"]

INTERRUPTED = "the run was interrupted"
"""Why messages are lost that a stopped run did not store."""


class StopSignal:
    """
    Asks a run to end.

    Thread: any; `soft` and `hard` may be called from a signal handler.
    """

    def __init__(self) -> None:
        self._soft = threading.Event()
        self._hard = threading.Event()

    def soft(self) -> None:
        """Read no further; store what was read."""
        self._soft.set()

    def hard(self) -> None:
        """Abort now."""
        self._soft.set()
        self._hard.set()

    @property
    def is_soft(self) -> bool:
        """Whether the run shall end."""
        return self._soft.is_set()

    @property
    def is_hard(self) -> bool:
        """Whether it shall end at once."""
        return self._hard.is_set()

    def __repr__(self) -> str:
        return f"<StopSignal {'hard' if self.is_hard else 'soft' if self.is_soft else 'clear'}>"
