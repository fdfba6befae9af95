import json
import os
import signal
import tempfile

import pytest

from mosaico_ingest.cli.signals import ended_by_sigterm, stopped_by_signals
from mosaico_ingest.pipeline.stopping import StopSignal


def send(number):
    """Send this process a signal; its handler has run when this returns."""
    os.kill(os.getpid(), number)


def test_first_interrupt_is_soft_second_is_hard(capfd):
    """Ctrl-C asks for a soft stop, then for a hard one, and says so each time."""
    stop = StopSignal()
    with stopped_by_signals(stop, "plain"):
        send(signal.SIGINT)
        first = repr(stop)
        send(signal.SIGINT)

    assert ("<StopSignal soft>", "<StopSignal hard>") == (first, repr(stop))
    assert "press Ctrl-C again to abort" in capfd.readouterr().err


def test_third_interrupt_ends_at_once():
    """A user who presses a third time is not kept waiting."""
    stop = StopSignal()
    with stopped_by_signals(stop, "plain"):
        send(signal.SIGINT)
        send(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_terminate_is_soft_however_often():
    """SIGTERM asks for a soft stop, and for no more when it is repeated."""
    stop = StopSignal()
    with stopped_by_signals(stop, "plain"):
        send(signal.SIGTERM)
        send(signal.SIGTERM)

    assert "<StopSignal soft>" == repr(stop)


def test_handlers_come_back():
    """After the block the handlers of before are in force again."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stopped_by_signals(StopSignal(), "plain"):
        pass

    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


@pytest.mark.parametrize(("log", "lines"), [("json", 1), ("none", 0)])
def test_signal_is_told_like_progress(log, lines, capfd):
    """Where progress is told as JSON the signal is too, and where nothing is told it is not."""
    with stopped_by_signals(StopSignal(), log):
        send(signal.SIGTERM)
    told = capfd.readouterr().err.splitlines()

    assert ["stop_requested"] * lines == [json.loads(line)["event"] for line in told]


def test_a_command_that_only_looks_ends_orderly():
    """SIGTERM unwinds what is under way, so that nothing temporary is left; then it means what it meant."""
    before = signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(SystemExit) as ended,
        ended_by_sigterm(),
        tempfile.TemporaryDirectory() as folder,
    ):
        send(signal.SIGTERM)

    assert (143, False) == (ended.value.code, os.path.exists(folder))  # noqa: PTH110 - a name
    assert before == signal.getsignal(signal.SIGTERM)
