"""Tests of mosaico_ingest.pipeline.flow and scheduler: real threads, real files, a sink in memory."""

import pytest

from mosaico_ingest.enum import TimePolicy, TopicLevelErrorPolicy
from mosaico_ingest.model.events import BatchStored, DamageFound, RecordingFinished
from mosaico_ingest.model.report import RecordingStatus
from mosaico_ingest.model.settings import Settings
from mosaico_ingest.testing.lines import write_lines
from mosaico_ingest.testing.sink import MemorySink


def topics_of(report):
    """Return the topic reports by channel."""
    return {topic.channel: topic for topic in report.topics}


def test_every_message_arrives_once_and_in_order(tmp_path, bench):
    """With several encoders and lanes, each topic holds its messages in stored order, on one lane."""
    lines = [f"/{'abc'[n % 3]} {n} text-{n}" for n in range(300)]
    path = write_lines(tmp_path / "run.lines", *lines)
    sink = MemorySink(lanes=2)
    (report,) = bench.run(path, sink=sink, encoders=3)
    stored = sink.recordings["run"].topics

    assert RecordingStatus.Stored == report.status
    assert {"/a", "/b", "/c"} == set(stored)
    for number, name in enumerate(["/a", "/b", "/c"]):
        expected = [f"text-{n}" for n in range(number, 300, 3)]
        assert expected == stored[name].table()["text"].to_pylist()
        assert 1 == len(stored[name].threads)
        assert stored[name].is_closed


def test_the_credits_come_back(tmp_path, bench):
    """After a run nothing of the budget is taken, and the peak stayed below the limit."""
    path = write_lines(tmp_path / "run.lines", *[f"/a {n} {'x' * 1000}" for n in range(500)])
    bench.run(path, sink=MemorySink())

    assert 0 == bench.budget.taken
    assert 0 < bench.budget.peak <= 1_000_000


def test_damage_is_told_and_the_rest_is_stored(tmp_path, bench):
    """A part that cannot be read is named in report and events; the other messages are stored."""
    path = write_lines(tmp_path / "run.lines", "/a 1 x", "garbage", "/a 2 y")
    (report,) = bench.run(path, sink=MemorySink())

    assert RecordingStatus.StoredWithLosses == report.status
    assert ["not TOPIC TIME_NS TEXT"] == [damage.reason for damage in report.damage]
    assert 2 == topics_of(report)["/a"].stored
    assert 1 == sum(isinstance(event, DamageFound) for event in bench.events)


def test_rejected_payloads_are_kept_beside_their_topic(tmp_path, bench):
    """What cannot be decoded is counted with its reason and kept as bytes in a neighbour topic."""
    path = write_lines(tmp_path / "run.lines", "/numbers 1 1.5", "/numbers 2 oops", "/numbers 3 2")
    sink = MemorySink()
    (report,) = bench.run(path, sink=sink)
    topic = topics_of(report)["/numbers"]
    kept = sink.recordings["run"].topics["/numbers/_rejected"].table()

    assert (3, 2, 1, 0) == (topic.declared, topic.stored, topic.rejected, topic.lost)
    assert {"not a number": 1} == topic.reasons
    assert [(2, b"oops", "not a number")] == list(
        zip(*(kept[c].to_pylist() for c in ("timestamp_ns", "payload", "reason")), strict=True)
    )
    assert [1.5, 2.0] == sink.recordings["run"].topics["/numbers"].table()["value"].to_pylist()


def test_a_failing_topic_is_taken_back_while_its_siblings_go_on(tmp_path, bench, fail_on):
    """If the destination refuses a topic, its messages are lost with the reason; siblings are stored."""
    path = write_lines(tmp_path / "run.lines", *[f"/{t} {n} {n}" for n in range(20) for t in "ab"])
    sink = MemorySink(fault=fail_on("/a"))
    (report,) = bench.run(path, sink=sink)
    topics = topics_of(report)

    assert RecordingStatus.StoredWithLosses == report.status
    assert (20, 0, 20) == (topics["/a"].declared, topics["/a"].stored, topics["/a"].lost)
    assert 20 == topics["/b"].stored
    assert "The destination burst." in topics["/a"].reasons
    assert sink.recordings["run"].topics["/a"].aborted
    assert "finished" == sink.recordings["run"].ended


@pytest.mark.parametrize("refused", ["/numbers", "/numbers/_rejected"])
def test_counts_add_up_if_rows_or_rejects_alone_are_refused(tmp_path, bench, fail_on, refused):
    """Of a batch with rejects, no message is counted twice, whichever half the destination refuses."""
    path = write_lines(tmp_path / "run.lines", "/numbers 1 1", "/numbers 2 oops", "/a 3 x")
    settings = Settings(batch_bytes=1000)
    (report,) = bench.run(path, sink=MemorySink(fault=fail_on(refused)), settings=settings)
    topic = topics_of(report)["/numbers"]

    assert (2, 0) == (topic.declared, topic.stored)
    assert 2 == topic.rejected + topic.lost
    assert 1 == topics_of(report)["/a"].stored


def test_with_the_policy_raise_a_failing_topic_ends_its_recording(tmp_path, bench, fail_on):
    """Under `raise` one failed topic fails the recording: nothing counts as stored."""
    path = write_lines(tmp_path / "run.lines", *[f"/{t} {n} {n}" for n in range(20) for t in "ab"])
    sink = MemorySink(fault=fail_on("/a"))
    settings = Settings(batch_bytes=8, topic_on_error=TopicLevelErrorPolicy.Raise)
    (report,) = bench.run(path, sink=sink, settings=settings)

    assert RecordingStatus.Failed == report.status
    assert "The destination burst." in report.error
    assert 0 == sum(topic.stored for topic in report.topics)
    assert "failed" == sink.recordings["run"].ended


@pytest.mark.parametrize("line", ["garbage", "/numbers 9 oops"])
def test_strict_turns_damage_and_rejects_into_failure(tmp_path, bench, line):
    """With strict, a recording that is not whole fails."""
    path = write_lines(tmp_path / "run.lines", "/numbers 1 1", line)
    sink = MemorySink()
    (report,) = bench.run(path, sink=sink, settings=Settings(batch_bytes=8, strict=True))

    assert RecordingStatus.Failed == report.status
    assert "--strict" in report.error
    assert "failed" == sink.recordings["run"].ended


def test_the_same_bytes_are_stored_once(tmp_path, bench):
    """A copy under another name is `already stored`, and says as what."""
    first = write_lines(tmp_path / "one.lines", "/a 1 x")
    second = write_lines(tmp_path / "two.lines", "/a 1 x")
    sink = MemorySink()
    reports = bench.run(first, second, sink=sink)

    assert [RecordingStatus.Stored, RecordingStatus.AlreadyStored] == [r.status for r in reports]
    assert ["one", "one"] == [r.sequence for r in reports]
    assert {"already stored as 'one'": 1} == reports[1].topics[0].reasons
    assert {"one"} == set(sink.recordings)


def test_other_bytes_under_a_taken_name_are_refused(tmp_path, bench):
    """A name that holds another recording is refused with the flag to use, unless `again` is set."""
    path = write_lines(tmp_path / "run.lines", "/a 1 x")
    sink = MemorySink()
    bench.run(path, sink=sink)
    write_lines(path, "/a 1 y")
    (refused,) = bench.run(path, sink=sink)
    (again,) = bench.run(path, sink=sink, settings=Settings(again=True))

    assert RecordingStatus.Failed == refused.status
    assert "--name" in refused.error
    assert "run_2" == again.sequence


def test_a_soft_stop_leaves_no_complete_recording(tmp_path, bench):
    """A run that is stopped gives the recording up, and accounts for every message."""
    path = write_lines(tmp_path / "run.lines", *[f"/a {n} {n}" for n in range(100)])

    class Stopper(MemorySink):
        """Asks for a stop as soon as something was written."""

    sink = Stopper(fault=lambda batch: bench.stop.soft())
    (report,) = bench.run(path, sink=sink)
    (topic,) = report.topics

    assert RecordingStatus.Interrupted == report.status
    assert "failed" == sink.recordings["run"].ended
    assert (100, 0, 100) == (topic.declared, topic.stored, topic.lost)


def test_a_channel_that_is_not_wanted_is_skipped_with_the_reason(tmp_path, bench):
    """Channels that `topics` excludes are not read; their messages count as skipped."""
    path = write_lines(tmp_path / "run.lines", "/a 1 x", "/b 1 x", "/b 2 y")
    (report,) = bench.run(path, sink=MemorySink(), settings=Settings(topics=("!/b",)))
    topics = topics_of(report)

    assert RecordingStatus.Stored == report.status
    assert (2, 2) == (topics["/b"].declared, topics["/b"].skipped)
    assert {"not selected by --topics": 2} == topics["/b"].reasons


def test_a_file_that_vanishes_costs_its_recording_alone(tmp_path, bench):
    """A recording that is gone when its turn has begun fails in the report; the next one is stored."""
    first = write_lines(tmp_path / "first.lines", "/a 1 x")
    second = write_lines(tmp_path / "second.lines", "/a 1 y")

    class Remover(MemorySink):
        """Takes the first file away once it is known what it holds."""

        def find(self, fingerprint):
            first.unlink(missing_ok=True)
            return super().find(fingerprint)

    reports = bench.run(first, second, sink=Remover())

    assert [RecordingStatus.Failed, RecordingStatus.Stored] == [r.status for r in reports]
    assert "first.lines" in reports[0].error


def test_events_carry_rows_and_bytes_per_batch(tmp_path, bench):
    """The receipts of all batches add up to the report."""
    path = write_lines(tmp_path / "run.lines", *[f"/a {n} {n}" for n in range(50)])
    (report,) = bench.run(path, sink=MemorySink())
    receipts = [event.receipt for event in bench.events if isinstance(event, BatchStored)]

    assert report.topics[0].stored == sum(receipt.messages for receipt in receipts)
    assert report.topics[0].nbytes == sum(receipt.nbytes for receipt in receipts)
    assert report.topics[0].seconds > sum(receipt.seconds for receipt in receipts)
    assert isinstance(bench.events[-1], RecordingFinished)


def test_a_plugin_that_breaks_its_contract_costs_its_topic(tmp_path, bench):
    """A mapper that gives other columns than planned is named; nothing of its topic is stored."""
    path = write_lines(tmp_path / "run.lines", "/a 1 x")
    mapper = bench.host.registry.mappers["lines"].value
    original = type(mapper).compile

    def compile_wrongly(self, request):
        return lambda data, times: data

    type(mapper).compile = compile_wrongly
    try:
        (report,) = bench.run(path, sink=MemorySink())
    finally:
        type(mapper).compile = original
    (topic,) = report.topics

    assert 1 == topic.lost
    assert "'lines' failed to map '/a'" in next(iter(topic.reasons))


def test_metadata_tells_who_made_the_rows(tmp_path, bench):
    """A sequence names plugins and settings, a topic its decoder, mapper and clock."""
    path = write_lines(tmp_path / "run.lines", "/a 1 x")
    sink = MemorySink()
    bench.run(path, sink=sink, settings=Settings(time=TimePolicy.Log))
    plan = sink.recordings["run"].plan
    origin = plan.metadata["mosaico_ingest"]
    source = plan.topics[0].metadata["source"]

    assert {"time": "log"} == origin["settings"]
    assert ["LinesPlugin"] == list(origin["plugins"])
    assert ("line", "lines", "log") == (source["decoder"], source["mapper"], source["time"])
