"""
The actions: what each needs, takes and gives, and the envelope around every answer.

Must not know: how an action is carried out. Next: `manifests`.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from mosaico_ingest.enum import APIKeyPermissionEnum as Permission
from mosaico_ingest.enum import FlightAction
from mosaico_ingest.errors import ServerFaultError
from mosaico_ingest.protocol import apikeys, messages
from mosaico_ingest.protocol.wire import dump, load_response

__all__ = ["ACTIONS", "ActionSpec", "envelope", "read_envelope"]


@attrs.frozen(kw_only=True)
class ActionSpec:
    """
    One action of the protocol.

    Args:
        permission: What a key must allow; `version` and `info` are content with any valid key.
        request: Class of its body.
        response: Class of its answer, None where there is none to give.
        is_paged: Whether it is answered by any number of Results, an answer each, instead of one.
    """

    permission: Permission | None
    request: type
    response: type | None = None
    is_paged: bool = False


def _spec(permission: Permission | None, request: type, response: type | None = None) -> ActionSpec:
    return ActionSpec(permission=permission, request=request, response=response)


ACTIONS: Mapping[FlightAction, ActionSpec] = MappingProxyType(
    {
        FlightAction.Version: _spec(None, messages.Empty, messages.ServerVersion),
        FlightAction.Info: _spec(None, messages.Empty, messages.ServerInfo),
        FlightAction.SequenceCreate: _spec(Permission.Write, messages.SequenceCreate),
        FlightAction.SequenceDelete: _spec(Permission.Delete, messages.ResourceRequest),
        FlightAction.SessionCreate: _spec(
            Permission.Write, messages.ResourceRequest, messages.SessionCreated
        ),
        FlightAction.SessionFinalize: _spec(Permission.Write, messages.SessionFinalize),
        FlightAction.SessionDelete: _spec(Permission.Delete, messages.SessionDelete),
        FlightAction.TopicCreate: _spec(
            Permission.Write, messages.TopicCreate, messages.TopicCreated
        ),
        FlightAction.TopicDelete: _spec(Permission.Delete, messages.ResourceRequest),
        FlightAction.SequenceNotificationCreate: _spec(
            Permission.Write, messages.NotificationCreate
        ),
        FlightAction.SequenceNotificationList: _spec(
            Permission.Read, messages.NotificationListRequest, messages.NotificationList
        ),
        FlightAction.SequenceNotificationPurge: _spec(Permission.Delete, messages.ResourceRequest),
        FlightAction.TopicNotificationCreate: _spec(Permission.Write, messages.NotificationCreate),
        FlightAction.TopicNotificationList: _spec(
            Permission.Read, messages.NotificationListRequest, messages.NotificationList
        ),
        FlightAction.TopicNotificationPurge: _spec(Permission.Delete, messages.ResourceRequest),
        FlightAction.NotificationsCreate: _spec(Permission.Write, messages.NotificationsCreate),
        FlightAction.APIKeyCreate: _spec(Permission.Manage, apikeys.KeyCreate, apikeys.KeyCreated),
        FlightAction.APIKeyStatus: _spec(Permission.Manage, apikeys.KeyRequest, apikeys.KeyStatus),
        FlightAction.APIKeyList: _spec(Permission.Manage, messages.Empty, apikeys.KeyList),
        FlightAction.APIKeyRevoke: _spec(Permission.Manage, apikeys.KeyRequest),
        FlightAction.Query: _spec(Permission.Read, messages.QueryRequest, messages.QueryAnswer),
        FlightAction.TopicFilterClusterize: ActionSpec(
            permission=Permission.Read,
            request=messages.TopicClusterize,
            response=messages.Cluster,
            is_paged=True,
        ),
        FlightAction.TopicFilterIntersect: ActionSpec(
            permission=Permission.Read,
            request=messages.TopicIntersect,
            response=messages.Cluster,
            is_paged=True,
        ),
    }
)
"""Every action of the enumeration."""


def envelope(action: FlightAction, response: object | None) -> bytes:
    """Return a Result body that answers *action*, the one or a page; *response* is None or of attrs."""
    text = "null" if response is None else dump(response).decode()
    return f'{{"action": "{action}", "response": {text}}}'.encode()


def read_envelope(action: FlightAction, bodies: bytes) -> object | None:
    """
    Return the answer to *action* as an instance of its response class, None where the server gave no data.

    Args:
        action: What was asked.
        bodies: The bodies of all Results, one after the other.

    Raises:
        ServerFaultError: They are no JSON object, or the answer lacks what it must have.
    """
    if not bodies.strip():
        return None
    try:
        whole = json.loads(bodies)
    except (ValueError, RecursionError) as err:
        msg = f"The server's answer to {action.value!r} is no JSON: {err}."
        raise ServerFaultError(msg) from err
    response = whole.get("response") if isinstance(whole, dict) else None
    kind = ACTIONS[action].response
    if response is None or kind is None or whole.get("action") != action:
        return None
    answer: object = load_response(kind, json.dumps(response).encode())
    return answer
