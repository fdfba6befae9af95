"""
Names of what is on a server already, which may be wider than the names that may be created.

Must not know: what they are used for. Next: `address`.
"""

from mosaico_ingest.errors import NameRefusedError
from mosaico_ingest.protocol.names import LocatorKind, parse_locator

__all__ = ["sequence_locator", "topic_locator"]


def sequence_locator(name: str) -> str:
    """
    Return the wire locator of a sequence.

    Raises:
        NameRefusedError: No sequence can have that name.

    Example:
        >>> sequence_locator("/drive_1")
        'drive_1'
    """
    locator = parse_locator(name)
    if locator.kind is not LocatorKind.Sequence:
        msg = f"{name!r} is the name of a {locator.kind}. Expected that of a sequence."
        raise NameRefusedError(msg)
    return str(locator)


def topic_locator(sequence: str, topic: str) -> str:
    """
    Return the wire locator of a topic, whose name may come with or without its leading slash.

    Raises:
        NameRefusedError: No topic can have that name.

    Example:
        >>> topic_locator("drive_1", "/imu/front"), topic_locator("drive_1", "imu")
        ('drive_1/imu/front', 'drive_1/imu')
    """
    return str(parse_locator(f"{sequence_locator(sequence)}/{topic.removeprefix('/')}"))
