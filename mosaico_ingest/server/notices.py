"""
Notifications: left on a sequence or topic, listed, purged.

Whoever lists them gets those of type `error` alone, unless types are named: clients that know no other type
cannot read a list that holds one.

Must not know: Flight, sessions, rows. Next: `put`.
"""

import time
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from mosaico_ingest.enum import NotificationType
from mosaico_ingest.errors import InvalidRequestError
from mosaico_ingest.protocol import messages
from mosaico_ingest.protocol.names import Locator, LocatorKind, parse_locator
from mosaico_ingest.server.catalog import Catalog
from mosaico_ingest.server.lookup import claim, expect, find_sequence, find_topic
from mosaico_ingest.server.tables import notifications, sequences, topics

__all__ = ["NoticeBoard", "leave"]


class NoticeBoard:
    """
    Carries out the actions on notifications.

    Thread: any.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create(self, kind: LocatorKind, request: messages.NotificationCreate) -> None:
        """
        Leave one notification.

        Raises:
            NotFoundError: There is nothing to leave it on.
            InvalidRequestError: Its type is unknown, or it is for something else than a *kind*.
        """
        expect(request.locator, kind)
        self.create_all(messages.NotificationsCreate([request]))

    def create_all(self, request: messages.NotificationsCreate) -> None:
        """Leave all notifications or, where one is refused, none; see `create`."""
        locators = [parse_locator(one.locator) for one in request.notifications]
        with self._catalog.write() as connection:
            for name in sorted({locator.sequence for locator in locators}):
                claim(connection, name)
            targets = _targets(connection, locators)
            rows = [
                {**targets[str(locator)], **_content(one.notification_type, one.msg)}
                for locator, one in zip(locators, request.notifications, strict=True)
            ]
            if rows:
                connection.execute(notifications.insert(), rows)

    def list_all(
        self, kind: LocatorKind, request: messages.NotificationListRequest
    ) -> messages.NotificationList:
        """Return the notifications of exactly one sequence or topic, oldest first."""
        locator = expect(request.locator, kind)
        wanted = [_checked(name) for name in request.notification_types] or [NotificationType.Error]
        with self._catalog.read() as connection:
            rows = connection.execute(
                sa.select(notifications)
                .where(
                    _matches(_target(connection, locator)),
                    notifications.c.notification_type.in_(wanted),
                )
                .order_by(notifications.c.id)
            ).all()
        return messages.NotificationList(
            [
                messages.Notification(
                    name=str(locator),
                    notification_type=row.notification_type,
                    msg=row.msg,
                    created_datetime=messages.format_created(row.created_at_ns),
                )
                for row in rows
            ]
        )

    def purge(self, kind: LocatorKind, request: messages.ResourceRequest) -> None:
        """Delete the notifications, of all types, of exactly one sequence or topic."""
        locator = expect(request.locator, kind)
        with self._catalog.write() as connection:
            claim(connection, locator.sequence)
            connection.execute(notifications.delete().where(_matches(_target(connection, locator))))


def leave(
    connection: sa.Connection, target: Mapping[str, int | None], notification_type: str, text: str
) -> None:
    """
    Leave a notification in a transaction that is open.

    Args:
        target: Columns `sequence_id` and `topic_id`; the latter is None for a sequence.

    Raises:
        InvalidRequestError: The type is unknown.
    """
    row = {**target, **_content(notification_type, text)}
    connection.execute(notifications.insert(), row)


def _content(notification_type: str, text: str) -> dict[str, str | int]:
    return {
        "notification_type": _checked(notification_type),
        "msg": text,
        "created_at_ns": time.time_ns(),
    }


def _checked(name: str) -> str:
    """Return the name of a type that there is."""
    if name not in list(NotificationType):
        msg = f"Bad request: invalid notification type `{name[:64]}`"
        raise InvalidRequestError(msg)
    return name


def _target(connection: sa.Connection, locator: Locator) -> dict[str, int | None]:
    """Return the columns that tie a notification to exactly the sequence or topic at *locator*."""
    if locator.kind is LocatorKind.Topic:
        topic = find_topic(connection, locator)
        return {"sequence_id": topic.sequence_id, "topic_id": topic.id}
    expect(str(locator), LocatorKind.Sequence)
    return {"sequence_id": find_sequence(connection, locator.sequence).id, "topic_id": None}


def _targets(
    connection: sa.Connection, locators: Sequence[Locator]
) -> dict[str, dict[str, int | None]]:
    """Return the target of each locator, with one question for all topics of a sequence."""
    targets: dict[str, dict[str, int | None]] = {}
    for locator in locators:
        if str(locator) in targets:
            continue
        targets[str(locator)] = _target(connection, locator)
        if locator.kind is LocatorKind.Topic:
            siblings = connection.execute(
                sa.select(topics.c.sequence_id, topics.c.id, topics.c.name)
                .join(sequences)
                .where(sequences.c.name == locator.sequence)
            )
            for row in siblings:
                target = {"sequence_id": row.sequence_id, "topic_id": row.id}
                targets.setdefault(locator.sequence + row.name, target)
    return targets


def _matches(target: Mapping[str, int | None]) -> sa.ColumnElement[bool]:
    return sa.and_(*(notifications.c[name] == value for name, value in target.items()))
