import json

import pytest

from mosaico_ingest.client import MosaicoClient
from mosaico_ingest.enum import FlightAction
from mosaico_ingest.protocol.messages import NotificationCreate
from mosaico_ingest.server.runner import serve


@pytest.fixture
def told_store(demo_store):
    """The store with a notification on the sequence and one on a topic."""
    with serve(demo_store) as server, MosaicoClient.connect(server.host, server.port) as client:
        for action, locator in (
            (FlightAction.SequenceNotificationCreate, "demo"),
            (FlightAction.TopicNotificationCreate, "demo/imu/data"),
        ):
            request = NotificationCreate(
                locator=locator, notification_type="error", msg=f"{locator} is odd"
            )
            client._layers.control.ask(action, request)
    return demo_store


def test_notifications_of_a_sequence_and_its_topics(told_store, cli):
    """A line per notification, those of the topics too."""
    code, out, err = cli("notifications", "demo", "--store", told_store)
    told = json.loads(cli("notifications", "demo", "--store", told_store, "--json")[1])

    assert (0, "") == (code, err)
    assert ["demo error: demo is odd", "demo/imu/data error: demo/imu/data is odd"] == [
        line.split(" ", 2)[2] for line in out.splitlines()
    ]
    assert ["", "/imu/data"] == [notice["topic"] for notice in told["notifications"]]


def test_clear_deletes_what_is_shown(told_store, cli):
    """Those of a topic are cleared alone, those of a sequence with those of its topics."""
    topic = cli("notifications", "demo/imu/data", "--clear", "--store", told_store)[1]
    rest = cli("notifications", "demo", "--clear", "--store", told_store)[1]

    assert (1, 1) == (len(topic.splitlines()), len(rest.splitlines()))
    assert (0, "No notification.\n", "") == cli("notifications", "demo", "--store", told_store)


def test_missing_sequence_is_one_line(demo_store, cli):
    """What is not there is said."""
    code, _, err = cli("notifications", "walk", "--store", demo_store)

    assert (1, True) == (code, "walk not found." in err)
