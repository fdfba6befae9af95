"""
What `MosaicoClient` does beside sequences and their rows: notifications and API keys.

Must not know: how rows travel, what is cached. Next: `notes`, `keys`.
"""

from collections.abc import Collection

from mosaico_ingest.client import keys
from mosaico_ingest.client.facts import Notice
from mosaico_ingest.client.keys import APIKeyStatus
from mosaico_ingest.client.layers import Layers
from mosaico_ingest.client.locators import sequence_locator, topic_locator
from mosaico_ingest.client.notes import list_notices
from mosaico_ingest.enum import APIKeyPermissionEnum, FlightAction, NotificationType
from mosaico_ingest.protocol.messages import ResourceRequest

__all__ = ["Administration"]


class Administration:
    """
    Calls over the control connection alone; `MosaicoClient` has them.

    Thread: any.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    @property
    def notification_kinds(self) -> frozenset[NotificationType]:
        """What kinds of notification the server keeps: `error`, and others where it says so."""
        return self._layers.control.notification_kinds

    def list_sequence_notifications(
        self, name: str, kinds: Collection[NotificationType] = tuple(NotificationType)
    ) -> list[Notice]:
        """
        Return the notifications on a sequence itself, oldest first; of some *kinds* only, if named.

        Raises:
            NotFoundError: There is no such sequence.
        """
        locator = sequence_locator(name)
        return list_notices(
            self._layers.control, FlightAction.SequenceNotificationList, locator, kinds
        )

    def clear_sequence_notifications(self, name: str) -> None:
        """
        Delete the notifications on a sequence itself.

        Raises:
            NotFoundError: There is no such sequence.
        """
        request = ResourceRequest(sequence_locator(name))
        self._layers.control.ask(FlightAction.SequenceNotificationPurge, request)

    def list_topic_notifications(
        self,
        sequence: str,
        topic: str,
        kinds: Collection[NotificationType] = tuple(NotificationType),
    ) -> list[Notice]:
        """
        Return the notifications on a topic, oldest first; of some *kinds* only, if named.

        Raises:
            NotFoundError: There is no such topic.
        """
        locator = topic_locator(sequence, topic)
        return list_notices(
            self._layers.control, FlightAction.TopicNotificationList, locator, kinds
        )

    def clear_topic_notifications(self, sequence: str, topic: str) -> None:
        """
        Delete the notifications on a topic.

        Raises:
            NotFoundError: There is no such topic.
        """
        request = ResourceRequest(topic_locator(sequence, topic))
        self._layers.control.ask(FlightAction.TopicNotificationPurge, request)

    def api_key_create(
        self,
        permission: APIKeyPermissionEnum,
        description: str = "",
        expires_ns: int | None = None,
        generation: str | None = None,
    ) -> str:
        """
        Make an API key, and return its token: the server tells it this once.

        Args:
            permission, description: What it allows and what it is for.
            expires_ns: When it ends, None for never.
            generation: In which our server answers its bearer, None for the server's own; others ignore it.

        Raises:
            UnauthorizedError: The key of this client does not allow `manage`; so do the three below.
        """
        return keys.create(self._layers.control, permission, description, expires_ns, generation)

    def api_key_status(self, fingerprint: str | None = None) -> APIKeyStatus:
        """
        Return what is known of an API key, by default the one of this client.

        Raises:
            NotFoundError: There is none.
        """
        return keys.status(self._layers.control, fingerprint)

    def api_key_list(self) -> list[APIKeyStatus]:
        """
        Return what is known of all API keys, oldest first.

        Raises:
            InvalidRequestError: The server cannot list its keys; only that of this package can.
        """
        return keys.list_all(self._layers.control)

    def api_key_revoke(self, fingerprint: str) -> None:
        """
        Revoke an API key: it opens nothing any more.

        Raises:
            NotFoundError: There is none.
        """
        keys.revoke(self._layers.control, fingerprint)

    def api_key_permission(self) -> APIKeyPermissionEnum | None:
        """Find out what the key of this client allows, by calls that change nothing; None is nothing."""
        return keys.find_permission(self._layers.control)
