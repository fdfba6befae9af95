"""Tests of mosaico_ingest.workers.budget."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaico_ingest.workers.budget import BudgetClosedError, ByteBudget


def test_take_waits_until_enough_was_given_back():
    """Whoever does not fit waits for credits, and gets them when they come back."""
    budget = ByteBudget(100)
    budget.take(80)
    passed = threading.Event()
    thread = threading.Thread(target=lambda: (budget.take(30), passed.set()))
    thread.start()
    waited = not passed.is_set()
    budget.give(80)
    thread.join(10)

    assert waited
    assert passed.is_set()
    assert 30 == budget.taken


def test_a_piece_beyond_the_limit_passes_alone():
    """One oversized batch is let through when nothing else is in flight."""
    budget = ByteBudget(10)
    budget.take(1000)

    assert 1000 == budget.peak


def test_close_frees_those_who_wait():
    """A closed budget raises in everybody who waits or comes later."""
    budget = ByteBudget(10)
    budget.take(10)
    raised = threading.Event()

    def wait() -> None:
        try:
            budget.take(1)
        except BudgetClosedError:
            raised.set()

    thread = threading.Thread(target=wait)
    thread.start()
    budget.close()
    thread.join(10)

    assert raised.is_set()
    with pytest.raises(BudgetClosedError):
        budget.take(1)


def test_giving_more_than_was_taken_is_refused():
    """Credits cannot be made out of nothing."""
    budget = ByteBudget(10)

    with pytest.raises(ValueError, match="more were given back"):
        budget.give(1)


@given(st.lists(st.integers(1, 50), max_size=40))
def test_the_peak_never_exceeds_the_limit_for_pieces_that_fit(pieces):
    """Taken one at a time with what is in flight given back when full, the peak stays below the limit."""
    budget = ByteBudget(50)
    flying = []
    for piece in pieces:
        while sum(flying) + piece > 50:
            budget.give(flying.pop(0))
        budget.take(piece)
        flying.append(piece)

    assert budget.peak <= 50
