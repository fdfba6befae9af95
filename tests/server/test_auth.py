"""A server with keys: who gets in, and what each key allows."""

import json

import pytest
from pyarrow import flight

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.errors import UnauthorizedError, UsageError
from mosaico_ingest.protocol.actions import ACTIONS
from mosaico_ingest.protocol.apikeys import ApiKey, KeyCreate, allows
from mosaico_ingest.protocol.faults import read_fault
from mosaico_ingest.server.keyring import Keyring
from mosaico_ingest.server.pairing import catalog_url, open_catalog, open_store
from mosaico_ingest.server.security import Security
from mosaico_ingest.server.service import MosaicoServer

BODIES = {
    "sequence_create": {"locator": "other", "user_metadata": {}},
    "session_finalize": {"session_uuid": "9b2f1f6e-3f0b-4c50-9d57-0f4c3c3d1f11"},
    "topic_create": {
        "session_uuid": "9b2f1f6e-3f0b-4c50-9d57-0f4c3c3d1f11",
        "locator": "s/u",
        "serialization_format": "default",
        "ontology_tag": "imu",
        "user_metadata": {},
    },
    "sequence_notification_create": {"locator": "s", "notification_type": "error", "msg": "m"},
    "topic_notification_create": {"locator": "s/t", "notification_type": "error", "msg": "m"},
    "notifications_create": {"notifications": [{"locator": "s", "msg": "m"}]},
    "topic_notification_list": {"locator": "s/t"},
    "topic_notification_purge": {"locator": "s/t"},
    "topic_delete": {"locator": "s/none"},
    "session_delete": {"locator": "s:01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    "sequence_delete": {"locator": "none"},
    "api_key_create": {"permissions": "read", "description": ""},
    "api_key_status": {"api_key_fingerprint": "00000000"},
    "api_key_revoke": {"api_key_fingerprint": "00000000"},
    "api_key_list": {},
    "version": {},
    "info": {},
    "topic_filter_clusterize": {
        "locator": "s/t",
        "clustering_dt_ns": 0,
        "ontology": {"floating64.data": {"$gt": 0}},
    },
    "topic_filter_intersect": {"topics": [], "intersect_dt_ns": 0},
    "query": {"sequence": {"locator": {"$match": "s"}}},
}
"""A body of each action that is understood; where it is not here, the sequence `s` is named."""


@pytest.fixture
def tokens(place):
    """Give a token of each permission, in the store that `guarded` serves."""
    url = catalog_url(None)
    with open_store(place, url) as store, open_catalog(store, url) as catalog:
        keyring = Keyring(catalog)
        return {
            permission: keyring.create(
                KeyCreate(permissions=permission, description="")
            ).api_key_token
            for permission in Permission
        }


@pytest.fixture
def guarded(place, tokens, connect, rows):
    """Give a server that requires keys, with the topic `s/t`."""
    with MosaicoServer(place, security=Security(require_api_key=True)) as server:
        connect(server.port, tokens[Permission.Manage]).store(rows([1, 2]))
        yield server


def refused(call, *args, **kwargs):
    """Return what the client is told where *call* ends with the class of a refusal, else None."""
    try:
        call(*args, **kwargs)
    except flight.FlightUnauthorizedError as err:
        kind, told = read_fault(str(err), err.extra_info)
        return told if kind is UnauthorizedError and "unauthorized" in str(err) else repr(err)
    except flight.FlightError:
        return None
    return None


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "Missing API key in request header."),
        ("", "Missing API key in request header."),
        ("secret", "Unauthorized: malformed API key, expected msco_PAYLOAD_FINGERPRINT."),
        (ApiKey("a" * 32).token, f"Unauthorized: unknown API key {ApiKey('a' * 32).fingerprint}."),
    ],
    ids=["none", "empty", "malformed", "unknown"],
)
def test_without_a_good_key_every_call_is_refused(token, message, guarded, connect, rows):
    """A call without a good key is refused whatever it is, in the words of the platform."""
    peer = connect(guarded.port, token)
    calls = [
        peer.names,
        lambda: peer.act("version"),
        lambda: peer.act("no_such_action"),
        lambda: peer.info("s"),
        lambda: peer.put("uuid", rows([1])),
        lambda: peer.flight.do_get(flight.Ticket(b"{}")),
    ]

    # For this one call pyarrow's client loses the class.
    with pytest.raises(OSError, match="unauthorized"):
        peer.flight.get_schema(flight.FlightDescriptor.for_command(b"{}"))
    assert [message] * len(calls) == [refused(call) for call in calls]


@pytest.mark.parametrize("held", Permission)
def test_actions_by_permission(held, guarded, tokens, connect):
    """A key may carry out exactly the actions of its permission and of those below."""
    peer = connect(guarded.port, tokens[held])
    told = {
        action.value: refused(peer.act, action.value, **BODIES.get(action, {"locator": "s"}))
        for action in sorted(ACTIONS, key=lambda action: action == "sequence_delete")
    }

    assert {
        action.value: None
        if spec.permission is None or allows(held, spec.permission)
        else "Unauthorized: provided API key has not enough permissions "
        f"to execute {action.name} action."
        for action, spec in ACTIONS.items()
    } == told


@pytest.mark.parametrize("held", Permission)
def test_streams_by_permission(held, guarded, tokens, connect, rows):
    """Every key may list and read; uploads need `write`, and are refused before anything is stored."""
    owner, peer = (
        connect(guarded.port, tokens[Permission.Manage]),
        connect(guarded.port, tokens[held]),
    )
    uuid = owner.topic(owner.session(), "s/u")
    command = flight.FlightDescriptor.for_command(json.dumps({"resource_locator": "s/t"}).encode())
    told = refused(peer.put, uuid, rows([3]), locator="s/u")
    expected = None
    if held is Permission.Read:
        expected = "Unauthorized: provided API key does not have WRITE permissions."

    assert (["s"], [1, 2]) == (peer.names(), peer.read("s/t")["timestamp_ns"].to_pylist())
    assert ["timestamp_ns", "data"] == peer.flight.get_schema(command).schema.names
    assert expected == told
    assert (told is None) == owner.facts("s/u")["locked"]


def test_body_is_looked_at_before_the_permission(guarded, tokens, connect):
    """A request that makes no sense is told so, whoever sends it."""
    peer = connect(guarded.port, tokens[Permission.Read])

    kind, message = peer.refusal(peer.act, "sequence_delete", wrong=1)

    assert ("InvalidRequestError", True) == (kind, "body deserialization" in message)


def test_manager_makes_and_revokes_keys(guarded, tokens, connect):
    """A key that is made over the wire works at once, and no more once it is revoked."""
    manager = connect(guarded.port, tokens[Permission.Manage])
    token = manager.act("api_key_create", permissions="write", description="robot")["api_key_token"]
    mark = ApiKey.parse(token).fingerprint
    status = manager.act("api_key_status", api_key_fingerprint=mark)
    peer = connect(guarded.port, token)
    version = peer.act("version")["version"]
    manager.act("api_key_revoke", api_key_fingerprint=mark)

    assert "0.5.0" == version
    assert f"Unauthorized: unknown API key {mark}." == refused(peer.act, "version")
    assert {"api_key_fingerprint": mark, "description": "robot", "expires_at_ns": None} == {
        key: value for key, value in status.items() if key != "created_at_ns"
    }


def test_two_keys_in_one_call(guarded, tokens):
    """A call with two keys is refused, whichever is good."""
    header = b"mosaico-api-key-token", tokens[Permission.Manage].encode()
    options = flight.FlightCallOptions(headers=[header, header])
    with flight.connect(f"grpc://127.0.0.1:{guarded.port}") as client:
        told = refused(lambda: list(client.do_action(flight.Action("version", b"{}"), options)))

    assert "Unauthorized: more than one API key in request header." == told


def test_keys_are_off_unless_required(place, tokens, connect):
    """A server that requires none takes calls without a key, and ignores one."""
    with MosaicoServer(place) as server:
        peers = connect(server.port), connect(server.port, "anything")

        assert [4, 4] == [len(peer.act("api_key_list")["api_keys"]) for peer in peers]


def test_keys_are_required_and_there_are_none(place):
    """A server that nobody could talk to does not start, and says how to make the first key."""
    with pytest.raises(
        UsageError, match=r"has none that is good\. Make one: .* keys create manage"
    ):
        MosaicoServer(place, security=Security(require_api_key=True))

    MosaicoServer(place).close()


@pytest.mark.parametrize("requires", [True, False])
def test_a_key_says_the_generation(requires, place, tokens, connect):
    """Bearers of keys are answered in the generations that these name, side by side on one server."""
    security = Security(require_api_key=requires)
    with MosaicoServer(place, generation="0.5", security=security) as server:
        manager = connect(server.port, tokens[Permission.Manage])
        manager.act("sequence_create", locator="s", user_metadata={})
        told = {}
        for generation in (None, "0.3", "0.4", "0.6", "0.7"):
            more = {} if generation is None else {"generation": generation}
            token = manager.act("api_key_create", permissions="delete", description="", **more)[
                "api_key_token"
            ]
            peer = connect(server.port, token)
            delete = peer.refusal if generation != "0.3" else lambda call, *a, **k: call(*a, **k)
            told[generation] = (
                peer.act("version")["version"],
                sorted(peer.act("session_create", locator="s")),
                delete(peer.act, "sequence_delete", locator="gone"),
            )
        listed = manager.act("api_key_list")["api_keys"]

    missing = ("NotFoundError", "gone not found.")
    assert {
        None: ("0.5.0", ["locator", "uuid"], missing),
        "0.3": ("0.3.0", ["uuid"], None),
        "0.4": ("0.4.0", ["uuid"], missing),
        "0.6": ("0.6.0", ["locator", "uuid"], missing),
        "0.7": ("0.7.0", ["locator", "uuid"], missing),
    } == told
    assert [None, "0.3", "0.4", "0.6", "0.7"] == [key["generation"] for key in listed[-5:]]


def test_key_of_an_unknown_generation(server, peer):
    """A key for clients that nobody knows is refused with the generations that there are."""
    kind, message = peer.refusal(
        peer.act, "api_key_create", permissions="read", description="", generation="0.8"
    )

    assert "InvalidRequestError" == kind
    assert "unknown protocol generation '0.8', expected one of 0.3, 0.4" in message
