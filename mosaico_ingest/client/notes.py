"""
Notifications: leaving and listing those of the kinds that a server keeps, in as few calls as it allows.

Must not know: writers and their states. Next: `sequence`.
"""

from collections.abc import Collection, Sequence

import attrs

from mosaico_ingest.client.control import Control
from mosaico_ingest.client.facts import Notice
from mosaico_ingest.enum import FlightAction, NotificationType
from mosaico_ingest.protocol.messages import (
    NotificationCreate,
    NotificationList,
    NotificationListRequest,
    NotificationsCreate,
)
from mosaico_ingest.protocol.names import check_topic_name

__all__ = ["Note", "leave_notes", "list_notices"]


_ERROR = NotificationType.Error


@attrs.frozen
class Note:
    """
    A notification to be left.

    Args:
        text: What happened.
        kind: How much it matters.
        topic: Name of the topic, None for the sequence itself.
    """

    text: str
    kind: NotificationType = attrs.field(default=NotificationType.Error, kw_only=True)
    topic: str | None = attrs.field(default=None, kw_only=True)


def leave_notes(control: Control, sequence: str, notes: Sequence[Note]) -> None:
    """
    Leave those of *notes*, on *sequence* and its topics, whose kind the server keeps.

    Raises:
        RemoteError: The server refuses one; in one call all, else those before it are left.
    """
    if not notes:
        return
    kinds = control.notification_kinds if notes[1:] or notes[0].kind is not _ERROR else {_ERROR}
    wanted = [note for note in notes if note.kind in kinds]
    if len(wanted) > 1 and len(kinds) > 1:
        requests = [_request(sequence, note) for note in wanted]
        control.ask(FlightAction.NotificationsCreate, NotificationsCreate(requests))
        return
    for note in wanted:
        action = FlightAction.SequenceNotificationCreate
        if note.topic is not None:
            action = FlightAction.TopicNotificationCreate
        control.ask(action, _request(sequence, note))


def list_notices(
    control: Control, action: FlightAction, locator: str, kinds: Collection[NotificationType]
) -> list[Notice]:
    """Return the notifications of some *kinds* that *action* lists for *locator*, oldest first."""
    # A server that keeps errors only is asked as the protocol has it, without types.
    known = control.notification_kinds if set(kinds) != {_ERROR} else {_ERROR}
    types = tuple(kind.value for kind in NotificationType if kind in kinds and len(known) > 1)
    request = NotificationListRequest(locator=locator, notification_types=types)
    answer = control.ask(action, request)
    told = answer.notifications if isinstance(answer, NotificationList) else []
    return [notice for notice in map(Notice.read, told) if notice.kind in kinds]


def _request(sequence: str, note: Note) -> NotificationCreate:
    topic = "" if note.topic is None else check_topic_name(note.topic)
    return NotificationCreate(
        locator=sequence + topic, notification_type=note.kind.value, msg=note.text
    )
