"""
Carries events to observers on one thread, a few times a second, so that no listener slows the pipeline.

Must not know: what observers do. Next: `scheduler`.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from mosaico_ingest.hooks.contracts import Observer
from mosaico_ingest.hooks.registry import Registered
from mosaico_ingest.model.events import Event, PluginFailed

__all__ = ["Observing"]

_PERIOD_S = 0.2


class Observing:
    """
    A thread that hands events over; it exists only where there are observers.

    An observer that raises is dropped after one `PluginFailed`, which the others hear.

    Thread: `emit` from any.
    """

    def __init__(self, observers: Sequence[Registered[Observer]]) -> None:
        self._observers = list(observers)
        # Events are small and come once per batch: a fifth of a second holds a few hundred.
        self._events: deque[Event] = deque()
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mi-observe", daemon=True)

    def emit(self, event: Event) -> None:
        """Tell all observers, soon."""
        if self._observers:
            self._events.append(event)

    def close(self) -> None:
        """Deliver what is left, close the observers; may be called twice."""
        self._is_ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        """Deliver until told to end, then once more."""
        while not self._is_ending.wait(_PERIOD_S):
            self._deliver()
        self._deliver()
        for observer in list(self._observers):
            self._guarded(observer, observer.value.close)

    def _deliver(self) -> None:
        """Hand over what has gathered, in order."""
        while self._events:
            event = self._events.popleft()
            for observer in list(self._observers):
                self._guarded(observer, lambda o=observer, e=event: o.value.on_event(e))  # type: ignore[misc]

    def _guarded(self, observer: Registered[Observer], call: Callable[[], None]) -> None:
        """Run *call*; an observer that raises in it is dropped."""
        try:
            call()
        except Exception as error:  # noqa: BLE001 - an observer is never fatal
            self._observers.remove(observer)
            failed = PluginFailed(plugin=observer.origin, stage="observe", reason=repr(error))
            self._events.append(failed)

    def __enter__(self) -> Self:
        if self._observers:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
