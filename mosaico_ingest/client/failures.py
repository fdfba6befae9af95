"""
Taking every step of a clean-up, whatever becomes of the ones before, and keeping what went wrong.

Must not know: what is cleaned up. Next: `rows`.
"""

from collections.abc import Callable, Iterable

__all__ = ["add_notes", "attempt", "error_text", "raise_first"]


def attempt(*steps: Callable[[], object]) -> list[Exception]:
    """Take all *steps* in order; return what they raised."""
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as err:  # noqa: BLE001 - nothing is lost: the caller raises or notes it
            failures.append(err)
    return failures


def raise_first(failures: list[Exception]) -> None:
    """Raise the first of *failures*, if any, with the others as notes."""
    if failures:
        add_notes(failures[0], failures[1:])
        raise failures[0]


def add_notes(error: BaseException, failures: Iterable[Exception]) -> None:
    """Note on *error* what else went wrong after it."""
    for failure in failures:
        if failure is not error:
            error.add_note(f"After that: {error_text(failure)}")


def error_text(error: BaseException) -> str:
    """Return what *error* says; its name, if it says nothing."""
    return str(error) or type(error).__name__
