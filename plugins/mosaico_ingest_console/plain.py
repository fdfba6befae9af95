"""
Progress as plain lines: when a recording starts, when it ends, and what is damaged or failed between.

Must not know: terminals. Next: `live`.
"""

from typing import TextIO

from mosaico_ingest.plugin import (
    DamageFound,
    Event,
    PluginFailed,
    RecordingFinished,
    RecordingStarted,
    RunStarted,
    format_number_of,
    printable,
)
from mosaico_ingest_console.lines import DamageLines, finished_line, started_line

__all__ = ["Plain"]


class Plain:
    """
    An observer that writes a line where something begins, ends or breaks.

    A recording that never began is left to the report.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._names: dict[int, str] = {}
        self._damage = DamageLines()

    def on_event(self, event: Event) -> None:
        """Take one event."""
        match event:
            case RunStarted():
                recordings = format_number_of("recording", event.recordings)
                self._say(f"{recordings} -> {printable(event.target)}")
            case RecordingStarted():
                self._names[event.index] = printable(event.plan.info.path.name)
                self._say(started_line(event.plan))
            case DamageFound():
                name = self._names.get(event.index, "recording")
                self._say(self._damage.line(event.index, name, event.damage))
            case RecordingFinished() if event.index in self._names:
                self._say(finished_line(event.report))
            case PluginFailed():
                self._say(
                    f"plugin {event.plugin!r} failed ({event.stage}): {printable(event.reason)}"
                )
            case _:
                pass

    def close(self) -> None:
        """End; the stream stays open, it is the caller's."""
        self._stream.flush()

    def _say(self, line: str | None) -> None:
        """Write one line at once, so that a log shows it while the run goes on."""
        if line is not None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
