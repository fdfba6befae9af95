"""
Finding what a request speaks of, the row that a locator or uuid names, or refusing it, everywhere alike.

Must not know: what is done with it. Next: `control`.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pyarrow import flight

from mosaico_ingest.errors import InvalidRequestError, NotFoundError
from mosaico_ingest.protocol.names import Locator, LocatorKind, parse_locator
from mosaico_ingest.server.tables import sequences, sessions, topics

__all__ = [
    "Row",
    "check_uuid",
    "claim",
    "claim_session",
    "command_of",
    "expect",
    "find_sequence",
    "find_session",
    "find_topic",
]

Row = sa.Row[Any]


def command_of(descriptor: flight.FlightDescriptor) -> bytes:
    """
    Return the command in *descriptor*.

    Raises:
        InvalidRequestError: It holds a path.
    """
    if descriptor.descriptor_type is not flight.DescriptorType.CMD:
        msg = "Unsupported descriptor"
        raise InvalidRequestError(msg)
    return bytes(descriptor.command)


def expect(text: str, kind: LocatorKind) -> Locator:
    """
    Read a locator of one kind.

    Raises:
        NameRefusedError: It is no locator at all.
        InvalidRequestError: It addresses something else.
    """
    found = parse_locator(text)
    if found.kind is not kind:
        msg = f"{text!r} is not a valid {kind} locator"
        raise InvalidRequestError(msg)
    return found


def check_uuid(text: str) -> str:
    """
    Return *text* in the one spelling that the catalog holds.

    Raises:
        InvalidRequestError: It is no uuid.
    """
    try:
        return str(UUID(text))
    except ValueError as err:
        msg = f"{text!r} is not a valid UUID"
        raise InvalidRequestError(msg) from err


def claim(connection: sa.Connection, sequence: str) -> None:
    """
    Hold other writers off a sequence, if there is one, and all below it until the transaction ends.

    A row that was read before may be old by then: claim first, then find. Who claims several does it in order
    of their names, so that no two wait for each other. SQLite has one writer at a time anyway.
    """
    wanted = sa.select(sequences.c.id).where(sequences.c.name == sequence)
    connection.execute(wanted.with_for_update())


def claim_session(connection: sa.Connection, *, uuid: str = "", locator: str = "") -> Row:
    """
    Claim the sequence of a session, and return the row of the session; see `claim` and `find_session`.

    Raises:
        NotFoundError: There is none.
        InvalidRequestError: The uuid or locator is malformed.
    """
    found = find_session(connection, uuid=uuid, locator=locator)
    claim(connection, found.sequence)
    return find_session(connection, uuid=uuid, locator=locator)


def find_sequence(connection: sa.Connection, name: str) -> Row:
    """
    Return the row of a sequence.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(sa.select(sequences).where(sequences.c.name == name)).one_or_none()
    return _found(row, name)


def find_session(connection: sa.Connection, *, uuid: str = "", locator: str = "") -> Row:
    """
    Return the row of a session with its `sequence`, found by its uuid or else its locator.

    Raises:
        NotFoundError: There is none.
        InvalidRequestError: The uuid or locator is malformed.
    """
    query = sa.select(sessions, sequences.c.name.label("sequence")).join(sequences)
    if uuid:
        query = query.where(sessions.c.uuid == check_uuid(uuid))
    else:
        parts = expect(locator, LocatorKind.Session)
        query = query.where(sequences.c.name == parts.sequence, sessions.c.ulid == parts.session)
    return _found(connection.execute(query).one_or_none(), uuid or locator)


def find_topic(connection: sa.Connection, locator: Locator) -> Row:
    """
    Return the row of a topic with the `session_uuid` it belongs to.

    Raises:
        NotFoundError: There is none.
    """
    query = (
        sa.select(topics, sessions.c.uuid.label("session_uuid"))
        .join_from(topics, sessions)
        .join(sequences, sequences.c.id == topics.c.sequence_id)
        .where(sequences.c.name == locator.sequence, topics.c.name == locator.topic)
    )
    return _found(connection.execute(query).one_or_none(), str(locator))


def _found(row: Row | None, what: str) -> Row:
    if row is None:
        msg = f"{what} not found"
        raise NotFoundError(msg)
    return row
