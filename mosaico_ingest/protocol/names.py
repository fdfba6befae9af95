"""
Names of sequences and topics, and the locators that address them on the wire.

A user speaks of the sequence `drive_1` and its topic `/imu/front`; on the wire they are one *locator*,
`drive_1/imu/front`. A session is addressed as `drive_1:<ULID>`. `check_*` apply the rules that every client
of the platform keeps; `parse_locator` applies those of a server, which are wider.

Must not know: who asks. Next: `ulid`, then `messages`.
"""

import re
from enum import StrEnum

import attrs

from mosaico_ingest.errors import NameRefusedError

__all__ = [
    "Locator",
    "LocatorKind",
    "check_sequence_name",
    "check_topic_name",
    "pack",
    "parse_locator",
    "suggest_name",
    "suggest_topic",
    "unpack",
]

_SEQUENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9_-]+)*")
_REFUSED_IN_NAME = re.compile(r"[!\"'*£$%&.\s:/\x00-\x1f\x7f]|[^\x00-\x7f]")
_REFUSED_IN_TOPIC = re.compile(r"[!\"'*£$%&.\s:\x00-\x1f\x7f]|[^\x00-\x7f]|//")
_OUTSIDE = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_SEQUENCE, _LONGEST_TOPIC = 255, 1000
_SHOWN = 120
_UNNAMED = "unnamed"


class LocatorKind(StrEnum):
    """What a locator addresses."""

    Sequence = "sequence"
    Session = "session"
    Topic = "topic"


@attrs.frozen(kw_only=True)
class Locator:
    """
    An address on a server; `str()` gives its wire form.

    Args:
        kind: What it addresses.
        sequence: Name of the sequence.
        topic: Name of the topic with its leading slash, empty for other kinds.
        session: What follows the colon, empty for other kinds.
    """

    kind: LocatorKind
    sequence: str
    topic: str = ""
    session: str = ""

    def __str__(self) -> str:
        return f"{self.sequence}:{self.session}" if self.session else f"{self.sequence}{self.topic}"


def check_sequence_name(name: str) -> str:
    """
    Return *name* without a leading slash.

    Raises:
        NameRefusedError: The platform refuses it.

    Example:
        >>> check_sequence_name("/drive_1")
        'drive_1'
    """
    bare = name.removeprefix("/")
    if not _SEQUENCE.fullmatch(bare) or len(bare) > _LONGEST_SEQUENCE:
        msg = (
            f"The sequence name {name!r} is refused. Expected letters, digits, '_' and '-', at most "
            f"{_LONGEST_SEQUENCE}, starting with a letter or digit. Try {suggest_name(name)!r}."
        )
        raise NameRefusedError(msg)
    return bare


def check_topic_name(name: str) -> str:
    """
    Return *name* as users see it, with one leading slash.

    Raises:
        NameRefusedError: The platform refuses it.

    Example:
        >>> check_topic_name("imu/front")
        '/imu/front'
    """
    bare = name.removeprefix("/")
    if not _TOPIC.fullmatch(bare) or len(bare) > _LONGEST_TOPIC:
        msg = (
            f"The topic name {name!r} is refused. Expected letters, digits, '_' and '-' in parts divided by "
            f"single '/', at most {_LONGEST_TOPIC}, starting with a letter or digit. "
            f"Try {suggest_topic(name)!r}."
        )
        raise NameRefusedError(msg)
    return f"/{bare}"


def pack(sequence: str, topic: str) -> str:
    """
    Return the wire locator of a topic.

    Raises:
        NameRefusedError: The platform refuses one of the names.

    Example:
        >>> pack("drive_1", "/imu/front")
        'drive_1/imu/front'
    """
    return check_sequence_name(sequence) + check_topic_name(topic)


def unpack(locator: str) -> tuple[str, str]:
    """
    Return sequence and topic name of a topic's wire locator.

    Raises:
        NameRefusedError: It does not address a topic.

    Example:
        >>> unpack("drive_1/imu/front")
        ('drive_1', '/imu/front')
    """
    parsed = parse_locator(locator)
    if parsed.kind is not LocatorKind.Topic:
        msg = f"{locator!r} is not a valid topic locator. Expected SEQUENCE/TOPIC."
        raise NameRefusedError(msg)
    return parsed.sequence, parsed.topic


def parse_locator(text: str) -> Locator:
    """
    Read a wire locator by the rules of a server; leading slashes are dropped.

    Raises:
        NameRefusedError: It addresses nothing that could exist.

    Example:
        >>> parse_locator("drive_1:01JGX3V8ZK6Q2M4T7R9B5C1D0E").kind.value
        'session'
    """
    bare = text.lstrip("/")
    sequence, slash, topic = bare.partition("/")
    if len(bare) > _LONGEST_SEQUENCE + _LONGEST_TOPIC or len(topic) > _LONGEST_TOPIC:
        raise _invalid(text)
    session = ""
    if not slash:
        sequence, colon, session = bare.partition(":")
        if colon and (not session or _REFUSED_IN_NAME.search(session)):
            raise _invalid(text)
    if not 0 < len(sequence) <= _LONGEST_SEQUENCE or _REFUSED_IN_NAME.search(sequence):
        raise _invalid(text)
    if session:
        return Locator(kind=LocatorKind.Session, sequence=sequence, session=session)
    if not slash:
        return Locator(kind=LocatorKind.Sequence, sequence=sequence)
    if not topic or topic.startswith("/") or topic.endswith("/") or _REFUSED_IN_TOPIC.search(topic):
        raise _invalid(text)
    return Locator(kind=LocatorKind.Topic, sequence=sequence, topic=f"/{topic}")


def suggest_name(text: str) -> str:
    """
    Turn any text, such as a file's stem, into an allowed sequence name; allowed names stay as they are.

    Example:
        >>> suggest_name("run 3.2 (final)"), suggest_name("_hidden"), suggest_name("…")
        ('run_3_2__final_', 'hidden', 'unnamed')
    """
    return _OUTSIDE.sub("_", text).lstrip("_-")[:_LONGEST_SEQUENCE] or _UNNAMED


def suggest_topic(text: str) -> str:
    """
    Turn any text, such as a ROS topic, into an allowed topic name; allowed names only gain their slash.

    Example:
        >>> suggest_topic("/cam 0/image.raw"), suggest_topic("//_imu/_raw/")
        ('/cam_0/image_raw', '/imu/_raw')
    """
    parts = [_OUTSIDE.sub("_", part) for part in text.split("/") if part]
    return "/" + ("/".join(parts).lstrip("_-/")[:_LONGEST_TOPIC].rstrip("/") or _UNNAMED)


def _invalid(text: str) -> NameRefusedError:
    shown = repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}… of {len(text)} characters"
    msg = f"{shown} is not a valid locator. Expected SEQUENCE, SEQUENCE/TOPIC or SEQUENCE:SESSION."
    return NameRefusedError(msg)
