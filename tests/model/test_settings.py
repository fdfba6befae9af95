"""Tests of mosaico_ingest.model.settings."""

import json
from pathlib import Path

import attrs

from mosaico_ingest.enum import TimePolicy
from mosaico_ingest.model.settings import Settings, chosen


@attrs.frozen
class Options:
    """Options of a plugin."""

    folder: Path = Path("x")
    rows: tuple[int, ...] = (1, 2)


def test_what_was_chosen_is_told_as_json():
    """Defaults are left out; enums, paths and plugins' options become JSON values."""
    settings = Settings(time=TimePolicy.Log, options={"a": Options(), "b": {"depth": 3}})

    expected = {
        "time": "log",
        "options": {"a": {"folder": "x", "rows": [1, 2]}, "b": {"depth": 3}},
    }
    assert expected == json.loads(json.dumps(chosen(settings)))
    assert {} == chosen(Settings(metadata={"driver": "a"}))
