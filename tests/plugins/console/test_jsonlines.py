import io
import json
import re

import pytest
from mosaico_ingest_console import jsonlines


@pytest.fixture
def told(events):
    """The objects that a run gives."""
    stream = io.StringIO()
    observer = jsonlines.JsonLines(stream)
    for event in events:
        observer.on_event(event)
    observer.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_line_per_event(told, events):
    """Every event is a line of its own, named after what happened."""
    assert [
        "run_started",
        "recording_started",
        "topic_started",
        "batch_stored",
        "damage_found",
        "plugin_failed",
        "topic_finished",
        "recording_finished",
        "run_finished",
    ] == [event["event"] for event in told]


def test_every_field_is_documented(told):
    """The module's table names each event with exactly its fields."""
    rows = re.findall(r"^(\w+_\w+) +(.*\n(?:  .*\n)*)", jsonlines.__doc__, re.MULTILINE)

    assert {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows} == {
        event["event"]: event.keys() - {"event"} for event in told
    }


def test_batches_carry_rows_bytes_and_time(told):
    """A batch tells what was read for it, what was sent and how long that took."""
    assert {
        "event": "batch_stored",
        "index": 0,
        "topic": "/imu",
        "messages": 8,
        "rows": 8,
        "bytes": 5000,
        "source_bytes": 4000,
        "seconds": 0.25,
    } == told[3]


def test_exit_code_ends_the_log(told):
    """The last event says with which code the run will exit."""
    assert 3 == told[-1]["exit_code"]
