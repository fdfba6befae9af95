import io

import attrs
import pytest
from mosaico_ingest_console.plain import Plain


@pytest.fixture
def stream():
    """Where the lines go."""
    return io.StringIO()


def tell(events, stream):
    """Tell an observer all events and return what it wrote."""
    plain = Plain(stream)
    for event in events:
        plain.on_event(event)
    plain.close()
    return stream.getvalue()


def test_start_end_and_trouble_are_told(events, stream):
    """A line is written where the run and its recordings start, end or break, and none per batch."""
    assert (
        "1 recording -> ./store\n"
        "drive.mcap -> drive: 1 topic, 10 messages\n"
        "drive.mcap: damage: bytes 1,000 to 2,000: The CRC is wrong.\n"
        "plugin 'video' failed (observe): boom\n"
        "drive.mcap: stored with losses, 8 messages, 5.00 kB in 500.0 ms\n"
    ) == tell(events, stream)


def test_damage_everywhere_is_bounded(events, stream):
    """A file that is damaged in a thousand places gives a handful of lines."""
    lines = tell([events[1], *[events[4]] * 1000], stream).splitlines()

    assert (6, "drive.mcap: more damage; the report at the end names it") == (len(lines), lines[-1])


def test_error_is_told(events, stream):
    """A failed recording says why at once."""
    report = attrs.evolve(events[-2].report, error="The disk is full.", topics=())
    written = tell([events[1], attrs.evolve(events[-2], report=report)], stream)

    assert (
        "drive.mcap: stored with losses: The disk is full.\n"
        == written.splitlines(keepends=True)[-1]
    )


def test_recording_that_never_began_is_left_to_the_report(events, stream):
    """A recording that could not be planned is told by the report, and not twice."""
    assert "" == tell([events[-2]], stream)
