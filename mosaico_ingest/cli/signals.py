"""
Ctrl-C and SIGTERM during a run: the first ends it softly, the second aborts it.

The library installs no handler; a program that embeds it decides for itself. Must not know: what runs.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mosaico_ingest.pipeline.stopping import StopSignal

__all__ = ["ended_by_sigterm", "stopped_by_signals"]


_STDERR = 2


@contextmanager
def stopped_by_signals(stop: StopSignal, log: str) -> Iterator[None]:
    """
    Let SIGINT and SIGTERM move *stop* while the block runs; the handlers of before come back after it.

    The first of either asks for a soft stop. A second SIGINT asks for a hard one, a third raises
    `KeyboardInterrupt`. SIGTERM never does more than the soft stop: a service manager sends SIGKILL itself.

    Args:
        stop: What the run looks at.
        log: How progress is told: what a signal did is told in the same way.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if stop.is_hard:
            raise KeyboardInterrupt
        if stop.is_soft:
            stop.hard()
            _tell("Aborting.", log)
        else:
            stop.soft()
            _tell("Finishing what was read; press Ctrl-C again to abort.", log)

    def terminate(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_soft:
            stop.soft()
            _tell("Finishing what was read.", log)

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, interrupt),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: by an exception, so that nothing temporary is left."""

    def terminate(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(text: str, log: str) -> None:
    """Say what a signal did. It may have come in the middle of a write: past the stream's buffer."""
    if log != "none":
        told = (
            json.dumps({"event": "stop_requested", "text": text}) if log == "json" else f"\n{text}"
        )
        os.write(_STDERR, f"{told}\n".encode())
