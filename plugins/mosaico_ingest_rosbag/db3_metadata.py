"""
What metadata.yaml says of a ROS 2 bag. A hint only: it may be missing, empty, stale or wrong.

Must not know: databases. Next: `db3_parts`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

import attrs

__all__ = ["METADATA_NAME", "BagMetadata", "PartMetadata", "read_metadata"]

METADATA_NAME = "metadata.yaml"
_ROOT = "rosbag2_bagfile_information"
_MAX_BYTES = 4 << 20
_SHOWN = ("version", "storage_identifier", "compression_format", "compression_mode", "ros_distro")


@attrs.frozen(kw_only=True)
class PartMetadata:
    """What is said of one part."""

    messages: int | None
    time_range_ns: tuple[int, int] | None


@attrs.frozen(kw_only=True)
class BagMetadata:
    """
    What is said of the bag; everything may be absent.

    Args:
        names: File names of the parts in their order, without the folders that were stated.
        parts: What is said of each part, by name.
        counts: Messages per topic.
        facts: Version, storage, compression and distribution.
        custom: What the recorder's user added.
        findings: What is odd about the text itself.
    """

    names: tuple[str, ...] = ()
    parts: Mapping[str, PartMetadata] = attrs.field(factory=dict)
    counts: Mapping[str, int] = attrs.field(factory=dict)
    messages: int | None = None
    time_range_ns: tuple[int, int] | None = None
    facts: Mapping[str, str] = attrs.field(factory=dict)
    custom: Mapping[str, str] = attrs.field(factory=dict)
    findings: tuple[str, ...] = ()


def read_metadata(folder: Path) -> BagMetadata:
    """Read metadata.yaml; whatever is wrong with it becomes a finding."""
    try:
        with (folder / METADATA_NAME).open("rb") as stream:
            text = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return _useless("is missing")
    except OSError as err:
        return _useless(f"cannot be read ({err.strerror})")
    if len(text) > _MAX_BYTES:
        return _useless(f"is larger than {_MAX_BYTES} bytes")
    return _interpret(text)


def _interpret(text: bytes) -> BagMetadata:
    """Load the text, and no more than plain values from it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        if _has_aliases(text):
            return _useless("uses aliases, as no recorder does")
        tree = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        return _useless(f"is no valid YAML ({reason})")
    root = _mapping(_mapping(tree).get(_ROOT))
    return _taken(root) if root else _useless(f"has no {_ROOT}")


def _has_aliases(text: bytes) -> bool:
    """Tell whether YAML text uses aliases: a few of them can stand for more than any memory holds."""
    from ruamel.yaml import YAML
    from ruamel.yaml.tokens import AliasToken

    tokens = YAML(typ="safe", pure=True).scan(text) if b"*" in text else ()
    return any(isinstance(token, AliasToken) for token in tokens)


def _taken(root: Mapping[object, object]) -> BagMetadata:
    """Take what has the expected type."""
    stated = [str(item) for item in _items(root.get("relative_file_paths"))]
    names = tuple(dict.fromkeys(name for text in stated if (name := _name(text))))
    findings = []
    if strays := sorted(text for text in stated if _name(text) != text):
        findings.append(
            f"{METADATA_NAME} names files by a path ({strays[0]}); they are looked for in the bag's folder."
        )
    parts = {}
    for item in map(_mapping, _items(root.get("files"))):
        parts[_name(str(item.get("path")))] = PartMetadata(
            messages=_integer(item.get("message_count")), time_range_ns=_time_range(item)
        )
    counts: dict[str, int] = {}
    for item in map(_mapping, _items(root.get("topics_with_message_count"))):
        topic = str(_mapping(item.get("topic_metadata")).get("name"))
        counts[topic] = counts.get(topic, 0) + (_integer(item.get("message_count")) or 0)
    return BagMetadata(
        names=names,
        parts=parts,
        counts=counts,
        messages=_integer(root.get("message_count")),
        time_range_ns=_time_range(root),
        facts={key: str(root[key]) for key in _SHOWN if root.get(key) not in (None, "")},
        custom={str(k): str(v) for k, v in _mapping(root.get("custom_data")).items()},
        findings=tuple(findings),
    )


def _useless(why: str) -> BagMetadata:
    """Return metadata that say nothing."""
    return BagMetadata(findings=(f"{METADATA_NAME} {why}; the bag was read without it.",))


def _name(text: str) -> str:
    """Return the last part of a path, whichever way its slashes lean; empty if that is no file name."""
    name = PurePosixPath(PureWindowsPath(text).as_posix()).name
    return "" if name in ("", ".", "..") else name


def _time_range(node: Mapping[object, object]) -> tuple[int, int] | None:
    """Return first and last time of a node with a starting time and a duration."""
    start_ns = _integer(_mapping(node.get("starting_time")).get("nanoseconds_since_epoch"))
    duration_ns = _integer(_mapping(node.get("duration")).get("nanoseconds"))
    if start_ns is None or duration_ns is None or not 0 <= start_ns + duration_ns < 1 << 63:
        return None
    return start_ns, start_ns + duration_ns


def _mapping(node: object) -> Mapping[object, object]:
    """Return *node* if it is a mapping, else an empty one."""
    return node if isinstance(node, Mapping) else {}


def _items(node: object) -> Iterator[object]:
    """Return the items of *node* if it is a list, else none."""
    return iter(node if isinstance(node, list) else ())


def _integer(node: object) -> int | None:
    """Return *node* if it is an integer."""
    return node if isinstance(node, int) and not isinstance(node, bool) else None
