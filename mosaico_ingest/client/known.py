"""
What is known of complete sequences and their topics, so that a server is asked about them once.

Must not know: what they are asked for. Next: `client`.
"""

import threading

from mosaico_ingest.client.handlers import SequenceHandler, TopicHandler
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.locators import sequence_locator, topic_locator

__all__ = ["KnownHandlers"]


class KnownHandlers:
    """
    Handlers of one client; those of incomplete sequences are not kept.

    Thread: any.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._lock = threading.Lock()  # guards the fields below
        self._sequences: dict[str, SequenceHandler] = {}  # complete ones only
        self._topics: dict[str, TopicHandler] = {}  # of those sequences only
        self._changes = 0  # counts what could make an answer that is under way outdated

    def __repr__(self) -> str:
        return f"<KnownHandlers {len(self._sequences)} sequences, {len(self._topics)} topics>"

    def sequence(self, name: str) -> SequenceHandler:
        """
        Return the handler of a sequence.

        Raises:
            NotFoundError: There is none.
        """
        name = sequence_locator(name)
        with self._lock:
            known, changes = self._sequences.get(name), self._changes
        if known is not None:
            return known
        handler = SequenceHandler.ask(self._layers, name)
        with self._lock:
            if handler.complete and changes == self._changes:
                self._sequences[name] = handler
        return handler

    def topic(self, sequence: str, topic: str) -> TopicHandler:
        """
        Return the handler of a topic.

        Raises:
            NotFoundError: There is none.
        """
        locator = topic_locator(sequence, topic)
        with self._lock:
            known, changes = self._topics.get(locator), self._changes
        if known is not None:
            return known
        handler = TopicHandler.ask(self._layers, sequence, topic)
        with self._lock:
            if handler.sequence in self._sequences and changes == self._changes:
                self._topics[locator] = handler
        return handler

    def forget(self, name: str) -> None:
        """Drop what is known of a sequence."""
        with self._lock:
            self._changes += 1
            self._sequences.pop(name, None)
            for locator in [key for key in self._topics if key.startswith(f"{name}/")]:
                del self._topics[locator]

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._changes += 1
            self._sequences.clear()
            self._topics.clear()
