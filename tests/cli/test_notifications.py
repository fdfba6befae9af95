import json
import re

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.server.runner import serve


@pytest.fixture
def told_store(demo_store):
    """The store with an error on the sequence and one on a topic, beside what the run left."""
    with (
        serve(demo_store) as server,
        MosaicoClient.connect(server.host, server.port) as client,
        client.sequence_update("demo") as session,
    ):
        session.notify("demo is odd")
        session.notify("imu is odd", topic="/imu/data")
        session.fail("no topic")
    return demo_store


def test_notifications_of_a_sequence_and_its_topics(told_store, cli):
    """A line per notification with its level: on the sequence, then what each topic went through."""
    code, out, err = cli("notifications", "demo", "--store", told_store)
    told = json.loads(cli("notifications", "demo", "--store", told_store, "--json")[1])
    lines = [line.split(" ", 2)[2] for line in out.splitlines()]

    assert (0, "") == (code, err)
    assert ["demo error: demo is odd", "demo error: no topic"] == lines[:2]
    assert "demo/imu/data error: imu is odd" in lines
    assert "demo/imu/data info: Started: /imu/data, sensor_msgs/msg/Imu." in lines
    assert any(
        re.fullmatch(
            r"demo/imu/data info: Complete: stored (\d+) of \1 messages in \1 rows, .*B\.", line
        )
        for line in lines
    )
    assert len(lines) == len(told["notifications"])
    assert {"error", "info"} <= {notice["kind"] for notice in told["notifications"]}


def test_clear_deletes_what_is_shown(told_store, cli):
    """Those of a topic are cleared alone, those of a sequence with those of its topics."""
    topic = cli("notifications", "demo/imu/data", "--clear", "--store", told_store)[1]
    rest = cli("notifications", "demo", "--clear", "--store", told_store)[1]

    assert 3 == len(topic.splitlines())
    assert "demo/imu/data" not in rest
    assert "demo/gps/fix info: Complete" in rest
    assert (0, "No notification.\n", "") == cli("notifications", "demo", "--store", told_store)


def test_missing_sequence_is_one_line(demo_store, cli):
    """What is not there is said."""
    code, _, err = cli("notifications", "walk", "--store", demo_store)

    assert (1, True) == (code, "walk not found." in err)
