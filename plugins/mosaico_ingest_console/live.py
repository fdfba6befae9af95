"""
Progress on a terminal: one line per recording that is being read, redrawn a few times a second.

Must not know: pipes and logs. Next: `lines`.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

import attrs

from mosaico_ingest.plugin import (
    BatchStored,
    DamageFound,
    Event,
    PluginFailed,
    RecordingFinished,
    RecordingStarted,
    TopicStarted,
    format_bytes,
    format_number_of,
    printable,
)
from mosaico_ingest_console.lines import DamageLines, finished_line

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Live"]

_REDRAWS_PER_S = 5
_BAR_WIDTH = 20


@attrs.define(kw_only=True)
class _Reading:
    """A recording on its way."""

    name: str
    declared: int | None
    since_s: float
    messages: int = 0
    nbytes: int = 0
    topics: int = 0


class Live:
    """
    An observer that draws what is going on, and leaves a line of each recording that ended.

    A recording that never began is left to the report.

    Args:
        stream: The terminal.
        clock: Seconds that never go back.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._clock = clock
        self._readings: dict[int, _Reading] = {}
        self._damage = DamageLines()
        # Events come from one thread and drawing is done in it: no timer thread, so nothing is shared.
        self._live = RichLive(
            console=Console(file=stream, highlight=False), auto_refresh=False, transient=True
        )
        self._drawn_s = 0.0
        self._live.start()

    def on_event(self, event: Event) -> None:
        """Take one event."""
        match event:
            case RecordingStarted():
                self._readings[event.index] = _Reading(
                    name=printable(event.plan.info.path.name),
                    declared=event.plan.info.messages,
                    since_s=self._clock(),
                )
            case TopicStarted() if event.index in self._readings:
                self._readings[event.index].topics += 1
            case BatchStored() if event.index in self._readings:
                reading = self._readings[event.index]
                reading.messages += event.receipt.messages
                reading.nbytes += event.receipt.nbytes
            case DamageFound():
                name = self._readings[event.index].name if event.index in self._readings else ""
                self._say(self._damage.line(event.index, name or "recording", event.damage))
            case RecordingFinished() if event.index in self._readings:
                del self._readings[event.index]
                self._say(finished_line(event.report))
            case PluginFailed():
                self._say(
                    f"plugin {event.plugin!r} failed ({event.stage}): {printable(event.reason)}"
                )
            case _:
                pass
        self._draw()

    def close(self) -> None:
        """End; the lines that move are wiped, those that were said stay."""
        self._readings.clear()
        self._live.stop()

    def _say(self, line: str | None) -> None:
        """Leave a line above those that move."""
        if line is not None:
            self._live.console.print(line, markup=False, soft_wrap=True)

    def _draw(self) -> None:
        """Redraw, unless that was done a moment ago."""
        now_s = self._clock()
        if now_s - self._drawn_s >= 1 / _REDRAWS_PER_S:
            self._drawn_s = now_s
            self._live.update(self._picture(now_s), refresh=True)

    def _picture(self, now_s: float) -> "RenderableType":
        """Arrange one line per recording that is being read."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        for number in range(5):
            grid.add_column(
                no_wrap=True, overflow="ellipsis", justify="right" if number > 1 else "left"
            )
        for reading in self._readings.values():
            elapsed_s = max(now_s - reading.since_s, 1e-3)
            grid.add_row(
                Text(reading.name),
                ProgressBar(total=reading.declared, completed=reading.messages, width=_BAR_WIDTH)
                if reading.declared
                else "",
                format_number_of("message", reading.messages),
                f"{format_bytes(reading.nbytes / elapsed_s)}/s",
                format_number_of("topic", reading.topics),
            )
        return grid
