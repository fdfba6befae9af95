"""
What is damaged, and what must come of it all the same.

The parts of a file (chunks, records, pages, lines, packets) are found without the readers under test. What a
format still delimits after damage differs: a record with a length of its own that is damaged takes what comes
behind with it, unless something can be recognised again; `Subject` has a field for each of these.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from mosaico_ingest.plugin import Recording, SourceFormat
from mosaico_ingest.testing.source import source_file

__all__ = ["Message", "Part", "Range", "Subject", "as_message", "opener", "touch"]

Range = tuple[int, int]
Message = tuple[object, ...]
Part = tuple[Range, list[Message]]


@attrs.frozen(kw_only=True)
class Subject:
    """
    One kind of recording.

    Args:
        open: Opens what is at a path.
        path: The undamaged file.
        within: The folder that is opened, if the file is only a part of the recording.
        parts: Byte range of each part, with its messages; damage outside of them costs no message.
        vital: Ranges whose damage may cost anything.
        index: The range without which nothing can be found, also where it is cut off.
        judged: The range from which the form of the file is told: of which a tenth must not be damaged.
        chain: Ranges whose damage may cost everything behind: lengths that nothing else tells.
        poison: Bytes that may cost everything behind where damage makes them: an opening quote.
        checked: Ranges whose checksums keep messages that were changed from being given.
        run: Parts in a row that must be undamaged to be found again after damage.
        margin: Neighbours that damage of a part may cost.
        pieces: The parts that are whole before a cut, if these are finer.
        open_ends: Messages that a cut may leave shortened, since nothing says where they end.
        same: What of a message must be as it was.
        is_timed: Whether messages are compared with their times.
    """

    open: Callable[[Path], AbstractContextManager[Recording]]
    path: Path
    within: Path | None = None
    parts: list[Part]
    vital: tuple[Range, ...] = ()
    index: Range = (0, 0)
    judged: Range = (0, 0)
    chain: tuple[Range, ...] = ()
    poison: bytes = b""
    checked: tuple[Range, ...] = ()
    run: int = 1
    margin: int = 0
    pieces: list[Part] | None = None
    open_ends: int = 0
    same: Callable[[Message], Message] = lambda message: message
    is_timed: bool = True

    @property
    def whole(self) -> set[Message]:
        """All messages."""
        return {message for _, messages in self.parts for message in messages}

    def expected(self, damaged: list[Range], data: bytes) -> set[Message]:
        """Return the messages that must come if *damaged* are, and *data* is what is left."""
        size = len(data)
        if self.run > 1:
            damaged = [*damaged, *self._swallowed(damaged, data)]
        if self.index[1] > size or any(
            touch(one, other) for one in damaged for other in (*self.vital, self.index)
        ):
            return set()
        start, end = self.judged
        lost = sum(max(0, min(b, end) - max(a, start)) for a, b in damaged)
        if (lost * 10 or -1) > end - start:
            return set()
        damaged = [*damaged, *self._lost_behind(damaged, data)]
        parts = self.parts if damaged or self.pieces is None else self.pieces
        bad = [
            k
            for k, ((start, end), _) in enumerate(parts)
            if end > size or any(touch((start, end), one) for one in damaged)
        ]
        spoilt = {near for k in bad for near in range(k - self.margin, k + self.margin + 1)}
        good = [k not in spoilt for k in range(len(parts))]
        found: set[Message] = set()
        at = 0
        while at < len(good):
            end = at
            while end < len(good) and good[end]:
                end += 1
            if end - at >= self.run or at == 0:
                found.update(m for _, messages in parts[at:end] for m in messages)
            at = max(end, at + 1)
        return found

    def _lost_behind(self, damaged: list[Range], data: bytes) -> Iterator[Range]:
        """Yield what a damaged length, or a byte that opens something, may take with it."""
        for one in damaged:
            broken = [start for start, end in self.chain if touch(one, (start, end))]
            if set(self.poison) & set(data[one[0] : one[1]]):
                broken.append(one[0])
            for start in broken:
                yield start, len(data) + 1

    def _swallowed(self, damaged: list[Range], data: bytes) -> Iterator[Range]:
        """Yield what records whose length was changed claim for themselves."""
        for (start, _), _ in self.parts:
            if any(touch((start + 1, start + 9), one) for one in damaged) and start + 9 < len(data):
                yield start, start + 9 + int.from_bytes(data[start + 1 : start + 9], "little")


def opener(
    form: SourceFormat, options: object = None
) -> Callable[[Path], AbstractContextManager[Recording]]:
    """Return what opens a path as *form*."""
    return lambda path: form.open(source_file(path), options)


def as_message(values: tuple[object, ...]) -> Message:
    """Return a row as it can be compared: numbers by value, whatever the types of its columns are."""
    return tuple(_plain(value) for value in values if value is not None)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value
    for number in (int, float):
        try:
            return number(str(value))
        except ValueError:
            pass
    return str(value)


def touch(one: Range, other: Range) -> bool:
    """Tell whether two ranges share a byte."""
    return one[0] < other[1] and other[0] < one[1]
