from mosaico_ingest.client.query import QueryResult
from mosaico_ingest.protocol.messages import QueriedSequence, QueriedTopic, QueryAnswer
from mosaico_ingest.reports.found import found_blocks, found_to_json

TOPICS = [
    QueriedTopic(locator="drive/imu", ontology_tag="imu", timestamp_range=(0, 10**9)),
    QueriedTopic(locator="drive/gps", ontology_tag="gps"),
]


def result(*topics):
    items = [QueriedSequence(sequence="drive", topics=list(topics))] if topics else []
    return QueryResult.read_answer(QueryAnswer(items), lambda _sequence, _topic: None)


def test_each_topic_is_a_row():
    """A table names each topic, and when its rows match where that is known."""
    (table,) = found_blocks(result(*TOPICS))

    assert (
        ("drive", "/gps", "gps", "", ""),
        (
            "drive",
            "/imu",
            "imu",
            "1970-01-01 00:00:00.000000 UTC",
            "1970-01-01 00:00:01.000000 UTC",
        ),
    ) == table.rows


def test_nothing_is_said():
    """Without a match there is a sentence."""
    assert ["Nothing matches."] == list(found_blocks(result()))


def test_json_has_both_times():
    """For machines, times are nanoseconds, both inside."""
    (sequence,) = found_to_json(result(*TOPICS))["sequences"]

    assert "drive" == sequence["name"]
    assert [("/gps", None, None), ("/imu", 0, 10**9)] == [
        (topic["name"], topic["start_ns"], topic["end_ns"]) for topic in sequence["topics"]
    ]
