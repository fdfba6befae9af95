"""
Notifications: leaving and listing those of the kinds that a server keeps, in as few calls as it allows.

Must not know: writers and their states. Next: `sequence`.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

import attrs

from mosaico_ingest.client.control import Control
from mosaico_ingest.client.facts import Notice
from mosaico_ingest.enum import FlightAction, NotificationType
from mosaico_ingest.errors import NotFoundError
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

    One on a topic that is gone, since somebody deleted it, is left on the sequence with the topic's name.

    Raises:
        RemoteError: The server refuses one; those before it may have been left.
    """
    kinds = control.notification_kinds
    wanted = [note for note in notes if note.kind in kinds]
    if len(wanted) > 1 and kinds > _PLAIN:
        requests = [_request(sequence, note) for note in wanted]
        # One topic that is gone refuses all; the calls one by one find out which it is.
        with suppress(NotFoundError):
            control.ask(FlightAction.NotificationsCreate, NotificationsCreate(requests))
            return
    for note in wanted:
        _leave(control, sequence, note)


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


def _leave(control: Control, sequence: str, note: Note) -> None:
    if note.topic is not None:
        try:
            control.ask(FlightAction.TopicNotificationCreate, _request(sequence, note))
        except NotFoundError:
            note = attrs.evolve(note, text=f"{note.topic}: {note.text}", topic=None)
        else:
            return
    control.ask(FlightAction.SequenceNotificationCreate, _request(sequence, note))


def _request(sequence: str, note: Note) -> NotificationCreate:
    topic = "" if note.topic is None else check_topic_name(note.topic)
    return NotificationCreate(
        locator=sequence + topic, notification_type=note.kind.value, msg=note.text
    )
