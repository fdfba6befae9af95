"""Fake distributions for the tests of discovery."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mosaico_ingest.testing.dist import write_dist


@pytest.fixture
def install(tmp_path: Path, monkeypatch) -> Callable[..., None]:
    """Announce plugins of a made-up distribution for the time of a test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def make(distribution: str, **plugins: str) -> None:
        write_dist(tmp_path, distribution, plugins)

    yield make
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]
