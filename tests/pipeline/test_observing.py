"""Tests of mosaico_ingest.pipeline.observing."""

import threading

from mosaico_ingest.hooks.discovery import Candidate
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.model.events import PluginFailed, RunStarted
from mosaico_ingest.pipeline.observing import Observing


class Listener:
    """Keeps what it hears; may raise."""

    def __init__(self, error=None):
        self.events, self.closed, self.threads, self.error = [], 0, set(), error

    def on_event(self, event):
        self.events.append(event)
        self.threads.add(threading.current_thread().name)
        if self.error:
            raise self.error

    def close(self):
        self.closed += 1


def registered(listener, name):
    """Say that *listener* comes from a plugin called *name*."""
    return Registered(listener, Candidate(name=name, distribution="d", version="1"))


def test_events_arrive_in_order_on_one_thread_before_close_returns():
    """Observers hear everything, in order, on their own thread, and are closed."""
    listener = Listener()
    events = [RunStarted(recordings=n, target="x") for n in range(50)]
    with Observing([registered(listener, "a")]) as observing:
        for event in events:
            observing.emit(event)

    assert events == listener.events
    assert {"mi-observe"} == listener.threads
    assert 1 == listener.closed


def test_an_observer_that_raises_is_dropped_after_one_report():
    """The others hear who failed, and go on."""
    bad, good = Listener(ValueError("boom")), Listener()
    with Observing([registered(bad, "bad"), registered(good, "good")]) as observing:
        observing.emit(RunStarted(recordings=1, target="x"))
        observing.emit(RunStarted(recordings=2, target="x"))
    failures = [event for event in good.events if isinstance(event, PluginFailed)]

    assert 1 == len(bad.events)
    assert 2 == sum(isinstance(event, RunStarted) for event in good.events)
    assert [("bad (d 1)", "observe")] == [(f.plugin, f.stage) for f in failures]


def test_without_observers_there_is_no_thread():
    """Nobody listens, nothing runs."""
    with Observing([]) as observing:
        observing.emit(RunStarted(recordings=1, target="x"))
        names = {thread.name for thread in threading.enumerate()}

    assert "mi-observe" not in names
