import os
import pty
import threading

import attrs
import pytest
from mosaico_ingest_console.live import Live


class Terminal:
    """A pseudo terminal whose every byte is kept."""

    def __init__(self):
        self._master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w")
        self._kept = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        try:
            while data := os.read(self._master, 65536):
                self._kept.append(data)
        except OSError:
            pass  # the other end was closed

    def text(self):
        """Close the terminal and return what it was sent."""
        self.stream.close()
        self._reader.join()
        os.close(self._master)
        return b"".join(self._kept).decode()


@pytest.fixture
def clock():
    """A clock that stands still until it is moved."""

    class Clock:
        now_s = 100.0

        def __call__(self):
            return self.now_s

    return Clock()


@pytest.fixture(autouse=True)
def terminal_kind(monkeypatch):
    """A terminal that can move its cursor."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


def test_progress_tells_messages_rate_and_topics(events, clock):
    """While a recording is read, a line tells its messages, MB/s and topics."""
    terminal = Terminal()
    live = Live(terminal.stream, clock)
    for event in events[:4]:
        live.on_event(event)
    clock.now_s += 1
    live.on_event(events[3])
    live.close()
    text = terminal.text()

    assert "16 messages" in text
    assert "10.0 kB/s" in text
    assert "1 topic\r" in text


def test_redraws_are_few(events, clock):
    """A thousand batches within a moment redraw once."""
    terminal = Terminal()
    live = Live(terminal.stream, clock)
    for event in [*events[:4], *[events[3]] * 1000]:
        live.on_event(event)
    live.close()

    assert 1 >= terminal.text().count("messages")


def test_what_happened_stays(events, clock):
    """Damage and the end of a recording are lines that stay."""
    terminal = Terminal()
    live = Live(terminal.stream, clock)
    for event in events:
        live.on_event(event)
    live.close()
    text = terminal.text()

    assert "drive.mcap: damage: bytes 1,000 to 2,000: The CRC is wrong." in text
    assert "drive.mcap: stored with losses, 8 messages" in text


def test_names_cannot_steer_the_terminal(events, clock):
    """Escape sequences and markup in a recording's error are shown, not obeyed."""
    terminal = Terminal()
    live = Live(terminal.stream, clock)
    report = attrs.evolve(events[-2].report, error="\x1b[2J [red]x[/red]")
    for event in [events[1], attrs.evolve(events[-2], report=report)]:
        live.on_event(event)
    live.close()

    assert "\\x1b[2J [red]x[/red]" in terminal.text()
