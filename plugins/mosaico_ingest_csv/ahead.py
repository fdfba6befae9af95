"""
What tables of text share: a sample of their rows, and blocks that threads parse ahead.

Parsing runs in Arrow, which releases the interpreter's lock.

Must not know: how rows are parsed. Next: `text`, `pieces`.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from mosaico_ingest.plugin import Damage
from mosaico_ingest_csv.clock import Clock
from mosaico_ingest_csv.pieces import Piece
from mosaico_ingest_csv.table import Block
from mosaico_ingest_csv.text import TextBlock, TextFile

__all__ = ["Ahead", "is_small", "sample_rows"]

_WHOLE_BYTES = 4 * 1024 * 1024
_SPOTS, _SPOT_BYTES = 32, 32 * 1024
_WORKERS, _AHEAD = 2, 4

_Waiting = tuple[TextBlock, Future[dict[int, Piece]]] | Damage


def is_small(text: TextFile, start: int) -> bool:
    """Say whether all of *text* is read for its counts and types before anything is stored."""
    return text.size - start <= _WHOLE_BYTES


def sample_rows(text: TextFile, start: int) -> bytes:
    """Return all rows of a small text, those at spots all over a large one."""
    if not is_small(text, start):
        spots = np.linspace(start, text.size - _SPOT_BYTES, _SPOTS).astype(np.int64).tolist()
        return b"".join(text.sample(spot, _SPOT_BYTES) for spot in spots)
    rows = text.sample(start, _WHOLE_BYTES)
    # A row that may be cut short must not decide on types, unless there is no other.
    return rows[: text.rows_end(rows)] or rows


class Ahead:
    """
    The blocks of a text, parsed by threads of their own and given in order.

    Args:
        text: Is closed with it.
        press: Parses the rows of one block; several at once.
        clock: Of the rows.

    Thread: one.
    """

    def __init__(
        self, text: TextFile, press: Callable[[bytes], dict[int, Piece]], clock: Clock
    ) -> None:
        self._text = text
        self._press = press
        self._clock = clock
        self._pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Close the text and end the threads."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        self._text.close()

    def blocks(self, position: int) -> Iterator[Block | Damage]:
        """Yield everything from *position* on."""
        self._pool = self._pool or ThreadPoolExecutor(_WORKERS, thread_name_prefix="mi-table")
        waiting: deque[_Waiting] = deque()
        before: Counter[int] = Counter()
        for item in self._text.blocks(position):
            if isinstance(item, Damage):
                waiting.append(item)
            else:
                waiting.append((item, self._pool.submit(self._press, item.data)))
            if len(waiting) > _AHEAD:
                yield self._finish(waiting.popleft(), before)
        while waiting:
            yield self._finish(waiting.popleft(), before)

    def _finish(self, item: _Waiting, before: Counter[int]) -> Block | Damage:
        """Number lines and rows, which only the order of blocks tells."""
        if isinstance(item, Damage):
            return item
        text, future = item
        rows = {}
        for part, piece in future.result().items():
            line = self._text.line(text.start) if piece.refused else 0
            rows[part] = piece.rows(self._clock, before[part], line)
            before[part] += piece.total
        return Block(position=text.start, rows=rows)
