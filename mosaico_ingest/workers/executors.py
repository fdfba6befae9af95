"""
Named background threads: a pool for encoding, a pool of one thread as a lane that keeps order.

Must not know: what runs on them. Next: `budget`.
"""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

__all__ = ["ExecutorPool"]

P = ParamSpec("P")
T = TypeVar("T")


class ExecutorPool:
    """
    A `ThreadPoolExecutor` that tells how it is: its threads have our names, its repr has the counts.

    Args:
        threads: How many run at the same time; each starts when there is work for it. One thread
            runs its calls one after the other, in the order of submission.
        name: Threads are called `name-0`, `name-1`, …; a single one just *name*.

    Thread: any.
    """

    def __init__(self, threads: int, name: str = "mi-encode") -> None:
        self._name = name
        self._size = threads
        self._numbers = itertools.count()
        self._pool = ThreadPoolExecutor(threads, initializer=self._name_thread)
        self._lock = threading.Lock()  # guards the two counts
        self._submitted = 0
        self._done = 0
        self._is_closed = False

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """
        Run *call* on a thread of the pool.

        Raises:
            RuntimeError: The pool is closed.
        """
        future = self._pool.submit(call, *args, **kwargs)
        with self._lock:
            self._submitted += 1
        future.add_done_callback(self._count)
        return future

    def close(self, *, cancel: bool = False) -> None:
        """
        Wait until all that was submitted has run, then end the threads; may be called twice.

        Args:
            cancel: Drop what has not begun; its futures are cancelled.
        """
        self._is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=cancel)

    def _name_thread(self) -> None:
        """Give a new thread its name."""
        number = next(self._numbers)
        threading.current_thread().name = (
            self._name if self._size == 1 else f"{self._name}-{number}"
        )

    def _count(self, _future: Future[T]) -> None:
        """Note that a call has ended."""
        with self._lock:
            self._done += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(cancel=error is not None)

    def __repr__(self) -> str:
        with self._lock:
            state = "closed" if self._is_closed else f"{self._submitted - self._done} unfinished"
        return f"<ExecutorPool {self._name}: {self._size} threads, {state}>"
