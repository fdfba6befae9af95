import mosaico_ingest_console
import pytest

from mosaico_ingest.errors import UsageError
from mosaico_ingest.plugin import RunContext, Settings


def kinds(log, *, is_terminal=False):
    """Name the observers of a run, and end them."""
    run = RunContext(settings=Settings(), log=log, is_terminal=is_terminal)
    observers = mosaico_ingest_console.mosaico_observers(run)
    for observer in observers:
        observer.close()
    return [type(observer).__name__ for observer in observers]


@pytest.mark.parametrize(
    ("log", "is_terminal", "expected"),
    [
        ("auto", True, ["Live"]),
        ("auto", False, ["Plain"]),
        ("plain", True, ["Plain"]),
        ("json", True, ["JsonLines"]),
        ("none", True, []),
    ],
)
def test_view_suits_the_stream(log, is_terminal, expected):
    """The view is live on a terminal, plain elsewhere, and what the user asked for otherwise."""
    assert expected == kinds(log, is_terminal=is_terminal)


def test_unknown_way_is_refused():
    """A way of logging that does not exist is an error, not silence."""
    with pytest.raises(UsageError, match="Expected auto, plain, json or none"):
        kinds("verbose")
