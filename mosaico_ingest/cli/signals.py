"""
Ctrl-C and SIGTERM during a run: the first ends it softly, the second aborts it.

The library installs no handler; a program that embeds it decides for itself. Must not know: what runs.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mosaico_ingest.pipeline.stopping import StopSignal

__all__ = ["stopped_by_signals"]


@contextmanager
def stopped_by_signals(stop: StopSignal) -> Iterator[None]:
    """
    Let SIGINT and SIGTERM move *stop* while the block runs; the handlers of before come back after it.

    The first of either asks for a soft stop. A second SIGINT asks for a hard one, a third raises
    `KeyboardInterrupt`. SIGTERM never does more than the soft stop: a service manager sends SIGKILL itself.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if stop.is_hard:
            raise KeyboardInterrupt
        if stop.is_soft:
            stop.hard()
            _tell("Aborting.")
        else:
            stop.soft()
            _tell("Finishing what was read; press Ctrl-C again to abort.")

    def terminate(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_soft:
            stop.soft()
            _tell("Finishing what was read.")

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, interrupt),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(text: str) -> None:
    """Say what a signal did, on a line of its own."""
    sys.stderr.write(f"\n{text}\n")
    sys.stderr.flush()
