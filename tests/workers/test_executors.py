"""Tests of mosaico_ingest.workers.executors."""

import threading

import pytest

from mosaico_ingest.workers.executors import ExecutorPool


def test_one_thread_keeps_the_order_of_submission():
    """A pool of one thread runs calls one after the other, in order."""
    seen = []
    with ExecutorPool(1, "lane") as pool:
        for number in range(100):
            pool.submit(seen.append, number)

    assert list(range(100)) == seen


def test_threads_are_named_and_started_on_demand():
    """No thread exists before there is work, and never more than asked for."""
    gate = threading.Event()
    pool = ExecutorPool(2, "enc")
    before = repr(pool)
    futures = [
        pool.submit(lambda: (gate.wait(10), threading.current_thread().name)[1]) for _ in range(4)
    ]
    gate.set()
    names = {future.result() for future in futures}
    pool.close()

    assert "<ExecutorPool enc: 2 threads, 0 unfinished>" == before
    assert names <= {"enc-0", "enc-1"}


def test_an_error_belongs_to_its_future_and_the_pool_goes_on():
    """An exception of a call is raised by its future; the next call runs."""
    with ExecutorPool(1) as pool:
        failing = pool.submit(lambda: 1 // 0)
        following = pool.submit(lambda: 7)

        with pytest.raises(ZeroDivisionError):
            failing.result()
        assert 7 == following.result()


def test_close_waits_for_all_and_may_be_called_twice():
    """After close everything submitted has run and no thread is left."""
    pool = ExecutorPool(2, "closing")
    futures = [pool.submit(sum, [n]) for n in range(20)]
    pool.close()
    pool.close()

    assert all(future.done() for future in futures)
    assert not [t for t in threading.enumerate() if t.name.startswith("closing")]
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(sum, [1])


def test_close_with_cancel_drops_what_has_not_begun():
    """Calls that wait are cancelled, the one that runs is finished."""
    started, gate = threading.Event(), threading.Event()
    pool = ExecutorPool(1)
    running = pool.submit(lambda: (started.set(), gate.wait(10))[1])
    waiting = pool.submit(lambda: "never")
    started.wait(10)
    closer = threading.Thread(target=lambda: pool.close(cancel=True))
    closer.start()
    waiting.add_done_callback(lambda _: gate.set())  # the running call ends after the drop
    closer.join()

    assert running.result() is True
    assert waiting.cancelled()
