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
    TopicNote,
)
from mosaico_ingest.protocol.names import check_topic_name

__all__ = ["Note", "leave_notes", "list_notices", "topic_note"]

_PLAIN = frozenset({NotificationType.Error})
"""What every server keeps; one that keeps more also takes several at once, and one along with a topic."""


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
    kinds = control.notification_kinds
    wanted = [note for note in notes if note.kind in kinds]
    if len(wanted) > 1 and kinds > _PLAIN:
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
    # Without types the question is that of the public protocol, and errors are what is listed.
    is_plain = set(kinds) == _PLAIN or control.notification_kinds == _PLAIN
    types = () if is_plain else tuple(kind.value for kind in NotificationType if kind in kinds)
    request = NotificationListRequest(locator=locator, notification_types=types)
    answer = control.ask(action, request)
    told = answer.notifications if isinstance(answer, NotificationList) else []
    return [notice for notice in map(Notice.read, told) if notice.kind in kinds]


def topic_note(control: Control, note: Note | None) -> TopicNote | None:
    """Return *note* as it goes along with a new topic, None where the server would not look at it."""
    kinds = control.notification_kinds if note else _PLAIN
    if note is None or kinds == _PLAIN or note.kind not in kinds:
        return None
    return TopicNote(notification_type=note.kind.value, msg=note.text)


def _request(sequence: str, note: Note) -> NotificationCreate:
    topic = "" if note.topic is None else check_topic_name(note.topic)
    return NotificationCreate(
        locator=sequence + topic, notification_type=note.kind.value, msg=note.text
    )
