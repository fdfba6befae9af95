"""A moment of what `tox -e fuzz` does for minutes."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest


@pytest.fixture
def fuzz(monkeypatch):
    """Give this folder as a package, by a name of its own: what lies above is not on the path."""
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        "mosaico_fuzz", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mosaico_fuzz", package)
    spec.loader.exec_module(package)
    return lambda name: importlib.import_module(f"mosaico_fuzz.{name}")


@pytest.mark.slow
def test_server_for_a_moment(fuzz, tmp_path):
    """Nonsense of every kind is answered in time, with data or a refusal that tells nothing it should not."""
    outcome = fuzz("server").run(random.Random(5), 1.5, tmp_path)

    assert [] == outcome.findings
    assert 20 < outcome.cases


@pytest.mark.slow
def test_recordings_for_a_moment(fuzz, tmp_path):
    """Every kind of recording is read as it was written, and damaged ones as far as their formats allow."""
    outcome = fuzz("recordings").run(random.Random(5), 2, tmp_path)

    assert [] == outcome.findings
    assert 20 < outcome.cases


def test_findings_are_found(fuzz, tmp_path):
    """What leaks, hangs or is nobody's words is a finding; a plain refusal is none."""
    from pyarrow import flight

    server = fuzz("server")
    round_ = server._Round(random.Random(1), None, tmp_path, fuzz("outcome").Outcome())
    wrong = [
        round_._wrong(err)
        for err in (
            flight.FlightServerError(f"Flight returned internal error, with message: {tmp_path}"),
            flight.FlightServerError("ValueError: x"),
            flight.FlightTimedOutError("Flight returned timeout error, with message: late"),
            flight.FlightInternalError(
                "Flight returned internal error, with message: Internal error: x"
            ),
            flight.FlightServerError("Flight returned not found error, with message: s not found"),
        )
    ]

    assert ["leaked", "nobody", "no answer", "failed", None] == [
        told and next(word for word in ("leaked", "nobody", "no answer", "failed") if word in told)
        for told in wrong
    ]
